"""What type checkers say of the package, of the examples and of these tests: nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]

# Tests say what they test, and not of which type it is.
UNTYPED = ["--allow-untyped-defs", "--allow-untyped-calls", "--allow-incomplete-defs", "--allow-any-generics"]

CHECKS = {
    "of the package and the examples": ["mypy"],
    "of tests": ["mypy", *UNTYPED, "tests/python"],
    "of another checker": ["pyright", "--pythonpath", sys.executable],
}


def run(arguments, folder):
    ended = subprocess.run([sys.executable, "-m", *arguments], cwd=folder, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize("check", CHECKS)
def test_types_are_sound(check):
    run(CHECKS[check], PROJECT)


def test_stubs_say_what_is_compiled(tmp_path):
    (tmp_path / "mypy.ini").write_text("[mypy]\nignore_missing_imports = true\n")
    run(["mypy.stubtest", "k_corrset._native", "--mypy-config-file", "mypy.ini"], tmp_path)
