//! Answers without gaps: no user is ever left out, so that nothing depends on the users but the
//! covariances of the questions.
//!
//! With `C(x, y)` = n·Σxy - Σx·Σy, which is bilinear, a subset S has
//!
//! ```text
//! covariance = Σ C(q, b)   over q in S
//! var_a       = Σ C(q, r)   over q and r in S
//! var_b       = C(b, b)
//! ```
//!
//! so that a prefix P that grows by y grows by `gain(y)` = C(y, y) + 2·Σ C(q, y) over q in
//! P. The gains of all y are kept for the prefix of k-2 questions, and a subset costs four
//! additions, whatever the number of users; and three multiplications, to see whether
//! covariance² / (var_a · var_b) reaches the floor.
//!
//! All is added up exactly: integers, and floats as multiples of one small unit. So r does not
//! depend on the order in which a set's questions are met, and that of integers has the bits that
//! any other kernel gives it.
//!
//! | file | what it has |
//! |---|---|
//! | `covariances` | those of some questions, and the prefixes that add them up |
//! | `lookup` | r of any set, and the kernel: what the two kinds of covariances have in common |
//! | `look` | which subsets of a prefix may reach what is wanted |
//! | `doubles` | the kernel where doubles hold all moments exactly |
//! | `precise` | the kernel where they do not: a look in doubles, then more digits |
//! | `products` | sums of products of columns, eight at a time |
//! | `exact` | the covariances of integers |
//! | `floats` | the covariances of floats |

mod covariances;
mod doubles;
mod exact;
mod floats;
mod look;
mod lookup;
mod precise;
mod products;

use std::sync::Arc;

use ethnum::I256;

use self::exact::Table;
pub(crate) use self::lookup::Lookup;
use crate::compensated::Compensated;
use crate::index::Answers;
use crate::index::scores::Scores;
use crate::interest::{Interest, Unwanted};
use crate::sweep::kernel::LANES;
use crate::sweep::simd::Instructions;

/// The covariances of so many questions take 134 MB as doubles. Of more questions users are
/// summed, which for pairs of them is as much work.
const MOST_QUESTIONS: usize = 4096;

/// The covariances of answers without gaps, for sets of up to k questions; `None` if there are gaps, too
/// many questions, or floats whose range is too wide.
///
/// # Errors
/// Nobody waits for them any longer.
pub(crate) fn complete(
    answers: &Arc<Answers>,
    k: usize,
    instructions: Instructions,
    interest: Interest<'_>,
) -> Result<Option<Arc<dyn Lookup>>, Unwanted> {
    if bytes(answers) == 0 {
        return Ok(None);
    }
    let table = Table { users: answers.users(), questions: answers.questions(), k, instructions, interest };
    match &answers.scores {
        Scores::Binary(scores) => table.binary(scores).map(Some),
        Scores::Integer(scores) => table.weighted(scores).map(Some),
        Scores::Long(scores) => table.weighted(scores).map(Some),
        Scores::Wide(scores) => table.weighted(scores).map(Some),
        Scores::Float(scores) => floats::complete(scores, k, instructions, interest),
    }
}

/// Bytes taken at most for some answers: none where there are gaps, or too many questions.
pub(crate) fn bytes(answers: &Answers) -> usize {
    let questions = answers.questions();
    if !answers.are_complete() || questions > MOST_QUESTIONS {
        return 0;
    }
    // Sums of products, and what is made of them: doubles, and with them more digits.
    let entry = match &answers.scores {
        Scores::Binary(_) | Scores::Integer(_) => size_of::<f64>() + size_of::<i128>() + size_of::<f64>(),
        Scores::Long(_) | Scores::Wide(_) => 2 * size_of::<I256>() + size_of::<f64>(),
        Scores::Float(_) => {
            4 * size_of::<f64>() + size_of::<Compensated>() + size_of::<i128>() + size_of::<f64>()
        }
    };
    (questions + 1) * questions.next_multiple_of(LANES) * entry
}
