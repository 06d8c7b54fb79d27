"""Exams to test with, and the definition, as pandas would write it."""

import os
import signal
import threading
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy
import pandas
import pytest


def exam(users: int = 80, questions: int = 9, answered: float = 0.6, levels: int = 2, seed: int = 1) -> Any:
    """Random answers: rows of user, question, score."""
    random = numpy.random.default_rng(seed)
    given = random.random((users, questions)) < answered
    scores = random.integers(levels, size=(users, questions))
    user, question = given.nonzero()
    return pandas.DataFrame(
        {
            "user": [f"u{number:03}" for number in user],
            "question": [f"q{number}" for number in question],
            "score": scores[given],
        }
    )


def definition(rows: Any, k: Any, *, min_users: int = 2, corrected: bool = False) -> Any:
    """{questions: (r, n)}, of all sets that have an r."""
    totals = rows.groupby("user")["score"].sum()
    wide = rows.pivot(index="user", columns="question", values="score")
    sets = {}
    for questions in combinations(sorted(wide.columns), k):
        chosen = wide[list(questions)].dropna()
        a = chosen.sum(axis=1)
        b = totals[chosen.index]
        b = b - a if corrected else b
        if len(a) >= min_users and a.nunique() > 1 and b.nunique() > 1:
            sets[questions] = (numpy.corrcoef(a, b)[0, 1], len(a))
    return sets


def sets_of(table: Any) -> Any:
    """A result in the form of the definition."""
    rows = table.to_arrow().to_pylist()
    sets = {tuple(row["questions"]): (row["r"], row["n"]) for row in rows}
    assert len(sets) == len(rows), "no set comes twice"
    return sets


def assert_same(table: Any, expected: Any) -> None:
    sets = sets_of(table)
    assert sets.keys() == expected.keys()
    for questions, (r, n) in expected.items():
        assert sets[questions] == (pytest.approx(r, abs=1e-12), n), questions


@pytest.fixture
def press_ctrl_c() -> Iterator[Any]:
    """To be called: it presses Ctrl-C a second later."""
    # Where this process was started in the background, Ctrl-C would be ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(1, lambda: os.kill(os.getpid(), signal.SIGINT))
    yield timer.start
    timer.cancel()
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def rows() -> Any:
    return exam()
