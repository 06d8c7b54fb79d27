"""What a result tells of its columns, whether it is there or being made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    import pyarrow

    from k_corrset import _native


B = TypeVar("B", bound="_native.Batches | _native.BatchStream")


class Columns(Generic[B]):
    """Something with columns, whose rows the compiled half has."""

    __slots__ = ()

    _batches: B

    @property
    def column_names(self) -> list[str]:
        """The names of the columns."""
        return self._batches.column_names

    @property
    def schema(self) -> pyarrow.Schema:
        """The names and types of the columns, as pyarrow has them."""
        import pyarrow

        return pyarrow.schema(self)

    def __arrow_c_schema__(self) -> object:
        """The names and types of the columns, by Arrow's C data interface."""
        return self._batches.__arrow_c_schema__()
