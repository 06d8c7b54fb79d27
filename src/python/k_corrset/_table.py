"""A result: rows of sets, or of a query."""

from __future__ import annotations

import operator
from collections import namedtuple
from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, Literal, SupportsIndex, overload

from k_corrset._columns import Columns

if TYPE_CHECKING:
    import matplotlib.axes
    import numpy
    import pandas
    import polars
    import pyarrow

    from k_corrset import _native

SHOWN = 20
"""How many rows are shown of a table."""


class Table(Columns["_native.Batches"]):
    """The rows of a query, in the memory where it left them.

    Whatever speaks Arrow's C stream interface takes it without a copy: `pyarrow.table(best)`,
    `polars.DataFrame(best)`, `duckdb.sql("FROM best")`; and `pandas.DataFrame(best)` takes its rows. It
    cannot be changed; it can be pickled, and is equal to a table of the same columns and rows.

        >>> best = k_corrset(exam, 1)
        >>> len(best), best.column_names
        (2, ['questions', 'r', 'n'])
        >>> best["n"].to_pylist()
        [3, 3]
        >>> for questions, r, n in best:
        ...     print(questions, n)
        ('q1',) 3
        ('q2',) 3
    """

    __slots__ = ("__weakref__", "_batches")

    def __init__(self, batches: _native.Batches) -> None:
        self._batches = batches

    # What Arrow's friends ask for

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The rows as a stream of Arrow, by its C data interface."""
        return self._batches.__arrow_c_stream__(requested_schema)

    # How large it is

    def __len__(self) -> int:
        return len(self._batches)

    @property
    def num_rows(self) -> int:
        """How many rows there are."""
        return len(self._batches)

    @property
    def num_columns(self) -> int:
        """How many columns there are."""
        return len(self._batches.column_names)

    @property
    def shape(self) -> tuple[int, int]:
        """How many rows and columns there are."""
        return self.num_rows, self.num_columns

    # Parts of it

    @overload
    def __getitem__(self, key: str) -> Column: ...
    @overload
    def __getitem__(self, key: SupportsIndex) -> Any: ...
    @overload
    def __getitem__(self, key: slice | list[str]) -> Table: ...
    def __getitem__(self, key: Any) -> Any:
        """A column by its name, a row by its number, rows by a slice, columns by a list of names.

        Raises:
            KeyError: There is no column of that name.
            IndexError: There is no row of that number.
            TypeError: It is none of these.
        """
        if isinstance(key, str):
            return Column(self._batches, self._place(key))
        if isinstance(key, slice):
            rows = range(*key.indices(len(self)))
            if rows.step == 1:
                return Table(self._batches.slice(rows.start, len(rows)))
            return Table(self._batches.take(list(rows)))
        if isinstance(key, list):
            return Table(self._batches.select([self._place(name) for name in key]))
        try:
            number = operator.index(key)
        except TypeError:
            raise TypeError(
                "k_corrset: a table has columns by name, rows by number, and parts by slices or lists of "
                f"names; got a {type(key).__name__}"
            ) from None
        place = number + len(self) if number < 0 else number
        if not 0 <= place < len(self):
            raise IndexError(f"k_corrset: there is no row {number}; the table has {_counted(len(self))}")
        return next(iter(self[place : place + 1]))

    def head(self, rows: int = 5) -> Table:
        """The first rows."""
        return self[: max(rows, 0)]

    def __iter__(self) -> Iterator[Any]:
        """The rows, as named tuples: `row.r`, or `for questions, r, n in best`. A list is a tuple, too."""
        row = namedtuple("Row", self.column_names, rename=True)  # type: ignore[misc]
        for part in self.batches():
            columns = [part._batches.values(place) for place in range(part.num_columns)]
            yield from map(row._make, zip(*columns, strict=True))

    def batches(self) -> Iterator[Table]:
        """The rows in parts as they lie in memory, of some thousands each, without a copy."""
        first = 0
        for rows in self._batches.lengths():
            yield Table(self._batches.slice(first, rows))
            first += rows

    def _place(self, name: str) -> int:
        try:
            return self.column_names.index(name)
        except ValueError:
            names = ", ".join(f"'{name}'" for name in self.column_names[:20])
            raise KeyError(f"k_corrset: there is no column '{name:.100}'; the columns are {names}") from None

    # The same in other forms

    def to_pylist(self) -> list[dict[str, Any]]:
        """A dict for each row."""
        names = self.column_names
        return [dict(zip(names, row, strict=True)) for row in self]

    def to_arrow(self) -> pyarrow.Table:
        """The table as one of pyarrow, without a copy."""
        import pyarrow

        return pyarrow.table(self)

    def to_pandas(self) -> pandas.DataFrame:
        """The table as a DataFrame of pandas, by way of pyarrow.

        A set of questions is a tuple there: `merge`, `groupby` and `set_index` take tuples, and not the
        arrays that pandas otherwise makes of Arrow's lists.
        """
        frame: pandas.DataFrame = self.to_arrow().to_pandas()
        for place, name in enumerate(self.column_names):
            if self._batches.is_list(place):
                frame.isetitem(place, self[name].to_numpy())
        return frame

    def to_polars(self) -> polars.DataFrame:
        """The table as a DataFrame of polars, without a copy."""
        import polars

        return polars.DataFrame(self)

    def plot(
        self,
        kind: Literal["n", "k", "questions"] | None = None,
        *,
        ax: matplotlib.axes.Axes | None = None,
    ) -> matplotlib.axes.Axes:
        """Draws the sets, which takes the package matplotlib.

        Args:
            kind: "n": r against n, a point for each set; "k": the best r by the size of sets; "questions":
                how often each question is among the sets. If not given, "k" where there are sets of several
                sizes, and else "n".
            ax: Where to draw; a figure of its own if not given.

        Returns:
            Where it was drawn.

        Raises:
            ImportError: matplotlib is not installed.
            ValueError: The table has no such columns, or no rows.
        """
        from k_corrset._plot import plot

        return plot(self, kind, ax=ax)

    # What Python asks of values

    def __eq__(self, other: object) -> bool:
        return self._batches.equals(other._batches) if isinstance(other, Table) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickled, (self._batches.to_ipc(),)

    def __copy__(self) -> Table:
        return self

    def __deepcopy__(self, memo: object) -> Table:
        return self

    def drawn(self) -> str:
        """All rows as text, drawn with lines; `repr` has the first 20."""
        return f"{self._batches.drawn()}\n{_counted(len(self))}"

    def __repr__(self) -> str:
        return f"{self.head(SHOWN)._batches.drawn()}\n{self._caption()}"

    def _repr_html_(self) -> str:
        """The first rows as a table of HTML, which notebooks show."""
        head = "".join(f"<th>{escape(name)}</th>" for name in self.column_names)
        rows = "".join(
            f"<tr>{''.join(f'<td>{escape(_cell(value))}</td>' for value in row)}</tr>" for row in self[:SHOWN]
        )
        return (
            f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
            f"<p>{escape(self._caption())}</p>"
        )

    def _caption(self) -> str:
        more = f", of which the first {SHOWN} are shown" if len(self) > SHOWN else ""
        return _counted(len(self)) + more


def _unpickled(ipc: bytes) -> Table:
    from k_corrset import _native

    return Table(_native.Batches.from_ipc(ipc))


def _counted(rows: int) -> str:
    return f"{rows} row{'' if rows == 1 else 's'}"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


class Column(Sequence[Any]):
    """A column of a table: a sequence of Python's own values. Of a list it has a tuple, of NULL it has None.

    NumPy takes it (`numpy.asarray(best["r"])`, so matplotlib and scikit-learn too), and whatever speaks
    Arrow's C stream interface (`polars.Series(best["r"])`, `pyarrow.chunked_array(best["r"])`).
    """

    __slots__ = ("__weakref__", "_batches", "_place", "_values")

    def __init__(self, batches: _native.Batches, place: int) -> None:
        self._batches = batches
        self._place = place
        self._values: list[Any] | None = None

    @property
    def name(self) -> str:
        """The column's name."""
        return self._batches.column_names[self._place]

    def to_pylist(self) -> list[Any]:
        """The values as a list."""
        return list(self._list())

    def to_numpy(self) -> numpy.ndarray[Any, Any]:
        """The values as an array of NumPy: of numbers, where NaN is undefined, and else of objects."""
        import numpy

        numbers = self._batches.numbers(self._place)
        if numbers is not None:
            kind, data = numbers
            return numpy.frombuffer(data, dtype=kind)
        values = numpy.empty(len(self), dtype=object)
        values[:] = self._list()
        return values

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> numpy.ndarray[Any, Any]:
        array = self.to_numpy()
        return array if dtype is None else array.astype(dtype, copy=False)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The values as a stream of Arrow, by its C data interface."""
        return self._batches.column_stream(self._place, requested_schema)

    def __len__(self) -> int:
        return len(self._batches)

    @overload
    def __getitem__(self, key: SupportsIndex) -> Any: ...
    @overload
    def __getitem__(self, key: slice) -> list[Any]: ...
    def __getitem__(self, key: Any) -> Any:
        return self._list()[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._list())

    def __eq__(self, other: object) -> bool:
        return self._list() == list(other) if isinstance(other, Sequence) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickled_column, (self._batches.select([self._place]).to_ipc(),)

    def __repr__(self) -> str:
        shown = [repr(value) for value in self._batches.slice(0, min(SHOWN, len(self))).values(self._place)]
        more = [f"… {len(self)} in all"] if len(self) > SHOWN else []
        return f"Column {self.name!r}: [{', '.join(shown + more)}]"

    def _list(self) -> list[Any]:
        if self._values is None:
            self._values = self._batches.values(self._place)
        return self._values


def _unpickled_column(ipc: bytes) -> Column:
    from k_corrset import _native

    return Column(_native.Batches.from_ipc(ipc), 0)
