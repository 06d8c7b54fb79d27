//! The long layout: each row is an answer.

use std::sync::Arc;

use arrow::array::{Array, BooleanArray, RecordBatch};
use arrow::compute::{and, filter, is_not_null};
use arrow::datatypes::{DataType, Field, FieldRef, Fields};

use crate::error::{KCorrsetError, Result};
use crate::index::columns::{
    ColumnNames, check_numeric, key_type, raw_scores, value_type, without_dictionary,
};
use crate::index::common_type::scale;
use crate::index::decimal::DecimalScan;
use crate::index::error::BuildError;
use crate::index::extension::extension_metadata;
use crate::index::input::{InputColumns, only, place_of};
use crate::index::key::{Key, Users};
use crate::index::raw::RawAnswers;

/// The three columns of answers.
#[derive(Debug)]
pub(crate) struct LongColumns {
    user: Column,
    question: Column,
    /// The type of the questions' values, whatever their encoding.
    question_type: DataType,
    score: Column,
}

#[derive(Debug)]
struct Column {
    place: usize,
    field: FieldRef,
}

impl LongColumns {
    /// # Errors
    /// A column that is missing or ambiguous, or has a type that cannot play its role.
    pub(crate) fn try_new(fields: &Fields, names: &ColumnNames) -> Result<Self> {
        check_any(fields, names)?;
        let column = |role, name: &str| {
            let place = place_of(fields, role, name)?;
            Ok::<_, KCorrsetError>(Column { place, field: Arc::clone(&fields[place]) })
        };
        let (user, question) = (column("user", &names.user)?, column("question", &names.question)?);
        let score = column("score", &names.score)?;
        key_type("user", &names.user, user.field.data_type())?;
        check_numeric("score", &score.field)?;
        let question_type = key_type("question", &names.question, question.field.data_type())?;
        Ok(Self { user, question, question_type, score })
    }
}

/// Whether the table has one at least of question and score, if their names are the usual ones.
/// A table without may well be wide.
fn check_any(fields: &Fields, names: &ColumnNames) -> Result<()> {
    let usual = ColumnNames::default();
    let has = |name: &str| fields.iter().any(|field| field.name() == name);
    let user = has(&names.user);
    let lacks = |name: &String, usual: &String| name == usual && !has(name);
    let neither = lacks(&names.question, &usual.question) && lacks(&names.score, &usual.score);
    if neither && (user || names.user == usual.user) {
        Err(KCorrsetError::NoAnswerColumns {
            user: user.then(|| names.user.clone()),
            columns: fields.iter().map(|field| field.name().clone()).collect(),
            remedies: Vec::new(),
        })
    } else {
        Ok(())
    }
}

impl InputColumns for LongColumns {
    fn places(&self) -> Vec<usize> {
        let mut places = Vec::with_capacity(3);
        for column in [&self.user, &self.question, &self.score] {
            // One column may play two roles.
            if !places.contains(&column.place) {
                places.push(column.place);
            }
        }
        places
    }

    fn question(&self) -> Field {
        let Column { field, .. } = &self.question;
        Field::new(field.name(), self.question_type.clone(), true).with_metadata(extension_metadata(field))
    }

    fn users(&self) -> Result<Users> {
        let Column { place, field } = &self.user;
        Users::named(*place, field.name(), field.data_type())
    }

    fn questions(&self) -> Result<Key> {
        let Column { field, .. } = &self.question;
        Key::try_new("question", field.name(), field.data_type())
    }

    fn decimals(&self) -> Option<DecimalScan> {
        DecimalScan::of(self.score.field.data_type())
    }

    fn digits(&self) -> i32 {
        scale(value_type(self.score.field.data_type()))
    }

    fn integers(&self) -> Vec<u32> {
        Vec::new()
    }

    fn score(&self) -> &str {
        self.score.field.name()
    }

    /// Questions of rows without a score only become known.
    fn answers(
        &self,
        batch: &RecordBatch,
        users: Vec<u32>,
        rows: Option<&BooleanArray>,
        questions: &mut Key,
    ) -> Result<RawAnswers, BuildError> {
        let score = without_dictionary(batch.column(self.score.place))?;
        let scored = (score.logical_null_count() > 0).then(|| is_not_null(&score)).transpose()?;
        let scored = match (scored, rows) {
            (Some(scored), Some(rows)) => Some(and(&scored, rows)?),
            (scored, rows) => scored.or_else(|| rows.cloned()),
        };
        let score = match &scored {
            Some(scored) => filter(&score, scored)?,
            None => score,
        };
        let of_scored = |ids| only(ids, scored.as_ref());
        Ok(RawAnswers {
            users: of_scored(users),
            questions: of_scored(questions.push(batch.column(self.question.place))?),
            scores: raw_scores(self.score(), &score)?,
        })
    }

    fn duplicate(&self, user: String, question: String) -> KCorrsetError {
        KCorrsetError::DuplicateAnswer { user, question, found: String::new(), remedies: Vec::new() }
    }
}
