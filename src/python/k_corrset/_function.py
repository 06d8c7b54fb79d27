"""The sets of some data."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, Literal, ParamSpec, SupportsIndex, TypeVar

from k_corrset import _native
from k_corrset._arguments import name, names, sizes
from k_corrset._arguments import threads as threads_of
from k_corrset._data import Data, as_rows, as_table, kind_of
from k_corrset._progress import Progress, watcher
from k_corrset._stream import Stream
from k_corrset._table import Table

ColumnName = str | SupportsIndex
"""Columns of pandas may have integers for names."""

P = ParamSpec("P")
T = TypeVar("T")


def k_corrset(
    data: Data,
    k: SupportsIndex | Iterable[SupportsIndex] | None = None,
    *,
    sets: Data | Iterable[Iterable[Any]] | None = None,
    user: ColumnName | None = None,
    question: ColumnName | None = None,
    score: ColumnName | None = None,
    wide: bool = False,
    criterion: ColumnName | None = None,
    partition_by: ColumnName | Iterable[ColumnName] | None = None,
    min_users: SupportsIndex | None = None,
    top: SupportsIndex | None = None,
    include: Any = None,
    exclude: Any = None,
    corrected: bool = False,
    statistics: str | Iterable[str] | None = None,
    undefined: Literal["omit", "null"] = "omit",
    search: Literal["exact", "heuristic"] = "exact",
    effort: SupportsIndex | None = None,
    seed: SupportsIndex | None = None,
    threads: SupportsIndex | None = None,
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
            thread of its own; a LazyFrame of polars or a Dataset of pyarrow; a dict of columns or a list of
            dicts; or the path of a Parquet, CSV, JSON or Arrow file, of a folder of files, or, where there is
            nothing of that path, a pattern such as "scores*.parquet"; or a list of paths.
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
        threads: How many threads may work, 1,024 at most; as many as there are cores if not given.
        progress: Whether to show a bar, which takes the package tqdm; or a function that is called
            with (sets done, all sets).

    Returns:
        A `Table` of three columns, behind those of `partition_by`: `questions`, a list of the question
        column's type, ascending; `r`, a float; `n`, an integer. A heuristic has a fourth, `r_bound`: no
        set of as many questions has a larger r. Behind them stand the `statistics`, in the order given;
        null is undefined.

    Raises:
        ValueError: An argument that is out of range, a column that is not there, a user with two
            scores on one question: the text says what to write instead.
        TypeError: `data` is no table, k no integer, or an option no value.
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
        1 row
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
        1 row
    """
    session, call = _prepared(locals())
    with watcher(progress) as watching:
        return Table(session.k_corrset(**call, watcher=watching))


def _with_the_arguments_of(
    function: Callable[P, Any],
) -> Callable[[Callable[[dict[str, Any]], T]], Callable[P, T]]:
    """What takes the arguments of another function, by name."""

    def decorate(taker: Callable[[dict[str, Any]], T]) -> Callable[P, T]:
        signature = inspect.signature(function)

        @wraps(taker)
        def call(*arguments: P.args, **options: P.kwargs) -> T:
            bound = signature.bind(*arguments, **options)
            bound.apply_defaults()
            return taker(bound.arguments)

        call.__signature__ = signature.replace(return_annotation="Stream")  # type: ignore[attr-defined]
        return call

    return decorate


@_with_the_arguments_of(k_corrset)
def stream(arguments: dict[str, Any]) -> Stream:
    """The same sets, with the same arguments as `k_corrset`, batch by batch as they are found.

    Without `top` there are as many rows as sets, which may be more than memory holds.

    Returns:
        A `Stream`, to loop over for tables of some thousands of rows each.

        >>> with stream(exam, 2) as sets:
        ...     rows = sum(len(batch) for batch in sets)
    """
    session, call = _prepared(arguments)
    return Stream(session.stream_k_corrset(**call), arguments["progress"])


def _prepared(arguments: dict[str, Any]) -> tuple[_native.Session, dict[str, Any]]:
    """The session and the arguments of a call as the compiled half takes them."""
    options = dict(arguments)
    data, k, sets = options.pop("data"), sizes(options.pop("k")), options.pop("sets")
    if k is None and sets is None:
        raise TypeError(
            "k_corrset: k is missing: say how many questions a set has, as in k_corrset(scores, 5), or which "
            "sets there are, as in k_corrset(scores, sets=[['q1', 'q2']])"
        )
    session = _native.Session(threads_of(options.pop("threads")), None)
    del options["progress"]
    for option in ("user", "question", "score", "criterion"):
        options[option] = name(option, options[option])
    options["partition_by"] = names("partition_by", options["partition_by"])
    given = [(option, value) for option, value in options.items() if value is not None]
    call = {"data": as_table(data), "kind": kind_of(data), "k": k, "options": given, "sets": as_rows(sets)}
    return session, call
