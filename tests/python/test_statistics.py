"""A criterion, statistics and given sets, against numpy, scipy and pandas in their own words."""

from itertools import combinations
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
from scipy import stats

ALL = ["alpha", "item_rest_r", "r_low", "r_high", "mean", "sd"]


@pytest.fixture(scope="module")
def graded() -> Any:
    """An exam of points, whose users have a grade; some have none."""
    rows = exam(users=120, questions=7, answered=0.7, levels=5, seed=3)
    names = rows["user"].unique()
    random = numpy.random.default_rng(4)
    grades = pandas.Series(random.normal(60, 12, len(names)).round(1), index=names)
    grades[random.random(len(names)) < 0.15] = numpy.nan
    return rows.assign(grade=rows["user"].map(grades))


def users_of(rows: Any, questions: Any) -> Any:
    """Scores of the users who answered all of a set, a column each."""
    return rows.pivot(index="user", columns="question", values="score")[list(questions)].dropna()


def cronbach(scores: Any) -> Any:
    k = scores.shape[1]
    return k / (k - 1) * (1 - scores.var(ddof=1).sum() / scores.sum(axis=1).var(ddof=1))


@pytest.mark.parametrize("k", [1, 2, 3])
def test_statistics_are_those_of_numpy_and_scipy(graded: Any, k: Any) -> None:
    totals = graded.groupby("user")["score"].sum()
    rows = k_corrset(graded, k, statistics=ALL).to_arrow()
    assert rows.column_names == ["questions", "r", "n", *ALL]
    assert rows.num_rows == len(list(combinations(range(7), k)))
    for row in rows.to_pylist():
        scores = users_of(graded, row["questions"])
        a = scores.sum(axis=1)
        b = totals[a.index]
        # Limits of the interval are scipy's own.
        found: Any = stats.pearsonr(a, b)
        interval = found.confidence_interval(0.95)
        expected = {
            "r": found.statistic,
            "r_low": interval.low,
            "r_high": interval.high,
            "item_rest_r": numpy.corrcoef(a, b - a)[0, 1],
            "mean": a.mean(),
            "sd": a.std(ddof=1),
            "alpha": cronbach(scores) if k > 1 else None,
        }
        for name, value in expected.items():
            assert row[name] == (None if value is None else pytest.approx(value, abs=1e-10)), (row, name)


def test_kr_20_of_right_and_wrong() -> None:
    rows = exam(users=60, questions=5, answered=0.9, levels=2, seed=9)
    for row in k_corrset(rows, 4, statistics="alpha").to_arrow().to_pylist():
        scores = users_of(rows, row["questions"])
        p = scores.mean()
        kr_20 = 4 / 3 * (1 - (p * (1 - p)).sum() / scores.sum(axis=1).var(ddof=0))
        assert row["alpha"] == pytest.approx(kr_20, abs=1e-12)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_a_criterion_is_that_of_pandas(graded: Any, k: Any) -> None:
    grades = graded.groupby("user")["grade"].first()
    expected = {}
    for questions in combinations(sorted(graded["question"].unique()), k):
        a = users_of(graded, questions).sum(axis=1)
        both = pandas.DataFrame({"a": a, "b": grades[a.index]}).dropna()
        expected[questions] = (numpy.corrcoef(both["a"], both["b"])[0, 1], len(both))
    table = pyarrow.Table.from_pandas(graded, preserve_index=False)
    assert_same(k_corrset(table, k, criterion="grade"), expected)
    wide = graded.pivot(index="user", columns="question", values="score").join(grades)
    assert_same(k_corrset(wide, k, wide=True, criterion="grade"), expected)
    # NaN in pandas is missing, and a number in polars.
    with pytest.raises(ValueError, match="the criterion 'grade' of user 'u.*' is NaN"):
        k_corrset(polars.DataFrame(graded.to_dict("list")), k, criterion="grade")


def test_a_user_with_two_values_is_told() -> None:
    rows = pandas.DataFrame({"user": ["ann", "ann"], "question": [1, 2], "score": [1, 0], "grade": [2, 3]})
    with pytest.raises(ValueError, match="of user 'ann' is 2 in one row and 3 in another"):
        k_corrset(rows, 1, criterion="grade")


def test_partitions_are_the_groups_of_pandas(graded: Any) -> None:
    courses = graded["user"].str[-1].astype(int) % 3
    rows = graded.assign(course=courses.map({0: "art", 1: "law", 2: None}), term=courses % 2)
    found = k_corrset(rows, 2, partition_by=["course", "term"], undefined="null").to_arrow()
    assert found.column_names == ["course", "term", "questions", "r", "n"]
    found = found.to_pylist()
    parts = 0
    for (course, term), part in rows.groupby(["course", "term"], dropna=False):
        course = None if pandas.isna(course) else course
        own = k_corrset(part, 2, undefined="null").to_arrow().to_pylist()
        of_part = [row for row in found if (row["course"], row["term"]) == (course, term)]
        assert sorted((row["questions"], row["r"], row["n"]) for row in of_part) == sorted(
            (row["questions"], row["r"], row["n"]) for row in own
        )
        assert_same(k_corrset(part, 2), definition(part, 2))
        parts += len(of_part)
    assert parts == len(found) > 0
    best = k_corrset(rows, 2, partition_by="course", top=1)
    assert best.num_rows == 3
    with pytest.raises(ValueError, match="no partition_by column 'curse'"):
        k_corrset(rows, 2, partition_by="curse")


def test_given_sets_may_be_lists_tables_and_paths(graded: Any, tmp_path: Path) -> None:
    expected = {
        questions: row for questions, row in definition(graded, 3).items() if questions[0] in ("q0", "q2")
    }
    sets = [list(questions) for questions in expected]
    lists = pyarrow.array(sets)
    pyarrow.parquet.write_table(pyarrow.table({"best": lists}), tmp_path / "sets.parquet")
    best = pyarrow.table({"questions": lists, "r": [0.5] * len(sets)})
    for given in (
        sets,
        [tuple(reversed(questions)) for questions in sets],
        (questions for questions in sets),
        numpy.array(sets),
        lists,
        best["questions"],
        best,
        polars.from_arrow(best),
        best.to_pandas(),
        best.to_pandas()["questions"],
        pyarrow.RecordBatchReader.from_batches(best.schema, best.to_batches(max_chunksize=3)),
        tmp_path / "sets.parquet",
        str(tmp_path / "sets.parquet"),
    ):
        assert_same(k_corrset(graded, sets=given), expected)
    # A result is a table of sets.
    top = k_corrset(graded, 2, top=4)
    assert sets_of(k_corrset(graded, sets=top)) == sets_of(top)
    assert k_corrset(graded, sets=[]).num_rows == 0


def test_what_is_no_set_is_told(graded: Any) -> None:
    for given, error in (
        ([["q1", "q9"]], "names question 'q9', which no row has"),
        ([["q1", "q1"]], "in which a question is twice"),
        ([["q1", None]], "in which NULL is no question"),
        ([[]], "which has no question"),
        (["q1", "q2"], "sets must be a table.*, as in sets=best, or a list of lists"),
        (pyarrow.table({"questions": ["[q1, q2]"]}), "sets must be a table"),
    ):
        with pytest.raises(ValueError, match=error):
            k_corrset(graded, sets=given)
    with pytest.raises(ValueError, match="k has no meaning with sets"):
        k_corrset(graded, 2, sets=[["q1"]])
    with pytest.raises(TypeError, match="k is missing"):
        k_corrset(graded)


def test_a_host_has_them_all(graded: Any) -> None:
    context = datafusion.SessionContext()
    context.register_udtf(package.udtf())
    table = pyarrow.Table.from_pandas(graded, preserve_index=False)
    context.register_record_batches("exam", [table.to_batches()])

    def rows(call: Any) -> Any:
        found = context.sql(f"SELECT * FROM {call}").to_arrow_table().to_pylist()
        return sorted(found, key=lambda row: row["questions"])

    expected = k_corrset(table, 2, criterion="grade", statistics=["sd", "r_low"]).to_arrow().to_pylist()
    found = rows("k_corrset(exam, 2, {'criterion': 'grade', 'statistics': ['sd', 'r_low']})")
    assert found == sorted(expected, key=lambda row: row["questions"])
    given = rows("k_corrset('exam', {'sets': [['q1', 'q2'], ['q3']]})")
    assert given == rows("k_corrset('exam', NULL, {'sets': [['q2', 'q1'], ['q3']], 'min_users': 2})")
    assert [row["questions"] for row in given] == [["q1", "q2"], ["q3"]]
