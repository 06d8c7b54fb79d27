"""A session of SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, SupportsIndex

from k_corrset import _native
from k_corrset._arguments import size_in_bytes
from k_corrset._arguments import threads as threads_of
from k_corrset._closing import Closing
from k_corrset._data import Data, as_table
from k_corrset._progress import Progress, watcher
from k_corrset._stream import Stream
from k_corrset._table import Table

Parameters = Sequence[Any] | Mapping[str, Any]
"""Values for $1, $2 and so on, or for $name."""


class Session(Closing):
    """A session of SQL; `connect` makes one.

    All sessions share the threads of one runtime. One that is closed, by `close` or by a `with` block, lets
    go of its tables.
    """

    def __init__(
        self, threads: SupportsIndex | None = None, memory_limit: SupportsIndex | str | None = None
    ) -> None:
        self._open: _native.Session | None = _native.Session(threads_of(threads), size_in_bytes(memory_limit))

    @property
    def _session(self) -> _native.Session:
        if self._open is None:
            raise ValueError("k_corrset: the session is closed; connect() opens another")
        return self._open

    def sql(self, query: str, parameters: Parameters | None = None, *, progress: Progress = False) -> Table:
        """Runs statements of SQL, one after the other.

        Args:
            query: One statement, or several with semicolons between them. Files are tables by their path, in
                single quotes.
            parameters: A value for each $1, $2 and so on of the query, in a list; or for each $name, in a
                dict.
            progress: As for `k_corrset`.

        Returns:
            The rows of the last statement. What it says of `k_corrset(table, k)` reaches into its sweep:
            filters, ORDER BY with LIMIT, which columns there are.

        Raises:
            ValueError: What is wrong with the query or the data.
            MemoryError: The session's memory limit does not suffice for the query and its result.
            Exception: Whatever `progress` raises.

        Examples:
            >>> session.sql("SELECT * FROM k_corrset(scores, $1) WHERE n >= $2", [3, 15])
            >>> session.sql("SELECT * FROM k_corrset(scores, $k)", {"k": 3})
        """
        with watcher(progress) as watching:
            return Table(self._session.sql(query, parameters, watching))

    def stream(
        self, query: str, parameters: Parameters | None = None, *, progress: Progress = False
    ) -> Stream:
        """Like `sql`, with the rows of the last statement batch by batch as they are found."""
        return Stream(self._session.stream(query, parameters), progress)

    def explain(self, query: str, parameters: Parameters | None = None, *, analyze: bool = False) -> str:
        """How a query is run: its plan, as text.

        Args:
            query: The query.
            parameters: As for `sql`.
            analyze: Whether to run it, and tell what each part of the plan took.

        Raises:
            ValueError: What is wrong with the query; or that there are several.
        """
        keyword = "EXPLAIN ANALYZE" if analyze else "EXPLAIN"
        plans = Table(self._session.sql(f"{keyword} {query}", parameters))
        if plans.column_names != ["plan_type", "plan"]:
            raise ValueError("k_corrset: explain takes one query, and no statements behind it")
        return "\n".join(plans["plan"])

    def register(self, name: str, data: Data) -> None:
        """Makes data known as a table; one of that name is replaced.

        Args:
            name: The table's name, in the letter case that SQL will find it by: lower case,
                unless queries put it in double quotes.
            data: As for `k_corrset`. Of a table, the batches are kept as they are now; a path is read by
                each query anew.

        Raises:
            TypeError: `data` is no table.
            FileNotFoundError: `data` is the path of nothing.
            Exception: Whatever the maker of the data raises.

        Warns:
            UserWarning: The data have no rows, as a reader has none when it is read a second time.
        """
        self._session.register(name, as_table(data))

    def deregister(self, name: str) -> None:
        """Forgets a table.

        Raises:
            KeyError: There is none of that name.
        """
        if not self._session.deregister(name):
            known = ", ".join(f"'{table}'" for table in self.tables()[:20]) or "none"
            raise KeyError(f"k_corrset: there is no table '{name:.100}'; the tables are {known}")

    def tables(self) -> list[str]:
        """The names of the tables that are registered or were created, ascending."""
        return self._session.tables()

    def close(self) -> None:
        """Lets go of the tables. Queries that run go on to their end; there are no others after that."""
        self._open = None

    def __repr__(self) -> str:
        if self._open is None:
            return "<k_corrset.Session, closed>"
        return f"<k_corrset.Session with the tables {self.tables()}>"


def connect(
    *, threads: SupportsIndex | None = None, memory_limit: SupportsIndex | str | None = None
) -> Session:
    """A session of SQL that has `k_corrset(table, k)`.

    Args:
        threads: How many threads its queries may use, 1,024 at most; as many as there are cores if not given.
        memory_limit: How many bytes its queries may hold with their results, as a number or a text such as
            "2g"; a query that wants more is an error.

    Examples:
        >>> with connect(memory_limit="2g") as session:
        ...     session.register("scores", scores)
        ...     best = session.sql("SELECT * FROM k_corrset(scores, 5) ORDER BY r DESC LIMIT 10")
    """
    return Session(threads, memory_limit)
