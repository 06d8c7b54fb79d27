"""A result while it is made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from k_corrset._closing import Closing
from k_corrset._columns import Columns
from k_corrset._progress import Progress, watcher
from k_corrset._table import Table

if TYPE_CHECKING:
    from k_corrset import _native


class Stream(Columns["_native.BatchStream"], Closing, Iterator[Table]):
    """Rows in batches as they are found, while somebody asks: memory does not grow with their number.

    It is read once: in a loop, or by whatever speaks Arrow's C stream interface, such as
    `pyarrow.RecordBatchReader.from_stream(sets)`. The query ends with the last batch, with the `with` block,
    by `close`, with the last reference to it, or by Ctrl-C.

        >>> with stream(exam, 2) as sets:
        ...     rows = sum(len(batch) for batch in sets)
    """

    __slots__ = ("__weakref__", "_batches", "_open", "_watching")

    def __init__(self, batches: _native.BatchStream, progress: Progress) -> None:
        self._batches = batches
        self._open = ExitStack()
        self._watching = self._open.enter_context(watcher(progress))

    def __iter__(self) -> Stream:
        return self

    def __next__(self) -> Table:
        batches = self._batches.next(self._watching)
        if batches is None:
            self.close()
            raise StopIteration
        return Table(batches)

    def close(self) -> None:
        """Ends the query. There are no more batches after that."""
        self._batches.close()
        self._open.close()

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> Any:
        """What is left of the rows, as a stream of Arrow."""
        return self._batches.__arrow_c_stream__(requested_schema)

    def __repr__(self) -> str:
        return f"<k_corrset.Stream of {', '.join(self.column_names)}>"
