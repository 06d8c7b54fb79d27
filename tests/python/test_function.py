"""k_corrset(data, k) on data of every kind, against the definition."""

import datetime
import decimal
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy
import pandas
import polars
import pyarrow
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet
import pytest
from conftest import assert_same, definition, exam, sets_of
from k_corrset import Table, k_corrset


@pytest.mark.parametrize("k", [1, 2, 3, 9])
def test_all_sets_have_the_r_and_n_of_the_definition(rows: Any, k: Any) -> None:
    assert_same(k_corrset(rows, k), definition(rows, k))


@pytest.mark.parametrize("seed", range(12))
def test_random_exams_have_the_r_and_n_of_the_definition(seed: Any) -> None:
    levels = [2, 5, 1000][seed % 3]
    rows = exam(users=10 * (seed + 1), questions=7, answered=0.3 + seed / 20, levels=levels, seed=seed)
    for k in (2, 3):
        expected = definition(rows, k, min_users=4, corrected=seed % 2 == 1)
        assert_same(k_corrset(rows, k, min_users=4, corrected=seed % 2 == 1), expected)


def test_float_scores(rows: Any) -> None:
    # Thirds, for decimals would be summed as integers.
    rows = rows.assign(score=rows["score"] / 3 + 1e6)
    expected = definition(rows, 2)
    sets = sets_of(k_corrset(rows, 2))
    assert sets.keys() == expected.keys()
    for questions, (r, n) in expected.items():
        # It is pandas that loses digits here.
        assert sets[questions] == (pytest.approx(r, abs=1e-6), n)


def test_duckdb_says_the_same(rows: Any) -> None:
    connection = duckdb.connect()
    connection.register("rows", rows)
    joined = connection.sql(
        """
        WITH totals AS (SELECT "user", sum(score) AS total FROM rows GROUP BY ALL)
        SELECT x.question AS x, y.question AS y, corr(x.score + y.score, total) AS r, count(*) AS n
        FROM   rows x JOIN rows y ON x."user" = y."user" AND x.question < y.question
               JOIN totals ON totals."user" = x."user"
        GROUP BY ALL
        """
    )
    expected = {(x, y): (r, n) for x, y, r, n in joined.fetchall() if n > 1 and r is not None}
    assert_same(k_corrset(rows, 2), expected)


def as_pyarrow(rows: Any) -> Any:
    return pyarrow.Table.from_pandas(rows, preserve_index=False)


DATA: dict[str, Any] = {
    "pandas": lambda rows: rows,
    "pandas with an index": lambda rows: rows.set_index(rows.index * 2),
    "pyarrow": as_pyarrow,
    "pyarrow in small chunks": lambda rows: pyarrow.Table.from_batches(as_pyarrow(rows).to_batches(7)),
    "one batch of pyarrow": lambda rows: as_pyarrow(rows).combine_chunks().to_batches()[0],
    "a reader of pyarrow": lambda rows: as_pyarrow(rows).to_reader(10),
    "dictionaries": lambda rows: as_pyarrow(rows.astype({"user": "category", "question": "category"})),
    "polars": polars.from_pandas,
    "a relation of DuckDB": lambda rows: duckdb.from_df(rows),
    "rows in another order": lambda rows: rows.sample(frac=1, random_state=5),
    "columns in another order": lambda rows: rows.assign(more=1)[["score", "more", "question", "user"]],
}


@pytest.mark.parametrize("kind", DATA)
def test_data_may_be_anything_that_speaks_arrow(rows: Any, kind: Any) -> None:
    data = DATA[kind](rows)
    best = k_corrset(data, 3, top=1_000).to_arrow().to_pylist()
    assert best == k_corrset(as_pyarrow(rows), 3, top=1_000).to_arrow().to_pylist()


def test_a_table_can_be_read_again(rows: Any) -> None:
    data = as_pyarrow(rows)
    assert k_corrset(data, 2, top=5).to_arrow().equals(k_corrset(data, 2, top=5).to_arrow())


@pytest.mark.parametrize("ending", ["parquet", "csv", "json", "arrow"])
@pytest.mark.parametrize("path_type", [str, Path])
def test_data_may_be_a_file(rows: Any, ending: Any, path_type: Any, tmp_path: Path) -> None:
    path = tmp_path / f"scores with a space.{ending}"
    write: dict[str, Callable[[Any], object]] = {
        "parquet": lambda table: pyarrow.parquet.write_table(table, path),
        "csv": lambda table: pyarrow.csv.write_csv(table, path),
        "json": lambda _: rows.to_json(path, orient="records", lines=True),
        "arrow": lambda table: pyarrow.feather.write_feather(table, path, compression="uncompressed"),
    }
    write[ending](as_pyarrow(rows))
    assert_same(k_corrset(path_type(path), 2), definition(rows, 2))


def test_options(rows: Any) -> None:
    quiz = rows.rename(columns={"user": "student", "question": "item", "score": "points"})
    columns: dict[str, Any] = {"user": "student", "question": "item", "score": "points"}
    everything = definition(rows, 3, min_users=2)

    def wanted(keeps: Any) -> Any:
        return {key: value for key, value in everything.items() if keeps(key, value)}

    assert_same(k_corrset(quiz, 3, **columns), everything)
    assert_same(k_corrset(rows, 3, min_users=20), wanted(lambda _, value: value[1] >= 20))
    assert_same(k_corrset(rows, 3, include="q4"), wanted(lambda key, _: "q4" in key))
    both = k_corrset(rows, 3, include=["q4", "q1"], exclude={"q0"})
    assert_same(both, wanted(lambda key, _: {"q4", "q1"} <= set(key) and "q0" not in key))
    for several in (
        ("q4", "q1"),
        numpy.array(["q4", "q1"]),
        pandas.Series(["q4", "q1"]),
        polars.Series(["q4", "q1"]),
        pyarrow.array(["q4", "q1"]),
        (question for question in ["q4", "q1"]),
    ):
        assert_same(k_corrset(rows, 3, include=several), wanted(lambda key, _: {"q4", "q1"} <= set(key)))
    assert_same(k_corrset(rows, 3, include=[]), everything)
    assert_same(k_corrset(rows, 2, corrected=True), definition(rows, 2, corrected=True))
    assert_same(k_corrset(rows, numpy.int64(3), min_users=numpy.int32(2), threads=1), everything)


def test_top_comes_in_order(rows: Any) -> None:
    best = k_corrset(rows, 3, top=20).to_arrow().to_pylist()
    keys = [(-row["r"], -row["n"], row["questions"]) for row in best]
    assert keys == sorted(keys) and len(keys) == 20
    assert (
        best
        == sorted(
            k_corrset(rows, 3).to_arrow().to_pylist(),
            key=lambda row: (-row["r"], -row["n"], row["questions"]),
        )[:20]
    )


def test_undefined_sets_can_be_kept() -> None:
    rows = pandas.DataFrame({"user": [1, 1, 2], "question": ["a", "b", "b"], "score": [1, 0, 1]})
    assert len(k_corrset(rows, 2)) == 0
    kept = k_corrset(rows, 2, undefined="null").to_arrow().to_pylist()
    assert kept == [{"questions": ["a", "b"], "r": None, "n": 1}]


@pytest.mark.parametrize(
    "questions",
    [
        [10, 20, 30],
        [datetime.date(2026, 1, day) for day in (1, 2, 3)],
        [datetime.datetime(2026, 1, day, 12) for day in (1, 2, 3)],
        [b"one", b"two", b"xyz"],
        [decimal.Decimal("1.5"), decimal.Decimal("2.5"), decimal.Decimal("3.5")],
        [True, False],
    ],
    ids=lambda questions: type(questions[0]).__name__,
)
def test_questions_of_every_type(questions: Any) -> None:
    users = [user for user in range(12) for _ in questions]
    scores = [(user * 7 + place * 3) % 4 for user in range(12) for place in range(len(questions))]
    data = pyarrow.table({"user": users, "question": questions * 12, "score": scores})
    with_first = k_corrset(data, 2, include=questions[0])
    assert len(with_first) == len(questions) - 1
    assert all(questions[0] in row["questions"] for row in with_first.to_arrow().to_pylist())


def test_users_may_be_uuids(rows: Any) -> None:
    names = {user: uuid.uuid5(uuid.NAMESPACE_DNS, user) for user in rows["user"].unique()}
    users = pyarrow.array([names[user].bytes for user in rows["user"]], pyarrow.binary(16))
    data = pyarrow.table({"user": users, "question": rows["question"], "score": rows["score"]})
    assert_same(k_corrset(data, 2), definition(rows, 2))


def test_the_result_speaks_arrow_without_a_copy(rows: Any) -> None:
    best = k_corrset(rows, 2)
    assert isinstance(best, Table)
    assert best.column_names == ["questions", "r", "n"]
    assert best.num_rows == len(best) == 36
    twice = [pyarrow.table(best).column("r").chunk(0).buffers()[1].address for _ in range(2)]
    assert twice[0] == twice[1], "it is the memory of the result itself"
    assert pyarrow.schema(best).field("n").type == pyarrow.int64()
    assert best.to_pandas()["r"].tolist() == polars.DataFrame(best)["r"].to_list()
    assert best.to_polars().shape == (36, 3)
    relation: Any = duckdb.sql("SELECT count(*), max(r) FROM best")
    assert relation.fetchall() == [(36, best.to_pandas()["r"].max())]
    narrow = pyarrow.schema(
        [("questions", pyarrow.list_(pyarrow.large_string())), ("r", "float"), ("n", "int32")]
    )
    assert pyarrow.RecordBatchReader.from_stream(best, schema=narrow).read_all().schema.types == narrow.types


def test_a_result_shows_its_first_rows(rows: Any) -> None:
    shown = repr(k_corrset(rows, 2))
    assert shown.count("| [q") == 20 and shown.endswith("36 rows, of which the first 20 are shown")
    assert "| questions | r | n |" in repr(k_corrset(rows, 10)), "an empty one shows its columns"


def test_a_heuristic_tells_what_no_set_is_above(rows: Any) -> None:
    found = k_corrset(rows, 2, top=3, search="heuristic", effort=1, seed=5).to_arrow()
    assert found.column_names == ["questions", "r", "n", "r_bound"]
    assert found.select(["questions", "r", "n"]) == k_corrset(rows, 2, top=3).to_arrow()
    assert set(found["r_bound"].to_pylist()) <= {1.0, found["r"][0].as_py()}


@pytest.mark.parametrize("sizes", [[3, 1], (1, 3, 3), {1, 3}, range(1, 4, 2), pyarrow.array([3, 1])])
def test_sizes_may_be_several(rows: Any, sizes: Any) -> None:
    best = k_corrset(rows, sizes, top=2)
    one_by_one = [k_corrset(rows, k, top=2).to_arrow() for k in (1, 3)]
    assert best.to_arrow() == pyarrow.concat_tables(one_by_one)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"k": []}, ValueError, "k must be an integer of 1 or more"),
        ({"k": [1, 0]}, ValueError, "k_corrset: k must be 1 or more; got 0 (Int64)"),
        ({"k": 0}, ValueError, "k_corrset: k must be 1 or more; got 0 (Int64)"),
        ({"k": 2.5}, TypeError, "k must be an integer of 1 or more"),
        ({"k": True}, TypeError, "must be an integer of 1 or more"),
        ({"k": None}, TypeError, "k is missing"),
        ({"top": -1}, ValueError, "option 'top' must be an integer of 0 or more; got -1 (Int64)"),
        ({"min_users": "many"}, ValueError, "option 'min_users' must be an integer of 0 or more; got 'many'"),
        ({"undefined": "maybe"}, ValueError, "option 'undefined' must be 'omit' or 'null'; got 'maybe'"),
        ({"corrected": "yes"}, ValueError, "option 'corrected' must be true or false"),
        ({"include": ["q77"]}, ValueError, "option 'include' names question 'q77', which no row has"),
        ({"include": ["q1", None]}, ValueError, "a list of questions without NULL"),
        ({"include": ["q1", 2]}, TypeError, "questions must be of one type; got Utf8 and, in 2, Int64"),
        ({"include": "q1", "exclude": "q1"}, ValueError, "is in both 'include' and 'exclude'"),
        ({"user": "usr"}, ValueError, "no user column 'usr'; its columns are 'user', 'question', 'score'"),
        ({"score": "question"}, ValueError, "the score column 'question' must be boolean, integer"),
        ({"data": [1, 2, 3]}, TypeError, "a dict of columns, a list of dicts, or a table that speaks"),
        ({"data": "no/such/file.parquet"}, FileNotFoundError, "there is no 'no' in the folder"),
        ({"threads": 0}, ValueError, ""),
        ({"typo": 1}, TypeError, "unexpected keyword argument 'typo'"),
        ({"progress": 3}, TypeError, "progress"),
    ],
    ids=str,
)
def test_what_is_wrong_is_said(rows: Any, arguments: Any, error: Any, text: Any) -> None:
    with pytest.raises(error) as raised:
        k_corrset(**{"data": rows, "k": 2, **arguments})
    assert text in str(raised.value)


def test_what_is_wrong_with_the_data_is_said(rows: Any) -> None:
    twice = pandas.concat([rows, rows.head(1)])
    with pytest.raises(ValueError, match="user 'u000' has more than one score on question 'q"):
        k_corrset(twice, 2)
    with pytest.raises(ValueError, match="1 row.s. have no user .column 'user' is NULL"):
        k_corrset(pandas.concat([rows, rows.head(1).assign(user=None)]), 2)
    with pytest.raises(ValueError, match="is NaN; scores must be finite"):
        k_corrset(pyarrow.table({"user": [1], "question": [1], "score": [float("nan")]}), 2)


def test_what_python_raises_while_data_are_read_is_an_error() -> None:
    schema = pyarrow.schema([("user", "int64"), ("question", "int64"), ("score", "int64")])

    def batches() -> Iterator[Any]:
        yield pyarrow.record_batch([[1, 2], [1, 1], [0, 1]], schema=schema)
        raise RuntimeError("the cat is on the keyboard")

    with pytest.raises(Exception, match="the cat is on the keyboard"):
        k_corrset(pyarrow.RecordBatchReader.from_batches(schema, batches()), 1)


def wide(questions: Any) -> Any:
    """An exam of so many sets that their sweep takes its time."""
    return exam(users=3_000, questions=questions, answered=0.5, seed=3)


def test_other_threads_go_on(rows: Any) -> None:
    counted = 0
    done = threading.Event()

    def count() -> None:
        nonlocal counted
        while not done.is_set():
            counted += 1
            time.sleep(0.001)

    thread = threading.Thread(target=count)
    thread.start()
    begun = time.monotonic()
    k_corrset(wide(60), 5, top=1, threads=1)
    took = time.monotonic() - begun
    done.set()
    thread.join()
    assert counted > took * 100, f"{counted} turns in {took} s"


def test_ctrl_c_ends_it(press_ctrl_c: Any) -> None:
    data = wide(150)
    press_ctrl_c()
    with pytest.raises(KeyboardInterrupt):
        # Years.
        k_corrset(data, 12, top=1)
    assert len(k_corrset(data, 1)) == 150, "and the next one runs"


def test_progress_is_told() -> None:
    reports = []
    data = wide(60)
    k_corrset(data, 5, top=1, threads=1, progress=lambda done, expected: reports.append((done, expected)))
    known = [(done, expected) for done, expected in reports if expected]
    assert known and {expected for _, expected in known} == {5_461_512}
    assert [done for done, _ in known] == sorted(done for done, _ in known)

    def stop(done: Any, expected: Any) -> None:
        raise KeyError("enough")

    with pytest.raises(KeyError, match="enough"):
        k_corrset(wide(150), 12, top=1, progress=stop)


def test_progress_may_be_a_bar(rows: Any, capsys: pytest.CaptureFixture[str]) -> None:
    k_corrset(wide(60), 5, top=1, threads=1, progress=True)
    assert "5.46M/5.46M" in capsys.readouterr().err


def test_many_threads_may_call_it(rows: Any) -> None:
    expected = k_corrset(rows, 3, top=50).to_arrow()
    results: list[Any] = [None] * 8

    def call(place: Any) -> None:
        results[place] = k_corrset(rows, 3, top=50).to_arrow()

    threads = [threading.Thread(target=call, args=(place,)) for place in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(result.equals(expected) for result in results)
