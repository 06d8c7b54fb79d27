"""The same question from Python and at the prompt: whole processes, in turn, on the same file.

    cargo build --release --features cli && pip install '.[test]'
    python benches/python.py

The articles' data, all sets of five, the ten best. The rows must be the same, and one of them is
computed again by numpy.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import numpy
import pyarrow
import pyarrow.parquet

PROMPT = Path("target/release/k-corrset")
ROUNDS = 5
USERS, QUESTIONS, ANSWERS = 60_000, 200, 12_000

IN_PYTHON = """
import json, sys
from k_corrset import k_corrset
best = k_corrset(sys.argv[1], 5, top=10, min_users=15)
for row in best.to_arrow().to_pylist():
    print(json.dumps(row))
"""


def exam(random):
    """Every question by a fifth of the users, scores 0 or 1, UUIDs for names."""
    users, questions = (
        [str(uuid.UUID(bytes=random.bytes(16))) for _ in range(n)] for n in (USERS, QUESTIONS)
    )
    who = numpy.concatenate([random.choice(USERS, ANSWERS, replace=False) for _ in range(QUESTIONS)])
    what = numpy.repeat(numpy.arange(QUESTIONS), ANSWERS)
    return pyarrow.table(
        {
            "user": pyarrow.array(numpy.array(users)[who]),
            "question": pyarrow.array(numpy.array(questions)[what]),
            "score": random.integers(0, 2, len(who)),
        }
    )


def run(command):
    """What it prints, by lines of JSON, and how long it takes."""
    begun = time.perf_counter()
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [json.loads(line) for line in output.splitlines()], time.perf_counter() - begun


def check(table, row):
    """Computes r and n of a row again."""
    rows = table.to_pandas()
    chosen = rows[rows["question"].isin(row["questions"])].groupby("user")["score"].agg(["sum", "count"])
    a = chosen.loc[chosen["count"] == len(row["questions"]), "sum"]
    b = rows.groupby("user")["score"].sum()[a.index]
    assert len(a) == row["n"], row
    assert abs(numpy.corrcoef(a, b)[0, 1] - row["r"]) < 1e-12, row


def main():
    table = exam(numpy.random.default_rng(2023))
    with tempfile.NamedTemporaryFile(suffix=".parquet") as file:
        pyarrow.parquet.write_table(table, file.name)
        query = f"SELECT * FROM k_corrset('{file.name}', 5, top => 10, min_users => 15)"
        commands = {
            "prompt": [PROMPT, "-q", "--format", "nd-json", "-c", query],
            "Python": [sys.executable, "-c", IN_PYTHON, file.name],
        }
        times = {name: [] for name in commands}
        for _ in range(ROUNDS):
            results = {}
            for name, command in commands.items():
                results[name], took = run(command)
                times[name].append(took)
            assert results["prompt"] == results["Python"] and len(results["Python"]) == 10
    check(table, results["Python"][0])
    print("| from | s, median | least | most |\n|---|---|---|---|")
    for name, took in times.items():
        print(f"| {name} | {statistics.median(took):.2f} | {min(took):.2f} | {max(took):.2f} |")
    ratios = [python / prompt for python, prompt in zip(times["Python"], times["prompt"], strict=True)]
    print(f"\nPython over prompt, of each round: {', '.join(f'{ratio:.3f}' for ratio in ratios)}")


if __name__ == "__main__":
    main()
