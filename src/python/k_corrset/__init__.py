"""Which set of k questions predicts overall performance best?

The data are rows of (user, question, score), or a row a user and a column a question. For every set
of k questions, `k_corrset` gives r, Pearson's correlation between users' totals on the set and their
grand totals, over the n users who answered all of the set. It looks at all sets, in nanoseconds each,
and sums integer scores exactly.

    >>> from k_corrset import k_corrset
    >>> best = k_corrset("scores.parquet", 5, top=10, min_users=15)
    >>> best.to_pandas()

* `k_corrset`: the sets of a table or a file, as a `Table`.
* `stream`: the same in batches, for results that are larger than memory.
* `connect`: a session of SQL that has `k_corrset(table, k)` as a table function.
* `udtf`: the same table function for a session of the package `datafusion`.
* `k_corrset.selection`: the best columns of a matrix, as scikit-learn selects features.
"""

from k_corrset._function import k_corrset, stream
from k_corrset._native import __version__
from k_corrset._session import Session, connect
from k_corrset._stream import Stream
from k_corrset._table import Column, Table
from k_corrset._udtf import udtf

__all__ = ["Column", "Session", "Stream", "Table", "__version__", "connect", "k_corrset", "stream", "udtf"]
