"""Whatever Python runs during a call may itself call."""

import os
import signal
import threading
import time
from typing import Any

import k_corrset
import pyarrow
import pytest
from conftest import assert_same, definition, exam

SCHEMA = pyarrow.schema([("user", "string"), ("question", "string"), ("score", "int64")])


def slowly(rows, between=lambda: None):
    """A reader of rows that does something before each of its batches."""

    def batches():
        for batch in pyarrow.Table.from_pandas(rows, SCHEMA, preserve_index=False).to_batches(20):
            between()
            time.sleep(0.02)
            yield batch

    return pyarrow.RecordBatchReader.from_batches(SCHEMA, batches())


@pytest.fixture
def session(rows):
    session = k_corrset.connect()
    session.register("scores", rows)
    return session


@pytest.fixture
def calls(session, rows):
    """Each call in turn, and what they came to."""
    made: list[Any] = []

    def function():
        assert_same(k_corrset.k_corrset(rows, 2), definition(rows, 2))

    def sql():
        assert_same(session.sql("SELECT * FROM k_corrset(scores, 2)"), definition(rows, 2))

    def register():
        session.register("more", slowly(rows.head(40)))
        assert len(session.sql("SELECT * FROM more")) == 40

    def call():
        made.append((function, sql, register)[len(made) % 3])
        made[-1]()

    vars(call)["made"] = made
    return call


def assert_all(calls):
    assert len(calls.made) >= 3


def wait_for(calls, number):
    """Waits until so many calls have been made, on a machine of any speed."""
    for _ in range(3_000):
        if len(calls.made) >= number:
            return
        time.sleep(0.02)


def test_in_a_callback(session, rows, calls):
    k_corrset.k_corrset(slowly(rows, lambda: wait_for(calls, 3)), 3, progress=lambda *_: calls())
    session.sql("SELECT * FROM k_corrset(scores, 3)")
    assert_all(calls)


def test_in_a_producer(session, rows, calls):
    assert_same(k_corrset.k_corrset(slowly(rows, calls), 3), definition(rows, 3))
    session.register("again", slowly(rows, calls))
    assert_same(session.sql("SELECT * FROM k_corrset(again, 3)"), definition(rows, 3))
    assert_all(calls)


def test_where_the_stream_is_asked_for(session, rows, calls):
    class Data:
        def __arrow_c_stream__(self, requested_schema=None):
            for _ in range(3):
                calls()
            return slowly(rows).__arrow_c_stream__()

    assert_same(k_corrset.k_corrset(Data(), 3), definition(rows, 3))
    assert_all(calls)


def test_in_a_signal_handler(session, rows, calls):
    before = signal.signal(signal.SIGUSR1, lambda *_: calls())

    def send():
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


def test_within_each_other(rows):
    def nested(depth):
        if depth:
            k_corrset.k_corrset(slowly(rows.head(60)), 2, progress=lambda *_: nested(depth - 1))
        else:
            done.append(True)

    done: list[object] = []
    nested(3)
    assert done


def test_progress_is_of_one_query():
    session = k_corrset.connect(threads=1)
    session.register("wide", exam(users=3_000, questions=60, answered=0.5, seed=3))
    session.register("small", exam(users=300, questions=30, answered=0.5, seed=3))
    inner, outer = set(), []

    def watch(done, expected):
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


def test_progress_of_a_table_that_is_made():
    session = k_corrset.connect(threads=1)
    session.register("wide", exam(users=3_000, questions=60, answered=0.5, seed=3))
    reports = []
    session.sql(
        "CREATE TABLE best AS SELECT max(r) AS r FROM k_corrset(wide, 5)",
        progress=lambda *report: reports.append(report),
    )
    assert reports[-1][1] == 5_461_512
    assert len(session.sql("SELECT * FROM best")) == 1
