"""A forked child has none of its parent's threads: it is told so, or has its own."""

import multiprocessing
import subprocess
import sys
import textwrap
from typing import Any

import pytest

EXAM = """
    import multiprocessing
    import sys

    import datafusion
    import k_corrset
    import pyarrow

    exam = pyarrow.table({"user": [1, 1, 2, 2, 3, 3], "question": [1, 2] * 3, "score": [1, 1, 0, 1, 0, 0]})

    def host():
        ctx = datafusion.SessionContext()
        ctx.register_udtf(k_corrset.udtf())
        ctx.register_table("scores", ctx.from_arrow(exam))
        return ctx

    def in_child(call):
        def told():
            try:
                rows = call()
            except Exception as error:
                results.put((type(error).__name__, str(error)))
            else:
                results.put(("rows", len(rows)))

        processes = multiprocessing.get_context("fork")
        results = processes.SimpleQueue()
        child = processes.Process(target=told, daemon=True)
        child.start()
        child.join(20)
        assert child.exitcode == 0, child.exitcode
        return results.get()

    def assert_told(call, kinds=("RuntimeError",)):
        kind, text = in_child(call)
        assert kind in kinds, (kind, text)
        assert "forked" in text and "'spawn'" in text, text
"""

CASES = {
    "nothing was used": """
        assert in_child(lambda: k_corrset.k_corrset(exam, 1)) == ("rows", 2)
        session = k_corrset.connect()
        assert in_child(lambda: session.sql("SELECT 1")) == ("rows", 1)
        assert len(k_corrset.k_corrset(exam, 1)) == 2
    """,
    "the function": """
        k_corrset.k_corrset(exam, 1)
        assert_told(lambda: k_corrset.k_corrset(exam, 1))
        assert_told(lambda: k_corrset.connect())
        assert len(k_corrset.k_corrset(exam, 1)) == 2, "the parent goes on"
    """,
    "a session": """
        session = k_corrset.connect()
        session.register("exam", exam)
        assert_told(lambda: session.sql("SELECT * FROM k_corrset(exam, 1)"))
        assert_told(lambda: session.register("exam", exam))
        # Its end in the child is no matter either.
        def forget():
            global session
            del session
            return []
        assert in_child(forget) == ("rows", 0)
        assert len(session.sql("SELECT * FROM k_corrset(exam, 1)")) == 2
    """,
    "a host": """
        query = "SELECT * FROM k_corrset(scores, 1)"
        ctx = host()
        planned = ctx.sql(query)
        # The kind is the host's.
        assert_told(lambda: ctx.sql(query).collect(), ["ValueError", "Exception"])
        assert_told(lambda: planned.collect(), ["ValueError", "Exception"])
    """,
    "a query was running": """
        import threading
        begun, stop = threading.Event(), threading.Event()

        def watch(done, expected):
            begun.set()
            if stop.is_set():
                raise KeyError

        wide = {"user": [], "question": [], "score": []}
        for user in range(200):
            for question in range(60):
                wide["user"].append(user)
                wide["question"].append(question)
                wide["score"].append(user * question % 7)

        def run():
            try:
                # So many are swept, which takes long, and not searched for.
                k_corrset.k_corrset(pyarrow.table(wide), 20, top=100_001, progress=watch, min_users=3)
            except KeyError:
                pass

        thread = threading.Thread(target=run)
        thread.start()
        try:
            assert begun.wait(20)
            for _ in range(5):
                assert_told(lambda: k_corrset.k_corrset(exam, 1))
        finally:
            stop.set()
            thread.join()
    """,
    "a first query began": """
        import threading
        thread = threading.Thread(target=k_corrset.k_corrset, args=(exam, 1))
        thread.start()
        # Before there are threads, a child has its own; it waits for none in either case.
        while thread.is_alive():
            assert in_child(lambda: k_corrset.k_corrset(exam, 1))[0] in ("rows", "RuntimeError")
        thread.join()
    """,
}


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="nothing forks here")
@pytest.mark.parametrize("case", CASES)
def test_fork(case: Any) -> None:
    script = textwrap.dedent(EXAM) + textwrap.dedent(CASES[case])
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
