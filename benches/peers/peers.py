"""How others would answer the question, measured in one run on the same data.

Each rival is written as its users would write it, and checked: all must agree with
pandas, which follows the definition, on r and n.
"""

import argparse
import itertools
import json
import math
import os
import re
import subprocess
import tempfile
import time
import uuid
from pathlib import Path

import duckdb
import numba
import numpy as np
import pandas as pd

QUESTIONS = 200
DENSITY = 0.2
# The least n of a set of three.
LEAST = 15
PROGRAM = Path("target/release/k-corrset")


def exam(users):
    """Random answers: every question by a fifth of the users, scores 0 or 1."""
    random = np.random.default_rng(2023)
    names = lambda count: [str(uuid.UUID(bytes=random.bytes(16))) for _ in range(count)]
    user_names, question_names = names(users), names(QUESTIONS)
    who = [random.choice(users, int(users * DENSITY), replace=False) for _ in range(QUESTIONS)]
    user = np.concatenate(who)
    question = np.repeat(np.arange(QUESTIONS), int(users * DENSITY))
    return pd.DataFrame(
        {
            "user": np.array(user_names)[user],
            "question": np.array(question_names)[question],
            "score": random.integers(0, 2, len(user)),
        }
    )


def timed(work):
    begun = time.perf_counter()
    result = work()
    return result, time.perf_counter() - begun


# pandas: the definition.


def by_definition(table, totals, questions):
    """r and n of one set."""
    on_set = table[table["question"].isin(questions)].groupby("user")["score"].agg(["sum", "count"])
    a = on_set.loc[on_set["count"] == len(questions), "sum"]
    return a.corr(totals[a.index]), len(a)


# Numba: bitsets by question, one set after the other, all cores.


def numba_tables(table):
    user, _ = pd.factorize(table["user"])
    question, questions = pd.factorize(table["question"], sort=True)
    users = user.max() + 1
    bits = np.zeros((len(questions), (users + 63) // 64), dtype=np.uint64)
    np.bitwise_or.at(bits, (question, user // 64), np.uint64(1) << (user % 64).astype(np.uint64))
    scores = np.zeros((len(questions), users), dtype=np.uint8)
    scores[question, user] = table["score"]
    totals = np.bincount(user, weights=table["score"])
    return bits, scores, totals, questions


@numba.njit(parallel=True, fastmath=True)
def numba_sets(sets, bits, scores, totals, r, n):
    for place in numba.prange(len(sets)):
        chosen = sets[place]
        count, a1, a2, b1, b2, ab = 0, 0.0, 0.0, 0.0, 0.0, 0.0
        # A vector instruction for some words at a time.
        users = bits[chosen[0]].copy()
        for question in chosen[1:]:
            answered = bits[question]
            for word in range(len(users)):
                users[word] &= answered[word]
        for word in range(len(users)):
            rest = users[word]
            while rest:
                lowest = rest & (~rest + np.uint64(1))
                user = word * 64 + trailing_zeros(lowest)
                rest ^= lowest
                a = 0.0
                for question in chosen:
                    a += scores[question, user]
                b = totals[user]
                count += 1
                a1 += a
                a2 += a * a
                b1 += b
                b2 += b * b
                ab += a * b
        n[place] = count
        variances = (count * a2 - a1 * a1) * (count * b2 - b1 * b1)
        r[place] = (count * ab - a1 * b1) / np.sqrt(variances) if variances > 0 else np.nan


@numba.njit(inline="always")
def trailing_zeros(bit):
    """Of a power of two: its exponent, which doubles hold."""
    return int(np.log2(float(bit)))


def with_numba(table, sets):
    """r and n of sets given by the names of their questions, and how long that took."""
    bits, scores, totals, questions = numba_tables(table)
    place = {name: number for number, name in enumerate(questions)}
    numbers = np.array([[place[name] for name in chosen] for chosen in sets], dtype=np.int64)
    r, n = np.empty(len(sets)), np.empty(len(sets), dtype=np.int64)
    numba_sets(numbers[:1], bits, scores, totals, r, n)  # compiles
    _, seconds = timed(lambda: numba_sets(numbers, bits, scores, totals, r, n))
    return list(zip(r, n)), seconds


# SQL: a self-join, one question more each time. The table stands on the left, where
# engines that do not reorder joins expect the smaller side.


def self_join(source, k):
    sets = """SELECT scores."user", question AS q0, score AS subtotal, total
              FROM totals JOIN scores USING ("user")"""
    for more in range(1, k):
        known = ", ".join(f"q{number}" for number in range(more))
        sets = f"""SELECT scores."user", {known}, question AS q{more}, subtotal + score AS subtotal, total
                   FROM scores JOIN ({sets}) sets ON scores."user" = sets."user" AND q{more - 1} < question"""
    names = ", ".join(f"q{number}" for number in range(k))
    return f"""
        WITH scores AS (SELECT * FROM {source}),
             totals AS (SELECT "user", sum(score) AS total FROM scores GROUP BY "user")
        SELECT {names}, corr(subtotal, total) AS r, count(*) AS n
        FROM ({sets})
        GROUP BY {names} HAVING count(*) >= {LEAST} ORDER BY r DESC LIMIT 10"""


def ours(sql, threads):
    """The rows that the k-corrset prompt prints."""
    command = [PROGRAM, "--quiet", "--format", "nd-json", "--threads", str(threads), "-c", sql]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return [json.loads(line) for line in printed.splitlines() if line]


def agree(what, found, expected):
    for (r, n), (expected_r, expected_n) in zip(found, expected, strict=True):
        assert int(n) == expected_n, f"{what}: n is {n}, should be {expected_n}"
        same = np.isnan(expected_r) and np.isnan(float(r)) or abs(float(r) - expected_r) < 1e-9
        assert same, f"{what}: r is {r}, should be {expected_r}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=60_000)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--pandas-sets", type=int, default=20)
    parser.add_argument("--numba-sets", type=int, default=200_000)
    arguments = parser.parse_args()
    threads = arguments.threads
    numba.set_num_threads(threads)

    table = exam(arguments.users)
    totals = table.groupby("user")["score"].sum()
    questions = sorted(table["question"].unique())
    random = np.random.default_rng(5)
    some_sets = lambda k, count: [sorted(random.choice(questions, k, replace=False)) for _ in range(count)]
    rows = []

    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/scores.parquet"
        table.to_parquet(path, index=False)

        # k = 5: one set after the other, against all of them.
        sets = some_sets(5, arguments.pandas_sets)
        expected, seconds = timed(lambda: [by_definition(table, totals, chosen) for chosen in sets])
        rows.append(("pandas, the definition", 5, len(sets), 1, seconds))

        more = sets + some_sets(5, arguments.numba_sets - len(sets))
        found, seconds = with_numba(table, more)
        agree("Numba", found[: len(sets)], expected)
        rows.append(("Numba, bitsets", 5, len(more), threads, seconds))

        def of_k_corrset(k, least):
            sql = f"SELECT * FROM k_corrset('{path}', {k}, {{'top': 10, 'min_users': {least}}})"
            best, seconds = timed(lambda: ours(sql, threads))
            found = [(row["r"], row["n"]) for row in best]
            agree("k_corrset", found, [by_definition(table, totals, row["questions"]) for row in best])
            rows.append(("k_corrset, all of the query", k, math.comb(QUESTIONS, k), threads, seconds))
            return sql, best

        of_k_corrset(5, max(2, arguments.users // 4000))

        # k = 3: what SQL can do without it.
        sql, best = of_k_corrset(3, LEAST)
        of_best = {tuple(row["questions"]): (row["r"], row["n"]) for row in best}
        metrics = " ".join(row["plan"] for row in ours("EXPLAIN ANALYZE " + sql, threads))
        number, unit = re.search(r"sweep_time=([0-9.]+)(ns|µs|ms|s)", metrics).groups()
        core_seconds = float(number) * {"ns": 1e-9, "µs": 1e-6, "ms": 1e-3, "s": 1.0}[unit]
        rows.append(("k_corrset, its sweep", 3, math.comb(QUESTIONS, 3), threads, core_seconds / threads))

        def same_best(what, joined):
            assert len(joined) == len(of_best)
            for *chosen, r, n in joined:
                agree(what, [(r, n)], [of_best[tuple(chosen)]])

        duck = duckdb.connect()
        duck.execute(f"SET threads = {threads}")
        joined, seconds = timed(lambda: duck.execute(self_join(f"'{path}'", 3)).fetchall())
        same_best("DuckDB", joined)
        rows.append(("DuckDB, self-join", 3, math.comb(QUESTIONS, 3), threads, seconds))
        joined, seconds = timed(lambda: ours(self_join(f"'{path}'", 3), threads))
        same_best("DataFusion", [row.values() for row in joined])
        rows.append(("DataFusion, self-join", 3, math.comb(QUESTIONS, 3), threads, seconds))

    per_set = {(what, k): seconds / sets for what, k, sets, _, seconds in rows}
    our_own = {5: per_set["k_corrset, all of the query", 5], 3: per_set["k_corrset, its sweep", 3]}
    print("| what | k | sets | threads | seconds | ns a set | x ours |")
    print("|---|---|---|---|---|---|---|")
    for what, k, sets, used, seconds in rows:
        times = seconds / sets / our_own[k]
        print(f"| {what} | {k} | {sets:,} | {used} | {seconds:.2f} | {seconds / sets * 1e9:,.1f} | {times:,.1f} |")


if __name__ == "__main__":
    main()
