"""A call may end early in every way, whatever makes its data: nothing freezes.

Each runs in a process of its own, which a watchdog kills.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from producers import PRODUCERS

WAYS = (
    "ctrl_c",
    "callback",
    "producer",
    "other_thread",
    "register",
    "stream",
    "exit",
    "exit_with_a_stream",
    "exit_with_a_daemon",
    "exit_in_a_long_sleep",
)


def run(*arguments: Any) -> None:
    """Ends with the process, or after two minutes with its end."""
    script = Path(__file__).with_name("early_end.py")
    ended = subprocess.run([sys.executable, script, *arguments], capture_output=True, text=True, timeout=110)
    assert ended.returncode == 7, ended.stderr
    assert "panicked" not in ended.stderr and "Fatal" not in ended.stderr, ended.stderr


WITHOUT = {
    # At its end DuckDB waits for its functions, long ones too.
    ("function_in_duckdb", "exit_in_a_long_sleep"),
    # It is the host that calls back, and that has the tables.
    ("host", "callback"),
    ("host", "other_thread"),
    ("host", "register"),
    ("host", "stream"),
    ("host", "exit_with_a_stream"),
    # A host's threads go on while the interpreter ends, and may crash without us, too.
    ("host", "exit_with_a_daemon"),
    ("host", "exit_in_a_long_sleep"),
}


CASES = [(producer, way) for producer in PRODUCERS for way in WAYS if (producer, way) not in WITHOUT]


@pytest.mark.parametrize(("producer", "way"), CASES)
def test_a_call_may_end_early(producer: Any, way: Any) -> None:
    run(producer, way)


def test_a_hundred_interrupts_at_random() -> None:
    run("all", "at_random")
