"""Which set of k questions predicts overall performance best?

The data are rows of (user, question, score), or a row a user and a column a question. For every set
of k questions, `k_corrset` gives r, Pearson's correlation between users' totals on the set and their
grand totals, over the n users who answered all of the set. It looks at all sets, in nanoseconds each,
and sums integer scores exactly.

    >>> from k_corrset import k_corrset
    >>> best = k_corrset("scores.parquet", 5, top=10, min_users=15)
    >>> best.to_pandas()

* `k_corrset`: the sets of a table or a file.
* `connect`: a session of SQL that has `k_corrset(table, k)` as a table function.
* `udtf`: the same table function for a session of the package `datafusion`.
"""

from __future__ import annotations

import os
from _thread import interrupt_main
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Timer
from typing import TYPE_CHECKING, Any, Literal, Protocol

from k_corrset import _native
from k_corrset._native import Table, __version__

if TYPE_CHECKING:
    import datafusion

__all__ = ["Session", "Table", "__version__", "connect", "k_corrset", "udtf"]


class ArrowStream(Protocol):
    """Whatever speaks Arrow's C stream interface: tables of pyarrow, polars, pandas, DuckDB."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...


Data = ArrowStream | str | os.PathLike[str]
"""A table, or the path of a Parquet, CSV, JSON or Arrow file."""

Progress = bool | Callable[[int, int], object]
"""Whether to show a bar of tqdm; or what to call now and then with the number of sets done and of
all sets."""


def k_corrset(
    data: Data,
    k: int | Iterable[int] | None = None,
    *,
    sets: Data | Iterable[Iterable[Any]] | None = None,
    user: str | None = None,
    question: str | None = None,
    score: str | None = None,
    wide: bool = False,
    criterion: str | None = None,
    partition_by: str | Iterable[str] | None = None,
    min_users: int | None = None,
    top: int | None = None,
    include: Any = None,
    exclude: Any = None,
    corrected: bool = False,
    statistics: str | Iterable[str] | None = None,
    undefined: Literal["omit", "null"] = "omit",
    search: Literal["exact", "heuristic"] = "exact",
    effort: int | None = None,
    seed: int | None = None,
    threads: int | None = None,
    progress: Progress = False,
) -> Table:
    """All sets of k questions, or those that are given, each with r and n.

    Other threads of Python go on meanwhile, and Ctrl-C ends it. After an early end whoever makes the
    data finishes the batch in hand, and no more. Callbacks, signal handlers and makers of data may
    call it, too.

    Args:
        data: Rows with a user, a question and a score, or with a user and a column for each question
            (see `wide`): a table that speaks Arrow's C stream
            interface (pyarrow, polars, pandas, DuckDB), which is read once and batch by batch, on a
            thread of its own, or the path of a Parquet, CSV, JSON or Arrow file, of a folder of
            files, or, where there is nothing of that path, a pattern such as "scores*.parquet".
        k: How many questions a set has, 1 or more; or several of these, as in [5, 10] or
            range(1, 31).
        sets: Instead of k: the sets to look at, of any sizes, each once. A list of lists of questions; or a
            table, or the path of one, with one column of such lists, or with one named "questions", as a
            result has.
        user: Name of the column that says who answered; "user" if not given.
        question: Name of the column that says what was answered; "question" if not given.
        score: Name of the column that says how well; "score" if not given. A row whose score is null
            counts as not answered.
        wide: Whether each row is a user and each column a question, whose values are the scores; null
            counts as not answered. Only the column "user", or the one that `user` names, is no
            question; without one each row is a user of its own. An index of pandas that has a name is
            a column like any other, and one without is left out.
        criterion: Name of a column of numbers that sets are to predict in the place of the grand total,
            with the same value in all rows of a user. Users for whom it is null are left out.
        partition_by: Names of columns whose values tell partitions apart, such as courses: each is a table of
            its own, with its own grand totals and its own best. The columns stand first in the result; null
            is a value.
        min_users: Keep sets with an n of at least this.
        top: Keep only the best so many of each size: r descending, then n descending, then questions
            ascending; the rows come in this order, the smallest sets first. Without, there are as many
            rows as sets, which may be more than memory holds, and they come in any order.
        include: Questions that every set must contain: one, or any number of them.
        exclude: Questions that no set may contain. Grand totals stay over all questions.
        corrected: Correlate with the grand total less the set's own scores (item-rest).
        statistics: Further columns, any of "alpha" (Cronbach's; KR-20 of scores 0 and 1), "item_rest_r" (r
            with the set's own scores taken out of the total), "r_low" and "r_high" (the 95 % interval of
            r; sets of fewer than four users have none and are left out), "mean" and "sd" (of the totals
            on the set).
        undefined: What happens to sets without a defined r: "omit" leaves them out, "null" gives
            them a null.
        search: "exact" finds the sets that were asked for, all of them and no others; "heuristic" with
            `top` the best that local search finds, where there are too many sets to know.
        effort: How long local search goes on: 1, the default, for a second or two, and in proportion.
        seed: Where local search begins; the same seed and effort find the same rows.
        threads: How many threads may work; as many as there are cores if not given.
        progress: Whether to show a bar, which takes the package tqdm; or a function that is called
            with (sets done, all sets).

    Returns:
        A table of three columns, behind those of `partition_by`: `questions`, a list of the question
        column's type, ascending; `r`, a float; `n`, an integer. A heuristic has a fourth, `r_bound`: no
        set of as many questions has a larger r. Behind them stand the `statistics`, in the order given;
        null is undefined.

    Raises:
        ValueError: An argument that is out of range, a column that is not there, a user with two
            scores on one question: the text says what to write instead.
        TypeError: `data` is no table, or an option no value.
        FileNotFoundError: `data` is the path of nothing.
        RuntimeError: The process was forked from one that had used k_corrset.
        Exception: Whatever the maker of the data or `progress` raises.

    Warns:
        UserWarning: The data have no rows, as a reader has none when it is read a second time.

    Examples:
        >>> import pyarrow
        >>> exam = pyarrow.table({
        ...     "user": ["ann", "ann", "bob", "bob", "cyd", "cyd"],
        ...     "question": ["q1", "q2", "q1", "q2", "q1", "q2"],
        ...     "score": [1, 1, 0, 1, 0, 0],
        ... })
        >>> k_corrset(exam, 1, top=1)
        +-----------+--------------------+---+
        | questions | r                  | n |
        +-----------+--------------------+---+
        | [q1]      | 0.8660254037844387 | 3 |
        +-----------+--------------------+---+
        1 rows
        >>> exam = pyarrow.table({
        ...     "user": ["ann", "bob", "cyd"],
        ...     "q1": [1, 0, 0],
        ...     "q2": [1, 1, 0],
        ... })
        >>> k_corrset(exam, 1, top=1, wide=True)
        +-----------+--------------------+---+
        | questions | r                  | n |
        +-----------+--------------------+---+
        | [q1]      | 0.8660254037844387 | 3 |
        +-----------+--------------------+---+
        1 rows
    """
    options = {
        "user": user,
        "question": question,
        "score": score,
        "wide": wide,
        "criterion": criterion,
        "partition_by": partition_by,
        "min_users": min_users,
        "top": top,
        "include": include,
        "exclude": exclude,
        "corrected": corrected,
        "statistics": statistics,
        "undefined": undefined,
        "search": search,
        "effort": effort,
        "seed": seed,
    }
    given = [(name, value) for name, value in options.items() if value is not None]
    with _watcher(progress) as watcher:
        return _native.Session(threads, None).k_corrset(data, k, given, sets, watcher)


class Session:
    """A session of SQL; `connect` makes one."""

    def __init__(self, threads: int | None = None, memory_limit: int | None = None) -> None:
        self._session = _native.Session(threads, memory_limit)

    def sql(self, query: str, *, progress: Progress = False) -> Table:
        """Runs one statement of SQL.

        Args:
            query: The statement. Files are tables by their path, in single quotes.
            progress: As for `k_corrset`.

        Returns:
            The rows. What the query says of `k_corrset(table, k)` reaches into its sweep: filters,
            ORDER BY with LIMIT, which columns there are.

        Raises:
            ValueError: What is wrong with the query or the data.
            MemoryError: The session's memory limit does not suffice.
            Exception: Whatever `progress` raises.
        """
        with _watcher(progress) as watcher:
            return self._session.sql(query, watcher)

    def register(self, name: str, data: Data) -> None:
        """Makes data known as a table; one of that name is replaced.

        Args:
            name: The table's name, in the letter case that SQL will find it by: lower case,
                unless queries put it in double quotes.
            data: A table, whose batches are kept as they are now; or a path, which is read by
                each query anew.

        Raises:
            TypeError: `data` is no table.
            FileNotFoundError: `data` is the path of nothing.
            Exception: Whatever the maker of the data raises.

        Warns:
            UserWarning: The data have no rows, as a reader has none when it is read a second time.
        """
        self._session.register(name, data)


def connect(*, threads: int | None = None, memory_limit: int | None = None) -> Session:
    """A session of SQL that has `k_corrset(table, k)`.

    Args:
        threads: How many threads its queries may use; as many as there are cores if not given.
        memory_limit: How many bytes its queries may hold; a query that wants more is an error.

    Examples:
        >>> session = connect()
        >>> session.register("scores", scores)
        >>> session.sql("SELECT * FROM k_corrset(scores, 5) WHERE n >= 15 ORDER BY r DESC LIMIT 10")
    """
    return Session(threads, memory_limit)


def udtf(name: str = "k_corrset") -> datafusion.TableFunction:
    """The table function for a session of the package `datafusion` (55).

        >>> ctx = datafusion.SessionContext()
        >>> ctx.register_udtf(k_corrset.udtf())
        >>> ctx.sql("SELECT * FROM k_corrset(scores, 5, {'top': 10, 'min_users': 15})")

    The table is named by an identifier or a string, and options are a struct in third place. The
    host's filters, columns and LIMIT reach into the sweep, its sorts do not: `top` says what
    ORDER BY with LIMIT would, which without it looks at the rows of all sets.

    Args:
        name: Under which name to register it.
    """
    import datafusion

    def sets(*arguments: datafusion.Expr, session: datafusion.SessionContext) -> _native.HostSets:
        try:
            return planned(*arguments, session=session)
        except KeyboardInterrupt:
            # While it plans, the host makes an error of it, and while it waits for rows it does not.
            Timer(0.05, interrupt_main).start()
            return planned(*arguments, session=session)

    def planned(*arguments: datafusion.Expr, session: datafusion.SessionContext) -> _native.HostSets:
        if len(arguments) not in (2, 3):
            message = (
                f"{name} takes a table, k, and then options, "
                f"as in {name}(scores, 5, {{'min_users': 30}}); got {len(arguments)} argument(s)"
            )
            raise ValueError(message)
        table, *others = arguments
        k, *options = [other.python_value().as_py() for other in others]
        if isinstance(k, dict) and not options:
            # With sets among the options there is no k.
            k, options = None, [k]
        values = options[0] if options else {}
        if not isinstance(values, dict):
            got = str(others[-1])[:200]
            message = f"{name}: options are a struct, as in {{'min_users': 30, 'top': 100}}; got {got}"
            raise ValueError(message)
        # The host is planning, on a thread that cannot wait for what its catalogs say.
        with ThreadPoolExecutor(max_workers=1) as elsewhere:
            rows = elsewhere.submit(session.table, _table_name(table)).result()
        return _native.HostSets(rows, rows.schema(), k, list(values.items()))

    return datafusion.udtf(sets, name, with_session=True)


def _table_name(argument: datafusion.Expr) -> str:
    """A table's name as SQL writes it, given by an identifier or a string."""
    if argument.variant_name() != "Column":
        return str(argument.python_value().as_py())
    column = argument.to_variant()
    path = [*(column.relation() or "").split("."), column.name()]
    return ".".join('"' + part.replace('"', '""') + '"' for part in path if part)


@contextmanager
def _watcher(progress: Progress) -> Iterator[Callable[[int, int], object] | None]:
    """What is to be called with the number of sets done and of all sets, if anything."""
    if progress is False or progress is None:
        yield None
    elif callable(progress):
        yield progress
    elif progress is not True:
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
