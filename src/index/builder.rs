//! Batches in, index out.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch};
use arrow::compute::{filter, is_not_null};
use arrow::datatypes::{DataType, Fields, SchemaRef};
use arrow::error::ArrowError;

use crate::error::{KCorrsetError, Result};
use crate::index::AnswerIndex;
use crate::index::answers::{Answers, sweep_order};
use crate::index::bitset::BitMatrix;
use crate::index::columns::{
    ColumnNames, check_score_type, key_type, raw_scores, too_wide, without_dictionary,
};
use crate::index::decimal::DecimalScan;
use crate::index::dictionary::Interner;
use crate::index::extension::check_score_extension;
use crate::index::scores::{AllAnswers, RawAnswers, RawScores, classify, classify_memory};

/// Folds batches of (user, question, score) into an [`AnswerIndex`].
///
/// A batch is read once and dropped. What stays is 16 bytes an answer, and each
/// distinct user and question once; [`memory`](Self::memory) tells how much. Batches
/// that are read in parallel go to [siblings](Self::sibling), which are then
/// [merged](Self::merge).
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
    schema: SchemaRef,
    columns: [usize; 3],
    users: Key,
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

/// One of the two columns that say what a score belongs to.
#[derive(Debug)]
struct Key {
    role: &'static str,
    interner: Interner,
    nulls: usize,
}

impl Key {
    fn try_new(role: &'static str, name: &str, data_type: &DataType) -> Result<Self> {
        let values = key_type(role, name, data_type)?;
        let interner = Interner::new(&values).map_err(|_| KCorrsetError::KeyType {
            role,
            name: name.to_string(),
            data_type: data_type.to_string(),
            remedies: Vec::new(),
        })?;
        Ok(Self { role, interner, nulls: 0 })
    }

    fn sibling(&self) -> Self {
        Self { role: self.role, interner: self.interner.sibling(), nulls: 0 }
    }

    /// The ids of a batch's values; those of rows without a score only become known.
    fn push(&mut self, column: &ArrayRef, scored: Option<&BooleanArray>) -> Result<Vec<u32>, ArrowError> {
        let column = without_dictionary(column)?;
        self.nulls += column.logical_null_count();
        let mut ids = self.interner.intern(&column)?;
        if let Some(scored) = scored {
            let mut rows = scored.values().iter();
            ids.retain(|_| rows.next() == Some(true));
        }
        Ok(ids)
    }

    fn check(&self, name: &str) -> Result<()> {
        let Self { role, nulls, .. } = *self;
        if nulls > 0 {
            return Err(KCorrsetError::NullKey {
                role,
                name: name.to_string(),
                rows: nulls,
                remedies: Vec::new(),
            });
        }
        if self.interner.len() > u32::MAX as usize {
            return Err(KCorrsetError::TooManyKeys { role, limit: u64::from(u32::MAX) });
        }
        Ok(())
    }
}

impl IndexBuilder {
    /// A builder for batches of one schema.
    ///
    /// # Errors
    /// A column that is missing, or has a type that cannot play its role.
    pub fn try_new(schema: &SchemaRef, names: ColumnNames) -> Result<Self> {
        let find = |role, name: &str| {
            schema.index_of(name).map_err(|_| KCorrsetError::MissingColumn {
                role,
                name: name.to_string(),
                columns: schema.fields().iter().map(|field| field.name().clone()).collect(),
                near: Vec::new(),
                remedies: Vec::new(),
            })
        };
        let columns =
            [find("user", &names.user)?, find("question", &names.question)?, find("score", &names.score)?];
        let [user, question, score] = columns.map(|column| schema.field(column).data_type());
        check_score_type(&names.score, score)?;
        check_score_extension(schema.field(columns[2]))?;
        Ok(Self {
            users: Key::try_new("user", &names.user, user)?,
            questions: Key::try_new("question", &names.question, question)?,
            answers: Vec::new(),
            answer_bytes: 0,
            not_finite: None,
            decimals: DecimalScan::of(score),
            columns,
            schema: Arc::clone(schema),
            names,
        })
    }

    /// An empty builder for other batches of the same table.
    pub fn sibling(&self) -> Self {
        Self {
            names: self.names.clone(),
            schema: Arc::clone(&self.schema),
            columns: self.columns,
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
        self.users.nulls += sibling.users.nulls;
        self.questions.nulls += sibling.questions.nulls;
        let users = self.users.interner.absorb(&sibling.users.interner);
        let questions = self.questions.interner.absorb(&sibling.questions.interner);
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
        let [user, question, score] = self.columns.map(|column| batch.column(column));
        let score = without_dictionary(score)?;
        let scored = (score.logical_null_count() > 0).then(|| is_not_null(&score)).transpose()?;
        let score = match &scored {
            Some(scored) => filter(&score, scored)?,
            None => score,
        };
        let answers = RawAnswers {
            users: self.users.push(user, scored.as_ref())?,
            questions: self.questions.push(question, scored.as_ref())?,
            scores: raw_scores(&self.names.score, &score)?,
        };
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
        let same = |column: &usize| {
            got.get(*column).is_some_and(|field| field.data_type() == expected[*column].data_type())
        };
        if self.columns.iter().all(same) {
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
        self.users.interner.bytes() + self.questions.interner.bytes() + self.answer_bytes
    }

    /// Bytes that [`finish`](Self::finish) will need beside those held now, at most.
    pub fn finish_memory(&self) -> usize {
        let (users, questions) = (self.users.interner.len(), self.questions.interner.len());
        let sorting =
            16 * (users + questions) + self.users.interner.bytes() + self.questions.interner.bytes();
        let scores = classify_memory(self.all_answers(&self.answers), users, questions);
        BitMatrix::bytes(users, questions).saturating_add(scores).saturating_add(sorting)
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
                remedies: Vec::new(),
            }));
        }
        let (users, questions) =
            rayon::join(|| self.users.interner.ranks(), || self.questions.interner.ranks());
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
        let answers = self.all_answers(&answers);
        let scores = classify(&answered, answers).ok_or_else(|| too_wide(&self.names.score))?;
        let support = ids.iter().map(|&id| support_by_id[id as usize]).collect();
        Ok(AnswerIndex {
            questions: self.questions.interner.into_sorted_values()?,
            answers: Arc::new(Answers { answered, scores, ids, support }),
            floats_as_decimals: answers.decimals.is_some(),
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
            found: String::new(),
            remedies: Vec::new(),
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
