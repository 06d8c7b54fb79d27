"""Data of every kind that needs Python while they are read, slowly."""

import io
import time
from collections.abc import Iterator
from typing import Any

ROWS = 40
"""Rows of a batch."""


class Broken(Exception):
    """What a producer raises."""


def scores(batch: Any, pause: Any, fails_at: Any) -> Any:
    """The scores of a batch, as Python makes them."""
    if pause:
        time.sleep(pause)
    if batch == fails_at:
        raise Broken("the well is dry")
    return [int(row < batch * 7 % (ROWS + 1)) for row in range(ROWS)]


def generator(batches: Any, pause: float = 0.0, fails_at: Any = None) -> Any:
    import pyarrow

    schema = pyarrow.schema([("user", "int64"), ("question", "int64"), ("score", "int64")])

    def made() -> Iterator[Any]:
        for batch in range(batches):
            made = scores(batch, pause, fails_at)
            yield pyarrow.record_batch([[batch] * ROWS, list(range(ROWS)), made], schema=schema)

    return pyarrow.RecordBatchReader.from_batches(schema, made())


def chunks_of_pandas(batches: Any, pause: float = 0.0, fails_at: Any = None) -> Any:
    import pandas
    import pyarrow

    def made(chunks: Any) -> Iterator[Any]:
        for batch, chunk in enumerate(chunks):
            chunk["score"] = scores(batch, pause, fails_at)
            yield pyarrow.RecordBatch.from_pandas(chunk, schema, preserve_index=False)

    lines = "\n".join(f"{batch},{row}" for batch in range(batches) for row in range(ROWS))
    chunks = pandas.read_csv(io.StringIO(f"user,question\n{lines}\n"), chunksize=ROWS)
    schema = pyarrow.schema([("user", "int64"), ("question", "int64"), ("score", "int64")])
    return pyarrow.RecordBatchReader.from_batches(schema, made(chunks))


def function_in_duckdb(batches: Any, pause: float = 0.0, fails_at: Any = None) -> Any:
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET threads = 2")
    memory: dict[int, list[int]] = {}

    def score(user: int, question: int) -> int:
        if question == 0:
            memory[user] = scores(user, pause, fails_at)
        return memory.get(user, [0] * ROWS)[question]

    connection.create_function("score", score)
    return connection.sql(
        f"""
        SELECT u.range AS user, q.range AS question, score(u.range, q.range) AS score
        FROM range({batches}) u, range({ROWS}) q
        """
    )


def objects_in_duckdb(batches: Any, pause: float = 0.0, fails_at: Any = None) -> Any:
    import duckdb
    import pandas

    rows = [(f"u{batch}", *row) for batch in range(batches) for row in enumerate(scores(batch, 0.0, None))]
    frame = pandas.DataFrame(rows, columns=["user", "question", "score"]).astype({"user": object})
    return duckdb.connect().from_df(frame)


def function_in_datafusion(batches: Any, pause: float = 0.0, fails_at: Any = None) -> Any:
    return _in_datafusion(batches, pause, fails_at)[1]


def _in_datafusion(batches: Any, pause: Any, fails_at: Any) -> Any:
    import datafusion
    import pyarrow

    def score(users: Any) -> Any:
        return pyarrow.array(scores(users[0].as_py(), pause, fails_at)[: len(users)])

    context = datafusion.SessionContext(datafusion.SessionConfig().with_target_partitions(2))
    parts = [
        pyarrow.record_batch({"user": [batch] * ROWS, "question": list(range(ROWS))})
        for batch in range(batches)
    ]
    context.register_record_batches("parts", [parts[::2], parts[1::2]])
    function = datafusion.udf(score, [pyarrow.int64()], pyarrow.int64(), "volatile", name="score")
    context.register_udf(function)
    return context, context.sql("""SELECT "user", question, score("user") AS score FROM parts""")


class OwnStream:
    """A class that speaks Arrow itself."""

    def __init__(self, *arguments: Any) -> None:
        self.arguments = arguments

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        _, pause, fails_at = self.arguments
        if fails_at == 0:
            scores(0, pause, fails_at)
        time.sleep(pause * 10)
        return generator(*self.arguments).__arrow_c_stream__()


def own_stream(batches: Any, pause: float = 0.0, fails_at: Any = None) -> Any:
    return OwnStream(batches, pause, fails_at)


def polars(batches: Any, pause: float = 0.0, fails_at: Any = None) -> Any:
    import polars

    rows = [(batch, *row) for batch in range(batches) for row in enumerate(scores(batch, 0.0, None))]
    return polars.DataFrame(rows, ["user", "question", "score"], orient="row")


def host(batches: Any, pause: float = 0.0, fails_at: Any = None) -> Any:
    """A session of the package `datafusion` that has the function, and the rows as a view."""
    import k_corrset

    context, frame = _in_datafusion(batches, pause, fails_at)
    context.register_view("rows", frame)
    context.register_udtf(k_corrset.udtf())
    return context


PRODUCERS = {
    producer.__name__: producer
    for producer in (
        generator,
        chunks_of_pandas,
        function_in_duckdb,
        objects_in_duckdb,
        function_in_datafusion,
        own_stream,
        polars,
        host,
    )
}

NEVER_FAIL = {"objects_in_duckdb", "polars"}
"""Producers that run no code of ours."""

KEEP_EXCEPTIONS = {"generator", "chunks_of_pandas"}
"""Producers whose exceptions come out as they are; of others, only the text does."""
