//! Batches in, index out.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Fields, SchemaRef};
use arrow::error::ArrowError;

use crate::error::{KCorrsetError, Result};
use crate::index::AnswerIndex;
use crate::index::answers::{Answers, sweep_order};
use crate::index::bitset::BitMatrix;
use crate::index::columns::too_wide;
use crate::index::decimal::DecimalScan;
use crate::index::error::BuildError;
use crate::index::input::InputColumns;
use crate::index::key::{Key, Users};
use crate::index::layout::InputLayout;
use crate::index::scores::{AllAnswers, RawAnswers, RawScores, classify, classify_memory};

/// Folds batches of answers, in the long layout or the wide one, into an [`AnswerIndex`].
///
/// A batch is read once and dropped. What stays is 16 bytes an answer, and each
/// distinct user and question once; [`memory`](Self::memory) tells how much. Batches
/// that are read in parallel go to [siblings](Self::sibling), which are then
/// [merged](Self::merge).
///
/// ```
/// use arrow::array::{Int64Array, RecordBatch, StringArray};
/// use datafusion_k_corrset::index::{ColumnNames, IndexBuilder, InputLayout};
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
///
/// // The same answers, with a row a user and a column a question.
/// let batch = RecordBatch::try_from_iter([
///     ("user", Arc::new(StringArray::from(vec!["ann", "bob"])) as _),
///     ("q1", Arc::new(Int64Array::from(vec![Some(0), Some(1)])) as _),
///     ("q2", Arc::new(Int64Array::from(vec![Some(1), None])) as _),
/// ])?;
/// let wide = InputLayout::Wide { user: Some("user".to_string()) };
/// let mut builder = IndexBuilder::try_new(&batch.schema(), wide)?;
/// builder.push(&batch)?;
/// let index = builder.finish()?;
/// assert_eq!((index.answers().users(), index.answers().questions()), (2, 2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct IndexBuilder {
    columns: Arc<dyn InputColumns>,
    schema: SchemaRef,
    users: Users,
    questions: Key,
    /// The answers batch by batch, in the interners' ids.
    answers: Vec<RawAnswers>,
    /// Bytes held in those.
    answer_bytes: usize,
    /// The first NaN or infinite score, as (user, question, score).
    not_finite: Option<(u32, u32, f64)>,
    /// Whether scores that are floats stand for decimals.
    decimals: Option<DecimalScan>,
}

impl IndexBuilder {
    /// A builder for batches of one schema.
    ///
    /// # Errors
    /// A column that is missing or ambiguous, or has a type that cannot play its role.
    pub fn try_new(schema: &SchemaRef, layout: impl Into<InputLayout>) -> Result<Self> {
        let columns = layout.into().columns(schema.fields())?;
        Ok(Self {
            users: columns.users()?,
            questions: columns.questions()?,
            answers: Vec::new(),
            answer_bytes: 0,
            not_finite: None,
            decimals: columns.decimals(),
            columns,
            schema: Arc::clone(schema),
        })
    }

    /// An empty builder for other batches of the same table.
    pub fn sibling(&self) -> Self {
        Self {
            columns: Arc::clone(&self.columns),
            schema: Arc::clone(&self.schema),
            users: self.users.sibling(),
            questions: self.questions.sibling(),
            answers: Vec::new(),
            answer_bytes: 0,
            not_finite: None,
            decimals: self.decimals.as_ref().map(DecimalScan::sibling),
        }
    }

    /// Takes over what a sibling was given.
    pub fn merge(&mut self, sibling: Self) {
        let users = self.users.absorb(&sibling.users);
        let questions = self.questions.absorb(&sibling.questions);
        let number =
            |ids: &mut Vec<u32>, here: &[u32]| ids.iter_mut().for_each(|id| *id = here[*id as usize]);
        for mut answers in sibling.answers {
            number(&mut answers.users, &users);
            number(&mut answers.questions, &questions);
            self.answers.push(answers);
        }
        self.answer_bytes += sibling.answer_bytes;
        let number = |(user, question, score)| (users[user as usize], questions[question as usize], score);
        self.not_finite = self.not_finite.or(sibling.not_finite.map(number));
        if let (Some(here), Some(there)) = (&mut self.decimals, &sibling.decimals) {
            here.merge(there);
        }
    }

    /// Takes one batch in.
    ///
    /// # Errors
    /// Columns other than those of the builder's schema, a score of more than 128 bits, or an
    /// array that Arrow cannot read.
    pub fn push(&mut self, batch: &RecordBatch) -> Result<(), BuildError> {
        self.check_columns(batch)?;
        let answers = self.columns.answers(batch, &mut self.users, &mut self.questions)?;
        if let RawScores::Float(scores) = &answers.scores {
            let odd = || scores.iter().position(|score| !score.is_finite());
            let odd = self.not_finite.is_none().then(odd).flatten();
            if let Some(answer) = odd {
                self.not_finite = Some((answers.users[answer], answers.questions[answer], scores[answer]));
            }
            if let Some(decimals) = &mut self.decimals {
                decimals.push(scores);
            }
        }
        if answers.len() > 0 {
            self.answer_bytes += answers.bytes();
            self.answers.push(answers);
        }
        Ok(())
    }

    fn check_columns(&self, batch: &RecordBatch) -> Result<()> {
        let (expected, got) = (self.schema.fields(), batch.schema_ref().fields());
        let same = |place: usize| {
            got.get(place).is_some_and(|field| field.data_type() == expected[place].data_type())
        };
        if self.columns.places().into_iter().all(same) {
            return Ok(());
        }
        let list = |fields: &Fields| {
            let fields = fields.iter().map(|field| format!("{} {}", field.name(), field.data_type()));
            fields.collect::<Vec<_>>().join(", ")
        };
        Err(KCorrsetError::BatchSchema { expected: list(expected), got: list(got) })
    }

    /// All answers, with what is known of their scores.
    fn all_answers<'a>(&self, batches: &'a [RawAnswers]) -> AllAnswers<'a> {
        AllAnswers { batches, decimals: self.decimals.as_ref().and_then(DecimalScan::unit) }
    }

    /// Bytes held now.
    pub fn memory(&self) -> usize {
        self.users.bytes() + self.questions.interner.bytes() + self.answer_bytes
    }

    /// Bytes that [`finish`](Self::finish) will need beside those held now, at most.
    pub fn finish_memory(&self) -> usize {
        let (users, questions) = (self.users.len(), self.questions.interner.len());
        let sorting = 16 * (users + questions) + self.users.bytes() + self.questions.interner.bytes();
        let answers = self.all_answers(&self.answers);
        let scores = classify_memory(answers, users, questions);
        let bits = BitMatrix::bytes(users, questions);
        // Users without names are put in order, which takes a copy; that of the scores is made
        // when the answers as they came are gone.
        let order = match self.users {
            Users::Rows(_) if answers.are_floats() => bits + users * size_of::<usize>(),
            _ => 0,
        };
        bits.saturating_add(scores).saturating_add(sorting).saturating_add(order)
    }

    /// Builds the index.
    ///
    /// # Errors
    /// Rows without user or question, a score that is not finite, a question that
    /// a user answered twice, exact scores of too many digits.
    pub fn finish(mut self) -> Result<AnswerIndex, BuildError> {
        self.users.check()?;
        self.questions.check()?;
        if let Some((user, question, score)) = self.not_finite {
            return Err(BuildError::Input(self.score_not_finite(user, question, score)?));
        }
        let (users, questions) = rayon::join(|| self.users.ranks(), || self.questions.interner.ranks());
        let mut support_by_id = vec![0; questions.len()];
        for (_, question) in self.answers.iter().flat_map(RawAnswers::keys) {
            support_by_id[questions[question] as usize] += 1;
        }
        let ids = sweep_order(&support_by_id);
        let mut position_of = vec![0; ids.len()];
        for (position, &id) in ids.iter().enumerate() {
            position_of[id as usize] = position as u32;
        }
        let positions: Vec<u32> = questions.iter().map(|&id| position_of[id as usize]).collect();

        let mut answers = std::mem::take(&mut self.answers);
        let mut answered = BitMatrix::new(users.len(), questions.len());
        for batch in &mut answers {
            batch.users.iter_mut().for_each(|user| *user = users[*user as usize]);
            batch.questions.iter_mut().for_each(|question| *question = positions[*question as usize]);
            if let Some((user, position)) =
                batch.keys().find(|&(user, position)| answered.set(user, position))
            {
                return Err(BuildError::Input(self.duplicate(user as u32, ids[position])?));
            }
        }
        let all = self.all_answers(&answers);
        let floats_as_decimals = all.decimals.is_some();
        let scores = classify(&answered, all).ok_or_else(|| too_wide(self.columns.score()))?;
        drop(answers);
        let support = ids.iter().map(|&id| support_by_id[id as usize]).collect();
        let mut answers = Answers { answered, scores, ids, support };
        if let Users::Rows(_) = self.users {
            answers.sort_users();
        }
        let labels = self.columns.integers().into_iter().filter(|&id| {
            let question = questions.get(id as usize);
            question
                .is_some_and(|&question| answers.tells_users_apart(position_of[question as usize] as usize))
        });
        let labels = labels.map(|id| self.questions.interner.text(id)).collect::<Result<_, _>>()?;
        Ok(AnswerIndex {
            questions: self.questions.interner.into_sorted_values()?,
            answers: Arc::new(answers),
            floats_as_decimals,
            labels,
        })
    }

    fn score_not_finite(&self, user: u32, question: u32, score: f64) -> Result<KCorrsetError, ArrowError> {
        let (question, value) = (self.questions.interner.text(question)?, score.to_string());
        Ok(match self.users.text(user)? {
            Some(user) => KCorrsetError::ScoreNotFinite { user, question, value, remedies: Vec::new() },
            None => KCorrsetError::ColumnNotFinite { name: question, value, remedies: Vec::new() },
        })
    }

    /// The error for a user and a question, given by the ranks of their values.
    fn duplicate(&self, user: u32, question: u32) -> Result<KCorrsetError, ArrowError> {
        let id = |ranks: Vec<u32>, rank| {
            ranks.iter().position(|&of| of == rank).expect("every rank has an id") as u32
        };
        let user = self.users.text(id(self.users.ranks(), user))?;
        let question = self.questions.interner.text(id(self.questions.interner.ranks(), question))?;
        Ok(self.columns.duplicate(user.unwrap_or_default(), question))
    }
}
