//! The ladder: from the definition to the sweep, one idea a rung.
//!
//! The two articles climbed it up to "parallel"; here it is told again in other words,
//! and goes on. Every rung answers the same question, r and n of the sets of five
//! questions that contain two given ones, is checked against the definition, and is
//! timed in the same run as the others. A second, shorter one leads to data of which
//! little is missing. `cargo bench --features cli --bench ladder`

mod exam;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, Instant};

use datafusion_k_corrset::index::AnswerIndex;
use datafusion_k_corrset::sweep::{Columns, SweepRequest, Undefined, naive};
use exam::{Answers, COMPLETE, LARGE, Shape};
use rayon::prelude::*;

/// The sets to look at: `fixed` and `choose` of the other questions.
#[derive(Clone)]
struct Sets {
    fixed: Vec<usize>,
    others: Vec<usize>,
    choose: usize,
}

impl Sets {
    fn new(fixed: &[usize], questions: usize, k: usize) -> Self {
        let others = (0..questions).filter(|question| !fixed.contains(question)).collect();
        Self { fixed: fixed.to_vec(), others, choose: k - fixed.len() }
    }

    /// The first sets, at most `most`, in lexicographic order of what is chosen.
    fn first(&self, most: usize) -> Vec<Vec<usize>> {
        let mut sets = Vec::new();
        self.extend(&mut self.fixed.clone(), 0, most, &mut sets);
        sets
    }

    fn extend(&self, set: &mut Vec<usize>, from: usize, most: usize, sets: &mut Vec<Vec<usize>>) {
        if set.len() == self.fixed.len() + self.choose {
            sets.push(set.clone());
            return;
        }
        for place in from..self.others.len() {
            if sets.len() == most {
                return;
            }
            set.push(self.others[place]);
            self.extend(set, place + 1, most, sets);
            set.pop();
        }
    }
}

/// r, NaN where it is undefined, and n.
type Answer = (f64, usize);

/// A way to answer, made ready from the rows.
trait Rung {
    /// The first `most` sets' answers, or those of all sets, and how long they took.
    fn answer(&self, sets: &Sets, most: usize) -> (Vec<(Vec<usize>, Answer)>, Duration);
}

/// Answers for one set after the other.
fn one_by_one(
    sets: &Sets,
    most: usize,
    answer: impl Fn(&[usize]) -> Answer,
) -> (Vec<(Vec<usize>, Answer)>, Duration) {
    let sets = sets.first(most);
    let begun = Instant::now();
    let answers: Vec<Answer> = sets.iter().map(|set| answer(set)).collect();
    let elapsed = begun.elapsed();
    (sets.into_iter().zip(answers).collect(), elapsed)
}

/// Pearson's r as a statistics book has it.
fn pearson(pairs: &[(f64, f64)]) -> f64 {
    let n = pairs.len() as f64;
    let mean_a = pairs.iter().map(|pair| pair.0).sum::<f64>() / n;
    let mean_b = pairs.iter().map(|pair| pair.1).sum::<f64>() / n;
    let product =
        |x: fn(&(f64, f64), f64, f64) -> f64| pairs.iter().map(|pair| x(pair, mean_a, mean_b)).sum::<f64>();
    let covariance = product(|pair, a, b| (pair.0 - a) * (pair.1 - b));
    let of_a = product(|pair, a, _| (pair.0 - a) * (pair.0 - a));
    let of_b = product(|pair, _, b| (pair.1 - b) * (pair.1 - b));
    covariance / (of_a * of_b).sqrt()
}

/// The six sums in one pass.
#[derive(Default, Clone, Copy)]
struct Sums {
    n: i64,
    a: i64,
    aa: i64,
    b: i64,
    bb: i64,
    ab: i64,
}

impl Sums {
    #[inline(always)]
    fn add(&mut self, a: i64, b: i64) {
        self.n += 1;
        self.a += a;
        self.aa += a * a;
        self.b += b;
        self.bb += b * b;
        self.ab += a * b;
    }

    fn subtract(&mut self, other: &Self) {
        self.n -= other.n;
        self.a -= other.a;
        self.aa -= other.aa;
        self.b -= other.b;
        self.bb -= other.bb;
        self.ab -= other.ab;
    }

    #[inline(always)]
    fn answer(&self) -> Answer {
        let Self { n, a, aa, b, bb, ab } = *self;
        let covariance = (n * ab - a * b) as f64;
        (covariance / ((n * aa - a * a) as f64 * (n * bb - b * b) as f64).sqrt(), n as usize)
    }
}

/// 1. What the definition says, with the names that users and questions have.
struct Definition {
    users: HashMap<String, HashSet<String>>,
    scores: HashMap<(String, String), f64>,
    totals: HashMap<String, f64>,
}

fn user_name(user: u32) -> String {
    format!("user-{user:08}")
}

fn question_name(question: u32) -> String {
    format!("question-{question:08}")
}

impl Definition {
    fn new(rows: &Answers) -> Self {
        let (mut users, mut scores, mut totals) = (HashMap::new(), HashMap::new(), HashMap::new());
        for &(user, question, score) in rows {
            let (user, question) = (user_name(user), question_name(question));
            users.entry(question.clone()).or_insert_with(HashSet::new).insert(user.clone());
            *totals.entry(user.clone()).or_default() += score as f64;
            scores.insert((user, question), score as f64);
        }
        Self { users, scores, totals }
    }
}

impl Rung for Definition {
    fn answer(&self, sets: &Sets, most: usize) -> (Vec<(Vec<usize>, Answer)>, Duration) {
        one_by_one(sets, most, |set| {
            let names: Vec<String> = set.iter().map(|&question| question_name(question as u32)).collect();
            let mut users = self.users[&names[0]].clone();
            for name in &names[1..] {
                users.retain(|user| self.users[name].contains(user));
            }
            let score = |user: &String, question: &String| self.scores[&(user.clone(), question.clone())];
            let a = |user: &String| names.iter().map(|question| score(user, question)).sum::<f64>();
            let pairs: Vec<(f64, f64)> = users.iter().map(|user| (a(user), self.totals[user])).collect();
            (pearson(&pairs), pairs.len())
        })
    }
}

/// 2. Numbers instead of names, and lists of users that are sorted.
struct DenseIds {
    users: Vec<Vec<u32>>,
    scores: HashMap<(u32, u32), f64>,
    totals: Vec<f64>,
}

impl DenseIds {
    fn new(shape: Shape, rows: &Answers) -> Self {
        let mut users = vec![Vec::new(); shape.questions as usize];
        let mut totals = vec![0.0; shape.users as usize];
        for &(user, question, score) in rows {
            users[question as usize].push(user);
            totals[user as usize] += score as f64;
        }
        users.iter_mut().for_each(|users| users.sort_unstable());
        Self { users, scores: rows.iter().map(|row| ((row.0, row.1), row.2 as f64)).collect(), totals }
    }
}

impl Rung for DenseIds {
    fn answer(&self, sets: &Sets, most: usize) -> (Vec<(Vec<usize>, Answer)>, Duration) {
        one_by_one(sets, most, |set| {
            let mut users = self.users[set[0]].clone();
            for &question in &set[1..] {
                users.retain(|user| self.users[question].binary_search(user).is_ok());
            }
            let a = |user| set.iter().map(|&question| self.scores[&(user, question as u32)]).sum::<f64>();
            let pairs: Vec<(f64, f64)> =
                users.iter().map(|&user| (a(user), self.totals[user as usize])).collect();
            (pearson(&pairs), pairs.len())
        })
    }
}

/// 3. A truth value for each user and question, where there were lists.
struct BooleanArrays {
    answered: Vec<Vec<bool>>,
    dense: DenseIds,
}

impl BooleanArrays {
    fn new(shape: Shape, rows: &Answers) -> Self {
        let mut answered = vec![vec![false; shape.users as usize]; shape.questions as usize];
        rows.iter().for_each(|row| answered[row.1 as usize][row.0 as usize] = true);
        Self { answered, dense: DenseIds::new(shape, rows) }
    }
}

impl Rung for BooleanArrays {
    fn answer(&self, sets: &Sets, most: usize) -> (Vec<(Vec<usize>, Answer)>, Duration) {
        one_by_one(sets, most, |set| {
            let all = |user: &usize| set.iter().all(|&question| self.answered[question][*user]);
            let score = |user, question| self.dense.scores[&(user as u32, question as u32)];
            let a = |user: usize| set.iter().map(|&question| score(user, question)).sum::<f64>();
            let users = (0..self.dense.totals.len()).filter(all);
            let pairs: Vec<(f64, f64)> = users.map(|user| (a(user), self.dense.totals[user])).collect();
            (pearson(&pairs), pairs.len())
        })
    }
}

/// 4. A matrix of scores, where there was a map.
struct ScoreMatrix {
    answered: Vec<Vec<bool>>,
    scores: Vec<Vec<f64>>,
    totals: Vec<f64>,
}

impl ScoreMatrix {
    fn new(shape: Shape, rows: &Answers) -> Self {
        let BooleanArrays { answered, dense } = BooleanArrays::new(shape, rows);
        let mut scores = vec![vec![0.0; shape.users as usize]; shape.questions as usize];
        rows.iter().for_each(|row| scores[row.1 as usize][row.0 as usize] = row.2 as f64);
        Self { answered, scores, totals: dense.totals }
    }
}

impl Rung for ScoreMatrix {
    fn answer(&self, sets: &Sets, most: usize) -> (Vec<(Vec<usize>, Answer)>, Duration) {
        one_by_one(sets, most, |set| {
            let all = |user: &usize| set.iter().all(|&question| self.answered[question][*user]);
            let a = |user: usize| set.iter().map(|&question| self.scores[question][user]).sum::<f64>();
            let pairs: Vec<(f64, f64)> =
                (0..self.totals.len()).filter(all).map(|user| (a(user), self.totals[user])).collect();
            (pearson(&pairs), pairs.len())
        })
    }
}

/// 5. Bits for truth values: 64 users at once.
struct Bitsets {
    answered: Vec<Vec<u64>>,
    matrix: ScoreMatrix,
}

/// The bits that two bitsets share. Compilers make vector instructions of it.
fn both(x: &[u64], y: &[u64]) -> Vec<u64> {
    x.iter().zip(y).map(|(x, y)| x & y).collect()
}

/// Calls back for every user whose bit is set.
#[inline(always)]
fn each_user(bitset: &[u64], mut each: impl FnMut(usize)) {
    for (word, &bits) in bitset.iter().enumerate() {
        let mut bits = bits;
        while bits != 0 {
            each(word * 64 + bits.trailing_zeros() as usize);
            bits &= bits - 1;
        }
    }
}

impl Bitsets {
    fn new(shape: Shape, rows: &Answers) -> Self {
        let words = (shape.users as usize).div_ceil(64);
        let mut answered = vec![vec![0; words]; shape.questions as usize];
        rows.iter().for_each(|row| answered[row.1 as usize][row.0 as usize / 64] |= 1u64 << (row.0 % 64));
        Self { answered, matrix: ScoreMatrix::new(shape, rows) }
    }

    /// The users who answered all of a set.
    fn users(&self, set: &[usize]) -> Vec<u64> {
        let (first, rest) = set.split_first().expect("a set has a question");
        let mut users = self.answered[*first].clone();
        for &question in rest {
            users.iter_mut().zip(&self.answered[question]).for_each(|(users, word)| *users &= word);
        }
        users
    }
}

impl Rung for Bitsets {
    fn answer(&self, sets: &Sets, most: usize) -> (Vec<(Vec<usize>, Answer)>, Duration) {
        one_by_one(sets, most, |set| {
            let a = |user: usize| set.iter().map(|&question| self.matrix.scores[question][user]).sum::<f64>();
            let mut pairs = Vec::new();
            each_user(&self.users(set), |user| pairs.push((a(user), self.matrix.totals[user])));
            (pearson(&pairs), pairs.len())
        })
    }
}

/// 6. The six sums while going over the users, of integers, and nothing stored.
struct FusedSums {
    bitsets: Bitsets,
    scores: Vec<Vec<u8>>,
    totals: Vec<i64>,
}

impl FusedSums {
    fn new(shape: Shape, rows: &Answers) -> Self {
        let bitsets = Bitsets::new(shape, rows);
        let byte = |scores: &Vec<f64>| scores.iter().map(|&score| score as u8).collect();
        Self {
            scores: bitsets.matrix.scores.iter().map(byte).collect(),
            totals: bitsets.matrix.totals.iter().map(|&total| total as i64).collect(),
            bitsets,
        }
    }

    fn answer_one(&self, set: &[usize]) -> Answer {
        let mut sums = Sums::default();
        each_user(&self.bitsets.users(set), |user| {
            let a = set.iter().map(|&question| i64::from(self.scores[question][user])).sum();
            sums.add(a, self.totals[user]);
        });
        sums.answer()
    }
}

impl Rung for FusedSums {
    fn answer(&self, sets: &Sets, most: usize) -> (Vec<(Vec<usize>, Answer)>, Duration) {
        one_by_one(sets, most, |set| self.answer_one(set))
    }
}

/// 7. All threads. From here on, every rung uses them.
struct Parallel(FusedSums);

impl Rung for Parallel {
    fn answer(&self, sets: &Sets, most: usize) -> (Vec<(Vec<usize>, Answer)>, Duration) {
        let sets = sets.first(most);
        let begun = Instant::now();
        let answers: Vec<Answer> = sets.par_iter().map(|set| self.0.answer_one(set)).collect();
        let elapsed = begun.elapsed();
        (sets.into_iter().zip(answers).collect(), elapsed)
    }
}

/// What sets with the same beginning have in common, found once for all of them.
trait Shared: Sync {
    /// What is left of the users after some questions.
    type Cohort: Send + Sync;

    fn all(&self) -> Self::Cohort;

    fn narrow(&self, cohort: &Self::Cohort, question: usize) -> Self::Cohort;

    fn answer_last(&self, prefix: &[usize], cohort: &Self::Cohort, last: usize) -> Answer;

    /// All sets, depth first; threads take turns at the first question chosen.
    fn walk(&self, sets: &Sets) -> (Vec<(Vec<usize>, Answer)>, Duration) {
        let begun = Instant::now();
        let cohort = sets.fixed.iter().fold(self.all(), |cohort, &question| self.narrow(&cohort, question));
        let first = 0..sets.others.len();
        let answers: Vec<Vec<Answer>> = first
            .into_par_iter()
            .map(|first| {
                let mut answers = Vec::new();
                self.extend(sets, &mut sets.fixed.clone(), &cohort, first..first + 1, &mut answers);
                answers
            })
            .collect();
        let elapsed = begun.elapsed();
        (sets.first(usize::MAX).into_iter().zip(answers.into_iter().flatten()).collect(), elapsed)
    }

    fn extend(
        &self,
        sets: &Sets,
        prefix: &mut Vec<usize>,
        cohort: &Self::Cohort,
        places: std::ops::Range<usize>,
        answers: &mut Vec<Answer>,
    ) {
        let last = prefix.len() + 1 == sets.fixed.len() + sets.choose;
        for place in places {
            let question = sets.others[place];
            if last {
                answers.push(self.answer_last(prefix, cohort, question));
            } else {
                let narrowed = self.narrow(cohort, question);
                prefix.push(question);
                self.extend(sets, prefix, &narrowed, place + 1..sets.others.len(), answers);
                prefix.pop();
            }
        }
    }
}

/// 8. The bits of a prefix are found once for all sets that begin with it.
struct SharedPrefixes(FusedSums);

impl Shared for SharedPrefixes {
    type Cohort = Vec<u64>;

    fn all(&self) -> Vec<u64> {
        vec![u64::MAX; self.0.bitsets.answered[0].len()]
    }

    fn narrow(&self, cohort: &Vec<u64>, question: usize) -> Vec<u64> {
        both(cohort, &self.0.bitsets.answered[question])
    }

    fn answer_last(&self, prefix: &[usize], cohort: &Vec<u64>, last: usize) -> Answer {
        let mut sums = Sums::default();
        each_user(&both(cohort, &self.0.bitsets.answered[last]), |user| {
            let on_prefix = prefix.iter().map(|&question| i64::from(self.0.scores[question][user]));
            sums.add(on_prefix.sum::<i64>() + i64::from(self.0.scores[last][user]), self.0.totals[user]);
        });
        sums.answer()
    }
}

impl Rung for SharedPrefixes {
    fn answer(&self, sets: &Sets, _most: usize) -> (Vec<(Vec<usize>, Answer)>, Duration) {
        self.walk(sets)
    }
}

/// 9. Only the users of a prefix are kept, side by side, with what they have scored.
struct CompactedUsers(FusedSums);

#[derive(Clone, Copy)]
struct Member {
    user: u32,
    subtotal: i64,
    total: i64,
}

impl CompactedUsers {
    fn score(&self, user: u32, question: usize) -> Option<i64> {
        let user = user as usize;
        let answered = self.0.bitsets.answered[question][user / 64] >> (user % 64) & 1 == 1;
        answered.then(|| i64::from(self.0.scores[question][user]))
    }
}

impl Shared for CompactedUsers {
    type Cohort = Vec<Member>;

    fn all(&self) -> Vec<Member> {
        let member = |(user, &total)| Member { user: user as u32, subtotal: 0, total };
        self.0.totals.iter().enumerate().map(member).collect()
    }

    fn narrow(&self, cohort: &Vec<Member>, question: usize) -> Vec<Member> {
        let narrow = |&member: &Member| {
            let score = self.score(member.user, question)?;
            Some(Member { subtotal: member.subtotal + score, ..member })
        };
        cohort.iter().filter_map(narrow).collect()
    }

    fn answer_last(&self, _prefix: &[usize], cohort: &Vec<Member>, last: usize) -> Answer {
        let mut sums = Sums::default();
        for member in cohort {
            if let Some(score) = self.score(member.user, last) {
                sums.add(member.subtotal + score, member.total);
            }
        }
        sums.answer()
    }
}

impl Rung for CompactedUsers {
    fn answer(&self, sets: &Sets, _most: usize) -> (Vec<(Vec<usize>, Answer)>, Duration) {
        self.walk(sets)
    }
}

/// 10. The last question is the lanes of vectors: the sweep of this crate.
struct Lanes(AnswerIndex);

impl Rung for Lanes {
    fn answer(&self, sets: &Sets, _most: usize) -> (Vec<(Vec<usize>, Answer)>, Duration) {
        let request = SweepRequest {
            k: sets.fixed.len() + sets.choose,
            include: sets.fixed.iter().map(|&question| question as u32).collect(),
            undefined: Undefined::Null,
            min_users: Some(0),
            ..SweepRequest::default()
        };
        let plan = exam::plan(&self.0, &request);
        let threads = rayon::current_num_threads();
        let sweep = |columns| {
            let share = |share| {
                let (mut questions, mut r, mut n) = (Vec::new(), Vec::new(), Vec::new());
                exam::sweep_all(&plan, share, threads, columns, |found| {
                    questions.extend_from_slice(&found.questions);
                    r.extend_from_slice(&found.r);
                    n.extend_from_slice(&found.n);
                });
                (questions, r, n)
            };
            (0..threads).into_par_iter().map(share).collect::<Vec<_>>()
        };
        // The other rungs only note r and n, in a known order.
        let begun = Instant::now();
        std::hint::black_box(sweep(Columns { questions: false, ..Columns::ALL }));
        let elapsed = begun.elapsed();
        let mut answers = Vec::new();
        for (questions, r, n) in sweep(Columns::ALL) {
            let sets = questions.chunks(request.k).map(|set| set.iter().map(|&id| id as usize).collect());
            answers.extend(sets.zip(r.into_iter().zip(n.into_iter().map(|n| n as usize))));
        }
        (answers, elapsed)
    }
}

/// With few gaps: only those who missed something are kept, and taken off what everybody sums up to.
///
/// A question that somebody missed counts as 0 there. Over everybody, the sums are those of the questions
/// and of their pairs, whatever the set. Of those who missed the last question, what they sum up to on the prefix
/// is in tables of two and three questions, but for who has missed something of the prefix, too.
struct DifferenceLists {
    users: CompactedUsers,
    /// By last question: those who missed it.
    missed: Vec<Over>,
    everybody: Over,
}

/// Sums over some users.
struct Over {
    users: Vec<u32>,
    /// Of no questions.
    none: Sums,
    /// `[question]`: Σs and Σbs.
    scores: Vec<[i64; 2]>,
    /// `[question][question]`: Σst.
    products: Vec<Vec<i64>>,
}

impl Over {
    fn new(users: Vec<u32>, of: &FusedSums) -> Self {
        let total = |user: u32| of.totals[user as usize];
        let score = |question: usize, user: u32| i64::from(of.scores[question][user as usize]);
        let sum = |of: &dyn Fn(u32) -> i64| users.iter().map(|&user| of(user)).sum();
        let questions = 0..of.scores.len();
        let mut none = Sums::default();
        users.iter().for_each(|&user| none.add(0, total(user)));
        let scores = |q| [sum(&|user| score(q, user)), sum(&|user| total(user) * score(q, user))];
        let products = |q, r| sum(&|user| score(q, user) * score(r, user));
        Self {
            none,
            scores: questions.clone().map(scores).collect(),
            products: questions
                .clone()
                .map(|q| questions.clone().map(|r| products(q, r)).collect())
                .collect(),
            users,
        }
    }

    /// The sums of some questions.
    fn sums(&self, questions: impl Iterator<Item = usize> + Clone) -> Sums {
        let mut sums = self.none;
        for question in questions.clone() {
            let [score, product] = self.scores[question];
            sums.a += score;
            sums.ab += product;
            sums.aa += questions.clone().map(|other| self.products[question][other]).sum::<i64>();
        }
        sums
    }
}

/// Those who missed something of a prefix.
struct Missing {
    prefix: Vec<usize>,
    members: Vec<Member>,
}

impl DifferenceLists {
    fn new(shape: Shape, rows: &Answers) -> Self {
        let users = CompactedUsers(FusedSums::new(shape, rows));
        let missed =
            |question| (0..shape.users).filter(|&user| users.score(user, question).is_none()).collect();
        let over = |question| Over::new(missed(question), &users.0);
        Self {
            missed: (0..shape.questions as usize).map(over).collect(),
            everybody: Over::new((0..shape.users).collect(), &users.0),
            users,
        }
    }
}

impl Shared for DifferenceLists {
    type Cohort = Missing;

    fn all(&self) -> Missing {
        Missing { prefix: Vec::new(), members: Vec::new() }
    }

    fn narrow(&self, cohort: &Missing, question: usize) -> Missing {
        let mut prefix = cohort.prefix.clone();
        let score = |user, question| self.users.score(user, question).unwrap_or(0);
        let mut members = cohort.members.clone();
        members.iter_mut().for_each(|member| member.subtotal += score(member.user, question));
        for &user in &self.missed[question].users {
            if prefix.iter().all(|&question| self.users.score(user, question).is_some()) {
                let subtotal = prefix.iter().map(|&question| score(user, question)).sum();
                members.push(Member { user, subtotal, total: self.users.0.totals[user as usize] });
            }
        }
        prefix.push(question);
        Missing { prefix, members }
    }

    fn answer_last(&self, prefix: &[usize], cohort: &Missing, last: usize) -> Answer {
        let mut sums = self.everybody.sums(prefix.iter().copied().chain([last]));
        let mut less = self.missed[last].sums(prefix.iter().copied());
        for &Member { user, subtotal, total } in &cohort.members {
            // Those who missed the last question are among the others who did.
            if let Some(score) = self.users.score(user, last) {
                less.add(subtotal + score, total);
            }
        }
        sums.subtract(&less);
        sums.answer()
    }
}

impl Rung for DifferenceLists {
    fn answer(&self, sets: &Sets, _most: usize) -> (Vec<(Vec<usize>, Answer)>, Duration) {
        self.walk(sets)
    }
}

/// A rung: what is told of it, and whether all threads take part.
type Named = (&'static str, Threads, Box<dyn Rung>);

#[derive(Clone, Copy)]
enum Threads {
    One,
    All,
}

/// The ladder over some rows, from the bottom.
fn rungs(shape: Shape, rows: &Answers) -> Vec<Named> {
    use Threads::{All, One};
    let fused = || FusedSums::new(shape, rows);
    vec![
        ("definition, with hash sets", One, Box::new(Definition::new(rows))),
        ("dense ids", One, Box::new(DenseIds::new(shape, rows))),
        ("boolean arrays", One, Box::new(BooleanArrays::new(shape, rows))),
        ("score matrix", One, Box::new(ScoreMatrix::new(shape, rows))),
        ("bitsets", One, Box::new(Bitsets::new(shape, rows))),
        ("fused sums", One, Box::new(fused())),
        ("parallel", All, Box::new(Parallel(fused()))),
        ("shared prefixes", All, Box::new(SharedPrefixes(fused()))),
        ("compacted users", All, Box::new(CompactedUsers(fused()))),
        ("lanes", All, Box::new(Lanes(exam::index(rows, false)))),
    ]
}

/// The ladder for few gaps, from the bottom.
fn rungs_of_few_gaps(shape: Shape, rows: &Answers) -> Vec<Named> {
    use Threads::{All, One};
    vec![
        ("definition, with hash sets", One, Box::new(Definition::new(rows))),
        ("compacted users", All, Box::new(CompactedUsers(FusedSums::new(shape, rows)))),
        ("difference lists", All, Box::new(DifferenceLists::new(shape, rows))),
        ("lanes of these", All, Box::new(Lanes(exam::index(rows, false)))),
    ]
}

/// What the answers of a rung must agree with, by sorted sets.
type Known = BTreeMap<Vec<usize>, Answer>;

/// Checks answers; those of sets that are not known become known.
fn check(name: &str, answers: Vec<(Vec<usize>, Answer)>, known: &mut Known) {
    for (mut set, (r, n)) in answers {
        set.sort_unstable();
        let &mut (expected, of) = known.entry(set.clone()).or_insert((r, n));
        let same = (r - expected).abs() < 1e-12 || r.is_nan() && expected.is_nan();
        assert!(same && n == of, "{name}: {set:?} has {r}, {n} and should have {expected}, {of}");
    }
}

/// All sets of four of a small exam, against the oracle.
fn check_all(questions: u32, rows: &Answers, rungs: Vec<Named>) {
    let exact: Vec<(u32, u32, i128)> = rows.iter().map(|row| (row.0, row.1, row.2.into())).collect();
    let oracle = naive::k_corrset(&exact, 4, false);
    let in_oracle = |(set, (r, n)): (&Vec<u32>, &(Option<f64>, usize))| {
        (set.iter().map(|&id| id as usize).collect(), (r.unwrap_or(f64::NAN), *n))
    };
    let mut known: Known = oracle.iter().map(in_oracle).collect();
    for (name, _, rung) in rungs {
        let (answers, _) = rung.answer(&Sets::new(&[], questions as usize, 4), usize::MAX);
        assert_eq!(answers.len(), known.len(), "{name} answers for every set");
        check(name, answers, &mut known);
    }
}

/// Measures the rungs on the sets of five that contain two given questions, and prints a table.
fn climb(shape: Shape, fixed: [usize; 2], rungs: Vec<Named>) {
    let sets = Sets::new(&fixed, shape.questions as usize, 5);
    println!(
        "\nSets of 5 of {} questions, {} users, {} of whom answered each; wall time a set",
        shape.questions, shape.users, shape.answers
    );
    println!("\n| idea | threads | ns a set | × the definition |\n|---|---|---|---|");
    let (mut known, mut definition) = (Known::new(), 0.0);
    for (place, (name, threads, rung)) in rungs.into_iter().enumerate() {
        // So many sets that the time is worth measuring; the upper rungs answer for all.
        let mut most = 40;
        let (answers, elapsed) = loop {
            let (answers, elapsed) = rung.answer(&sets, most);
            if answers.len() != most || elapsed > Duration::from_millis(300) {
                break (answers, elapsed);
            }
            most *= 4;
        };
        let answered = answers.len();
        check(name, answers, &mut known);
        // What is over soon is measured more often, and the middle is taken.
        let again = (0..4).filter(|_| elapsed < Duration::from_secs(1));
        let mut times: Vec<Duration> = again.map(|_| rung.answer(&sets, most).1).chain([elapsed]).collect();
        times.sort_unstable();
        let elapsed = times[times.len() / 2];
        let time = elapsed.as_nanos() as f64 / answered as f64;
        if place == 0 {
            definition = time;
        }
        let threads = match threads {
            Threads::One => 1,
            Threads::All => rayon::current_num_threads(),
        };
        println!("| {} {name} | {threads} | {time:.1} | {:.0} |", place + 1, definition / time);
    }
}

fn main() {
    let small = Shape { users: 90, questions: 9, answers: 60, levels: 2, float: false, left_out: 0 };
    let rows = exam::answers(small);
    check_all(small.questions, &rows, rungs(small, &rows));
    let small = Shape { answers: 84, ..small };
    let rows = exam::answers(small);
    check_all(small.questions, &rows, rungs_of_few_gaps(small, &rows));

    let rows = exam::answers(LARGE);
    climb(LARGE, [50, 150], rungs(LARGE, &rows));
    let few_gaps = Shape { answers: COMPLETE.answers * 99 / 100, ..COMPLETE };
    let rows = exam::answers(few_gaps);
    climb(few_gaps, [33, 100], rungs_of_few_gaps(few_gaps, &rows));
}
