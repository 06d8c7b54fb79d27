"""How far a query is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Progress = bool | Callable[[int, int], object]
"""Whether to show a bar of tqdm; or what to call now and then with the number of sets done and of
all sets."""


@contextmanager
def watcher(progress: Progress) -> Iterator[Callable[[int, int], object] | None]:
    """What is to be called with the number of sets done and of all sets, if anything.

    Raises:
        TypeError: It is neither a bool nor a function.
        ImportError: A bar is wanted, and tqdm is not installed.
    """
    if callable(progress):
        yield progress
    elif progress is None or (type(progress).__name__ in ("bool", "bool_") and not progress):
        yield None
    elif type(progress).__name__ not in ("bool", "bool_"):
        raise TypeError(
            f"k_corrset: progress must be True, False or a function; got a {type(progress).__name__}"
        )
    else:
        try:
            from tqdm.auto import tqdm
        except ImportError as error:
            message = "k_corrset: progress=True shows a bar of tqdm, which is not installed: pip install tqdm"
            raise ImportError(message) from error

        with tqdm(unit=" sets", unit_scale=True) as bar:

            def show(done: int, expected: int) -> None:
                bar.total = expected
                bar.update(done - bar.n)

            yield show
            if bar.total:
                bar.update(bar.total - bar.n)
