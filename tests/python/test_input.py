"""What goes in: nothing is taken for what it is not, and what its maker raises comes out."""

import datetime
import decimal
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datafusion
import duckdb
import k_corrset
import numpy
import pandas
import polars
import pyarrow
import pyarrow.csv
import pyarrow.dataset
import pyarrow.parquet
import pytest
from conftest import assert_same, definition, sets_of
from k_corrset import k_corrset as best_sets

SCHEMA = pyarrow.schema([("user", "string"), ("question", "string"), ("score", "int64")])


def as_pyarrow(rows: Any) -> Any:
    return pyarrow.Table.from_pandas(rows, SCHEMA, preserve_index=False)


@pytest.fixture
def session(rows: Any) -> Any:
    session = k_corrset.connect()
    session.register("scores", rows)
    return session


# Exceptions


def failing(rows: Any, raised: Any) -> Any:
    def batches() -> Iterator[Any]:
        yield from as_pyarrow(rows).to_batches()
        raise raised from OSError("the disk is full")

    return pyarrow.RecordBatchReader.from_batches(SCHEMA, batches())


class Failing:
    """Fails when it is asked for its rows."""

    def __init__(self, raised: Any) -> None:
        self.raised = raised

    def __arrow_c_stream__(self, requested_schema: Any = None) -> None:
        raise self.raised


class Custom(Exception):
    pass


EXCEPTIONS = [
    Custom("no"),
    KeyError("k"),
    MemoryError(),
    KeyboardInterrupt(),
    SystemExit(3),
    StopAsyncIteration(),
]


@pytest.mark.parametrize("raised", EXCEPTIONS, ids=repr)
def test_what_a_maker_of_rows_raises_is_raised(rows: Any, session: Any, raised: Any) -> None:
    for call in (
        lambda: best_sets(failing(rows, raised), 2),
        lambda: session.register("rows", failing(rows, raised)),
        lambda: best_sets(Failing(raised), 2),
        lambda: session.register("rows", Failing(raised)),
    ):
        with pytest.raises(type(raised)) as caught:
            call()
        assert caught.value is raised
    assert isinstance(raised.__cause__, OSError)
    names = {frame.name for frame in caught.traceback}
    assert "__arrow_c_stream__" in names, "where it was raised can be seen"
    assert_same(session.sql("SELECT * FROM k_corrset(scores, 2)"), definition(rows, 2))


def test_where_only_the_text_comes_through(rows: Any) -> None:
    class Exported:
        """By Arrow's C stream interface alone."""

        def __init__(self, raised: Any) -> None:
            self.raised = raised

        def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
            return failing(rows, self.raised).__arrow_c_stream__()

    with pytest.raises(ValueError, match="the well is dry"):
        best_sets(Exported(Custom("the well is dry")), 2)
    with pytest.raises(KeyboardInterrupt):
        best_sets(Exported(KeyboardInterrupt()), 2)

    def score(value: int) -> int:
        raise Custom("the well is dry")

    connection = duckdb.connect()
    connection.create_function("score", score)
    relation = connection.sql("SELECT 1 AS user, 2 AS question, score(3) AS score")
    with pytest.raises(Exception, match="the well is dry"):
        best_sets(relation, 1)

    context = datafusion.SessionContext()
    context.register_udf(datafusion.udf(score, [pyarrow.int64()], pyarrow.int64(), "volatile", name="score"))
    frame = context.sql("""SELECT 1 AS "user", 2 AS question, score(3) AS score""")
    with pytest.raises(Exception, match="the well is dry"):
        best_sets(frame, 1)


def test_batches_of_other_columns_are_an_error(rows: Any) -> None:
    other = pyarrow.record_batch({"user": ["a"], "question": ["b"], "score": ["c"]})
    reader = pyarrow.RecordBatchReader.from_batches(SCHEMA, iter([*as_pyarrow(rows).to_batches(), other]))
    with pytest.raises(ValueError, match="(?i)int64"):
        best_sets(reader, 1)


def test_metadata_of_batches_is_no_matter(rows: Any) -> None:
    batches = pyarrow.Table.from_pandas(rows, preserve_index=False).to_batches()
    assert batches[0].schema.metadata
    schema = batches[0].schema.remove_metadata()
    session = k_corrset.connect()
    session.register("scores", pyarrow.RecordBatchReader.from_batches(schema, iter(batches)))
    assert_same(session.sql("SELECT * FROM k_corrset(scores, 2)"), definition(rows, 2))


def test_no_text_is_long(session: Any) -> None:
    wide = pyarrow.table({f"column{number}": [1] for number in range(5_000)})
    session.register("wide", wide)
    for call in (
        lambda: best_sets(wide, 2),
        lambda: session.sql("SELECT * FROM k_corrset(wide, 2)"),
        lambda: session.sql("SELECT nothing FROM wide"),
        lambda: best_sets("x" * 3_000, 2),
        lambda: best_sets(wide, 2, include=["x" * 5_000, 1]),
        lambda: session.sql(f"SELECT '{'x' * 5_000}' FROM nowhere WHERE"),
    ):
        with pytest.raises(Exception) as caught:
            call()
        assert 0 < len(str(caught.value).encode()) <= 2_048
    with pytest.raises(ValueError, match="none of the columns 'user', .*write wide=True"):
        best_sets(wide, 2)


# Paths

NAMES = [
    "exam[1].parquet",
    "a*.parquet",
    "b?.parquet",
    "100%25.parquet",
    "a b#c.parquet",
    "é;d.parquet",
    "x:y.parquet",
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("relative", [True, False])
def test_a_path_that_is_there_is_no_pattern(
    rows: Any, name: Any, relative: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = name if relative else str(tmp_path / name)
    with open(name, "wb") as file:
        pyarrow.parquet.write_table(as_pyarrow(rows), file)
    # What it would stand for if it stood for others.
    for other in ("exam1.parquet", "aa.parquet", "bb.parquet", "100%.parquet"):
        pyarrow.parquet.write_table(as_pyarrow(rows.head(10)), other)
    expected = definition(rows, 2)
    assert_same(best_sets(path, 2), expected)
    session = k_corrset.connect()
    session.register("exam", path)
    assert_same(session.sql("SELECT * FROM k_corrset(exam, 2)"), expected)
    assert_same(session.sql(f"SELECT * FROM k_corrset('{path}', 2)"), expected)
    assert session.sql(f"SELECT count(*) AS n FROM '{path}'").to_arrow().to_pylist() == [{"n": len(rows)}]


@pytest.mark.parametrize("name", ["exams", "exams [1]*?", "100%25"])
def test_a_folder_is_its_files(rows: Any, name: Any, tmp_path: Path) -> None:
    folder = tmp_path / name
    folder.mkdir()
    for part in range(3):
        pyarrow.parquet.write_table(as_pyarrow(rows.iloc[part::3]), folder / f"part[{part}] %20.parquet")
    assert_same(best_sets(folder, 2), definition(rows, 2))
    assert_same(best_sets(f"{folder}/", 2), definition(rows, 2))


def test_a_pattern_is_one_where_there_is_no_such_file(rows: Any, tmp_path: Path) -> None:
    for part in range(3):
        pyarrow.parquet.write_table(as_pyarrow(rows.iloc[part::3]), tmp_path / f"part{part}.parquet")
    assert_same(best_sets(tmp_path / "part*.parquet", 2), definition(rows, 2))
    assert_same(best_sets(tmp_path / "part[0-2].parquet", 2), definition(rows, 2))
    assert_same(best_sets((tmp_path / "part0.parquet").as_uri(), 1), definition(rows.iloc[0::3], 1))


def test_a_link_keeps_its_ending(rows: Any, tmp_path: Path) -> None:
    (tmp_path / "blobs").mkdir()
    pyarrow.parquet.write_table(as_pyarrow(rows), tmp_path / "blobs" / "4a7d")
    (tmp_path / "exam.parquet").symlink_to(tmp_path / "blobs" / "4a7d")
    assert_same(best_sets(tmp_path / "exam.parquet", 2), definition(rows, 2))
    assert_same(best_sets(tmp_path / "blobs" / ".." / "exam.parquet", 2), definition(rows, 2))


# Rows


@pytest.mark.filterwarnings("ignore::polars.exceptions.PolarsInefficientMapWarning")
@pytest.mark.parametrize("column", ["user", "question", "other"])
def test_objects_of_polars_are_refused(rows: Any, session: Any, column: Any) -> None:
    frame = polars.from_pandas(rows).with_columns(
        polars.Series(column, [object()] * len(rows), dtype=polars.Object)
    )
    for call in (lambda: best_sets(frame, 2), lambda: session.register("rows", frame)):
        with pytest.raises(
            TypeError, match=f"column '{column}' holds objects of Python.*map_elements"
        ) as caught:
            call()
    cast = eval(str(caught.value).split("as in ")[1].split(", or")[0], {"data": frame, "polars": polars})
    if column == "other":
        assert_same(best_sets(cast, 2), definition(rows, 2))


def test_an_input_without_rows_is_warned_of(rows: Any, session: Any) -> None:
    reader = as_pyarrow(rows).to_reader()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        best_sets(reader, 2)
        session.register("reader", as_pyarrow(rows).to_reader())
        session.sql("SELECT * FROM k_corrset(reader, 2)")
        assert len(best_sets(rows, 2, min_users=1_000)) == 0, "an empty result is not worth one"
    empty = as_pyarrow(rows).slice(0, 0)
    session.register("empty", rows)
    twice = "SELECT * FROM k_corrset(empty, 2) UNION ALL SELECT * FROM k_corrset(empty, 3)"
    with pytest.warns(UserWarning):
        session.register("empty", empty)
    for call in (
        lambda: best_sets(reader, 2),
        lambda: best_sets(empty, 2),
        lambda: session.register("empty", empty),
        lambda: session.sql(twice),
        lambda: session.sql("CREATE OR REPLACE TABLE made AS SELECT * FROM k_corrset(empty, 2)"),
    ):
        with pytest.warns(UserWarning, match="no rows.* a reader can be read once only") as caught:
            call()
        assert len(caught) == 1, "once a call"
        assert caught[0].filename == __file__
    with warnings.catch_warnings(), pytest.raises(UserWarning):
        warnings.simplefilter("error")
        best_sets(empty, 2)


# Options


@pytest.mark.parametrize("option", ["include", "exclude"])
@pytest.mark.parametrize(
    "value",
    [
        {"q1": 1},
        pandas.DataFrame({"q1": ["q2"]}),
        polars.DataFrame({"q1": ["q2"]}),
        polars.LazyFrame({"q1": ["q2"]}),
        pyarrow.table({"q1": ["q2"]}),
        pyarrow.record_batch({"q1": ["q2"]}),
        pyarrow.table({"q1": ["q2"]}).to_reader(),
        duckdb.sql("SELECT 'q2' AS q1"),
        numpy.array([["q1", "q2"]]),
        object(),
        [object()],
        [["q1"]],
        ["q1", {"q2": 1}],
        str,
        lambda: "q1",
        1j,
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_question_is_refused(rows: Any, option: Any, value: Any) -> None:
    with pytest.raises(TypeError, match=f"'{option}' must be text, a number.*got an object of type"):
        best_sets(rows, 2, **{option: value})


def test_a_table_is_no_option(rows: Any) -> None:
    tables: list[dict[str, Any]] = [{"user": object()}, {"top": object()}, {"corrected": object()}]
    for options in tables:
        with pytest.raises(TypeError, match="got an object of type object"):
            best_sets(rows, 2, **options)


@pytest.mark.parametrize(
    ("questions", "values"),
    [
        (
            [datetime.date(2026, 1, day) for day in (1, 2, 3)],
            [
                datetime.date(2026, 1, 1),
                numpy.datetime64("2026-01-01"),
                pandas.Timestamp(2026, 1, 1),
                "2026-01-01",
            ],
        ),
        (
            [datetime.datetime(2026, 1, day, 12, 30) for day in (1, 2, 3)],
            [
                datetime.datetime(2026, 1, 1, 12, 30),
                numpy.datetime64("2026-01-01T12:30", "ns"),
                pandas.Timestamp(2026, 1, 1, 12, 30),
                pyarrow.scalar(datetime.datetime(2026, 1, 1, 12, 30)),
            ],
        ),
        (
            [decimal.Decimal("1.5"), decimal.Decimal("2.5"), decimal.Decimal("3.5")],
            [decimal.Decimal("1.5"), 1.5, numpy.float32(1.5), numpy.array(1.5)],
        ),
        ([1, 2, 3], [1, numpy.int8(1), numpy.uint64(1), numpy.array(1), pyarrow.scalar(1)]),
        ([b"one", b"two", b"xyz"], [b"one", bytearray(b"one"), numpy.bytes_(b"one")]),
        (
            [str(uuid.UUID(int=number)) for number in (1, 2, 3)],
            [uuid.UUID(int=1), str(uuid.UUID(int=1)), numpy.str_(uuid.UUID(int=1))],
        ),
    ],
    ids=["dates", "times", "decimals", "integers", "bytes", "uuids"],
)
def test_scalars_of_every_kind(questions: Any, values: Any) -> None:
    users = [user for user in range(12) for _ in questions]
    scores = [(user * 7 + place * 3) % 4 for user in range(12) for place in range(len(questions))]
    data = pyarrow.table({"user": users, "question": questions * 12, "score": scores})
    expected = sets_of(best_sets(data, 2, include=values[0]))
    assert len(expected) == 2
    for value in values:
        assert sets_of(best_sets(data, 2, include=value)) == expected, value
        assert sets_of(best_sets(data, 2, include=[value])) == expected, value


# What Python has tables of


def test_lists_and_dicts_are_tables(rows: Any) -> None:
    expected = definition(rows, 2)
    columns = {name: rows[name].tolist() for name in rows.columns}
    assert_same(best_sets(columns, 2), expected)
    assert_same(best_sets({name: tuple(column) for name, column in columns.items()}, 2), expected)
    assert_same(best_sets({name: rows[name].to_numpy() for name in rows.columns}, 2), expected)
    assert_same(best_sets({name: rows[name] for name in rows.columns}, 2), expected)
    assert_same(best_sets({name: iter(column) for name, column in columns.items()}, 2), expected)
    assert_same(best_sets(rows.to_dict("records"), 2), expected)
    assert_same(best_sets(tuple(rows.to_dict("records")), 2), expected)
    session = k_corrset.connect()
    session.register("scores", columns)
    assert_same(session.sql("SELECT * FROM k_corrset(scores, 2)"), expected)


def test_what_is_missing_in_lists_is_not_answered() -> None:
    rows: list[dict[str, Any]] = [
        {"user": 1, "a": 1, "b": 0},
        {"user": 2, "a": 0},
        {"user": 3, "a": float("nan"), "b": 1},
    ]
    found = sets_of(best_sets(rows, 1, wide=True, undefined="null"))
    assert {questions: n for questions, (_, n) in found.items()} == {("a",): 2, ("b",): 2}


def test_lazy_frames_and_datasets_are_read(rows: Any, tmp_path: Path) -> None:
    expected = definition(rows, 2)
    lazy = polars.from_pandas(rows).lazy().filter(polars.col("score") >= 0)
    assert_same(best_sets(lazy, 2), expected)
    for part in range(3):
        pyarrow.parquet.write_table(as_pyarrow(rows.iloc[part::3]), tmp_path / f"{part}.parquet")
    dataset = pyarrow.dataset.dataset(tmp_path)
    assert_same(best_sets(dataset, 2), expected)
    assert_same(best_sets(dataset, 2), expected)
    session = k_corrset.connect()
    session.register("lazy", lazy)
    session.register("dataset", dataset)
    for name in ("lazy", "dataset"):
        assert_same(session.sql(f"SELECT * FROM k_corrset({name}, 2)"), expected)


def test_several_paths_are_one_table(rows: Any, tmp_path: Path) -> None:
    paths: list[Path] = [tmp_path / "a.parquet", tmp_path / "b.csv", tmp_path / "c.json"]
    parts = [rows.iloc[part::3] for part in range(3)]
    pyarrow.parquet.write_table(as_pyarrow(parts[0]), paths[0])
    # Columns are joined by their names.
    parts[1][["score", "user", "question"]].to_csv(paths[1], index=False)
    parts[2].to_json(paths[2], orient="records")
    assert_same(best_sets(paths, 2), definition(rows, 2))
    assert_same(best_sets(tuple(map(str, paths[:1])), 2), definition(parts[0], 2))
    session = k_corrset.connect()
    session.register("scores", paths)
    assert_same(session.sql("SELECT * FROM k_corrset(scores, 2)"), definition(rows, 2))


def test_columns_of_pandas_may_be_integers(rows: Any) -> None:
    renamed = rows.rename(columns={"user": 0, "question": 1, "score": 2})
    expected = definition(rows, 2)
    assert_same(best_sets(renamed, 2, user=0, question=numpy.int64(1), score=2), expected)
    wide = rows.pivot(index="user", columns="question", values="score")
    wide.columns = range(len(wide.columns))
    found = sets_of(best_sets(wide.reset_index(drop=True), 2, wide=True))
    assert found.keys() == {(f"{x[1:]}", f"{y[1:]}") for x, y in expected}
    with_course = renamed.assign(**{"3": 1}).rename(columns={"3": 3})
    best = best_sets(with_course, 2, user=0, question=1, score=2, partition_by=[3], top=1)
    assert best.column_names == ["3", "questions", "r", "n"]


def test_scalars_of_numpy_and_pandas_are_scalars(rows: Any) -> None:
    expected = best_sets(rows, 3, top=5, min_users=10, corrected=True, threads=1, seed=None)
    for integer in (numpy.int8, numpy.uint64, numpy.int64):
        booleans: list[Any] = [numpy.bool_, numpy.array]
        for boolean in booleans:
            same = best_sets(
                rows,
                integer(3),
                top=integer(5),
                min_users=integer(10),
                corrected=boolean(True),
                threads=integer(1),
                wide=boolean(False),
                progress=booleans[0](False),
            )
            assert same == expected
    assert best_sets(rows, numpy.array([3]), top=5, min_users=10, corrected=True) == expected
    assert (
        best_sets(rows, pandas.Series([3]), top=pyarrow.scalar(5), min_users=10, corrected=True) == expected
    )
    assert best_sets(rows, 3, top=pandas.Series([5]).iloc[0], min_users=10, corrected=True) == expected
    assert best_sets(rows, range(3, 4), top=5, min_users=10, corrected=True) == expected
    both = sets_of(best_sets(rows, numpy.array([1, 2], dtype="int8")))
    assert both.keys() == definition(rows, 1).keys() | definition(rows, 2).keys()
