"""Wide data: each row is a user, each column a question."""

from pathlib import Path
from typing import Any

import datafusion
import k_corrset as package
import numpy
import pandas
import polars
import pyarrow
import pyarrow.parquet
import pytest
from conftest import assert_same, definition, exam, sets_of
from k_corrset import k_corrset


@pytest.fixture(scope="module")
def pivoted(rows: Any) -> Any:
    """The exam as pandas has it wide: users are the index, and NaN is not answered."""
    return rows.pivot(index="user", columns="question", values="score")


def with_user(pivoted: Any, name: str = "user") -> Any:
    return pivoted.reset_index(names=name)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_all_sets_have_the_r_and_n_of_the_definition(rows: Any, pivoted: Any, k: Any) -> None:
    assert_same(k_corrset(pivoted, k, wide=True), definition(rows, k))
    assert_same(k_corrset(with_user(pivoted), k, wide=True), definition(rows, k))
    assert_same(k_corrset(with_user(pivoted, "id"), k, wide=True, user="id"), definition(rows, k))


@pytest.mark.parametrize("levels", [2, 5, 1000])
def test_both_layouts_have_the_same_bits(levels: Any) -> None:
    rows = exam(users=200, questions=8, levels=levels, seed=levels)
    rows = rows.assign(score=rows["score"] / 3)
    wide = rows.pivot(index="user", columns="question", values="score")
    assert sets_of(k_corrset(wide, 3, wide=True)) == sets_of(k_corrset(rows, 3))


def test_data_may_be_anything_that_speaks_arrow(rows: Any, pivoted: Any, tmp_path: Path) -> None:
    expected = definition(rows, 2)
    table = pyarrow.Table.from_pandas(with_user(pivoted), preserve_index=False)
    pyarrow.parquet.write_table(table, tmp_path / "exam.parquet")
    with_user(pivoted).to_csv(tmp_path / "exam.csv", index=False)
    for data in (
        table,
        polars.from_arrow(table),
        pyarrow.RecordBatchReader.from_batches(table.schema, table.to_batches(max_chunksize=7)),
        tmp_path / "exam.parquet",
        tmp_path / "exam.csv",
    ):
        assert_same(k_corrset(data, 2, wide=True), expected)


def test_columns_may_be_of_several_types(rows: Any, pivoted: Any) -> None:
    columns = {"user": pyarrow.array(pivoted.index)}
    types = [pyarrow.bool_(), pyarrow.int8(), pyarrow.decimal128(21, 2), pyarrow.uint64(), pyarrow.float32()]
    for number, name in enumerate(pivoted.columns):
        scores = pyarrow.array(pivoted[name], from_pandas=True).cast(pyarrow.int64())
        columns[name] = scores.cast(types[number % len(types)])
    assert_same(k_corrset(pyarrow.table(columns), 3, wide=True), definition(rows, 3))


def test_without_a_user_column_each_row_is_a_user(rows: Any, pivoted: Any) -> None:
    nameless = pivoted.reset_index(drop=True)
    assert_same(k_corrset(nameless, 2, wide=True), definition(rows, 2))
    # A part of a frame has an index that is written as a column.
    part = nameless[nameless.index % 3 != 1]
    names = pivoted.index[nameless.index % 3 != 1]
    assert_same(k_corrset(part, 2, wide=True), definition(rows[rows["user"].isin(names)], 2))
    assert "__index_level_0__" in pyarrow.table(part).column_names


def test_sessions_and_hosts_take_the_option(rows: Any, pivoted: Any) -> None:
    session = package.connect()
    session.register("exam", with_user(pivoted))
    assert_same(session.sql("SELECT * FROM k_corrset(exam, 2, wide => true)"), definition(rows, 2))
    host = datafusion.SessionContext()
    host.register_udtf(package.udtf())
    host.register_table("exam", host.from_pandas(with_user(pivoted)))
    rows_of_host = host.sql("SELECT * FROM k_corrset(exam, 2, {'wide': true})").to_arrow_table()
    assert rows_of_host.num_rows == len(definition(rows, 2))


def test_what_is_wrong_is_said(rows: Any, pivoted: Any) -> None:
    data = with_user(pivoted)
    with pytest.raises(ValueError, match="option 'score' has no meaning with wide=True"):
        k_corrset(data, 2, wide=True, score="q1")
    with pytest.raises(ValueError, match=r"'group' is .*\n    data.drop\(columns=\['group'\]\)"):
        k_corrset(data.assign(group="north"), 2, wide=True)
    with pytest.raises(ValueError, match="if each row is a user and each column a question, write wide=True"):
        k_corrset(data, 2)
    with pytest.raises(ValueError, match="leave the option 'wide' out"):
        k_corrset(rows, 2, wide=True)
    with pytest.raises(ValueError, match="user 'u000' has answered question 'q.' in more than one row"):
        k_corrset(pandas.concat([data, data.head(1)]), 2, wide=True)
    infinite = data.assign(q0=numpy.inf)
    with pytest.raises(ValueError, match="the score of user 'u...' on question 'q0' is inf"):
        k_corrset(infinite, 2, wide=True)
    with pytest.raises(ValueError, match="column 'q0' has the score inf"):
        k_corrset(infinite.drop(columns="user"), 2, wide=True)
