"""Files by their paths: as whoever wrote them did, or an error that says why not."""

import json
from pathlib import Path
from typing import Any

import k_corrset
import pandas
import pyarrow
import pyarrow.parquet
import pytest
from conftest import assert_same, definition
from k_corrset import k_corrset as best_sets


@pytest.fixture
def exam(rows: Any) -> Any:
    """Names with umlauts, and scores with a half."""
    return rows.assign(user="Jörg " + rows["user"].astype(str), score=rows["score"] + 0.5)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
@pytest.mark.parametrize(("separator", "decimal"), [(";", ","), ("\t", ","), (",", "."), ("|", ".")])
def test_text_is_read_as_it_was_written(
    exam: Any, encoding: Any, separator: Any, decimal: Any, tmp_path: Path
) -> None:
    path = tmp_path / "exam.csv"
    exam.to_csv(path, sep=separator, decimal=decimal, encoding=encoding, index=False)
    assert_same(best_sets(path, 2), definition(exam, 2))


def test_what_excel_writes_is_read(exam: Any, tmp_path: Path) -> None:
    path = tmp_path / "exam.txt"
    exam.to_csv(path, sep="\t", decimal=",", encoding="utf-16", index=False, lineterminator="\r\n")
    assert_same(best_sets(path, 2), definition(exam, 2))
    text = "sep=;\r\n" + exam.to_csv(sep=";", decimal=",", index=False, lineterminator="\r\n")
    (tmp_path / "exam.csv").write_bytes(text.encode("latin-1"))
    assert_same(best_sets(tmp_path / "exam.csv", 2), definition(exam, 2))


def test_compressed_text_is_text(exam: Any, tmp_path: Path) -> None:
    for ending in ("csv.gz", "tsv.bz2", "csv.xz"):
        path = tmp_path / f"exam.{ending}"
        exam.to_csv(path, index=False, encoding="latin-1")
        assert_same(best_sets(path, 2), definition(exam, 2))


@pytest.mark.parametrize("kind", ["parquet", "csv", "json"])
def test_a_directory_of_spark_is_its_parts(exam: Any, kind: Any, tmp_path: Path) -> None:
    folder = tmp_path / f"exam.{kind}"
    folder.mkdir()
    for part in range(3):
        rows, path = exam.iloc[part::3], folder / f"part-{part:05}-7f.c000.{kind}"
        if kind == "parquet":
            pyarrow.parquet.write_table(pyarrow.Table.from_pandas(rows, preserve_index=False), path)
        elif kind == "csv":
            rows.to_csv(path, index=False)
        else:
            path.write_text("\n".join(json.dumps(row) for row in rows.to_dict("records")))
        (folder / f".{path.name}.crc").write_bytes(b"crc")
    (folder / f"part-00003-7f.c000.{kind}").touch()
    for marker in ("_SUCCESS", "_metadata", ".DS_Store"):
        (folder / marker).touch()
    assert_same(best_sets(folder, 2), definition(exam, 2))
    assert_same(best_sets(f"{folder}/", 2), definition(exam, 2))
    session = k_corrset.connect()
    assert_same(session.sql(f"SELECT * FROM k_corrset('{folder}', 2)"), definition(exam, 2))


def test_a_missing_file_is_not_found(exam: Any, tmp_path: Path) -> None:
    exam.to_csv(tmp_path / "scores.csv", index=False)
    session, path = k_corrset.connect(), tmp_path / "scors.csv"
    for call in (
        lambda: best_sets(path, 2),
        lambda: session.register("scores", path),
        lambda: session.sql(f"SELECT * FROM '{path}'"),
        lambda: session.sql(f"SELECT * FROM k_corrset('{path}', 2)"),
    ):
        with pytest.raises(FileNotFoundError, match="there is no 'scors.csv' in.*did you mean 'scores.csv'"):
            call()
    for call in (
        lambda: best_sets(tmp_path / "exam*.csv", 2),
        lambda: session.sql(f"SELECT * FROM '{tmp_path}/exam*.csv'"),
    ):
        with pytest.raises(FileNotFoundError, match="no file matches"):
            call()


def test_what_is_no_table_says_why(exam: Any, tmp_path: Path) -> None:
    (tmp_path / "book.xlsx").write_bytes(b"PK")
    (tmp_path / "empty.csv").touch()
    (tmp_path / "ragged.csv").write_text("user,question,score\nann,q1,1\nann,q2\n")
    (tmp_path / "broken.parquet").write_text("PAR1")
    for name, message in [
        ("book.xlsx", "is a workbook of Excel"),
        ("empty.csv", "is empty"),
        ("ragged.csv", "has 2 value.s. in line 3, and 3 in the first"),
        ("broken.parquet", "is no Parquet that can be read"),
    ]:
        with pytest.raises(ValueError, match=message):
            best_sets(tmp_path / name, 2)
        with pytest.raises(ValueError, match=message):
            k_corrset.connect().sql(f"SELECT * FROM k_corrset('{tmp_path / name}', 2)")


def test_types_hold_for_the_last_row(tmp_path: Path) -> None:
    frame = pandas.DataFrame({"user": ["1"] * 3000 + ["01"], "question": range(3001), "score": 1})
    frame.to_csv(tmp_path / "late.csv", index=False)
    users = k_corrset.connect().sql(f"SELECT count(DISTINCT \"user\") AS n FROM '{tmp_path}/late.csv'")
    assert users.to_arrow().to_pylist() == [{"n": 2}]
