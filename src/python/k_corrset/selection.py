"""The best set of columns, by a feature selector of scikit-learn.

    >>> from k_corrset.selection import BestSubsetSelector
    >>> short_form = BestSubsetSelector(10).set_output(transform="pandas").fit_transform(answers)

It takes scikit-learn 1.6 or later.
"""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral
from typing import TYPE_CHECKING, Any, Literal, SupportsIndex

from k_corrset import k_corrset

try:
    import numpy
    from sklearn.base import BaseEstimator
    from sklearn.feature_selection import SelectorMixin
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:
    message = "k_corrset.selection takes scikit-learn 1.6 or later: pip install -U scikit-learn"
    raise ImportError(message) from error

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["BestSubsetSelector"]

Columns = str | SupportsIndex | Iterable[str | SupportsIndex] | None
"""A column of X by its name or position, or any number of them."""


class BestSubsetSelector(SelectorMixin, BaseEstimator):  # type: ignore[misc]
    """Selects the columns whose sum correlates best with the sum of all columns, or with y.

    Each row of X is a user and each column a question, whose values are the scores; NaN is not answered. Of
    all sets of `n_features_to_select` columns it selects the one with the largest r: Pearson's correlation
    between users' totals on the set and their grand totals, or y, over the n users who answered all of the
    set. Of several with this r it is one with the most users, and of these the one that comes first.

    The best of many sets is a record: cross-validate to learn what it tells of other users.

    Args:
        n_features_to_select: How many columns to select.
        min_users: Only select from sets with an n of at least this; 2 if not given.
        corrected: Correlate with the grand total less the set's own scores (item-rest). Not with y.
        search: "exact" selects the best of all sets; "heuristic" the best that local search finds, where
            there are too many sets to know.
        effort: How long local search goes on: 1, the default, for a second or two, and in proportion.
        seed: Where local search begins; the same seed and effort select the same columns.
        include: Columns to select in any case, by name or by position from 0: one, or any number of them.
        exclude: Columns not to select. Grand totals stay over all columns.
        threads: How many threads may work; as many as there are cores if not given.

    Attributes:
        r_: The correlation of the selected columns.
        n_: How many users answered all of the selected columns.
        support_: For each column whether it is selected.
        n_features_in_: How many columns X had.
        feature_names_in_: Their names, where all of them are text.

    Examples:
        >>> from sklearn.datasets import load_diabetes
        >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
        >>> selector = BestSubsetSelector(3).fit(X, y)
        >>> selector.get_feature_names_out().tolist()
        ['bmi', 'bp', 's5']
        >>> round(selector.r_, 3)
        0.681
    """

    r_: float
    n_: int
    support_: NDArray[numpy.bool_]
    n_features_in_: int
    feature_names_in_: NDArray[Any]

    def __init__(
        self,
        n_features_to_select: int = 5,
        *,
        min_users: int | None = None,
        corrected: bool = False,
        search: Literal["exact", "heuristic"] = "exact",
        effort: int | None = None,
        seed: int | None = None,
        include: Columns = None,
        exclude: Columns = None,
        threads: int | None = None,
    ) -> None:
        self.n_features_to_select = n_features_to_select
        self.min_users = min_users
        self.corrected = corrected
        self.search: Literal["exact", "heuristic"] = search
        self.effort = effort
        self.seed = seed
        self.include = include
        self.exclude = exclude
        self.threads = threads

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> BestSubsetSelector:
        """Finds the best set of columns.

        Args:
            X: A matrix of numbers: an array of numpy, a DataFrame of pandas or polars, or a list of rows.
            y: A number for each row, which the columns are to predict in the place of the grand total. Where
                less is better, give -y.

        Returns:
            The selector itself.

        Raises:
            ValueError: No set has a defined r, or a parameter or a value is out of range: the text says what
                to give instead.
        """
        given: dict[str, Any] = {"X": X} if y is None else {"X": X, "y": y, "y_numeric": True}
        valid: Any = validate_data(self, **given, ensure_all_finite="allow-nan", ensure_min_samples=2)
        scores, criterion = (valid, None) if y is None else valid
        self._check(criterion)
        answered = ~numpy.isnan(scores)
        # Questions are positions here, so that columns may have any names.
        user, question = answered.nonzero()
        data = {"user": user, "question": question, "score": scores[answered]}
        if criterion is not None:
            data["criterion"] = criterion[user]
        best = k_corrset(
            data,
            self.n_features_to_select,
            criterion=None if criterion is None else "criterion",
            min_users=self.min_users,
            top=1,
            include=self._positions("include"),
            # A column without values is no question of the data.
            exclude=[column for column in self._positions("exclude") if answered[:, column].any()],
            corrected=self.corrected,
            search=self.search,
            effort=self.effort,
            seed=self.seed,
            threads=self.threads,
        )
        if len(best) == 0:
            predicted = "their grand totals" if criterion is None else "y"
            raise ValueError(
                f"BestSubsetSelector: no set of {self.n_features_to_select} columns has a defined r, which "
                f"takes {max(self.min_users or 2, 2)} rows with values in all of them that differ in their "
                f"totals and in {predicted}; select fewer columns, lower min_users, include or exclude "
                "fewer, or fill in missing values"
            )
        self.r_ = best["r"][0]
        self.n_ = best["n"][0]
        self.support_ = numpy.zeros(self.n_features_in_, dtype=bool)
        self.support_[list(best["questions"][0])] = True
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def _get_support_mask(self) -> Any:
        check_is_fitted(self)
        return self.support_

    def _check(self, criterion: NDArray[Any] | None) -> None:
        """Refuses what k_corrset would refuse in the terms of its own data.

        Raises:
            ValueError: Parameters, or y, with which no set has an r.
        """
        k, columns = self.n_features_to_select, self.n_features_in_
        if not (isinstance(k, Integral) and 1 <= k <= columns):
            raise ValueError(
                "BestSubsetSelector: n_features_to_select must be an integer from 1 to the number of columns "
                f"of X; got {k!r}, where n_features = {columns}"
            )
        if criterion is None:
            return
        if self.corrected:
            raise ValueError(
                "BestSubsetSelector: corrected=True takes a set's own scores out of the grand total, and "
                "with y there is no grand total; leave one of the two out"
            )
        if criterion.dtype.kind not in "biuf":
            raise ValueError(
                f"BestSubsetSelector: y must be numbers, not {criterion.dtype}; give classes as numbers, two "
                f"of them as in y == {criterion[0].item()!r}"
            )
        if (criterion == criterion[0]).all():
            raise ValueError(
                f"BestSubsetSelector: y is {criterion[0]} in all rows, and nothing correlates with what is "
                "the same for all; leave y out to predict the grand total"
            )

    def _positions(self, parameter: Literal["include", "exclude"]) -> list[int]:
        """The positions of the columns that a parameter has by name or position.

        Raises:
            ValueError: There is no such column.
        """
        columns: Columns = getattr(self, parameter)
        if columns is None:
            return []
        if isinstance(columns, str) or not isinstance(columns, Iterable):
            columns = [columns]
        chosen = list(columns)
        known: dict[Any, int] = {position: position for position in range(self.n_features_in_)}
        known |= {name: position for position, name in enumerate(getattr(self, "feature_names_in_", ()))}
        # To Python, the values of a mask would be the positions 0 and 1.
        unknown = [name for name in chosen if isinstance(name, bool | numpy.bool_) or name not in known]
        if unknown:
            raise ValueError(
                f"BestSubsetSelector: {parameter} has {unknown[0]!r}, which is no column of X; give columns "
                f"by name, where X has names, or by position from 0 to {self.n_features_in_ - 1}"
            )
        return [known[name] for name in chosen]
