//! The wide layout: each row is a user, and each column a question.
//!
//! ```text
//!  user │  q1  │  q2  │  q3            an answer a cell; NULL is none
//! ──────┼──────┼──────┼──────
//!  ann  │  1   │      │  0     ─▶  (ann, q1, 1) (ann, q3, 0)
//!  bob  │      │  1   │  1         (bob, q2, 1) (bob, q3, 1)
//! ```
//!
//! A batch is taken in column by column: the names of the questions are known before the first
//! row, so no value is looked up but the users'.
//!
//! A column of the type Null is a question that nobody answered.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch, StringArray};
use arrow::compute::filter;
use arrow::datatypes::{DataType, Field, Fields};
use arrow::error::ArrowError;

use crate::error::{KCorrsetError, Result, UnfitColumns};
use crate::index::columns::{check_numeric, key_type, value_type, without_dictionary};
use crate::index::common_type::CommonType;
use crate::index::decimal::DecimalScan;
use crate::index::error::BuildError;
use crate::index::input::{InputColumns, only, place_of};
use crate::index::key::{Key, Users};
use crate::index::raw::RawAnswers;

/// The columns of users' answers.
#[derive(Debug)]
pub(crate) struct WideColumns {
    user: Option<(usize, Field)>,
    questions: Vec<Question>,
    scores: CommonType,
    /// Whether the table has the columns of the long layout, too.
    looks_long: bool,
}

/// A column of scores.
#[derive(Debug)]
struct Question {
    place: usize,
    name: String,
    data_type: DataType,
}

impl WideColumns {
    /// # Errors
    /// A user column that is missing, ambiguous, or of a type that names nobody; no question,
    /// two of one name, or one whose values are no scores.
    pub(crate) fn try_new(fields: &Fields, user: Option<&str>, beside: &[usize]) -> Result<Self> {
        let user = user.map(|name| place_of(fields, "user", name)).transpose()?;
        if let Some(place) = user {
            key_type("user", fields[place].name(), fields[place].data_type())?;
        }
        let questions: Vec<(usize, &Field)> = fields
            .iter()
            .enumerate()
            .map(|(place, field)| (place, field.as_ref()))
            .filter(|(place, _)| Some(*place) != user && !beside.contains(place))
            .filter(|(_, field)| !is_unnamed_index(field.name()))
            .collect();
        let user = user.map(|place| (place, fields[place].as_ref().clone()));
        check(&questions, user.as_ref().map(|(_, field)| field.name()))?;
        let types: Vec<DataType> =
            questions.iter().map(|(_, field)| value_type(field.data_type()).clone()).collect();
        Ok(Self {
            user,
            scores: CommonType::of(&types),
            looks_long: looks_long(&questions),
            questions: questions
                .into_iter()
                .zip(types)
                .map(|((place, field), data_type)| Question { place, name: field.name().clone(), data_type })
                .collect(),
        })
    }
}

/// Whether pandas gave a column its name: that of an index without one, which it writes beside
/// the columns.
fn is_unnamed_index(name: &str) -> bool {
    name.strip_prefix("__index_level_").is_some_and(|rest| rest.ends_with("__"))
}

/// Whether questions have the names that the columns of the long layout have.
fn looks_long(questions: &[(usize, &Field)]) -> bool {
    let has = |name| questions.iter().any(|(_, field)| field.name() == name);
    has("question") && has("score")
}

/// Whether columns can be questions.
fn check(questions: &[(usize, &Field)], user: Option<&String>) -> Result<()> {
    if questions.is_empty() {
        return Err(KCorrsetError::NoQuestionColumns { user: user.cloned() });
    }
    let mut names = HashSet::with_capacity(questions.len());
    if let Some((_, twice)) = questions.iter().find(|(_, field)| !names.insert(field.name())) {
        let name = twice.name().clone();
        return Err(KCorrsetError::AmbiguousColumn { role: "question", name, remedies: Vec::new() });
    }
    let fit = |field: &Field| field.data_type() == &DataType::Null || check_numeric("score", field).is_ok();
    let unfit: Vec<&Field> = questions.iter().map(|(_, field)| *field).filter(|field| !fit(field)).collect();
    if unfit.is_empty() {
        return Ok(());
    }
    let type_of = |field: &&Field| match field.extension_type_name() {
        Some(extension) => format!("of the extension type {extension}"),
        None => field.data_type().to_string(),
    };
    let texts = unfit.iter().filter(|field| value_type(field.data_type()).is_string());
    let columns = UnfitColumns {
        names: unfit.iter().map(|field| field.name().clone()).collect(),
        types: unfit.iter().map(type_of).collect(),
        texts: texts.map(|field| field.name().clone()).collect(),
        user: user.cloned(),
        looks_long: looks_long(questions),
    };
    Err(KCorrsetError::WideScoreTypes { columns: Box::new(columns), remedies: Vec::new() })
}

impl InputColumns for WideColumns {
    fn places(&self) -> Vec<usize> {
        let user = self.user.iter().map(|(place, _)| *place);
        user.chain(self.questions.iter().map(|question| question.place)).collect()
    }

    fn question(&self) -> Field {
        Field::new("question", DataType::Utf8, true)
    }

    fn users(&self) -> Result<Users> {
        match &self.user {
            None => Ok(Users::Rows(0)),
            Some((place, field)) => Users::named(*place, field.name(), field.data_type()),
        }
    }

    fn questions(&self) -> Result<Key> {
        Key::try_new("question", "question", &DataType::Utf8)
    }

    fn decimals(&self) -> Option<DecimalScan> {
        self.scores.decimals()
    }

    fn digits(&self) -> i32 {
        self.scores.digits()
    }

    fn integers(&self) -> Vec<u32> {
        let questions =
            self.questions.iter().enumerate().filter(|(_, question)| question.data_type.is_integer());
        questions.map(|(id, _)| id as u32).collect()
    }

    fn score(&self) -> &str {
        // With doubles in one column, all are taken for doubles.
        self.questions.first().map_or("", |question| &question.name)
    }

    fn answers(
        &self,
        batch: &RecordBatch,
        users: Vec<u32>,
        rows: Option<&BooleanArray>,
        questions: &mut Key,
    ) -> Result<RawAnswers, BuildError> {
        // With the first user all questions become known, in the order of the columns.
        if !users.is_empty() && questions.interner.len() == 0 {
            let names = self.questions.iter().map(|question| &question.name);
            questions.push(&(Arc::new(StringArray::from_iter_values(names)) as ArrayRef))?;
        }
        let columns = self.questions.iter().map(|question| without_dictionary(batch.column(question.place)));
        let columns = columns.collect::<Result<Vec<_>, ArrowError>>()?;
        let (columns, users) = match rows {
            None => (columns, users),
            Some(rows) => {
                let columns = columns.iter().map(|column| filter(column, rows)).collect::<Result<_, _>>()?;
                (columns, only(users, Some(rows)))
            }
        };
        let number = columns.iter().map(|column| column.len() - column.logical_null_count()).sum();
        let mut answers = RawAnswers {
            users: Vec::with_capacity(number),
            questions: Vec::with_capacity(number),
            scores: self.scores.no_scores(number),
        };
        for (id, (question, column)) in self.questions.iter().zip(&columns).enumerate() {
            let scored = match column.logical_nulls().filter(|nulls| nulls.null_count() > 0) {
                None => {
                    answers.users.extend(&users);
                    Arc::clone(column)
                }
                Some(nulls) if nulls.null_count() == nulls.len() => continue,
                Some(nulls) => {
                    answers.users.extend(nulls.valid_indices().map(|row| users[row]));
                    filter(column, &BooleanArray::new(nulls.into_inner(), None))?
                }
            };
            answers.questions.resize(answers.users.len(), id as u32);
            answers.scores.append(self.scores.scores(&question.name, &scored)?);
        }
        Ok(answers)
    }

    fn duplicate(&self, user: String, question: String) -> KCorrsetError {
        let looks_long = self.looks_long;
        KCorrsetError::DuplicateUser {
            user,
            question,
            looks_long,
            found: String::new(),
            remedies: Vec::new(),
        }
    }
}
