//! The tree over the decided candidates, depth first, with pauses.
//!
//! ```text
//! node(level, sum of D δ², y, sets lack m):
//!     if m <= 1, or all candidates behind are needed:     look at the sets themselves
//!     for v in {the value nearer to y[level], the other}:
//!         δ = v - y[level];  sum' = sum + D[level] δ²;                 skip if sum' > cap
//!         for j behind:  y'[j] = y[j] + L[j, level] δ
//!         skip if any j: (distance of y'[j] from 0 and from 1)² > σ[level, j] (cap - sum')
//!         skip if Σ e[level, j] (distance of y'[j] from 0 and from 1)² > cap - sum'
//!         node(level + 1, sum', y', m - v)
//! ```
//!
//! Of candidates with the same scores, those of the first levels are taken first: which of them are in a
//! set makes no difference, so sets that differ in nothing else are walked to once.

use crate::search::form::Form;
use crate::search::levels::{Behind, Levels};
use crate::search::problem::sum_of;
use crate::search::quotas::OrderedQuotas;
use crate::search::random::Random;
use crate::sweep::simd::{InstructionSet, Instructions, Task};

/// Parts of a tree, at least, where it has as many nodes.
pub(crate) const PARTS: usize = 64;

/// Random ways down a tree, to tell its size.
const PROBES: usize = 200;

/// What a walk needs to know of its tree.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tree<'a> {
    pub(crate) form: &'a Form,
    pub(crate) levels: &'a Levels,
    pub(crate) quotas: &'a OrderedQuotas,
}

/// A node of the tree, with everything below it to be walked.
#[derive(Debug)]
pub(crate) struct Descent {
    /// The level of the node that it began with.
    base: usize,
    level: usize,
    /// How many of its two values have been tried, by level from the base on.
    tried: Vec<u8>,
    /// Whether the candidate of a level is taken; as far as the level has been passed.
    taken: Vec<bool>,
    /// Σ D δ² of the levels before, from the base on.
    sums: Vec<f64>,
    /// Candidates that sets lack, from the base on.
    lacking: Vec<usize>,
    /// Candidates that sets have of each quota, from the base on, one level after the other.
    counts: Vec<usize>,
    /// y of the candidates of a level and those behind, from the base on, one after the other.
    means: Vec<f64>,
}

impl Descent {
    /// The whole tree of sets of `choose` candidates.
    pub(crate) fn new(tree: Tree<'_>, choose: usize) -> Self {
        let Tree { levels, quotas, .. } = tree;
        Self {
            base: 0,
            level: 0,
            tried: vec![0],
            taken: Vec::new(),
            sums: vec![0.0],
            lacking: vec![choose],
            counts: vec![0; quotas.len()],
            means: levels.centre.clone(),
        }
    }

    /// About how many nodes the whole tree has: the mean of what random ways down it tell, each of which
    /// multiplies by the number of children it passes (D. E. Knuth, *Estimating the efficiency of
    /// backtrack programs*, 1975). Right on average, and mostly too low.
    pub(crate) fn estimate(tree: Tree<'_>, choose: usize, instructions: Instructions) -> f64 {
        let mut random = Random::new(0);
        let mut nodes = 0.0;
        for _ in 0..PROBES {
            let mut way = Self::new(tree, choose);
            let mut alike = 1.0;
            while !way.is_leaf(tree.levels) {
                let level = way.level;
                let mut children = Vec::new();
                while instructions.run(Next { descent: &mut way, tree }) {
                    children.push(way.child(tree));
                    way.level = level;
                }
                if children.is_empty() {
                    break;
                }
                alike *= children.len() as f64;
                nodes += alike;
                let child = random.below(children.len());
                way = children.swap_remove(child);
            }
        }
        nodes / PROBES as f64
    }

    /// The same as several parts, at least `parts` of them if the tree is that large.
    pub(crate) fn split(self, tree: Tree<'_>, parts: usize, instructions: Instructions) -> Vec<Self> {
        let mut nodes = vec![self];
        while nodes.len() < parts {
            let mut below = Vec::new();
            let mut leaves = true;
            for mut node in nodes {
                let level = node.level;
                if node.is_leaf(tree.levels) {
                    below.push(node);
                    continue;
                }
                leaves = false;
                while instructions.run(Next { descent: &mut node, tree }) {
                    below.push(node.child(tree));
                    node.level = level;
                }
            }
            nodes = below;
            if leaves {
                break;
            }
        }
        nodes
    }

    /// The node that was gone down to, as a part of its own.
    fn child(&self, tree: Tree<'_>) -> Self {
        self.part_from(tree, self.level, 0)
    }

    /// The part from a node on the way down, of which so many children have been tried.
    fn part_from(&self, Tree { levels, quotas, .. }: Tree<'_>, level: usize, tried: u8) -> Self {
        let at = level - self.base;
        let start = self.start(levels, level);
        Self {
            base: level,
            level,
            tried: vec![tried],
            taken: self.taken[..level].to_vec(),
            sums: vec![self.sums[at]],
            lacking: vec![self.lacking[at]],
            counts: self.counts[at * quotas.len()..][..quotas.len()].to_vec(),
            means: self.means[start..start + levels.size() - level].to_vec(),
        }
    }

    /// Gives away what is left below the highest node that has a child left to try, if there is one beside
    /// that which is being walked.
    pub(crate) fn split_off(&mut self, tree: Tree<'_>) -> Option<Self> {
        let level = (self.base..self.level).find(|level| self.tried[level - self.base] < 2)?;
        let tried = std::mem::replace(&mut self.tried[level - self.base], 2);
        Some(self.part_from(tree, level, tried))
    }

    /// Walks over some nodes, and adds the sets that may be asked for to `found`. Returns whether it
    /// is at its end.
    pub(crate) fn walk(
        &mut self,
        tree: Tree<'_>,
        nodes: usize,
        found: &mut Vec<Vec<usize>>,
        instructions: Instructions,
    ) -> bool {
        instructions.run(Walk { descent: self, tree, nodes, found })
    }

    /// Where the means of a level begin.
    #[inline(always)]
    fn start(&self, levels: &Levels, level: usize) -> usize {
        let of_first = levels.size() - self.base;
        let passed = level - self.base;
        passed * (2 * of_first + 1 - passed) / 2
    }

    #[inline(always)]
    fn is_leaf(&self, levels: &Levels) -> bool {
        let lacking = self.lacking[self.level - self.base];
        lacking <= 1 || levels.size() - self.level <= lacking
    }

    /// Goes down to the next child of the node, if it has one more that is not pruned.
    #[inline(always)]
    fn next(&mut self, Tree { levels, quotas, .. }: Tree<'_>) -> bool {
        let level = self.level;
        let at = level - self.base;
        let behind = levels.size() - level - 1;
        let start = self.start(levels, level);
        if self.means.len() < start + 2 * behind + 1 {
            self.means.resize(start + 2 * behind + 1, 0.0);
            self.tried.resize(at + 2, 0);
            self.sums.resize(at + 2, 0.0);
            self.lacking.resize(at + 2, 0);
            self.counts.resize((at + 2) * quotas.len(), 0);
        }
        while self.tried[at] < 2 {
            let (means, children) = self.means[start..].split_at_mut(behind + 1);
            let nearer = means[0] > 0.5;
            let take = if self.tried[at] == 0 { nearer } else { !nearer };
            self.tried[at] += 1;
            // The twin before was left out, and so is this one.
            if take && levels.twin[level].is_some_and(|twin| !self.taken[twin]) {
                continue;
            }
            let step = f64::from(u8::from(take)) - means[0];
            let sum = self.sums[at] + levels.weight[level] * step * step;
            if sum > levels.cap {
                continue;
            }
            let children = &mut children[..behind];
            if !move_means(children, &means[1..], levels.behind(level), step, levels.cap - sum) {
                continue;
            }
            let lacking = self.lacking[at] - usize::from(take);
            let mut met = true;
            for quota in 0..quotas.len() {
                let count =
                    self.counts[at * quotas.len() + quota] + usize::from(take && quotas.has(quota, level));
                self.counts[(at + 1) * quotas.len() + quota] = count;
                met &= quotas.may_be_met(quota, count, level + 1, lacking);
            }
            if !met {
                continue;
            }
            self.taken.truncate(level);
            self.taken.push(take);
            self.level += 1;
            self.tried[at + 1] = 0;
            self.sums[at + 1] = sum;
            self.lacking[at + 1] = lacking;
            return true;
        }
        false
    }

    /// Goes back to the parent, if that is not above the base.
    #[inline(always)]
    fn up(&mut self) -> bool {
        let below = self.level > self.base;
        self.level -= usize::from(below);
        below
    }

    /// Looks at the sets of a leaf.
    fn leaf(&self, Tree { form, levels, .. }: Tree<'_>, found: &mut Vec<Vec<usize>>) {
        let level = self.level;
        let lacking = self.lacking[level - self.base];
        let mut set: Vec<usize> =
            (0..level).filter(|&level| self.taken[level]).map(|level| levels.order[level]).collect();
        let first =
            |level: usize| levels.twin[level].is_none_or(|twin| twin < self.level && self.taken[twin]);
        if lacking != 1 || level + 1 == levels.size() {
            let rest = if lacking == 0 { levels.size() } else { level };
            let twins = (rest..levels.size())
                .all(|level| levels.twin[level].is_none_or(|twin| twin >= self.level || self.taken[twin]));
            set.extend(&levels.order[rest..]);
            if twins && of_set(form, &set) <= form.error {
                set.sort_unstable();
                found.push(set);
            }
            return;
        }
        let own = of_set(form, &set);
        for last in (level..levels.size()).filter(|&level| first(level)) {
            let row = form.matrix.row(levels.order[last]);
            if own + row[levels.order[last]] + 2.0 * sum_of(row, &set) <= form.error {
                let mut set = set.clone();
                set.push(levels.order[last]);
                set.sort_unstable();
                found.push(set);
            }
        }
    }
}

impl Descent {
    /// Bytes of a walk over some candidates.
    pub(crate) fn bytes(candidates: usize) -> usize {
        candidates * (candidates + 8) / 2 * size_of::<f64>()
    }

    /// Bytes of the parts that wait to be walked.
    pub(crate) fn bytes_of_parts(candidates: usize) -> usize {
        2 * PARTS * candidates * (size_of::<f64>() + 1)
    }
}

/// x'Wx
fn of_set(form: &Form, set: &[usize]) -> f64 {
    set.iter().map(|&candidate| sum_of(form.matrix.row(candidate), set)).sum()
}

/// Candidates behind that are looked at before it is asked whether one of them is too far off: most
/// children are pruned by one of the first.
const BLOCK: usize = 32;

/// The means of the candidates behind a step; returns whether sets may be left: each is as near to 0 or
/// to 1 as what is left allows, and so are all together.
#[inline(always)]
fn move_means(to: &mut [f64], means: &[f64], behind: Behind<'_>, step: f64, left: f64) -> bool {
    let size = to.len();
    let (means, columns) = (&means[..size], &behind.columns[..size]);
    let (spreads, floors) = (&behind.spreads[..size], &behind.floors[..size]);
    let whole = size - size % 8;
    let square = |mean: f64| {
        let distance = mean.abs().min((1.0 - mean).abs());
        distance * distance
    };
    let mut costs = [0.0; 8];
    for start in (0..whole).step_by(BLOCK) {
        let mut excess = [f64::NEG_INFINITY; 8];
        for at in (start..(start + BLOCK).min(whole)).step_by(8) {
            for lane in 0..8 {
                let mean = means[at + lane] + columns[at + lane] * step;
                to[at + lane] = mean;
                let square = square(mean);
                costs[lane] += floors[at + lane] * square;
                let far = square - spreads[at + lane] * left;
                excess[lane] = if far > excess[lane] { far } else { excess[lane] };
            }
        }
        let cost: f64 = costs.iter().sum();
        if cost > left || excess.iter().any(|&excess| excess > 0.0) {
            return false;
        }
    }
    let mut cost: f64 = costs.iter().sum();
    for at in whole..size {
        let mean = means[at] + columns[at] * step;
        to[at] = mean;
        let square = square(mean);
        cost += floors[at] * square;
        if square > spreads[at] * left {
            return false;
        }
    }
    cost <= left
}

struct Next<'a> {
    descent: &'a mut Descent,
    tree: Tree<'a>,
}

impl Task for Next<'_> {
    type Output = bool;

    #[inline(always)]
    fn run<I: InstructionSet>(self, _: I) -> bool {
        self.descent.next(self.tree)
    }
}

struct Walk<'a> {
    descent: &'a mut Descent,
    tree: Tree<'a>,
    nodes: usize,
    found: &'a mut Vec<Vec<usize>>,
}

impl Task for Walk<'_> {
    type Output = bool;

    #[inline(always)]
    fn run<I: InstructionSet>(self, _: I) -> bool {
        let Self { descent, tree, nodes, found } = self;
        for _ in 0..nodes {
            let down = if descent.is_leaf(tree.levels) {
                descent.leaf(tree, found);
                false
            } else {
                descent.next(tree)
            };
            if !down && !descent.up() {
                return true;
            }
        }
        false
    }
}
