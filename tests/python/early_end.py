"""One call that ends early, in a process of its own: `python early_end.py PRODUCER WAY`.

It ends with code 7 if all is well: nothing froze, the next call worked, no thread was left.
"""

import faulthandler
import gc
import os
import random
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import k_corrset
from producers import KEEP_EXCEPTIONS, NEVER_FAIL, PRODUCERS, Broken

K = 15
"""Sets of so many of 40 questions take days."""


def threads() -> Any:
    """How many there are, without those that polars starts for itself, whenever it likes."""
    count = 0
    for thread in os.listdir("/proc/self/task"):
        try:
            name = Path("/proc/self/task", thread, "comm").read_text()
        except OSError:
            # It has ended meanwhile.
            continue
        count += not name.startswith(("jemalloc", "polars"))
    return count


def press_ctrl_c(delay: Any) -> None:
    timer = threading.Timer(delay, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.daemon = True
    timer.start()


def assert_raises(exception: Any, call: Any) -> Any:
    try:
        call()
    except exception as raised:
        return raised
    raise AssertionError("it ended by itself")


def top(k: Any) -> Any:
    """So many of the best sets that they are swept, which takes long, and not searched for."""
    return 1 if k == 1 else 100_001


class EarlyEnd:
    def __init__(self, name: Any) -> None:
        self.name = name
        self.make = PRODUCERS[name]
        self.call(100, k=1)
        time.sleep(0.1)
        self.idle = threads()

    def call(self, batches: Any, k: Any = K, pause: float = 0.0, fails_at: Any = None, **options: Any) -> Any:
        return self.run(self.make(batches, pause, fails_at), k, **options)

    def run(self, data: Any, k: Any = K, **options: Any) -> Any:
        if self.name == "host":
            return data.sql(f"SELECT * FROM k_corrset(rows, {k}, {{'top': {top(k)}}})").collect()
        return k_corrset.k_corrset(data, k, top=top(k), **options)

    def slow(self, **options: Any) -> Any:
        """Data take seconds."""
        return self.call(300, pause=0.01, **options)

    def interrupted(self, delay: Any) -> None:
        data = self.make(300, 0.01)

        def call() -> None:
            # After a short delay the interrupt may come before the timer's start is over.
            press_ctrl_c(delay)
            self.run(data)

        assert_raises(KeyboardInterrupt, call)

    def assert_idle(self) -> None:
        """The next call works, and no thread is left by the last."""
        assert len(self.call(50, k=1)) == 1
        # An exception's traceback may hold the data, and these threads of their own.
        gc.collect()
        until = time.monotonic() + 10
        # Another runtime's threads, DuckDB's for instance, may be started late.
        while threads() > self.idle + 1 and time.monotonic() < until:
            time.sleep(0.05)
        assert threads() <= self.idle + 1, f"{threads()} threads, and {self.idle} before"

    def ctrl_c(self) -> None:
        for delay in (0.3, 0.01):
            self.interrupted(delay)

    def callback(self) -> None:
        raised = Broken("enough")

        def stop(done: Any, expected: Any) -> None:
            raise raised

        assert assert_raises(Broken, lambda: self.slow(progress=stop)) is raised

    def producer(self) -> None:
        for fails_at in (0, 5):
            if self.name in KEEP_EXCEPTIONS:
                raised = assert_raises(Broken, lambda at=fails_at: self.slow(fails_at=at))
                frames = []
                traceback = raised.__traceback__
                while traceback:
                    frames.append(traceback.tb_frame.f_code.co_name)
                    traceback = traceback.tb_next
                assert frames[-1] == "scores", "where it was raised can be seen"
            elif self.name not in NEVER_FAIL:
                raised = assert_raises(Exception, lambda at=fails_at: self.slow(fails_at=at))
            else:
                continue
            assert "the well is dry" in str(raised)

    def other_thread(self) -> None:
        ended = []

        def stop(done: Any, expected: Any) -> None:
            if len(turns) > 5:
                raise Broken("enough")

        def call() -> None:
            ended.append(assert_raises(Broken, lambda: self.slow(progress=stop)))

        turns = []
        thread = threading.Thread(target=call)
        thread.start()
        while thread.is_alive():
            turns.append(time.monotonic())
            time.sleep(0.01)
        assert ended and len(turns) > 5

    def register(self) -> None:
        session = k_corrset.connect()
        data = self.make(300, 0.01)
        try:
            press_ctrl_c(0.05)
            session.register("rows", data)
            # Those that need no time are there before.
            time.sleep(1)
        except KeyboardInterrupt:
            pass
        session.register("rows", self.make(50))
        assert session.sql("SELECT count(*) AS n FROM rows").to_arrow().to_pylist() == [{"n": 2_000}]

    def stream(self) -> None:
        sets = k_corrset.stream(self.make(50), K)
        assert len(next(sets)) > 0
        sets.close()
        sets = k_corrset.stream(self.make(50), K)
        assert len(next(sets)) > 0
        del sets
        sets = k_corrset.stream(self.make(300, 0.01), K)
        press_ctrl_c(0.3)
        # Of data that take no time there are batches before.
        assert_raises(KeyboardInterrupt, lambda: sum(len(batch) for batch in sets))

    def exit_with_a_stream(self) -> None:
        # The interpreter ends while it is there.
        self.sets = k_corrset.stream(self.make(50), K)
        assert len(next(self.sets)) > 0
        sys.exit(7)

    def exit(self) -> None:
        self.interrupted(0.3)
        sys.exit(7)

    def exit_with_a_daemon(self) -> None:
        threading.Thread(target=self.slow, daemon=True).start()
        time.sleep(0.3)
        sys.exit(7)

    def exit_in_a_long_sleep(self) -> None:
        threading.Thread(target=lambda: self.call(10, pause=30), daemon=True).start()
        time.sleep(0.3)
        sys.exit(7)


def at_random() -> None:
    """100 interrupts at random moments over all producers."""
    # While a host plans, it makes errors of what Python raises.
    calls = [EarlyEnd(name) for name in PRODUCERS if name != "host"]
    random.seed(1)
    for number in range(100):
        calls[number % len(calls)].interrupted(random.random() ** 2 * 0.4)
    for call in calls:
        call.idle = calls[-1].idle
        call.assert_idle()


if __name__ == "__main__":
    # Where this process was started in the background, Ctrl-C would be ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    faulthandler.dump_traceback_later(100, exit=True)
    name, way = sys.argv[1:]
    if way == "at_random":
        at_random()
    else:
        call = EarlyEnd(name)
        getattr(call, way)()
        call.assert_idle()
    sys.exit(7)
