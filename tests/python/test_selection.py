"""The feature selector, against all sets of columns as numpy correlates them."""

import doctest
import subprocess
import sys
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy
import pandas
import polars
import pytest
from k_corrset import k_corrset, selection
from k_corrset.selection import BestSubsetSelector
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks


def answers(
    users: int = 60, questions: int = 8, levels: int = 3, answered: float = 0.8, seed: int = 1
) -> Any:
    """Random scores, with NaN where a user left a question out."""
    random = numpy.random.default_rng(seed)
    skill = random.normal(size=(users, 1))
    scores = random.normal(skill + levels / 2, 1.5, size=(users, questions)).round().clip(0, levels)
    scores[random.random(scores.shape) > answered] = numpy.nan
    return scores


def grades(users: int = 60, seed: int = 2) -> Any:
    return numpy.random.default_rng(seed).normal(size=users)


def every_set(X: Any, k: Any, y: Any = None, *, min_users: int = 2, corrected: bool = False) -> Iterator[Any]:
    """(r, n, columns) of all sets that have an r, as the definition has it."""
    X = numpy.asarray(X, dtype=float)
    for columns in combinations(range(X.shape[1]), k):
        users = ~numpy.isnan(X[:, columns]).any(axis=1)
        a = X[users][:, columns].sum(axis=1)
        b = numpy.nansum(X[users], axis=1) if y is None else numpy.asarray(y, dtype=float)[users]
        b = b - a if corrected else b
        if len(a) >= min_users and len(set(a)) > 1 and len(set(b)) > 1:
            yield numpy.corrcoef(a, b)[0, 1], len(a), columns


def selected(selector: Any) -> Any:
    """The positions of the selected columns."""
    return selector.get_support(indices=True).tolist()


def assert_best(selector: Any, sets: Any) -> None:
    """That it has the best of these sets, and that no second one comes near in r."""
    (r, n, columns), second = sorted(sets, reverse=True)[:2]
    assert r - second[0] > 1e-9, "the oracle cannot tell them apart"
    assert selected(selector) == list(columns)
    assert (selector.r_, selector.n_) == (pytest.approx(r, abs=1e-12), n)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("k", [1, 2, 4])
def test_it_selects_the_set_that_a_loop_over_all_finds(k: Any, seed: Any) -> None:
    X = answers(answered=[0.7, 1][seed % 2], seed=seed)
    assert_best(BestSubsetSelector(k, min_users=10).fit(X), every_set(X, k, min_users=10))


@pytest.mark.parametrize("seed", range(6))
def test_with_y_it_correlates_with_y(seed: Any) -> None:
    X, y = answers(answered=[0.7, 1][seed % 2], seed=seed), grades(seed=seed)
    selector = BestSubsetSelector(3, min_users=10).fit(X, y)
    assert_best(selector, every_set(X, 3, y, min_users=10))
    assert selector.fit(X).r_ != pytest.approx(selector.fit(X, y).r_)


def test_corrected_takes_the_set_out_of_the_grand_total() -> None:
    X = answers()
    selector = BestSubsetSelector(3, min_users=10, corrected=True).fit(X)
    assert_best(selector, every_set(X, 3, min_users=10, corrected=True))
    assert selector.r_ < BestSubsetSelector(3, min_users=10).fit(X).r_


def test_min_users_keeps_sets_of_few_users_out() -> None:
    X = answers(answered=0.5)
    few = BestSubsetSelector(3).fit(X)
    many = BestSubsetSelector(3, min_users=12).fit(X)
    assert few.n_ < 12 <= many.n_
    assert_best(many, every_set(X, 3, min_users=12))


def test_columns_that_are_in_or_out_are_given_by_name_or_position() -> None:
    names = [f"q{number}" for number in range(8)]
    X = pandas.DataFrame(answers(), columns=names)
    wanted = [row for row in every_set(X, 3, min_users=10) if {1, 6} <= set(row[2]) and 3 not in row[2]]
    same: list[tuple[Any, Any]] = [
        (["q1", "q6"], "q3"),
        ([1, 6], 3),
        (numpy.array([6, 1]), numpy.int64(3)),
        (pandas.Series(["q6", "q1"]), {"q3"}),
        ((1, "q6"), ["q3", 3]),
    ]
    for include, exclude in same:
        selector = BestSubsetSelector(3, min_users=10, include=include, exclude=exclude).fit(X)
        assert_best(selector, wanted)


def test_an_excluded_column_may_be_empty() -> None:
    X = answers()
    X[:, 2] = numpy.nan
    selector = BestSubsetSelector(3, exclude=2, min_users=10).fit(X)
    assert_best(selector, every_set(X, 3, min_users=10))


@pytest.mark.parametrize("kind", [pandas.DataFrame, polars.DataFrame])
def test_names_of_columns_mean_nothing(kind: Any) -> None:
    X, y = answers(), grades()
    names = ["user", "question", "score", "criterion", "r", "n", "", "10"]
    frame = kind({name: X[:, column] for column, name in enumerate(names)})
    for target in (None, y):
        selector = BestSubsetSelector(3, min_users=10).fit(frame, target)
        assert_best(selector, every_set(X, 3, target, min_users=10))
        chosen = [names[column] for column in selected(selector)]
        # Before 1.8 scikit-learn knew the names of polars by a protocol that polars 2 does not have any more.
        if kind is pandas.DataFrame or hasattr(selector, "feature_names_in_"):
            assert selector.feature_names_in_.tolist() == names
            assert selector.get_feature_names_out().tolist() == chosen
        assert numpy.array_equal(selector.transform(frame), frame[chosen].to_numpy(), equal_nan=True)


MISSING: dict[str, Any] = {
    "NaN of numpy": lambda X: X,
    "None among objects": lambda X: (
        pandas.DataFrame(X).astype(object).where(~numpy.isnan(X), None).to_numpy()
    ),
    "NaN in a list of rows": lambda X: X.tolist(),
    "NaN of pandas": pandas.DataFrame,
    "NA of pandas": lambda X: pandas.DataFrame(X).astype("Int64"),
    "NaN of polars": polars.DataFrame,
    "null of polars": lambda X: polars.DataFrame(X).fill_nan(None).cast(polars.Int64),
}


@pytest.mark.parametrize("kind", MISSING)
def test_missing_values_of_all_kinds_are_not_answered(kind: Any) -> None:
    X = answers()
    assert_best(BestSubsetSelector(2, min_users=10).fit(MISSING[kind](X)), every_set(X, 2, min_users=10))


@pytest.mark.parametrize("dtype", [bool, "int8", "uint16", "int64", "uint64", "float32", "float64"])
def test_every_type_of_numbers_is_taken(dtype: Any) -> None:
    X = (answers(answered=1) > 1).astype(dtype)
    y = grades().round(1)
    assert_best(BestSubsetSelector(3).fit(X, y), every_set(X, 3, y))
    assert BestSubsetSelector(3).fit_transform(X).dtype == X.dtype


def test_integers_are_summed_exactly() -> None:
    # As doubles, the first two columns are the same for all users.
    large = 2**60
    X = numpy.array([[large + 1, large, 1], [large + 3, large, 2], [large + 2, large, 3]], dtype="int64")
    y = numpy.array([large + 1, large + 3, large + 2], dtype="int64")
    selector = BestSubsetSelector(1).fit(X, y)
    assert selected(selector) == [0] and selector.r_ == pytest.approx(1)


def test_of_several_with_the_same_r_it_is_the_one_with_more_users_and_then_the_first() -> None:
    X = numpy.array([[1, 1, 1, 0], [2, 2, 2, 0], [3, 3, 3, 1], [4, 4, 4, 0], [5, numpy.nan, 5, 0]])
    y = [1, 2, 3, 4, 5]
    assert selected(BestSubsetSelector(1).fit(X, y)) == [0]
    assert selected(BestSubsetSelector(1, exclude=0).fit(X, y)) == [2]


def test_a_heuristic_finds_the_same_here() -> None:
    X = answers()
    selector = BestSubsetSelector(3, min_users=10, search="heuristic", effort=1, seed=7, threads=1).fit(X)
    assert_best(selector, every_set(X, 3, min_users=10))
    with pytest.raises(ValueError, match="option 'seed' is one of a heuristic"):
        BestSubsetSelector(3, seed=7).fit(X)


def test_parameters_reach_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: dict[str, Any] = {}

    def spy(data: Any, k: Any, **options: Any) -> Any:
        taken.update(options, k=k)
        return k_corrset(data, k, **options)

    monkeypatch.setattr(selection, "k_corrset", spy)
    options: dict[str, Any] = {"min_users": 11, "corrected": True, "threads": 1}
    options |= {"search": "heuristic", "effort": 2, "seed": 3}
    BestSubsetSelector(2, include=1, exclude=[4, 5], **options).fit(answers())
    options |= {"k": 2, "include": [1], "exclude": [4, 5], "top": 1, "criterion": None}
    assert taken == options


def test_it_is_a_step_of_a_pipeline() -> None:
    X, y = answers(questions=6), grades()
    X = pandas.DataFrame(X, columns=list("abcdef"))
    pipeline: Any = make_pipeline(BestSubsetSelector(2, min_users=10), SimpleImputer(), LinearRegression())
    pipeline.fit(X, y)
    assert pipeline.n_features_in_ == 6 and pipeline[-1].n_features_in_ == 2
    assert_best(pipeline[0], every_set(X, 2, y, min_users=10))
    assert list(pipeline[:-1].get_feature_names_out()) == list(pipeline[0].get_feature_names_out())
    search: Any = GridSearchCV(pipeline, {"bestsubsetselector__n_features_to_select": [1, 2, 3]}, cv=3)
    search.fit(X, y)
    assert search.best_estimator_[0].support_.sum() in (1, 2, 3)


def test_it_gives_frames_where_they_are_wanted() -> None:
    X = pandas.DataFrame(answers(), columns=list("abcdefgh"))
    selector = BestSubsetSelector(3, min_users=10).set_output(transform="pandas")
    chosen: Any = selector.fit_transform(X)
    pandas.testing.assert_frame_equal(chosen, X.loc[:, selector.support_])


def test_a_clone_has_the_parameters_and_nothing_of_the_fit() -> None:
    selector = BestSubsetSelector(3, min_users=10, include=["q1"], search="heuristic", effort=2)
    fitted: Any = clone(selector.set_params(include=None))
    again: Any = clone(fitted.fit(answers()))
    assert again.get_params() == selector.get_params()
    assert not hasattr(again, "r_") and not hasattr(again, "n_features_in_")
    for use in (again.get_support, lambda: again.transform(answers()), again.get_feature_names_out):
        with pytest.raises(NotFittedError):
            use()


@parametrize_with_checks([BestSubsetSelector(1), BestSubsetSelector(2, min_users=3)])
def test_it_keeps_the_rules_of_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.parametrize(
    ("parameters", "y", "text"),
    [
        ({"n_features_to_select": 9}, None, "from 1 to the number of columns of X; got 9, .* n_features = 8"),
        ({"n_features_to_select": 0}, None, "from 1 to the number of columns of X; got 0"),
        ({"n_features_to_select": 2.0}, None, "must be an integer from 1 to .*; got 2.0"),
        ({"n_features_to_select": "auto"}, None, "must be an integer .*; got 'auto'"),
        ({"min_users": 61}, None, "no set of 5 columns .* takes 61 rows .* in their grand totals"),
        ({"min_users": 61}, grades(), "takes 61 rows .* in y; .* lower min_users"),
        ({"n_features_to_select": 8, "corrected": True}, None, "no set of 8 columns has a defined r, .* 2 r"),
        ({"include": [0, 1, 2, 3, 4, 5]}, None, "no set of 5 columns .* include or exclude fewer"),
        ({"exclude": [0, 1, 2, 3]}, None, "no set of 5 columns has a defined r"),
        ({"corrected": True}, grades(), "with y there is no grand total; leave one of the two out"),
        ({}, numpy.ones(60), "y is 1.0 in all rows, .* leave y out to predict the grand total"),
        ({}, ["good", "bad"] * 30, "y must be numbers, not <U4; .* two of them as in y == 'good'$"),
        ({}, numpy.array(["good", "bad"] * 30, dtype=object), "could not convert string to float"),
        ({}, numpy.full(60, numpy.nan), "Input y contains NaN"),
        ({}, grades(59), "inconsistent numbers of samples"),
        ({"include": "q1"}, None, "include has 'q1', which is no column of X; .* from 0 to 7"),
        ({"exclude": [3, 8]}, None, "exclude has 8, which is no column of X"),
        ({"include": -1}, None, "include has -1, which is no column of X"),
        ({"include": numpy.arange(8) < 2}, None, "include has .*True.*, which is no column of X"),
        ({"include": [True] * 2}, None, "include has True, which is no column of X"),
        ({"include": 1, "exclude": [1]}, None, "in both 'include' and 'exclude'"),
        ({"search": "fast"}, None, "option 'search' must be"),
    ],
    ids=str,
)
def test_what_is_wrong_is_said(parameters: Any, y: Any, text: Any) -> None:
    with pytest.raises(ValueError, match=text):
        BestSubsetSelector(**parameters).fit(answers(answered=1), y)


def test_what_is_wrong_with_the_scores_is_said() -> None:
    X = answers()
    with pytest.raises(ValueError, match="contains infinity"):
        BestSubsetSelector(2).fit(numpy.where(numpy.isnan(X), numpy.inf, X))
    with pytest.raises(ValueError, match="no set of 2 columns has a defined r.* fill in missing values"):
        BestSubsetSelector(2).fit(numpy.where(numpy.arange(8) % 8 == 0, X, numpy.nan))
    with pytest.raises(ValueError, match="no set of 2 columns has a defined r"):
        BestSubsetSelector(2).fit(numpy.ones((60, 8)))


def test_the_example_runs() -> None:
    (example,) = doctest.DocTestFinder(recurse=False).find(
        BestSubsetSelector, "BestSubsetSelector", globs={"BestSubsetSelector": BestSubsetSelector}
    )
    results = doctest.DocTestRunner().run(example)
    assert results.attempted == 5 and results.failed == 0


def test_without_scikit_learn_it_is_told() -> None:
    program = "import sys; sys.modules['sklearn'] = None; import k_corrset; import k_corrset.selection"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert shown.stderr.splitlines()[-1].startswith("ImportError: k_corrset.selection takes scikit-learn")
    assert "pip install -U scikit-learn" in shown.stderr
