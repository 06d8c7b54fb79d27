"""A result, as people look at one, keep it, and give it to others."""

import copy
import datetime
import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import duckdb
import k_corrset as package
import numpy
import pandas
import polars
import pyarrow
import pyarrow.parquet
import pytest
from conftest import exam
from k_corrset import Column, Table, k_corrset


@pytest.fixture(scope="module")
def best() -> Any:
    return k_corrset(exam(), 3, top=30, statistics=["alpha"])


def rows_of(best: Any) -> Any:
    """By way of pyarrow, which is another program."""
    return pyarrow.table(best).to_pylist()


def test_rows_are_named_tuples(best: Any) -> None:
    expected = rows_of(best)
    rows = list(best)
    assert [row._asdict() for row in rows] == [
        {**row, "questions": tuple(row["questions"])} for row in expected
    ]
    questions, r, n, alpha = rows[0]
    assert (questions, r, n, alpha) == (rows[0].questions, rows[0].r, rows[0].n, rows[0].alpha)
    assert best.to_pylist() == [row._asdict() for row in rows]
    assert best[0] == rows[0] and best[-1] == rows[-1] and best[numpy.int64(4)] == rows[4]
    assert package.connect().sql("SELECT 1 AS one, 2, max(3)")[0] == (1, 2, 3)
    with pytest.raises(IndexError, match="there is no row 30; the table has 30 rows"):
        best[30]
    with pytest.raises(TypeError, match="columns by name, rows by number.*got a float"):
        best[1.0]


@pytest.mark.parametrize(
    "part",
    [slice(2, 5), slice(None, 7), slice(-3, None), slice(None, None, -1), slice(1, 30, 7), slice(9, 2)],
    ids=str,
)
def test_parts_are_tables(best: Any, part: Any) -> None:
    assert isinstance(best[part], Table)
    assert rows_of(best[part]) == rows_of(best)[part]
    assert best[part].column_names == best.column_names


def test_parts_of_many_batches_are_tables() -> None:
    everything = k_corrset(exam(users=30, questions=26, answered=1.0), 5)
    expected = rows_of(everything)
    assert len(expected) == 65_780 and len(list(everything.batches())) > 4
    assert [row for batch in everything.batches() for row in rows_of(batch)] == expected
    for part in (slice(8_190, 8_195), slice(20_000, 60_000, 999), slice(-1, -65_000, -8_191)):
        assert rows_of(everything[part]) == expected[part]
    assert list(everything["n"]) == [row["n"] for row in expected]
    assert numpy.asarray(everything["r"]).tolist() == [row["r"] for row in expected]
    assert rows_of(everything.head()) == expected[:5] and len(everything.head(0)) == 0


def test_columns_are_sequences(best: Any) -> None:
    expected = rows_of(best)
    column = best["r"]
    assert isinstance(column, Column) and column.name == "r"
    assert list(column) == column.to_pylist() == [row["r"] for row in expected]
    assert (len(column), column[0], column[-1], max(column)) == (
        30,
        expected[0]["r"],
        expected[29]["r"],
        column[0],
    )
    assert column[2:4] == [expected[2]["r"], expected[3]["r"]]
    assert best["questions"][0] == tuple(expected[0]["questions"])
    assert best["n"] == [row["n"] for row in expected] and best["n"] != best["r"]
    assert numpy.asarray(column).dtype == numpy.float64 and numpy.asarray(best["n"]).dtype == numpy.int64
    assert numpy.asarray(column).tolist() == list(column)
    assert best["questions"].to_numpy().tolist() == list(best["questions"])
    assert polars.Series(column).to_list() == pyarrow.chunked_array(column).to_pylist() == list(column)
    assert pandas.Series(column).tolist() == list(column)
    assert rows_of(best[["n", "questions"]]) == [
        {"n": row["n"], "questions": row["questions"]} for row in expected
    ]
    with pytest.raises(
        KeyError, match="there is no column 'x'; the columns are 'questions', 'r', 'n', 'alpha'"
    ):
        best["x"]
    assert repr(best[:2]["n"]) == f"Column 'n': [{expected[0]['n']}, {expected[1]['n']}]"
    assert repr(column).endswith("… 30 in all]")


def test_null_is_none_and_nan() -> None:
    rows = pandas.DataFrame({"user": [1, 1, 2], "question": ["a", "b", "b"], "score": [1, 0, 1]})
    kept = k_corrset(rows, 2, undefined="null")
    assert list(kept["r"]) == [None] and numpy.isnan(numpy.asarray(kept["r"])).all()
    assert kept[0].r is None


def test_values_of_every_type() -> None:
    session = package.connect()
    values = {
        "1": 1,
        "1.5": 1.5,
        "true": True,
        "'text'": "text",
        "DATE '2026-01-02'": datetime.date(2026, 1, 2),
        "TIMESTAMP '2026-01-02T03:04:05'": datetime.datetime(2026, 1, 2, 3, 4, 5),
        "make_array(1, NULL)": (1, None),
        "make_array(make_array('a'))": (("a",),),
        "named_struct('a', 1)": {"a": 1},
        "NULL": None,
    }
    for sql, value in values.items():
        assert session.sql(f"SELECT {sql} AS it")[0].it == value, sql
    # Python has no type for it.
    assert session.sql("SELECT INTERVAL '1' DAY AS it")["it"][0] == "1 days"


def test_others_take_it(best: Any, tmp_path: Path) -> None:
    expected = rows_of(best)
    frame = pandas.DataFrame(best)
    assert frame.columns.tolist() == best.column_names and frame["r"].tolist() == list(best["r"])
    # To polars it is one of structs there.
    structs: Any = polars.from_arrow(best)
    assert structs.struct.unnest().to_dicts() == expected
    assert polars.DataFrame(best).to_dicts() == expected
    relation: Any = duckdb.sql("SELECT count(*) FROM best")
    assert relation.fetchall() == [(30,)]
    pyarrow.parquet.write_table(best.to_arrow(), tmp_path / "best.parquet")
    assert pyarrow.parquet.read_table(tmp_path / "best.parquet").to_pylist() == expected
    assert best.schema == best.to_arrow().schema and best.shape == (30, 4) == (
        best.num_rows,
        best.num_columns,
    )


def test_sets_can_be_merged_and_grouped_in_pandas(best: Any) -> None:
    frame = best.to_pandas()
    assert all(isinstance(questions, tuple) for questions in frame["questions"])
    other = k_corrset(exam(seed=2), 3).to_pandas()
    merged = frame.merge(other, on="questions", suffixes=("", "_other"))
    there = dict(zip(other["questions"], other["r"], strict=True))
    assert len(merged) == 30
    assert merged["r_other"].tolist() == [there[questions] for questions in merged["questions"]]
    assert frame.groupby("questions").size().tolist() == [1] * 30
    assert frame.set_index("questions")["r"][best[0].questions] == best[0].r


def test_it_can_be_copied_and_sent(best: Any) -> None:
    for other in (copy.copy(best), copy.deepcopy(best), pickle.loads(pickle.dumps(best))):
        assert other == best and rows_of(other) == rows_of(best) and other.schema == best.schema
    few = pickle.dumps(k_corrset(exam(users=30, questions=20, answered=1.0), 5)[:3])
    assert len(few) < 4_000, "of a part no more is sent than it has"
    assert pickle.loads(pickle.dumps(best["r"])) == best["r"]
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        assert pool.submit(sorted_by_n, best).result() == best


def sorted_by_n(table: Any) -> Any:
    """Elsewhere, and back."""
    assert list(table["n"]) == [row.n for row in table]
    return table


def test_equality_is_that_of_values(best: Any) -> None:
    assert best == k_corrset(exam(), 3, top=30, statistics=["alpha"])
    assert best[:10] == best[:10] and best[:10] != best[1:11]
    assert best != best[["questions", "r", "n"]] and best != rows_of(best)
    assert k_corrset(exam(), 2) == k_corrset(exam(), 2, threads=1)[:] or len(k_corrset(exam(), 2)) == 36
    with pytest.raises(TypeError, match="unhashable"):
        hash(best)


def test_it_can_be_looked_at(best: Any) -> None:
    assert repr(best[:1]).endswith("\n1 row")
    assert repr(best[:0]).endswith("\n0 rows") and "questions" in repr(best[:0])
    assert repr(best).endswith("\n30 rows, of which the first 20 are shown")
    html = best._repr_html_()
    assert html.count("<tr>") == 21 and html.count("<th>") == 4 and "30 rows, of which" in html
    first = best[0]
    assert f"<td>{', '.join(first.questions)}</td><td>{first.r}</td><td>{first.n}</td>" in html
    ugly = package.connect().sql("SELECT '<b>&' AS \"a<b\"")
    assert "<td>&lt;b&gt;&amp;</td>" in ugly._repr_html_() and "<th>a&lt;b</th>" in ugly._repr_html_()
