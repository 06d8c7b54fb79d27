//! One branch of a plan: the subsets that have certain questions and have not others.

use std::sync::{Arc, Mutex, PoisonError};

use ethnum::I256;

use crate::index::Answers;
use crate::index::bitset::WORD;
use crate::interest::{Interest, Unwanted};
use crate::sweep::constraint::Constraint;
use crate::sweep::enumerate::lane_rule::LaneRule;
use crate::sweep::enumerate::rank::binomial;
use crate::sweep::enumerate::share::Share;
use crate::sweep::enumerate::workload::Workload;
use crate::sweep::kernel::LANES;
use crate::sweep::kernel::select::{Kernels, most_user_bytes, unscored_user_bytes};
use crate::sweep::pearson::Sums;
use crate::sweep::position::Position;
use crate::sweep::subsets::{Shared, Subsets};
use crate::sweep::task::Sweep;
use crate::sweep::walk::ScoreKernel;

/// Subsets to be swept together, and the kernel that sums them; shared by all who take a
/// part in it.
#[derive(Debug)]
pub(crate) struct Branch {
    subsets: Arc<Subsets>,
    kernel: Box<dyn ScoreKernel>,
    /// What its shares are cut from.
    workload: Mutex<Option<Workload>>,
}

impl Branch {
    /// Makes the users ready who answered all fixed questions.
    ///
    /// # Errors
    /// Nobody waits for them any longer.
    pub(crate) fn new(
        shared: &Arc<Shared>,
        kernels: &Kernels,
        mut constraint: Constraint,
        interest: Interest<'_>,
    ) -> Result<Self, Unwanted> {
        let answers = &shared.answers;
        let (candidates, choose) = constraint.choices(shared.k, answers.questions());
        let fixed = constraint.fixed;
        Ok(Self {
            kernel: kernels.select(&fixed, choose, shared.seeks, interest)?,
            subsets: Arc::new(Subsets {
                fixed: fixed.iter().map(|&position| answers.ids[position.0]).collect(),
                lane_rule: LaneRule::new(choose, candidates, answers.questions()),
                choose,
                quotas: constraint.quotas,
                shared: Arc::clone(shared),
            }),
            workload: Mutex::default(),
        })
    }

    /// The name of the code that will do the work.
    pub(crate) fn kernel(&self) -> &'static str {
        self.kernel.name()
    }

    /// The `index`-th of `of` shares of these subsets.
    pub(crate) fn share(&self, index: usize, of: usize) -> Box<dyn Sweep> {
        self.kernel.walk(&self.subsets, self.ranks(index, of))
    }

    /// The prefixes of a share.
    fn ranks(&self, index: usize, of: usize) -> Share {
        let candidates = self.subsets.lane_rule.candidates();
        let prefixes = binomial(candidates.len() as u64, self.subsets.choose as u64 - 1);
        if of == 1 || prefixes.is_none() {
            return Share::everything();
        }
        let mut workload = self.workload.lock().unwrap_or_else(PoisonError::into_inner);
        let workload = match &mut *workload {
            Some(workload) if workload.shares() == of => workload,
            other => {
                let answers = &self.subsets.shared.answers;
                let users = answers.users();
                let fraction =
                    |&position: &Position| answers.support[position.0] as f64 / users.max(1) as f64;
                let support: Vec<f64> = candidates.iter().map(fraction).collect();
                other.insert(Workload::new(
                    &self.subsets.lane_rule,
                    self.subsets.choose - 1,
                    &support,
                    users,
                    of,
                    self.subsets.shared.in_turn,
                ))
            }
        };
        workload.share(index)
    }

    /// How many questions a subset has.
    pub(crate) fn set_size(&self) -> usize {
        self.subsets.fixed.len() + self.subsets.choose
    }

    /// Bytes of the cohort that a branch begins with, while it is made.
    pub(crate) fn root_memory(answers: &Answers, constraint: &Constraint) -> usize {
        // Before a question is chosen, users have no scores.
        let all = answers.users() * unscored_user_bytes(answers);
        // Those of one question are left until those of the next are found.
        let most = constraint.fixed.iter().map(|&position| answers.support[position.0]).max().unwrap_or(0);
        all + constraint.fixed.len().min(2) * most * most_user_bytes(answers)
    }

    /// Bytes that each share needs at most, beside the branch.
    ///
    /// The cohort of a prefix of d questions has at most as many users as the d-th
    /// most answered question.
    pub(crate) fn share_memory(&self) -> usize {
        let support = |depth: usize| match depth {
            0 => self.subsets.shared.answers.users(),
            _ => self
                .subsets
                .lane_rule
                .candidates()
                .get(depth - 1)
                .map_or(0, |&position| self.subsets.shared.answers.support[position.0]),
        };
        let restricted = self.subsets.choose.saturating_sub(2);
        let users: usize = (1..=restricted).map(support).sum();
        let words = self.subsets.shared.answers.answered.words_per_row();
        // Users of equal subtotal are filled up to a whole word, and a list has room
        // for a word more.
        let slots = users + (restricted + 1) * (self.subsets.choose + 2) * WORD;
        let lists = 2 * (support(restricted.saturating_sub(1)) + WORD) * size_of::<u32>();
        slots * self.kernel.user_bytes(&self.subsets.shared.answers)
            + lists
            + words * LANES * size_of::<Sums<I256>>()
    }
}
