"""What type checkers say of the package, of the examples and of these tests: nothing."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).parents[2]

CHECKS = {
    "of one checker": ["mypy"],
    "of another": ["pyright", "--pythonpath", sys.executable],
}


def run(arguments: Any, folder: Any) -> None:
    ended = subprocess.run([sys.executable, "-m", *arguments], cwd=folder, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize("check", CHECKS)
def test_types_are_sound(check: Any) -> None:
    run(CHECKS[check], PROJECT)


def test_stubs_say_what_is_compiled(tmp_path: Path) -> None:
    (tmp_path / "mypy.ini").write_text("[mypy]\nignore_missing_imports = true\n")
    run(["mypy.stubtest", "k_corrset._native", "--mypy-config-file", "mypy.ini"], tmp_path)
