"""What `Table.plot` draws."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from k_corrset._table import Table

Kind = Literal["n", "k", "questions"]
"""What is drawn: r against n, the best r by k, or how often each question is among the sets."""

COLUMNS: dict[str, list[str]] = {"n": ["n", "r"], "k": ["questions", "r"], "questions": ["questions"]}
"""The columns that each kind is drawn from."""

MOST_BARS = 30
"""How many questions have a bar."""

MANY_POINTS = 1_000
"""Of more points each is smaller, and a vector format gets an image of them."""


def plot(best: Table, kind: Kind | None = None, *, ax: Axes | None = None) -> Axes:
    """Draws the sets of a result with matplotlib.

    Rows whose r is null are left out. Those of all partitions are drawn alike.

    Args:
        best: The result.
        kind: "n": r against n, a point for each set; "k": the best r by the size of sets; "questions": how
            often each question is among the sets, for the 30 that are most often. If not given, "k" where
            there are sets of several sizes, and else "n".
        ax: Where to draw; a figure of its own, one of pyplot, if not given.

    Returns:
        Where it was drawn.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: There is no such kind, or the table has no such columns, or no rows.
    """
    if kind is None:
        kind = "k" if _has_several_sizes(best) else "n"
    if kind not in COLUMNS:
        raise ValueError(f"k_corrset: kind must be 'n', 'k' or 'questions'; got {kind!r}")
    rows = _rows(best, kind)
    if ax is None:
        ax = _new_axes()
    if kind == "n":
        _draw_r_by_n(ax, rows)
    elif kind == "k":
        _draw_best_r_by_k(ax, rows)
    else:
        _draw_questions(ax, rows)
    return ax


def _has_several_sizes(best: Table) -> bool:
    return "questions" in best.column_names and len(set(map(len, best["questions"]))) > 1


def _rows(best: Table, kind: Kind) -> list[tuple[Any, ...]]:
    """The values of the columns that a kind is drawn from, and of r, in the rows where none is null."""
    names, columns = best.column_names, COLUMNS[kind]
    if not set(columns) <= set(names):
        raise ValueError(
            f"k_corrset: plot(kind={kind!r}) takes the columns {_listed(columns)}; the table's are "
            f"{_listed(names)}"
        )
    if "r" in names and "r" not in columns:
        columns = [*columns, "r"]
    rows = [row for row in zip(*(best[name] for name in columns), strict=True) if None not in row]
    if not rows:
        nulls = f", as each of its {len(best)} has a null in {_listed(columns)}" if len(best) else ""
        raise ValueError(f"k_corrset: the table has no rows to plot{nulls}")
    return rows


def _listed(names: list[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _new_axes() -> Axes:
    try:
        from matplotlib import pyplot
    except ImportError as error:
        message = "k_corrset: plot draws with matplotlib, which is not installed: pip install matplotlib"
        raise ImportError(message) from error

    return pyplot.subplots(layout="constrained")[1]


def _draw_r_by_n(ax: Axes, rows: list[tuple[Any, ...]]) -> None:
    import numpy

    # Of lists, matplotlib looks at the values one by one.
    n, r = numpy.array(rows).T
    if len(rows) > MANY_POINTS:
        ax.scatter(n, r, s=4, alpha=0.3, linewidths=0, rasterized=True)
    else:
        ax.scatter(n, r, s=16, alpha=0.7, linewidths=0)
    ax.set(xlabel="n: users who answered all of the set", ylabel="r")


def _draw_best_r_by_k(ax: Axes, rows: list[tuple[Any, ...]]) -> None:
    best: dict[int, float] = {}
    for questions, r in rows:
        k = len(questions)
        best[k] = max(r, best.get(k, r))
    sizes = sorted(best)
    ax.plot(sizes, [best[k] for k in sizes], marker="o", markersize=4)
    ax.set(xlabel="k: questions of the set", ylabel="r of the best set")
    _whole_numbers(ax)


def _draw_questions(ax: Axes, rows: list[tuple[Any, ...]]) -> None:
    sets = Counter(question for questions, *_ in rows for question in questions)
    # Of those that are equally often, the ones that come first.
    most = sets.most_common(MOST_BARS)
    places = range(len(most))
    ax.barh(places, [count for _, count in most])
    ax.set_yticks(places, labels=[str(question) for question, _ in most])
    ax.yaxis.set_inverted(True)
    of_all = f", {len(most)} of {len(sets)}" if len(most) < len(sets) else ""
    ax.set(xlabel=f"sets with the question, of {len(rows)}", ylabel=f"question{of_all}")
    _whole_numbers(ax)


def _whole_numbers(ax: Axes) -> None:
    """Numbers the horizontal axis without fractions."""
    from matplotlib.ticker import MaxNLocator

    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
