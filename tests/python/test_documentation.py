"""What can be copied runs."""

import doctest
import re
from pathlib import Path
from typing import Any

import k_corrset
import pyarrow
import pyarrow.parquet
import pytest
from conftest import exam

README = Path(__file__).parents[2] / "README.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)


def test_the_readme_has_examples() -> None:
    assert len(EXAMPLES) == 3


@pytest.mark.parametrize("example", EXAMPLES, ids=["function", "session", "host"])
def test_examples_of_the_readme(
    example: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    rows = exam(users=300, questions=8, answered=0.7)
    table = pyarrow.Table.from_pandas(rows, preserve_index=False)
    pyarrow.parquet.write_table(table, tmp_path / "scores.parquet")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(example, names)
    best = names.get("best")
    shown = capfd.readouterr().out if best is None else str(best)
    assert shown.count("q") > 10


def test_the_example_of_the_function() -> None:
    (example,) = doctest.DocTestFinder().find(
        k_corrset.k_corrset, "k_corrset", globs={"k_corrset": k_corrset.k_corrset}
    )
    results = doctest.DocTestRunner().run(example)
    assert results.attempted == 5 and results.failed == 0
