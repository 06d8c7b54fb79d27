"""Which questions of an exam would have told the most? A journey in pictures.

    pip install '.[journey]'
    python examples/journey.py             # an exam that it makes up
    python examples/journey.py scores.json # or any array of {"user", "question", "score"}

The articles that made this a benchmark began in a notebook, with pandas: for each set of questions,
take the users who answered them all, and correlate their totals on the set with their grand totals.
A set took 35 milliseconds, all sets of five of 200 questions would have taken 2.9 years. Here the
same question is a line.
"""

import json
import sys
import time
from math import comb
from pathlib import Path

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt
import numpy
import pandas
from k_corrset import k_corrset

PICTURE = Path(__file__).with_suffix(".png")


def made_up(users=3_000, questions=60, seed=20):
    """An exam whose questions are of different worth.

    The probability that a user answers a question well rises with their skill, and the steeper the
    better the question tells users apart (the two-parameter logistic model of item response
    theory). Everybody got a random half of the questions.
    """
    random = numpy.random.default_rng(seed)
    skill = random.normal(size=(users, 1))
    steepness = random.uniform(0.2, 2.5, size=questions)
    difficulty = random.normal(size=questions)
    well = random.random((users, questions)) < 1 / (1 + numpy.exp(-steepness * (skill - difficulty)))
    user, question = (random.random((users, questions)) < 1 / 2).nonzero()
    return pandas.DataFrame(
        {
            "user": user,
            "question": [f"q{number:02}" for number in question],
            "score": well[user, question].astype(int),
        }
    )


def main():
    if len(sys.argv) > 1:
        scores = pandas.DataFrame(json.loads(Path(sys.argv[1]).read_text()))
    else:
        scores = made_up()
    questions = scores["question"].nunique()
    print(f"{len(scores):,} scores of {scores['user'].nunique():,} users on {questions} questions\n")

    # A few users always agree: what they have in common is chance. So ask for enough of them.
    enough = 30

    # All pairs, as points.
    pairs = k_corrset(scores, 2).to_pandas()

    # The best sets of each size.
    best = []
    for k in range(1, 6):
        begun = time.perf_counter()
        top = k_corrset(scores, k, min_users=enough, top=1).to_pandas()
        took = time.perf_counter() - begun
        if top.empty:
            print(f"k = {k}: no set was answered by {enough} users")
            break
        row = top.iloc[0]
        best.append((k, row["r"]))
        print(f"k = {k}: {', '.join(map(str, row['questions']))}: r = {row['r']:.4f}, n = {row['n']}")
        print(f"       the best of {comb(questions, k):,} sets, found in {took:.2f} s")

    left, right = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")[1]
    left.scatter(pairs["n"], pairs["r"], s=6, alpha=0.4, linewidths=0)
    left.set(title=f"All {len(pairs):,} pairs of questions", xlabel="n: users who answered both", ylabel="r")
    sizes, heights = zip(*best, strict=True)
    right.plot(sizes, heights, marker="o")
    right.set(title=f"The best set of k questions, by {enough} users or more", xlabel="k", ylabel="r")
    right.set_xticks(sizes)
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    plt.savefig(PICTURE, dpi=110)
    print(f"\nthe picture is in {PICTURE.name}")


if __name__ == "__main__":
    main()
