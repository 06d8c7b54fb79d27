//! An index of each part of a table: of the rows that agree in some columns.
//!
//! ```text
//!  batches ──▶ some thousand rows ──▶ a part's rows, by the values of its columns ──▶ its builder
//! ```
//!
//! Rows of many parts may come mixed, and a builder takes a batch's rows in at once. So batches are put together
//! until a part's share of them is worth it.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::interleave_record_batch;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::row::{RowConverter, SortField};
use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};

use crate::error::Result;
use crate::index::AnswerIndex;
use crate::index::builder::IndexBuilder;
use crate::index::dictionary::Interner;
use crate::index::error::BuildError;
use crate::index::roles::InputRoles;
use crate::interest::{Interest, Unwanted, awaited};

/// Rows that are put together before they are taken apart.
const TOGETHER: usize = 1 << 17;

/// Folds batches of answers into an [`AnswerIndex`] for each part of their table, and into one where it has no parts.
#[derive(Debug)]
pub(crate) struct PartitionedBuilder {
    empty: IndexBuilder,
    schema: SchemaRef,
    /// The places of the columns whose values tell parts apart.
    columns: Vec<usize>,
    converter: RowConverter,
    /// The place of each part, by its values as the converter has them: their order is that of the values.
    places: Interner,
    parts: Vec<Part<IndexBuilder>>,
    /// Batches that are not yet taken apart.
    waiting: Vec<RecordBatch>,
}

/// What belongs to the rows of some values.
#[derive(Debug, Clone)]
pub(crate) struct Part<T> {
    /// The values of the columns that tell parts apart, each as an array of one; none where there is one part.
    pub(crate) values: Vec<ArrayRef>,
    pub(crate) of: T,
}

impl PartitionedBuilder {
    /// A builder for batches of one schema.
    ///
    /// # Errors
    /// A column that is missing or ambiguous, or has a type that cannot play its role.
    pub(crate) fn try_new(schema: &SchemaRef, roles: &InputRoles) -> Result<Self, BuildError> {
        let columns = roles.columns(schema.fields())?.partition_by;
        let empty = IndexBuilder::try_new(schema, roles.clone())?;
        Self::empty(empty, SchemaRef::clone(schema), columns, Interner::new(&DataType::Binary))
    }

    /// An empty builder for other batches of the same table.
    ///
    /// # Errors
    /// None that the first of them would not have had.
    pub(crate) fn sibling(&self) -> Result<Self, BuildError> {
        let (schema, columns) = (SchemaRef::clone(&self.schema), self.columns.clone());
        Self::empty(self.empty.sibling(), schema, columns, self.places.sibling())
    }

    fn empty(
        empty: IndexBuilder,
        schema: SchemaRef,
        columns: Vec<usize>,
        places: Interner,
    ) -> Result<Self, BuildError> {
        let sorted = columns.iter().map(|&place| SortField::new(schema.field(place).data_type().clone()));
        let converter = RowConverter::new(sorted.collect())?;
        let only_part = || Part { values: Vec::new(), of: empty.sibling() };
        let parts = columns.is_empty().then(only_part).into_iter().collect();
        Ok(Self { empty, schema, columns, converter, places, parts, waiting: Vec::new() })
    }

    /// Takes one batch in.
    ///
    /// # Errors
    /// Those of [`IndexBuilder::push`].
    pub(crate) fn push(&mut self, batch: RecordBatch) -> Result<(), BuildError> {
        if let ([], [part]) = (&self.columns[..], &mut self.parts[..]) {
            return part.of.push(&batch);
        }
        let rows: usize = self.waiting.iter().map(RecordBatch::num_rows).sum();
        self.waiting.push(batch);
        if rows >= TOGETHER { self.take_apart() } else { Ok(()) }
    }

    fn take_apart(&mut self) -> Result<(), BuildError> {
        let waiting = std::mem::take(&mut self.waiting);
        if waiting.is_empty() {
            return Ok(());
        }
        // Of each part, batches and rows in them.
        let mut rows: Vec<Vec<(usize, usize)>> = vec![Vec::new(); self.parts.len()];
        for (number, batch) in waiting.iter().enumerate() {
            let columns: Vec<ArrayRef> =
                self.columns.iter().map(|&place| ArrayRef::clone(batch.column(place))).collect();
            let values = self.converter.convert_columns(&columns)?.try_into_binary()?;
            let places = self.places.intern(&(Arc::new(values) as ArrayRef));
            for (row, place) in places.into_iter().enumerate() {
                if place as usize == self.parts.len() {
                    let values = columns.iter().map(|column| column.slice(row, 1)).collect();
                    self.parts.push(Part { values, of: self.empty.sibling() });
                    rows.push(Vec::new());
                }
                rows[place as usize].push((number, row));
            }
        }
        let batches: Vec<&RecordBatch> = waiting.iter().collect();
        let by_part = interleave_record_batch(&batches, &rows.concat())?;
        drop(waiting);
        let mut first = 0;
        for (part, rows) in self.parts.iter_mut().zip(rows).filter(|(_, rows)| !rows.is_empty()) {
            part.of.push(&by_part.slice(first, rows.len()))?;
            first += rows.len();
        }
        Ok(())
    }

    /// This builder with what a sibling was given, made for as long as somebody waits; `None` if nobody does any
    /// more.
    pub(crate) fn merged_while(
        mut self,
        mut sibling: Self,
        waits: &(dyn Fn() -> bool + Sync),
    ) -> Result<Option<Self>, BuildError> {
        self.take_apart()?;
        sibling.take_apart()?;
        let places = match self.columns[..] {
            [] => vec![0],
            _ => match self.places.absorb(&sibling.places, Interest::while_(waits)) {
                Ok(places) => places,
                Err(Unwanted) => return Ok(None),
            },
        };
        let mut others: Vec<Option<Part<IndexBuilder>>> = Vec::new();
        others.resize_with(self.parts.len().max(self.places.len()), || None);
        sibling.parts.into_iter().zip(places).for_each(|(part, place)| others[place as usize] = Some(part));
        let new = others.split_off(self.parts.len());
        let merged = |(Part { values, of }, other): (Part<IndexBuilder>, Option<Part<IndexBuilder>>)| {
            let of = match other {
                Some(other) => of.merged_while(other.of, waits)?,
                None => of,
            };
            Some(Part { values, of })
        };
        let merged: Option<Vec<_>> = self.parts.into_par_iter().zip(others).map(merged).collect();
        let Some(mut parts) = merged else { return Ok(None) };
        parts.extend(new.into_iter().flatten());
        self.parts = parts;
        Ok(Some(self))
    }

    /// Bytes held now.
    pub(crate) fn memory(&self) -> usize {
        let waiting: usize = self.waiting.iter().map(RecordBatch::get_array_memory_size).sum();
        let of_parts: usize = self.parts.iter().map(|part| part.of.memory() + PART_BYTES).sum();
        // Those that wait are put in order in a copy.
        2 * waiting + of_parts + self.places.bytes()
    }

    /// Bytes that [`finish_while`] will need beside those held now, at most.
    pub(crate) fn finish_memory(&self) -> usize {
        self.parts.iter().map(|part| part.of.finish_memory()).sum()
    }

    /// The builder of each part, in the order of their values; NULL comes first.
    ///
    /// # Errors
    /// Arrow cannot read an array.
    pub(crate) fn into_parts(mut self) -> Result<Vec<Part<IndexBuilder>>, BuildError> {
        self.take_apart()?;
        let mut parts: Vec<Option<Part<IndexBuilder>>> = self.parts.into_iter().map(Some).collect();
        if self.columns.is_empty() {
            return Ok(parts.into_iter().flatten().collect());
        }
        let places = awaited(|interest| self.places.sorted(interest))?;
        Ok(places.into_iter().filter_map(|place| parts[place as usize].take()).collect())
    }
}

/// Bytes of a part's values and of what its builder begins with, about.
const PART_BYTES: usize = 1 << 12;

/// The index of each part, made on all threads of the pool for as long as somebody waits; `None` if nobody does any more.
///
/// # Errors
/// That of the first part that has one, with that part.
pub(crate) fn finish_while(
    parts: Vec<Part<IndexBuilder>>,
    waits: &(dyn Fn() -> bool + Sync),
) -> Result<Option<Vec<Part<AnswerIndex>>>, Box<Part<BuildError>>> {
    let finished = |Part { values, of }: Part<IndexBuilder>| match of.finish_while(waits) {
        Ok(index) => Ok(index.map(|of| Part { values, of })),
        Err(of) => Err(Box::new(Part { values, of })),
    };
    let finished: Vec<_> = parts.into_par_iter().map(finished).collect();
    finished.into_iter().collect()
}
