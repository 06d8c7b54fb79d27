"""Whatever Python runs during a call may itself call."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import k_corrset
import pyarrow
import pytest
from conftest import assert_same, definition, exam

SCHEMA = pyarrow.schema([("user", "string"), ("question", "string"), ("score", "int64")])


def slowly(rows: Any, between: Any = lambda: None) -> Any:
    """A reader of rows that does something before each of its batches."""

    def batches() -> Iterator[Any]:
        for batch in pyarrow.Table.from_pandas(rows, SCHEMA, preserve_index=False).to_batches(20):
            between()
            time.sleep(0.02)
            yield batch

    return pyarrow.RecordBatchReader.from_batches(SCHEMA, batches())


@pytest.fixture
def session(rows: Any) -> Any:
    session = k_corrset.connect()
    session.register("scores", rows)
    return session


@pytest.fixture
def calls(session: Any, rows: Any) -> Any:
    """Each call in turn, and what they came to."""
    made: list[Any] = []

    def function() -> None:
        assert_same(k_corrset.k_corrset(rows, 2), definition(rows, 2))

    def sql() -> None:
        assert_same(session.sql("SELECT * FROM k_corrset(scores, 2)"), definition(rows, 2))

    def register() -> None:
        session.register("more", slowly(rows.head(40)))
        assert len(session.sql("SELECT * FROM more")) == 40

    def call() -> None:
        made.append((function, sql, register)[len(made) % 3])
        made[-1]()

    vars(call)["made"] = made
    return call


def assert_all(calls: Any) -> None:
    assert len(calls.made) >= 3


def wait_for(calls: Any, number: Any) -> None:
    """Waits until so many calls have been made, on a machine of any speed."""
    for _ in range(3_000):
        if len(calls.made) >= number:
            return
        time.sleep(0.02)


def test_in_a_callback(session: Any, rows: Any, calls: Any) -> None:
    k_corrset.k_corrset(slowly(rows, lambda: wait_for(calls, 3)), 3, progress=lambda *_: calls())
    session.sql("SELECT * FROM k_corrset(scores, 3)")
    assert_all(calls)


def test_in_a_producer(session: Any, rows: Any, calls: Any) -> None:
    assert_same(k_corrset.k_corrset(slowly(rows, calls), 3), definition(rows, 3))
    session.register("again", slowly(rows, calls))
    assert_same(session.sql("SELECT * FROM k_corrset(again, 3)"), definition(rows, 3))
    assert_all(calls)


def test_where_the_stream_is_asked_for(session: Any, rows: Any, calls: Any) -> None:
    class Data:
        def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
            for _ in range(3):
                calls()
            return slowly(rows).__arrow_c_stream__()

    assert_same(k_corrset.k_corrset(Data(), 3), definition(rows, 3))
    assert_all(calls)


def test_in_a_signal_handler(session: Any, rows: Any, calls: Any) -> None:
    before = signal.signal(signal.SIGUSR1, lambda *_: calls())

    def send() -> None:
        # Two signals that are pending at the same time are one.
        for number in range(1, 4):
            os.kill(os.getpid(), signal.SIGUSR1)
            wait_for(calls, number)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        assert_same(k_corrset.k_corrset(slowly(rows, lambda: wait_for(calls, 3)), 3), definition(rows, 3))
        sender.join()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert_all(calls)


def test_within_each_other(rows: Any) -> None:
    def nested(depth: Any) -> None:
        if depth:
            k_corrset.k_corrset(slowly(rows.head(60)), 2, progress=lambda *_: nested(depth - 1))
        else:
            done.append(True)

    done: list[object] = []
    nested(3)
    assert done


def test_progress_is_of_one_query() -> None:
    session = k_corrset.connect(threads=1)
    session.register("wide", exam(users=3_000, questions=60, answered=0.5, seed=3))
    session.register("small", exam(users=300, questions=30, answered=0.5, seed=3))
    inner, outer = set(), []

    def watch(done: Any, expected: Any) -> None:
        session.sql(
            "SELECT max(r) FROM k_corrset(small, 3)", progress=lambda _, expected: inner.add(expected)
        )
        outer.append((done, expected))

    session.sql("SELECT max(r) FROM k_corrset(wide, 5)", progress=watch)
    expected = {expected for _, expected in outer if expected}
    assert expected == {5_461_512}, "others do not add to it"
    done = [done for done, _ in outer]
    assert done == sorted(done) and 0 < done[-1] <= 5_461_512, "nor begin it anew"
    assert inner <= {0, 4_060}


def test_progress_of_a_table_that_is_made() -> None:
    session = k_corrset.connect(threads=1)
    session.register("wide", exam(users=3_000, questions=60, answered=0.5, seed=3))
    reports = []
    session.sql(
        "CREATE TABLE best AS SELECT max(r) AS r FROM k_corrset(wide, 5)",
        progress=lambda *report: reports.append(report),
    )
    assert reports[-1][1] == 5_461_512
    assert len(session.sql("SELECT * FROM best")) == 1
