"""How others would find the k questions whose sum predicts the grand total best, where nobody left any out.

A genetic algorithm and simulated annealing return the best of the sets that they look at. Whoever looks at
all sets, SCIP, a solver of mixed-integer programs, and k_corrset prove that none is better. r of every set
that is returned is computed again from the scores, and none may exceed the one that k_corrset proves.
"""

import argparse
import math
import os
import statistics
import time

import numba
import numpy as np
import pyarrow as pa
import pyscipopt
from k_corrset import k_corrset

USERS = 2_000
SEEDS = range(1, 6)
# By how much r may differ.
ROUNDING = 1e-12

# The genetic algorithm: the best of sixteen settings tried.
POPULATION = 5_000
ELITE = 250
DRAWN_FOR_PARENT = 3
MUTATES = 0.5

# Simulated annealing: the first temperature and the last, as differences of r.
HOT, COLD = 1e-2, 1e-6

# The most questions for SCIP, and to look at all sets. For 20 of 100 there are 5e20, and SCIP's bound is
# 0.993 after two minutes, where the highest r is 0.965.
FEW = 40


def one_factor(questions):
    """Scores 0 or 1 of the two-parameter logistic model, by user and question."""
    random = np.random.default_rng(questions)
    slopes, difficulties = random.uniform(0.2, 2.5, questions), random.normal(size=questions)
    chances = 1 / (1 + np.exp(-slopes * (random.normal(size=(USERS, 1)) - difficulties)))
    return (random.random(chances.shape) < chances).astype(np.int64)


def five_factors(questions):
    """Scores 1 to 5, each question on one of five factors, some the other way round."""
    random = np.random.default_rng(5)
    loadings = np.where(random.random(questions) < 0.7, 0.7, -0.7)
    factors = random.normal(size=(USERS, 5))[:, np.arange(questions) % 5]
    noise = 0.7 * random.normal(size=factors.shape)
    return np.clip(np.rint(3 + loadings * factors + noise), 1, 5).astype(np.int64)


def moments(scores):
    """Covariances of questions, and of each with the grand total, times the users squared: whole numbers."""
    sums = scores.sum(axis=0)
    between = (len(scores) * scores.T @ scores - np.outer(sums, sums)).astype(np.float64)
    return between, between.sum(axis=1)


def defined(scores, chosen):
    """r of one set, by the definition."""
    return np.corrcoef(scores[:, chosen].sum(axis=1), scores.sum(axis=1))[0, 1]


def timed(work, *arguments):
    begun = time.perf_counter()
    result = work(*arguments)
    return result, time.perf_counter() - begun


def repeated(work, runs):
    """The median of the seconds, and all results."""
    results, seconds = zip(*(timed(work, *arguments) for arguments in runs), strict=True)
    return statistics.median(seconds), results


def with_k_corrset(table, k, threads):
    row = k_corrset(table, k, wide=True, top=1, threads=threads).to_arrow().to_pylist()[0]
    return [int(name[1:]) for name in row["questions"]], row["r"]


# A genetic algorithm: a child takes each question, or its absence, from one of two parents.


@numba.njit
def fitness(chosen, between, with_total):
    """r of one set, given by a truth value for each question."""
    questions = np.flatnonzero(chosen)
    above, variance = 0.0, 0.0
    for place, question in enumerate(questions):
        above += with_total[question]
        variance += between[question, question]
        for other in questions[:place]:
            variance += 2 * between[question, other]
    return above / math.sqrt(variance * with_total.sum())


@numba.njit
def parent(fitnesses):
    """The fittest of some that are drawn by lot."""
    best = np.random.randint(len(fitnesses))
    for _ in range(DRAWN_FOR_PARENT - 1):
        other = np.random.randint(len(fitnesses))
        if fitnesses[other] > fitnesses[best]:
            best = other
    return best


@numba.njit
def flip_one(chosen, value):
    """Changes one of the questions that have a value, drawn by lot."""
    question = np.random.randint(len(chosen))
    while chosen[question] != value:
        question = np.random.randint(len(chosen))
    chosen[question] = not value


@numba.njit
def genetic(between, with_total, k, looks, seed):
    """The last population's best set, and its r; from each to the next the elite stays."""
    np.random.seed(seed)
    questions = len(with_total)
    population = np.zeros((POPULATION, questions), dtype=np.bool_)
    fitnesses = np.empty(POPULATION)
    for one in range(POPULATION):
        population[one, np.random.permutation(questions)[:k]] = True
        fitnesses[one] = fitness(population[one], between, with_total)
    children, fitnesses_of_children = population.copy(), fitnesses.copy()
    for _ in range((looks - POPULATION) // (POPULATION - ELITE)):
        elite = np.argsort(-fitnesses)[:ELITE]
        children[:ELITE], fitnesses_of_children[:ELITE] = population[elite], fitnesses[elite]
        for one in range(ELITE, POPULATION):
            child = children[one]
            mother, father = population[parent(fitnesses)], population[parent(fitnesses)]
            for question in range(questions):
                child[question] = mother[question]
                if mother[question] != father[question]:
                    child[question] = np.random.random() < 0.5
            # Repairs how many there are.
            count = child.sum()
            for _ in range(abs(count - k)):
                flip_one(child, count > k)
            if np.random.random() < MUTATES:
                flip_one(child, True)
                flip_one(child, False)
            fitnesses_of_children[one] = fitness(child, between, with_total)
        population, children = children, population
        fitnesses, fitnesses_of_children = fitnesses_of_children, fitnesses
    best = np.argmax(fitnesses)
    return np.flatnonzero(population[best]), fitnesses[best]


@numba.njit
def annealing(between, with_total, k, looks, seed):
    """The best set met, and its r; exchanges for the worse are made less and less often."""
    np.random.seed(seed)
    questions = len(with_total)
    # The set first, then the others.
    order = np.random.permutation(questions)
    shared = between[order[:k]].sum(axis=0)
    above, variance = with_total[order[:k]].sum(), shared[order[:k]].sum()
    total = with_total.sum()
    r = above / math.sqrt(variance * total)
    best, best_r = order[:k].copy(), r
    temperature, cooling = HOT, (COLD / HOT) ** (1 / looks)
    for _ in range(looks):
        place, other = np.random.randint(k), np.random.randint(k, questions)
        leaves, comes = order[place], order[other]
        new_above = above + with_total[comes] - with_total[leaves]
        own = between[leaves, leaves] + between[comes, comes]
        new_variance = variance + own + 2 * (shared[comes] - shared[leaves] - between[leaves, comes])
        new_r = new_above / math.sqrt(new_variance * total)
        if new_r >= r or np.random.random() < math.exp((new_r - r) / temperature):
            above, variance, r = new_above, new_variance, new_r
            shared += between[comes] - between[leaves]
            order[place], order[other] = comes, leaves
            if r > best_r:
                best, best_r = order[:k].copy(), r
        temperature *= cooling
    return best, best_r


@numba.njit
def all_sets(between, with_total, k, last, above, variance, shared):
    """The highest r² times a constant of the sets that have k more questions after the last one, and which.

    A set is a word of bits. What the questions share with those chosen is the row k of `shared`.
    """
    best, which = 0.0, 0
    for question in range(last + 1, len(with_total) - k + 1):
        new_above = above + with_total[question]
        new_variance = variance + between[question, question] + 2 * shared[k, question]
        if k == 1:
            value, others = new_above * abs(new_above) / new_variance, 0
        else:
            for other in range(question + 1, len(with_total)):
                shared[k - 1, other] = shared[k, other] + between[question, other]
            value, others = all_sets(between, with_total, k - 1, question, new_above, new_variance, shared)
        if value > best:
            best, which = value, others | 1 << question
    return best, which


def with_all_sets(between, with_total, k):
    shared = np.zeros((k + 1, len(with_total)))
    square, which = all_sets(between, with_total, k, -1, 0.0, 0.0, shared)
    chosen = [question for question in range(len(with_total)) if which >> question & 1]
    return chosen, math.sqrt(square / with_total.sum())


def with_scip(between, with_total, k, seconds):
    """The best set found in so many seconds and its r, and what is proven: a mixed-integer cone program.

    With t = 1 / sqrt(variance of the set) and z = x·t, r is linear in z, and z' covariances z is 1.
    """
    total = with_total.sum()
    between, with_total = between / total, with_total / total
    # A set's variance is that of k rows, in each of which are a variance and k - 1 covariances.
    variances, size = np.diag(between), len(between)
    others = np.sort(between[~np.eye(size, dtype=bool)].reshape(size, -1))
    least = np.sort(variances + others[:, : k - 1].sum(axis=1))[:k].sum()
    most = np.sort(variances + others[:, size - k :].sum(axis=1))[-k:].sum()
    low, high = most**-0.5, max(least, k * np.linalg.eigvalsh(between)[0]) ** -0.5

    model = pyscipopt.Model()
    model.hideOutput()
    model.setParam("limits/time", seconds)
    t = model.addVar(lb=low, ub=high)
    x = [model.addVar(vtype="B") for _ in range(size)]
    z = np.array([model.addVar(ub=high) for _ in range(size)])
    model.addCons(pyscipopt.quicksum(x) == k)
    model.addCons(pyscipopt.quicksum(z) == k * t)
    for of_set, scaled in zip(x, z, strict=True):
        model.addCons(scaled <= high * of_set)
        model.addCons(scaled >= low * of_set)
        model.addCons(scaled <= t - low * (1 - of_set))
        model.addCons(scaled >= t - high * (1 - of_set))
    # As a sum of squares: of products of z, SCIP sees a tenth of the nodes in the same time.
    roots = [model.addVar(lb=None) for _ in range(size)]
    for number, column in enumerate(np.linalg.cholesky(between).T):
        model.addCons(roots[number] == pyscipopt.quicksum(column[number:] * z[number:]))
    model.addCons(pyscipopt.quicksum(root * root for root in roots) <= 1)
    model.setObjective(pyscipopt.quicksum(with_total * z), "maximize")
    model.optimize()
    chosen = [question for question in range(size) if model.getVal(x[question]) > 0.5]
    r = with_total[chosen].sum() / math.sqrt(between[np.ix_(chosen, chosen)].sum())
    bound = math.ceil(model.getDualbound() * 1e4) / 1e4
    return (chosen, r), "yes" if model.getStatus() == "optimal" else f"no: at most {bound:.4f}"


def answers(scores, k, arguments):
    """Of each method: sets to look at, threads, seconds, the set and r of each run, and what is proven."""
    table = pa.table({f"q{question}": column for question, column in enumerate(scores.T)})
    runs = [(table, k, arguments.threads) for _ in SEEDS]
    yield "k_corrset", "", arguments.threads, *repeated(with_k_corrset, runs), "yes"

    matrices = moments(scores)
    for method, search in [("genetic algorithm, Numba", genetic), ("simulated annealing, Numba", annealing)]:
        search(*matrices, k, 1, 0)  # compiles
        for looks in arguments.sets:
            runs = [(*matrices, k, looks, seed) for seed in SEEDS]
            yield method, f"{looks:,}", 1, *repeated(search, runs), "no"

    if len(scores.T) <= FEW:
        with_all_sets(*matrices, 1)  # compiles
        answer, seconds = timed(with_all_sets, *matrices, k)
        yield "all sets, Numba", f"{math.comb(len(scores.T), k):,}", 1, seconds, [answer], "yes"
        (answer, proven), seconds = timed(with_scip, *matrices, k, arguments.scip_seconds)
        yield "SCIP", "", 1, seconds, [answer], proven


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of k_corrset; others have one")
    parser.add_argument("--sets", type=int, nargs="+", default=[600_000, 6_000_000], help="to look at")
    parser.add_argument("--scip-seconds", type=float, default=600, help="at most")
    arguments = parser.parse_args()

    print("| data | k | method | sets looked at | threads | seconds | best r | worst r | found by | proven |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for data, make, questions, k in [
        ("one factor", one_factor, 40, 8),
        ("one factor", one_factor, 100, 20),
        ("one factor", one_factor, 100, 30),
        ("five factors", five_factors, 100, 10),
    ]:
        scores, proven_r = make(questions), None
        for method, looks, threads, seconds, found, proven in answers(scores, k, arguments):
            for chosen, r in found:
                assert len(set(chosen)) == k, f"{method}: {chosen} are not {k} questions"
                expected = defined(scores, chosen)
                assert abs(r - expected) < ROUNDING, f"{method}: r is {r}, should be {expected}"
            all_r = [r for _, r in found]
            best, worst = max(all_r), min(all_r)
            # k_corrset comes first.
            proven_r = proven_r or best
            assert best < proven_r + ROUNDING, f"{method}: r is {best}, and {proven_r} proven the highest"
            times = sum(r > proven_r - ROUNDING for r in all_r)
            cells = [data, f"{k} of {questions}", method, looks, threads, f"{seconds:.3f}"]
            cells += [f"{best:.6f}", f"{worst:.6f}", f"{times} of {len(found)}", proven]
            print("|", " | ".join(map(str, cells)), "|", flush=True)


if __name__ == "__main__":
    main()
