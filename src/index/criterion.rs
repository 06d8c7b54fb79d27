//! An outside criterion: a column with a value of each user, in the place of the grand total.
//!
//! Its rows are those of the table, so that a user's value stands in each of their rows, and has to be the same in all
//! of them. A user whose value is NULL is left out: their rows are as if they had no score.

use std::sync::Arc;

use arrow::array::{Array, BooleanArray, RecordBatch};
use arrow::compute::{filter, is_not_null};
use arrow::datatypes::{DataType, Decimal128Type, DecimalType, Field};

use crate::error::{KCorrsetError, Result};
use crate::index::columns::{check_numeric, raw_scores, value_type, without_dictionary};
use crate::index::decimal::DecimalScan;
use crate::index::error::BuildError;
use crate::index::key::Users;
use crate::index::raw::RawScores;
use crate::index::spread::Spread;

/// A column whose values take the place of grand totals.
#[derive(Debug)]
pub(crate) struct CriterionColumn {
    pub(crate) place: usize,
    pub(crate) name: String,
    /// That of its values, whatever their encoding.
    data_type: DataType,
}

impl CriterionColumn {
    /// # Errors
    /// Its values are no numbers.
    pub(crate) fn try_new(place: usize, field: &Field) -> Result<Self> {
        check_numeric("criterion", field)?;
        Ok(Self { place, name: field.name().clone(), data_type: value_type(field.data_type()).clone() })
    }

    /// A value as SQL shows it.
    fn text(&self, value: Value) -> String {
        match (value, &self.data_type) {
            (Value::Unknown | Value::Null, _) => "NULL".to_string(),
            (Value::Exact(value), DataType::Boolean) => (value != 0).to_string(),
            (
                Value::Exact(value),
                DataType::Decimal32(_, scale)
                | DataType::Decimal64(_, scale)
                | DataType::Decimal128(_, scale)
                | DataType::Decimal256(_, scale),
            ) => Decimal128Type::format_decimal(value, Decimal128Type::MAX_PRECISION, *scale),
            (Value::Exact(value), _) => value.to_string(),
            (Value::Float(value), _) => value.to_string(),
        }
    }
}

/// What is known of a user's value.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
enum Value {
    #[default]
    Unknown,
    Null,
    /// An integer, or a decimal without its point.
    Exact(i128),
    Float(f64),
}

/// What is known of users' values so far.
#[derive(Debug)]
pub(crate) struct Criterion {
    column: Arc<CriterionColumn>,
    /// By the users' numbers; of the last ones nothing may be known.
    values: Vec<Value>,
    /// The first user with two values, and these.
    twice: Option<(u32, [Value; 2])>,
    /// The first user whose value is NaN or infinite, and that.
    not_finite: Option<(u32, f64)>,
}

impl Criterion {
    /// Nothing is known yet.
    pub(crate) fn new(column: &Arc<CriterionColumn>) -> Self {
        Self { column: Arc::clone(column), values: Vec::new(), twice: None, not_finite: None }
    }

    /// Nothing is known yet, of other batches of the same table.
    pub(crate) fn sibling(&self) -> Self {
        Self::new(&self.column)
    }

    /// The name of the column.
    pub(crate) fn name(&self) -> &str {
        &self.column.name
    }

    /// Takes in the values of a batch, whose rows are those of `users`; returns which rows have one, unless all have.
    ///
    /// # Errors
    /// A decimal of more than 128 bits; an array that Arrow cannot read.
    pub(crate) fn push(
        &mut self,
        batch: &RecordBatch,
        users: &[u32],
    ) -> Result<Option<BooleanArray>, BuildError> {
        let column = without_dictionary(batch.column(self.column.place))?;
        let there = (column.logical_null_count() > 0).then(|| is_not_null(&column)).transpose()?;
        let values = match &there {
            Some(there) => filter(&column, there)?,
            None => column,
        };
        match raw_scores(&self.column.name, &values)? {
            RawScores::Exact(values) => {
                self.take(users, there.as_ref(), values.into_iter().map(|value| Value::Exact(value.into())));
            }
            RawScores::Wide(values) => {
                self.take(users, there.as_ref(), values.into_iter().map(Value::Exact));
            }
            RawScores::Float(values) => {
                self.take(users, there.as_ref(), values.into_iter().map(Value::Float));
            }
        }
        Ok(there)
    }

    /// `values` are those of the rows that have one.
    fn take(&mut self, users: &[u32], there: Option<&BooleanArray>, mut values: impl Iterator<Item = Value>) {
        for (row, &user) in users.iter().enumerate() {
            let has_one = there.is_none_or(|there| there.value(row));
            self.put(user, has_one.then(|| values.next()).flatten().unwrap_or(Value::Null));
        }
    }

    fn put(&mut self, user: u32, value: Value) {
        if let Value::Float(number) = value
            && !number.is_finite()
        {
            self.not_finite = self.not_finite.or(Some((user, number)));
            return;
        }
        let place = user as usize;
        if place >= self.values.len() {
            self.values.resize(place + 1, Value::Unknown);
        }
        match self.values[place] {
            Value::Unknown => self.values[place] = value,
            known if known == value => {}
            known => self.twice = self.twice.or(Some((user, [known, value]))),
        }
    }

    /// Takes over what a sibling knows; `users` are the numbers here of users there.
    pub(crate) fn absorb(&mut self, sibling: Self, users: &[u32]) {
        let here = |user: u32| users[user as usize];
        let values = sibling.values.into_iter().zip(users).filter(|(value, _)| *value != Value::Unknown);
        values.for_each(|(value, &user)| self.put(user, value));
        self.twice = self.twice.or(sibling.twice.map(|(user, values)| (here(user), values)));
        self.not_finite = self.not_finite.or(sibling.not_finite.map(|(user, value)| (here(user), value)));
    }

    /// Bytes held.
    pub(crate) fn bytes(&self) -> usize {
        self.values.capacity() * size_of::<Value>()
    }

    /// Checks that each user has one finite value, or none.
    ///
    /// # Errors
    /// A user has two, or one that is not finite; a name that Arrow cannot read.
    pub(crate) fn check(&self, users: &Users) -> Result<(), BuildError> {
        let criterion = self.column.name.clone();
        if let Some((user, number)) = self.not_finite {
            let (user, value, remedies) = (users.text(user)?, number.to_string(), Vec::new());
            return Err(KCorrsetError::CriterionNotFinite { user, criterion, value, remedies }.into());
        }
        let Some((user, values)) = self.twice else { return Ok(()) };
        let values = values.map(|value| self.column.text(value));
        // Who has no name has one row.
        let (user, remedies) = (users.text(user)?.unwrap_or_default(), Vec::new());
        Err(KCorrsetError::CriterionTwice { user, criterion, values, remedies }.into())
    }

    /// The values of so many users.
    pub(crate) fn values(&self, users: usize) -> CriterionValues {
        let known = || self.values.iter().enumerate();
        if !self.column.data_type.is_floating() {
            let exact = |(user, value): (usize, &Value)| match value {
                Value::Exact(value) => Some((user, *value)),
                _ => None,
            };
            return CriterionValues::exact(known().filter_map(exact), users);
        }
        let float = |(user, value): (usize, &Value)| match value {
            Value::Float(value) => Some((user, *value)),
            _ => None,
        };
        let floats: Vec<(usize, f64)> = known().filter_map(float).collect();
        let mut decimals = DecimalScan::of(&self.column.data_type);
        let numbers: Vec<f64> = floats.iter().map(|(_, value)| *value).collect();
        decimals.iter_mut().for_each(|scan| scan.push(&numbers));
        match decimals.and_then(|scan| scan.unit()) {
            Some(unit) => {
                let units = floats.into_iter().map(|(user, value)| (user, unit.units(value).into()));
                CriterionValues::exact(units, users)
            }
            None => {
                let mut values = vec![None; users];
                floats.into_iter().for_each(|(user, value)| values[user] = Some(value));
                CriterionValues::Float(values)
            }
        }
    }
}

/// The value of each user, or none.
#[derive(Debug)]
pub(crate) enum CriterionValues {
    /// Integers and decimals, in units of their own, and how far they spread.
    Exact(Vec<Option<i128>>, Spread),
    Float(Vec<Option<f64>>),
}

impl CriterionValues {
    /// Bytes of the values of so many users, at most.
    pub(crate) fn bytes(users: usize) -> usize {
        users * size_of::<Option<i128>>()
    }

    fn exact(known: impl Iterator<Item = (usize, i128)>, users: usize) -> Self {
        let (mut values, mut spread) = (vec![None; users], Spread::default());
        for (user, value) in known {
            values[user] = Some(value);
            spread = spread.merged(Spread::of(value));
        }
        Self::Exact(values, spread)
    }
}
