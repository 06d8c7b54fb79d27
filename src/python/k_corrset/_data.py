"""What may be given as data."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol


class ArrowStream(Protocol):
    """Whatever speaks Arrow's C stream interface: tables of pyarrow, polars, pandas, DuckDB."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...


class Dataset(Protocol):
    """A data set of pyarrow."""

    def scanner(self, *arguments: Any, **options: Any) -> Any: ...


class LazyFrame(Protocol):
    """A query of polars."""

    def collect(self) -> Any: ...


Path = str | os.PathLike[str]

Data = (
    ArrowStream
    | Path
    | Sequence[Path]
    | Mapping[str, Iterable[Any]]
    | Sequence[Mapping[str, Any]]
    | Dataset
    | LazyFrame
)
"""A table; the path of a Parquet, CSV, JSON or Arrow file, or several; a dict of columns or a list of
dicts."""


COLUMNS = {"Array", "ChunkedArray", "Column", "Series"}
"""Classes of packages that make tables, and are none."""


def as_rows(data: Any) -> Any:
    """Data in one of the forms that the compiled half reads: what speaks Arrow, or paths.

    Raises:
        ImportError: Python's own values need one of the packages that make tables of them.
    """
    if _is_path(data) or hasattr(data, "__arrow_c_stream__"):
        return data
    if isinstance(data, Mapping):
        return _table_of_columns({str(name): _values(values) for name, values in data.items()})
    if isinstance(data, (list, tuple)) and data:
        if all(isinstance(row, Mapping) for row in data):
            names = dict.fromkeys(str(name) for row in data for name in row)
            return _table_of_columns({name: [row.get(name) for row in data] for name in names})
        if all(map(_is_path, data)):
            return [os.fspath(path) for path in data]
    other: Any = data
    package = type(data).__module__.partition(".")[0]
    if package == "polars" and hasattr(data, "collect"):
        return other.collect()
    if package == "pyarrow" and hasattr(data, "scanner"):
        return other.scanner().to_reader()
    return data


def as_table(data: Any) -> Any:
    """Like `as_rows`, of data that are no column.

    Raises:
        TypeError: It is a column.
        ImportError: As of `as_rows`.
    """
    package = type(data).__module__.partition(".")[0]
    if type(data).__name__ in COLUMNS and package in ("k_corrset", "pandas", "polars", "pyarrow"):
        raise TypeError(
            f"k_corrset: data must be a table, and a {type(data).__name__} is one column; give the frame "
            "that it is of, or a dict of columns"
        )
    return as_rows(data)


def kind_of(data: Any) -> str:
    """What data are, in a word, for errors to tell what makes others of them."""
    if _is_path(data) or (isinstance(data, (list, tuple)) and all(map(_is_path, data))):
        return "path"
    if isinstance(data, (Mapping, list, tuple)):
        return "columns"
    package = type(data).__module__.partition(".")[0].removeprefix("_")
    if package == "pyarrow" and not hasattr(data, "to_pandas"):
        return "reader"
    return package


def _is_path(data: Any) -> bool:
    return isinstance(data, (str, os.PathLike))


def _values(values: Any) -> Any:
    """The values of a column, of which there is a number."""
    return values if hasattr(values, "__len__") else list(values)


def _table_of_columns(columns: dict[str, Any]) -> Any:
    """A table of Python's own values, by the package that is there: the one that is in use already, if
    one is."""
    # DataFrames of pandas speak Arrow where pyarrow is there.
    packages = ("pyarrow", "polars")
    for package in sorted(packages, key=lambda package: package not in sys.modules):
        try:
            module = __import__(package)
        except ImportError:
            continue
        if package == "polars":
            return module.DataFrame(columns, nan_to_null=True)
        # Missing values of NumPy and pandas are NaN.
        return module.table(
            {name: module.array(values, from_pandas=True) for name, values in columns.items()}
        )
    raise ImportError(
        "k_corrset: lists of Python's own values become a table by the package pyarrow or polars, none of "
        "which is installed: pip install pyarrow"
    )
