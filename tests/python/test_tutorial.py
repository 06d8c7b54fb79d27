"""The tutorial runs from its first cell to the last, and shows what it shows in the repository."""

from pathlib import Path
from typing import Any

import nbformat
import pytest

nbclient = pytest.importorskip("nbclient")

TUTORIAL = Path(__file__).parents[2] / "examples" / "tutorial.ipynb"


def shown(cell: Any) -> Any:
    """What a cell says, in text; of a picture, that there is one."""
    texts = []
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        texts.append("a picture" if "image/png" in data else data.get("text/plain", output.get("text")))
    return texts


def test_the_tutorial_shows_what_it_says(tmp_path: Path) -> None:
    committed = nbformat.read(TUTORIAL, as_version=4)
    run = nbformat.read(TUTORIAL, as_version=4)
    nbclient.NotebookClient(run, timeout=110, resources={"metadata": {"path": tmp_path}}).execute()
    cells = [
        (before, after)
        for before, after in zip(committed.cells, run.cells, strict=True)
        if before.cell_type == "code"
    ]
    assert len(cells) > 8
    for before, after in cells:
        assert before.outputs or ".to_csv" not in before.source, "it is committed with its outputs"
        assert shown(after) == shown(before), before.source
    assert {path.name for path in tmp_path.iterdir()} >= {"best.parquet", "best.csv", "short_form.csv"}
