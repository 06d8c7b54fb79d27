"""`python -m k_corrset "SELECT …"`: statements of SQL, and the rows of the last."""

import sys

from k_corrset._session import connect


def main() -> None:
    """Prints all rows, or the error.

    The program `k-corrset` is a prompt, and does more.
    """
    if len(sys.argv) != 2:
        sys.exit("usage: python -m k_corrset \"SELECT * FROM k_corrset('scores.parquet', 5, top => 10)\"")
    try:
        rows = connect().sql(sys.argv[1])
    except (ValueError, OSError, MemoryError) as error:
        sys.exit(str(error))
    print(rows.drawn())


if __name__ == "__main__":
    main()
