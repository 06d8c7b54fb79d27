"""Which questions of an exam would have told the most? A journey in pictures.

    pip install '.[journey]'
    python examples/journey.py             # an exam that it makes up
    python examples/journey.py scores.json # or any array of {"user", "question", "score"}

The articles that made this a benchmark began in a notebook, with pandas: for each set of questions,
take the users who answered them all, and correlate their totals on the set with their grand totals.
A set took 35 milliseconds, all sets of five of 200 questions would have taken 2.9 years. Here the
same question is a line. Where everybody answered everything, so are sets of any size: how many
questions does a shorter exam need?
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


def made_up(users: int = 2_000, questions: int = 100, seed: int = 20) -> pandas.DataFrame:
    """An exam whose questions are of different worth, and of which everybody answered all.

    The probability that a user answers a question well rises with their skill, and the steeper the
    better the question tells users apart (the two-parameter logistic model of item response
    theory).
    """
    random = numpy.random.default_rng(seed)
    skill = random.normal(size=(users, 1))
    steepness = random.uniform(0.2, 2.5, size=questions)
    difficulty = random.normal(size=questions)
    well = random.random((users, questions)) < 1 / (1 + numpy.exp(-steepness * (skill - difficulty)))
    user, question = numpy.indices(well.shape).reshape(2, -1)
    return pandas.DataFrame(
        {
            "user": user,
            "question": [f"q{number:02}" for number in question],
            "score": well.ravel().astype(int),
        }
    )


def main() -> None:
    if len(sys.argv) > 1:
        scores = part = pandas.DataFrame(json.loads(Path(sys.argv[1]).read_text()))
    else:
        scores = made_up()
        # Of many exams everybody gets a part only: here, a random half of the questions.
        part = scores.sample(frac=0.5, random_state=20)
    users, questions = len(set(scores["user"])), len(set(scores["question"]))
    print(f"{len(scores):,} scores of {users:,} users on {questions} questions\n")

    # All pairs, as points.
    pairs = k_corrset(part, 2)

    # The best set of each size. Where somebody left something out, a few users always agree, and what
    # they have in common is chance: so ask for enough of them, and for small sets, as all are swept.
    complete = len(scores) == users * questions
    enough = 2 if complete else 30
    sizes = range(1, min(30, questions) + 1) if complete else range(1, 6)
    begun = time.perf_counter()
    best = k_corrset(scores, sizes, min_users=enough, top=1)
    took = time.perf_counter() - begun
    for chosen, r, n in best:
        k = len(chosen)
        print(f"k = {k}: r = {r:.4f}, n = {n}, the best of {float(comb(questions, k)):.3g} sets")
        print(f"       {', '.join(map(str, chosen))}")
    print(f"found in {took:.2f} s")

    left, right = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")[1]
    left.scatter(pairs["n"], pairs["r"], s=6, alpha=0.4, linewidths=0)
    left.set(title=f"All {len(pairs):,} pairs of questions", xlabel="n: users who answered both", ylabel="r")
    right.plot([len(chosen) for chosen in best["questions"]], best["r"], marker="o", markersize=4)
    proven = "of all sets, proven" if complete else f"by {enough} users or more"
    right.set(title=f"The best set of k questions, {proven}", xlabel="k", ylabel="r")
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    plt.savefig(PICTURE, dpi=110)
    print(f"\nthe picture is in {PICTURE.name}")


if __name__ == "__main__":
    main()
