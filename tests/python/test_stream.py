"""Results that are larger than memory: batches as they are found."""

import gc
import os
import resource
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from typing import Any

import k_corrset
import polars
import pyarrow
import pytest
from conftest import exam
from k_corrset import Stream, Table, stream


@pytest.fixture(scope="module")
def complete() -> Any:
    return exam(users=30, questions=26, answered=1.0)


def test_batches_are_all_of_the_rows(complete: Any) -> None:
    sets = stream(complete, 5)
    assert isinstance(sets, Stream) and sets.column_names == ["questions", "r", "n"]
    batches = list(sets)
    assert all(isinstance(batch, Table) and len(batch) > 0 for batch in batches) and len(batches) > 4
    expected = {row.questions: (row.r, row.n) for row in k_corrset.k_corrset(complete, 5)}
    found = {row.questions: (row.r, row.n) for batch in batches for row in batch}
    assert sum(map(len, batches)) == len(found) == 65_780 and found == expected
    assert list(sets) == [], "it is read once"


def test_arguments_are_those_of_the_function(complete: Any) -> None:
    (best,) = stream(complete, k=3, top=7, include="q1")
    assert best == k_corrset.k_corrset(complete, 3, top=7, include="q1")
    misspelt: Any = {"topp": 7}
    with pytest.raises(TypeError, match="unexpected keyword argument 'topp'"):
        stream(complete, 3, **misspelt)
    with pytest.raises(ValueError, match="k must be 1 or more; got 0"):
        stream(complete, 0)


def test_sql_streams_too(complete: Any) -> None:
    session = k_corrset.connect()
    session.register("scores", complete)
    with session.stream("SELECT * FROM k_corrset(scores, $1)", [4]) as sets:
        assert sum(len(batch) for batch in sets) == 14_950
    with pytest.raises(ValueError, match="column 'nothing'|No field named nothing"):
        session.stream("SELECT nothing FROM scores")


def test_others_take_it(complete: Any) -> None:
    reader = pyarrow.RecordBatchReader.from_stream(stream(complete, 4))
    assert reader.schema.names == ["questions", "r", "n"]
    assert sum(batch.num_rows for batch in reader) == 14_950
    sets = stream(complete, 4)
    first = next(sets)
    assert polars.DataFrame(sets).height == 14_950 - len(first), "what is left"
    assert list(sets) == []
    assert sets.schema == reader.schema


def test_a_maker_in_python_can_be_streamed(complete: Any) -> None:
    table = pyarrow.Table.from_pandas(complete, preserve_index=False)

    def rows() -> Iterator[Any]:
        for batch in table.to_batches(50):
            time.sleep(0.001)
            yield batch

    def reader() -> Any:
        return pyarrow.RecordBatchReader.from_batches(table.schema, rows())

    assert sum(len(batch) for batch in stream(reader(), 3)) == 2_600
    # Whoever reads it holds the interpreter's lock.
    assert polars.DataFrame(stream(reader(), 3)).height == 2_600

    def broken() -> Iterator[Any]:
        yield from table.to_batches(50)[:3]
        raise KeyError("the well is dry")

    sets = stream(pyarrow.RecordBatchReader.from_batches(table.schema, broken()), 3)
    with pytest.raises(KeyError, match="the well is dry"):
        list(sets)


@pytest.mark.parametrize("way", ["close", "with", "garbage", "never asked"])
def test_it_ends_when_nobody_wants_it(way: Any) -> None:
    # Some thousand times as many sets as could be swept meanwhile.
    endless = exam(users=3_000, questions=100, answered=0.5, seed=3)
    sets = stream(endless, 9)
    if way != "never asked":
        assert len(next(sets)) > 0
    if way == "close":
        sets.close()
        assert list(sets) == []
    elif way == "with":
        with sets:
            next(sets)
        assert list(sets) == []
    else:
        del sets
        gc.collect()
    until = time.monotonic() + 10
    used = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    while time.monotonic() < until:
        time.sleep(0.3)
        before, used = used, resource.getrusage(resource.RUSAGE_SELF).ru_utime
        if used - before < 0.1:
            return
    pytest.fail("the sweep goes on")


def test_ctrl_c_ends_it(press_ctrl_c: Any) -> None:
    endless = exam(users=3_000, questions=100, answered=0.5, seed=3)
    press_ctrl_c()
    with pytest.raises(KeyboardInterrupt), stream(endless, 9, min_users=20) as sets:
        for _ in sets:
            pass


def test_progress_is_told(complete: Any) -> None:
    reports = []
    with stream(complete, 6, threads=1, progress=lambda *report: reports.append(report)) as sets:
        for _ in sets:
            time.sleep(0.01)
    assert all(0 <= done <= expected == 230_230 for done, expected in reports)


def test_memory_does_not_grow_with_the_rows() -> None:
    script = """
        import resource
        from conftest import exam
        from k_corrset import stream

        def peak():
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

        sets = stream(exam(users=40, questions=40, answered=1.0), 6)
        rows = sum(len(next(sets)) for _ in range(20))
        before = peak()
        rows += sum(len(batch) for batch in sets)
        assert rows == 3_838_380, rows
        print(peak() - before)
    """
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        cwd=os.path.dirname(__file__),
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert ended.returncode == 0, ended.stderr
    # All rows would take 300 MB.
    assert int(ended.stdout) < 60_000, f"{ended.stdout} KiB"


def test_several_can_be_read_at_once(complete: Any) -> None:
    results = []

    def read() -> None:
        results.append(sum(len(batch) for batch in stream(complete, 4)))

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert results == [14_950] * 4
