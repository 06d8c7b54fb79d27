//! Batches in, index out.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::compute::{filter, is_not_null};
use arrow::datatypes::{DataType, Schema};
use arrow::error::ArrowError;

use crate::error::{KCorrsetError, Result};
use crate::index::AnswerIndex;
use crate::index::answers::{Answers, sweep_order};
use crate::index::bitset::BitMatrix;
use crate::index::columns::{
    ColumnNames, append_scores, float_scores, key_type, score_kind, without_dictionary,
};
use crate::index::dictionary::Interner;
use crate::index::scores::{RawScores, classify};

/// Folds batches of (user, question, score) into an [`AnswerIndex`].
///
/// A batch is read once and dropped. What stays is 24 bytes an answer, and each
/// distinct user and question once; [`memory`](Self::memory) tells how much.
///
/// ```
/// use arrow::array::{Int64Array, RecordBatch, StringArray};
/// use datafusion_k_corrset::index::{ColumnNames, IndexBuilder};
/// use std::sync::Arc;
///
/// let batch = RecordBatch::try_from_iter([
///     ("user", Arc::new(StringArray::from(vec!["ann", "ann", "bob"])) as _),
///     ("question", Arc::new(StringArray::from(vec!["q2", "q1", "q1"])) as _),
///     ("score", Arc::new(Int64Array::from(vec![1, 0, 1])) as _),
/// ])?;
/// let mut builder = IndexBuilder::try_new(&batch.schema(), ColumnNames::default())?;
/// builder.push(&batch)?;
/// let index = builder.finish()?;
/// assert_eq!((index.answers().users(), index.answers().questions()), (2, 2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct IndexBuilder {
    names: ColumnNames,
    columns: [usize; 3],
    users: Key,
    questions: Key,
    scores: RawScores,
    /// The first NaN or infinite score, as (user, question, score).
    not_finite: Option<(u32, u32, f64)>,
}

/// One of the two columns that say what a score belongs to.
#[derive(Debug)]
struct Key {
    role: &'static str,
    interner: Interner,
    /// The id of each answer's value.
    ids: Vec<u32>,
    nulls: usize,
}

impl Key {
    fn try_new(role: &'static str, name: &str, data_type: &DataType) -> Result<Self> {
        let values = key_type(role, name, data_type)?;
        let interner = Interner::new(&values).map_err(|_| KCorrsetError::KeyType {
            role,
            name: name.to_string(),
            data_type: data_type.to_string(),
        })?;
        Ok(Self { role, interner, ids: Vec::new(), nulls: 0 })
    }

    /// Takes a batch's values in; those of rows without a score only count as known.
    fn push(&mut self, column: &ArrayRef, scored: Option<&Scored>) -> Result<(), ArrowError> {
        let column = without_dictionary(column)?;
        self.nulls += column.logical_null_count();
        let before = self.ids.len();
        self.interner.intern(&column, &mut self.ids)?;
        if let Some(scored) = scored {
            let mut kept = before;
            for row in 0..column.len() {
                self.ids[kept] = self.ids[before + row];
                kept += usize::from(scored.value(row));
            }
            self.ids.truncate(kept);
        }
        Ok(())
    }

    fn check(&self, name: &str) -> Result<()> {
        let Self { role, nulls, .. } = *self;
        if nulls > 0 {
            return Err(KCorrsetError::NullKey { role, name: name.to_string(), rows: nulls });
        }
        if self.interner.len() > u32::MAX as usize {
            return Err(KCorrsetError::TooManyKeys { role, limit: u64::from(u32::MAX) });
        }
        Ok(())
    }

    /// Replaces each answer's id by the rank of its value; returns how many values there are.
    fn rank(&mut self) -> usize {
        let ranks = self.interner.ranks();
        self.ids.iter_mut().for_each(|id| *id = ranks[*id as usize]);
        ranks.len()
    }

    fn bytes(&self) -> usize {
        self.interner.bytes() + self.ids.capacity() * size_of::<u32>()
    }
}

/// Which rows of a batch have a score.
type Scored = arrow::array::BooleanArray;

impl IndexBuilder {
    /// A builder for batches of one schema.
    ///
    /// # Errors
    /// A column that is missing, or has a type that cannot play its role.
    pub fn try_new(schema: &Schema, names: ColumnNames) -> Result<Self> {
        let find = |role, name: &str| {
            schema.index_of(name).map_err(|_| KCorrsetError::MissingColumn {
                role,
                name: name.to_string(),
                columns: schema.fields().iter().map(|field| field.name().clone()).collect(),
            })
        };
        let columns =
            [find("user", &names.user)?, find("question", &names.question)?, find("score", &names.score)?];
        let [user, question, score] = columns.map(|column| schema.field(column).data_type());
        Ok(Self {
            users: Key::try_new("user", &names.user, user)?,
            questions: Key::try_new("question", &names.question, question)?,
            scores: score_kind(&names.score, score)?.empty_scores(),
            not_finite: None,
            columns,
            names,
        })
    }

    /// Takes one batch in.
    ///
    /// # Errors
    /// A score of more than 128 bits, or an array that Arrow cannot read.
    pub fn push(&mut self, batch: &RecordBatch) -> Result<(), BuildError> {
        let [user, question, score] = self.columns.map(|column| batch.column(column));
        let score = without_dictionary(score)?;
        let scored = (score.logical_null_count() > 0).then(|| is_not_null(&score)).transpose()?;
        self.users.push(user, scored.as_ref())?;
        self.questions.push(question, scored.as_ref())?;
        let score = match &scored {
            Some(scored) => filter(&score, scored)?,
            None => score,
        };
        let before = self.scores.len();
        match &mut self.scores {
            RawScores::Exact(scores) => append_scores(&self.names.score, &score, scores)?,
            RawScores::Float(scores) => {
                let new = float_scores(&score)?;
                let odd = new.values().iter().position(|score| !score.is_finite());
                if let (None, Some(row)) = (self.not_finite, odd) {
                    let answer = before + row;
                    self.not_finite =
                        Some((self.users.ids[answer], self.questions.ids[answer], new.value(row)));
                }
                scores.extend_from_slice(new.values());
            }
        }
        Ok(())
    }

    /// Bytes held now.
    pub fn memory(&self) -> usize {
        self.users.bytes() + self.questions.bytes() + self.scores.bytes()
    }

    /// Bytes that [`finish`](Self::finish) will need beside those held now, at most.
    pub fn finish_memory(&self) -> usize {
        let (users, questions) = (self.users.interner.len(), self.questions.interner.len());
        let sorting =
            16 * (users + questions) + self.users.interner.bytes() + self.questions.interner.bytes();
        let bits = BitMatrix::bytes(users, questions).saturating_mul(2);
        // Shifted scores in up to 32 bytes, twice while floats look for their medians.
        let scores = self.scores.len() * 40 + users * 48;
        bits.saturating_add(scores).saturating_add(sorting)
    }

    /// Builds the index.
    ///
    /// # Errors
    /// Rows without user or question, a score that is not finite, a question that
    /// a user answered twice, exact scores of too many digits.
    pub fn finish(mut self) -> Result<AnswerIndex, BuildError> {
        self.users.check(&self.names.user)?;
        self.questions.check(&self.names.question)?;
        if let Some((user, question, score)) = self.not_finite {
            return Err(BuildError::Input(KCorrsetError::ScoreNotFinite {
                user: self.users.interner.text(user)?,
                question: self.questions.interner.text(question)?,
                value: score.to_string(),
            }));
        }
        let users = self.users.rank();
        let questions = self.questions.rank();

        let mut support_by_id = vec![0; questions];
        for &id in &self.questions.ids {
            support_by_id[id as usize] += 1;
        }
        let ids = sweep_order(&support_by_id);
        let mut position_of = vec![0; questions];
        for (position, &id) in ids.iter().enumerate() {
            position_of[id as usize] = position as u32;
        }
        let mut positions = std::mem::take(&mut self.questions.ids);
        positions.iter_mut().for_each(|id| *id = position_of[*id as usize]);

        let mut answered = BitMatrix::new(users, questions);
        let twice = self
            .users
            .ids
            .iter()
            .zip(&positions)
            .find(|&(&user, &position)| answered.set(user as usize, position as usize));
        if let Some((&user, &position)) = twice {
            let question = ids[position as usize];
            return Err(BuildError::Input(self.duplicate(user, question)?));
        }

        let user_of = std::mem::take(&mut self.users.ids);
        let scores = std::mem::replace(&mut self.scores, RawScores::Exact(Vec::new()));
        let scores = classify(&answered, &user_of, &positions, scores)
            .ok_or_else(|| KCorrsetError::ScoresTooWide { name: self.names.score.clone() })?;
        let support = ids.iter().map(|&id| support_by_id[id as usize]).collect();
        Ok(AnswerIndex {
            questions: self.questions.interner.into_sorted_values()?,
            answers: Arc::new(Answers { answered, scores, ids, support }),
        })
    }

    /// The error for a user and a question, given by the ranks of their values.
    fn duplicate(&self, user: u32, question: u32) -> Result<KCorrsetError, ArrowError> {
        let text = |key: &Key, rank| {
            let ranks = key.interner.ranks();
            let id = ranks.iter().position(|&of| of == rank).expect("every rank has an id");
            key.interner.text(id as u32)
        };
        Ok(KCorrsetError::DuplicateAnswer {
            user: text(&self.users, user)?,
            question: text(&self.questions, question)?,
            user_column: self.names.user.clone(),
            question_column: self.names.question.clone(),
            score_column: self.names.score.clone(),
        })
    }
}

/// Why an index could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The data break a rule of this function.
    #[error(transparent)]
    Input(#[from] KCorrsetError),
    /// Arrow could not read an array.
    #[error(transparent)]
    Arrow(#[from] ArrowError),
}
