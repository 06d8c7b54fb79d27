"""Errors tell what to write in Python, and what they tell works."""

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import k_corrset as package
import numpy
import pandas
import polars
import pyarrow
import pytest
from conftest import exam
from k_corrset import k_corrset

FRAMES: dict[str, Any] = {
    "pandas": lambda columns: pandas.DataFrame(columns),
    "polars": lambda columns: polars.DataFrame(columns, strict=False),
    "pyarrow": lambda columns: pyarrow.table(columns),
    "columns": lambda columns: dict(columns),
    "lazy": lambda columns: polars.LazyFrame(columns, strict=False),
}

EXAM = exam(users=30, questions=4, answered=1.0, levels=3)
USERS, QUESTIONS, SCORES = (EXAM[name].tolist() for name in ("user", "question", "score"))
HALF = len(USERS) // 2


def long(**columns: Any) -> Any:
    return {"user": USERS, "question": QUESTIONS, "score": SCORES} | columns


def wide(**columns: Any) -> Any:
    pivoted = EXAM.pivot(index="user", columns="question", values="score")
    return {name: pivoted[name].tolist() for name in pivoted.columns} | columns


# Columns, arguments, and what the error says.
CASES: dict[str, tuple[Any, dict[str, Any], str]] = {
    "text with NA": (
        long(score=["NA", *map(str, SCORES[1:])]),
        {},
        "text; 1 of its 120 values are no numbers",
    ),
    "decimal commas": (long(score=[f"{score},5" for score in SCORES]), {}, "decimal commas"),
    "words": (
        long(score=["yes" if score else "No" for score in SCORES]),
        {},
        "count 'no' as 0 and 'yes' as 1",
    ),
    "per cent": (long(score=[f"{score} %" for score in SCORES]), {}, "without '%', ' '"),
    "grades": (long(score=["ABC"[score] for score in SCORES]), {}, "give each value its points"),
    "lists for users": (long(user=[[user] for user in USERS]), {}, "the user column 'user' must be"),
    "floats for questions": (long(question=[float(q[1:]) for q in QUESTIONS]), {}, "must be a string"),
    "no user": (long(user=[None, *USERS[1:]]), {}, "have no user"),
    "no question": (long(question=[None, *QUESTIONS[1:]]), {}, "have no question"),
    "another name": ({"userid": USERS, "question": QUESTIONS, "score": SCORES}, {}, "no user column"),
    "other names": ({"student": USERS, "item": QUESTIONS, "points": SCORES}, {}, "none of the columns"),
    "melted by default": ({"user": USERS, "variable": QUESTIONS, "value": SCORES}, {}, "none of the columns"),
    "each row twice": (
        {name: column * 2 for name, column in long().items()},
        {},
        "in all; their scores agree",
    ),
    "two attempts": (
        {
            **{name: column * 2 for name, column in long().items()},
            "score": SCORES + SCORES[1:] + SCORES[:1],
            "attempt": [1] * len(USERS) + [2] * len(USERS),
        },
        {},
        "column 'attempt' tells them apart",
    ),
    "two courses": (
        {
            **{name: column * 2 for name, column in long().items()},
            "course": ["a"] * len(USERS) + ["b"] * len(USERS),
        },
        {},
        "column 'course' tells them apart",
    ),
    "two scores": (
        {**{name: column * 2 for name, column in long().items()}, "score": SCORES + SCORES[1:] + SCORES[:1]},
        {},
        "no other column tells them apart",
    ),
    "two criteria": (
        long(grade=[number % 7 for number in range(len(USERS))]),
        {"criterion": "grade"},
        "in one row and",
    ),
    "wide with a text": (wide(name=[f"n{number % 9}" for number in range(30)]), {"wide": True}, "wide=True"),
    "wide with text scores": (
        wide(q0=["1", "x", "0"] * 10, user=list(range(30))),
        {"wide": True},
        "wide=True each column",
    ),
    "wide with each row twice": (
        {name: column * 2 for name, column in wide(user=list(range(30))).items()},
        {"wide": True},
        "their rows agree",
    ),
    "integers for questions": (
        long(question=[int(question[1:]) for question in QUESTIONS]),
        {"include": ["001", "002"]},
        "option 'include' names question",
    ),
}

NOT_FINITE: dict[str, tuple[Any, dict[str, Any], str]] = {
    "inf": (long(score=[numpy.inf, *map(float, SCORES[1:])]), {}, "is inf; scores must be finite"),
    "criterion": (
        long(grade=[numpy.inf if user == USERS[0] else float(user[1:]) for user in USERS]),
        {"criterion": "grade"},
        "is inf; its values must be finite",
    ),
}


def remedies(text: Any) -> Any:
    """What stands on lines of its own, with where it goes."""
    lines = text.split("\n")
    return [
        (place, line.strip())
        for before, line in pairwise(lines)
        if line.startswith("    ")
        for place in ["data" if before.endswith("in the place of the data") else "argument"]
    ]


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("case", CASES | NOT_FINITE)
def test_what_errors_tell_to_write_works(case: Any, frame: Any) -> None:
    columns, options, expected = (CASES | NOT_FINITE)[case]
    if frame in ("polars", "lazy") and case in ("lists for users", "wide with text scores"):
        pytest.skip("polars makes no text of lists in one step, and columns of one type")
    data = FRAMES[frame](columns)
    with pytest.raises(ValueError) as raised:
        k_corrset(data, 2, **options)
    text = str(raised.value)
    assert expected in text
    assert " => " not in text and "SELECT" not in text and "CAST" not in text, text
    written = remedies(text)
    assert written, text
    for place, code in written:
        names = {"data": data, "pandas": pandas, "polars": polars, "pyarrow": pyarrow}
        if place == "data":
            assert len(k_corrset(eval(code, names), 2, **options)) > 0, code
        else:
            changed = eval(f"dict({code})", names)
            try:
                assert len(k_corrset(data, 2, **{**options, **changed})) > 0, code
            except ValueError as next_error:
                # A column that is no user can be in the way as well.
                assert str(next_error) != text, code


def test_relations_of_duckdb_become_frames() -> None:
    rows = pandas.DataFrame(long(score=["NA", *map(str, SCORES[1:])]))
    relation = duckdb.from_df(rows)
    with pytest.raises(ValueError) as raised:
        k_corrset(relation, 2)
    ((_, code),) = remedies(str(raised.value))
    assert code.startswith("data.df().")
    assert len(k_corrset(eval(code, {"data": relation, "pandas": pandas}), 2)) == 6


def test_of_a_path_the_remedy_is_a_query(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    pandas.DataFrame(long(score=["low" if score else "high" for score in SCORES])).to_csv(path, index=False)
    with pytest.raises(ValueError) as raised:
        k_corrset(path, 2)
    ((place, code),) = remedies(str(raised.value))
    assert place == "data" and code.startswith('connect().sql("""SELECT ')
    assert len(k_corrset(eval(code, {"connect": package.connect}), 2)) == 6


def test_in_a_session_it_is_sql() -> None:
    session = package.connect()
    session.register("scores", pandas.DataFrame(long(score=["NA", *map(str, SCORES[1:])])))
    with pytest.raises(ValueError, match=re.escape("in the place of the table\n    (SELECT ")):
        session.sql("SELECT * FROM k_corrset(scores, 2)")


@pytest.mark.parametrize("k", [2.0, "2", True, [1, 2.0], object(), numpy.float64(2), {2: 3}])
def test_k_is_an_integer(k: Any) -> None:
    with pytest.raises(
        TypeError, match="k must be an integer of 1 or more, .* several of these, as in .*; got"
    ):
        k_corrset(pandas.DataFrame(long()), k)


def test_k_and_sets_are_one_or_the_other() -> None:
    with pytest.raises(TypeError, match=r"k is missing.*sets=\[\['q1', 'q2'\]\]"):
        k_corrset(pandas.DataFrame(long()))
    with pytest.raises(ValueError, match="k has no meaning with sets=..., which says what the sets are"):
        k_corrset(pandas.DataFrame(long()), 2, sets=[["q1"]])


def test_files_that_are_not_there(tmp_path: Path) -> None:
    (tmp_path / "scores.csv").write_text("user,question,score\n1,2,3\n")
    (tmp_path / "scores.dta").write_bytes(b"1")
    (tmp_path / "scores.xyz").write_bytes(b"1")
    with pytest.raises(
        FileNotFoundError, match="there is no 'scroes.csv' in the folder .*did you mean 'scores.csv'"
    ):
        k_corrset(tmp_path / "scroes.csv", 2)
    with pytest.raises(FileNotFoundError, match="no file matches"):
        k_corrset(f"{tmp_path}/part*.parquet", 2)
    with pytest.raises(FileNotFoundError, match="scroes.csv"):
        k_corrset([tmp_path / "scores.csv", tmp_path / "scroes.csv"], 2)
    with pytest.raises(
        ValueError, match=r"ends in \.xyz, which tells no format; .*pandas.read_csv"
    ) as raised:
        k_corrset(tmp_path / "scores.xyz", 2)
    assert "STORED AS" not in str(raised.value)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (5, "got int"),
        (None, "got NoneType"),
        (numpy.zeros((3, 3)), r"got ndarray; pandas.DataFrame\(data\) makes one of an array"),
        ([], "got list"),
        ([1, 2], "got list"),
        (object(), "got object"),
    ],
    ids=["int", "None", "array", "no rows", "numbers", "object"],
)
def test_what_is_no_data_is_refused(data: Any, says: Any) -> None:
    with pytest.raises(TypeError, match=f"data must be the path of a file .*{says}"):
        k_corrset(data, 2)


@pytest.mark.parametrize("column", [pandas.Series([1]), polars.Series([1]), pyarrow.chunked_array([[1]])])
def test_a_column_is_no_table(column: Any) -> None:
    with pytest.raises(TypeError, match="data must be a table, and a .* is one column; give the frame"):
        k_corrset(column, 1)
    with pytest.raises(TypeError, match="is one column"):
        package.connect().register("scores", column)


@pytest.mark.parametrize("threads", [0, -1, 1_025, 10**30])
def test_threads_are_bounded(threads: Any) -> None:
    with pytest.raises(ValueError, match="'threads' must be from 1 to 1,024; got"):
        k_corrset(EXAM, 2, threads=threads)
    with pytest.raises(ValueError, match="'threads' must be from 1 to 1,024"):
        package.connect(threads=threads)


@pytest.mark.parametrize("threads", [2.0, "2", True, object()])
def test_threads_are_an_integer(threads: Any) -> None:
    with pytest.raises(TypeError, match="'threads' must be an integer; got"):
        k_corrset(EXAM, 2, threads=threads)


@pytest.mark.parametrize("size", ["2x", "g", "-1", "", -1, 1 << 80, "1e9"])
def test_a_size_that_is_none(size: Any) -> None:
    with pytest.raises(ValueError, match="'memory_limit' must be a number of bytes, or one with a unit"):
        package.connect(memory_limit=size)


@pytest.mark.parametrize("name", [object(), 2.5, ["user"]])
def test_a_name_that_is_none(name: Any) -> None:
    with pytest.raises(TypeError, match="'user' must be the name of a column; got"):
        k_corrset(EXAM, 2, user=name)
