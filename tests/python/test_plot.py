"""What is drawn of a result, by the data that the axes hold."""

import subprocess
import sys
from collections import Counter
from typing import Any

import k_corrset as package
import matplotlib
import numpy
import pyarrow
import pytest
from conftest import definition
from k_corrset import k_corrset
from matplotlib import pyplot
from matplotlib.figure import Figure

matplotlib.use("agg")


@pytest.fixture
def ax() -> Any:
    return Figure().subplots()


@pytest.fixture
def session() -> Any:
    return package.connect()


def points(ax: Any) -> Any:
    """The points of a scatter plot, in no order."""
    (dots,) = ax.collections
    return sorted(map(tuple, dots.get_offsets().tolist()))


def line(ax: Any) -> Any:
    (curve,) = ax.lines
    return list(zip(*curve.get_data(), strict=True))


def bars(ax: Any) -> Any:
    """The labels and lengths of bars, from the top."""
    labels = [label.get_text() for label in ax.get_yticklabels()]
    lengths = [(bar.get_y(), bar.get_width()) for bar in ax.patches]
    places = ax.get_yticks()
    assert [y + 0.4 for y, _ in lengths] == pytest.approx(places), "each bar is at its label"
    from_top = sorted(range(len(labels)), key=lambda place: -ax.transData.transform((0, places[place]))[1])
    return [(labels[place], lengths[place][1]) for place in from_top]


def drawn(ax: Any) -> Any:
    """That it can be drawn at all."""
    ax.figure.canvas.draw()
    return ax


def test_r_is_drawn_against_n(rows: Any, ax: Any) -> None:
    best = k_corrset(rows, 3)
    assert best.plot("n", ax=ax) is ax
    expected = sorted((n, r) for r, n in definition(rows, 3).values())
    assert numpy.array(points(drawn(ax))) == pytest.approx(numpy.array(expected))
    assert ax.get_xlabel().startswith("n") and ax.get_ylabel() == "r"


def test_the_best_r_of_each_size_is_drawn(rows: Any, ax: Any) -> None:
    # In any order: the sets of 4 are not behind those of 1.
    k_corrset(rows, [4, 1, 2]).plot("k", ax=ax)
    expected = [(k, max(r for r, _ in definition(rows, k).values())) for k in (1, 2, 4)]
    assert line(drawn(ax)) == [(k, pytest.approx(r)) for k, r in expected]
    assert ax.get_xlabel().startswith("k") and "r" in ax.get_ylabel()
    low, high = ax.get_xlim()
    assert all(tick == int(tick) for tick in ax.get_xticks() if low <= tick <= high)


def test_the_best_r_may_be_below_0(session: Any, ax: Any) -> None:
    session.register("sets", {"a": [1, 2, 3], "r": [-0.5, -0.25, -0.75]})
    session.sql("SELECT [a] AS questions, r FROM sets").plot("k", ax=ax)
    assert line(ax) == [(1, -0.25)]


def test_questions_have_a_bar_each_and_the_most_frequent_is_on_top(rows: Any, ax: Any) -> None:
    best = k_corrset(rows, 3, top=20)
    best.plot("questions", ax=ax)
    counts = Counter(question for row in best.to_pylist() for question in row["questions"])
    found = bars(drawn(ax))
    assert dict(found) == counts
    assert [count for _, count in found] == sorted(counts.values(), reverse=True)
    assert "20" in ax.get_xlabel() and ax.get_ylabel() == "question"


def test_at_most_thirty_questions_have_a_bar(ax: Any) -> None:
    questions = [f"q{number:02}" for number in range(40)]
    exam = {question: [number % 2, 1, 0, 3] for number, question in enumerate(questions)}
    best = k_corrset(exam, 1, wide=True)
    best.plot("questions", ax=ax)
    assert len(bars(ax)) == 30 and "30 of 40" in ax.get_ylabel()


def test_questions_of_equal_frequency_stand_in_the_order_of_the_rows(session: Any, ax: Any) -> None:
    session.register("sets", {"r": [0.9, 0.8, 0.7, 0.6], "a": [7, 3, 5, 5], "b": [2, 9, 2, 9]})
    session.sql("SELECT [a, b] AS questions, r FROM sets ORDER BY r DESC").plot("questions", ax=ax)
    assert bars(ax) == [("2", 2), ("9", 2), ("5", 2), ("7", 1), ("3", 1)]


def test_without_a_kind_it_is_k_where_sizes_differ_and_else_n(rows: Any, session: Any, ax: Any) -> None:
    k_corrset(rows, [1, 2], top=3).plot(ax=ax)
    assert len(line(ax)) == 2 and not ax.collections
    other = Figure().subplots()
    k_corrset(rows, 2, top=3).plot(ax=other)
    assert len(points(other)) == 3 and not other.lines
    other = Figure().subplots()
    session.register("rows", {"r": [0.5, 0.4], "n": [9, 8]})
    session.sql("SELECT * FROM rows").plot(ax=other)
    assert points(other) == [(8, 0.4), (9, 0.5)]


@pytest.mark.parametrize("kind", ["n", "k", "questions"])
def test_rows_without_r_are_left_out(kind: Any, ax: Any) -> None:
    exam: Any = {"user": [1, 1, 2, 2, 3], "question": ["a", "b", "a", "b", "c"], "score": [1, 0, 2, 1, 1]}
    best = k_corrset(exam, [1, 2], undefined="null")
    without = {row["questions"] for row in best.to_pylist() if row["r"] is None}
    assert without == {("c",), ("a", "c"), ("b", "c")}
    best.plot(kind, ax=ax)
    if kind == "n":
        assert points(ax) == [(2, pytest.approx(1))] * 3
    elif kind == "k":
        assert line(ax) == [(1, pytest.approx(1)), (2, pytest.approx(1))]
    else:
        assert sorted(bars(ax)) == [("a", 2), ("b", 2)]


def test_all_partitions_are_drawn(rows: Any, ax: Any) -> None:
    courses = rows.assign(course=rows["user"].str[-1].astype(int) % 2)
    best = k_corrset(courses, 2, partition_by="course")
    best.plot(ax=ax)
    assert len(points(ax)) == len(best) > len(k_corrset(rows, 2))


def test_questions_need_no_other_column(rows: Any, session: Any, ax: Any) -> None:
    session.register("scores", rows)
    session.sql("SELECT questions FROM k_corrset(scores, 3)").plot("questions", ax=ax)
    assert dict(bars(ax)) == Counter(question for questions in definition(rows, 3) for question in questions)


def test_many_points_are_small_and_an_image(session: Any, ax: Any) -> None:
    table: Any = {"n": list(range(1_001)), "r": [0.5] * 1_001}
    session.register("many", table)
    session.register("few", {name: values[:1_000] for name, values in table.items()})
    session.sql("SELECT * FROM many").plot("n", ax=ax)
    many: Any = ax.collections[0]
    other = Figure().subplots()
    session.sql("SELECT * FROM few").plot("n", ax=other)
    few: Any = other.collections[0]
    assert many.get_rasterized() and not few.get_rasterized()
    assert many.get_sizes() < few.get_sizes()


def test_a_million_rows_are_drawn(session: Any, ax: Any) -> None:
    numbers = numpy.arange(1_000_000)
    session.register("many", pyarrow.table({"n": numbers, "r": numbers / 1e6}))
    session.sql("SELECT * FROM many").plot("n", ax=ax)
    assert ax.collections[0].get_offsets().shape == (1_000_000, 2)
    drawn(ax)


def test_only_without_axes_there_is_a_figure_of_pyplot(rows: Any, ax: Any) -> None:
    pyplot.close("all")
    settings = dict(matplotlib.rcParams)
    best = k_corrset(rows, 2)
    best.plot(ax=ax)
    assert pyplot.get_fignums() == []
    own = best.plot()
    assert [pyplot.figure(number) for number in pyplot.get_fignums()] == [own.figure]
    assert points(own) == points(ax)
    assert best.plot() is not own, "each call has a figure of its own"
    assert dict(matplotlib.rcParams) == settings
    pyplot.close("all")


@pytest.mark.parametrize(
    ("query", "kind", "text"),
    [
        ("SELECT questions, r, n FROM best", "r", "kind must be 'n', 'k' or 'questions'; got 'r'"),
        ("SELECT questions FROM best", "n", r"plot\(kind='n'\) takes the columns 'n', 'r'; .* 'questions'$"),
        ("SELECT questions, n FROM best", "k", "takes the columns 'questions', 'r'; the table's are"),
        ("SELECT r, n FROM best", "questions", "takes the columns 'questions'; the table's are 'r', 'n'"),
        ("SELECT 1 AS one", None, "takes the columns 'n', 'r'; the table's are 'one'"),
        ("SELECT questions, r, n FROM best WHERE n < 0", "n", "the table has no rows to plot$"),
        ("SELECT questions, r, n FROM best WHERE n < 0", None, "the table has no rows to plot$"),
        ("SELECT n, NULLIF(r, r) AS r FROM best", "n", "plot, as each of its 36 has a null in 'n', 'r'$"),
    ],
)
def test_what_cannot_be_drawn_is_told_and_leaves_no_figure(
    rows: Any, session: Any, query: Any, kind: Any, text: Any
) -> None:
    pyplot.close("all")
    session.register("best", k_corrset(rows, 2))
    with pytest.raises(ValueError, match=text):
        session.sql(query).plot(kind)
    assert pyplot.get_fignums() == []


def test_matplotlib_is_imported_when_it_is_needed(monkeypatch: pytest.MonkeyPatch, rows: Any) -> None:
    names = "import k_corrset._plot, sys; print('matplotlib' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", names], capture_output=True, text=True, check=True)
    assert shown.stdout == "False\n"
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match="pip install matplotlib"):
        k_corrset(rows, 2).plot()
