"""What is compiled."""

from collections.abc import Callable
from typing import Any, final

import pandas
import polars
import pyarrow  # type: ignore[import-untyped]

__version__: str

def shut_down() -> None:
    """Ends all queries, and waits a moment for the threads that run others' code for them."""

@final
class Table:
    """The rows of a query as Arrow has them.

    Whatever speaks Arrow's C stream interface takes it without a copy: `pyarrow.table(best)`,
    `polars.DataFrame(best)`, `duckdb.sql("FROM best")`.
    """

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...
    def __arrow_c_schema__(self) -> object: ...
    def __len__(self) -> int: ...
    @property
    def num_rows(self) -> int:
        """How many rows there are."""
    @property
    def column_names(self) -> list[str]:
        """The names of the columns."""
    def to_arrow(self) -> pyarrow.Table:
        """The table as one of pyarrow, without a copy."""
    def to_pandas(self) -> pandas.DataFrame:
        """The table as a DataFrame of pandas, by way of pyarrow."""
    def to_polars(self) -> polars.DataFrame:
        """The table as a DataFrame of polars, without a copy."""

@final
class Session:
    def __new__(cls, threads: int | None, memory_limit: int | None) -> Session: ...
    def sql(self, query: str, watcher: Callable[[int, int], object] | None = None) -> Table: ...
    def register(self, name: str, data: Any) -> None: ...
    def k_corrset(
        self,
        data: Any,
        k: Any,
        options: list[tuple[str, Any]],
        sets: Any = None,
        watcher: Callable[[int, int], object] | None = None,
    ) -> Table: ...

@final
class HostSets:
    def __new__(cls, data: Any, schema: Any, k: Any, options: list[tuple[str, Any]]) -> HostSets: ...
    def __datafusion_table_provider__(self, session: object) -> object: ...
