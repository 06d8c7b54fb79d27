//! An index of each part of a table: of the rows that agree in some columns.
//!
//! ```text
//!  batches ──▶ some hundred thousand rows ──▶ the same by part ──▶ each part's builder
//! ```
//!
//! Rows of many parts may come mixed, and a builder takes a batch's rows in at once. So batches are put together
//! until a part's share of them is worth it. Where rows come part by part, they go to their builders as they are.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, PrimitiveArray, RecordBatch, UInt32Array, downcast_primitive_array};
use arrow::buffer::NullBuffer;
use arrow::compute::{concat_batches, take};
use arrow::datatypes::{ArrowPrimitiveType, DataType, SchemaRef};
use arrow::error::ArrowError;
use arrow::row::{RowConverter, SortField};
use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};

use crate::error::Result;
use crate::index::AnswerIndex;
use crate::index::builder::IndexBuilder;
use crate::index::dictionary::Interner;
use crate::index::error::BuildError;
use crate::index::roles::{InputRoles, RoleColumns};
use crate::interest::{Interest, Unwanted, awaited};

/// Rows that are put together before they are taken apart, at least and at most.
const TOGETHER: [usize; 2] = [1 << 17, 1 << 20];

/// Rows of a part that are worth to be taken in by themselves: what its builder holds is in no cache when many others
/// came in between.
const WORTH_IT: usize = 1 << 10;

/// Rows of one part after the other that need not be put together with others.
const LONG_RUN: usize = 1 << 8;

/// Folds batches of answers into an [`AnswerIndex`] for each part of their table, and into one where it has no parts.
#[derive(Debug)]
pub(crate) struct PartitionedBuilder {
    schema: SchemaRef,
    columns: RoleColumns,
    /// The places of the columns that parts' builders read.
    kept: Vec<usize>,
    /// One for these columns.
    empty: IndexBuilder,
    converter: RowConverter,
    /// The place of each part, by its values as the converter has them: their order is that of the values.
    places: Interner,
    parts: Vec<Part<IndexBuilder>>,
    /// Bytes that these hold.
    held: usize,
    waiting: Waiting,
}

/// Rows that are not yet taken apart.
#[derive(Debug, Default)]
struct Waiting {
    batches: Vec<RecordBatch>,
    /// The place of each row's part.
    places: Vec<Vec<u32>>,
    rows: usize,
    /// Bytes of the values.
    bytes: usize,
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
        let columns = roles.columns(schema.fields())?;
        let mut kept = columns.places_of_parts();
        kept.sort_unstable();
        let of_parts = InputRoles { partition_by: Vec::new(), ..roles.clone() };
        let empty = IndexBuilder::try_new(&Arc::new(schema.project(&kept)?), of_parts)?;
        Self::empty(SchemaRef::clone(schema), columns, kept, empty, Interner::new(&DataType::Binary))
    }

    /// An empty builder for other batches of the same table.
    ///
    /// # Errors
    /// None that the first of them would not have had.
    pub(crate) fn sibling(&self) -> Result<Self, BuildError> {
        let (schema, columns) = (SchemaRef::clone(&self.schema), self.columns.clone());
        Self::empty(schema, columns, self.kept.clone(), self.empty.sibling(), self.places.sibling())
    }

    fn empty(
        schema: SchemaRef,
        columns: RoleColumns,
        kept: Vec<usize>,
        empty: IndexBuilder,
        places: Interner,
    ) -> Result<Self, BuildError> {
        let data_type = |&place: &usize| SortField::new(schema.field(place).data_type().clone());
        let converter = RowConverter::new(columns.partition_by.iter().map(data_type).collect())?;
        let only_part = || Part { values: Vec::new(), of: empty.sibling() };
        let parts = columns.partition_by.is_empty().then(only_part).into_iter().collect();
        let waiting = Waiting::default();
        Ok(Self { schema, columns, kept, empty, converter, places, parts, held: 0, waiting })
    }

    /// Takes one batch in.
    ///
    /// # Errors
    /// Those of [`IndexBuilder::push`].
    pub(crate) fn push(&mut self, batch: RecordBatch) -> Result<(), BuildError> {
        self.columns.check(&self.schema, &batch)?;
        let kept = batch.project(&self.kept)?;
        if self.columns.partition_by.is_empty() {
            return self.give(0, &kept);
        }
        let places = self.places_of(&batch)?;
        let runs = || places.chunk_by(|x, y| x == y);
        if runs().count() * LONG_RUN <= places.len() {
            let mut first = 0;
            for run in runs() {
                self.give(run[0] as usize, &kept.slice(first, run.len()))?;
                first += run.len();
            }
            return Ok(());
        }
        self.waiting.rows += places.len();
        // Batches may be slices of what others hold, too.
        let bytes = |column: &ArrayRef| column.to_data().get_slice_memory_size();
        self.waiting.bytes += kept.columns().iter().map(bytes).sum::<Result<usize, _>>()?;
        self.waiting.batches.push(kept);
        self.waiting.places.push(places);
        let [least, most] = TOGETHER;
        if self.waiting.rows >= (self.parts.len() * WORTH_IT).clamp(least, most) {
            self.take_apart()?;
        }
        Ok(())
    }

    /// Gives rows to the part that they are of.
    fn give(&mut self, place: usize, rows: &RecordBatch) -> Result<(), BuildError> {
        let Some(Part { of, .. }) = self.parts.get_mut(place) else { return Ok(()) };
        let before = of.memory();
        of.push(rows)?;
        self.held = self.held + of.memory() - before;
        Ok(())
    }

    /// The place of each row's part, which may be new.
    fn places_of(&mut self, batch: &RecordBatch) -> Result<Vec<u32>, BuildError> {
        let column = |&place: &usize| ArrayRef::clone(batch.column(place));
        let columns: Vec<ArrayRef> = self.columns.partition_by.iter().map(column).collect();
        let values = self.converter.convert_columns(&columns)?.try_into_binary()?;
        let places = self.places.intern(&(Arc::new(values) as ArrayRef));
        for (row, &place) in places.iter().enumerate() {
            if place as usize == self.parts.len() {
                let values = columns.iter().map(|column| column.slice(row, 1)).collect();
                self.parts.push(Part { values, of: self.empty.sibling() });
                self.held += PART_BYTES;
            }
        }
        Ok(places)
    }

    /// Gives the rows that wait to their parts.
    fn take_apart(&mut self) -> Result<(), BuildError> {
        let Waiting { batches, places, rows, .. } = std::mem::take(&mut self.waiting);
        if rows == 0 {
            return Ok(());
        }
        // Where the rows of each part begin; then, where they end.
        let mut ends = vec![0u32; self.parts.len()];
        places.iter().flatten().for_each(|&place| ends[place as usize] += 1);
        let mut sum = 0;
        ends.iter_mut().for_each(|end| sum += std::mem::replace(end, sum));
        let new_place = |&place: &u32| {
            let end = &mut ends[place as usize];
            *end += 1;
            *end - 1
        };
        let new_places: Vec<u32> = places.iter().flatten().map(new_place).collect();
        let together = concat_batches(batches[0].schema_ref(), &batches)?;
        drop(batches);
        let columns = together.columns().iter().map(|column| moved(column, &new_places));
        let by_part = RecordBatch::try_new(together.schema(), columns.collect::<Result<_, _>>()?)?;
        drop(together);
        let mut first = 0;
        for (place, end) in ends.into_iter().map(|end| end as usize).enumerate() {
            if first < end {
                self.give(place, &by_part.slice(first, end - first))?;
            }
            first = end;
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
        let places = match self.columns.partition_by[..] {
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
        self.held = parts.iter().map(|part| part.of.memory() + PART_BYTES).sum();
        self.parts = parts;
        Ok(Some(self))
    }

    /// Bytes held now.
    pub(crate) fn memory(&self) -> usize {
        let Waiting { rows, bytes, .. } = self.waiting;
        // Those that wait are put in order in a copy.
        2 * bytes + 3 * rows * size_of::<u32>() + self.held + self.places.bytes()
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
        if self.columns.partition_by.is_empty() {
            return Ok(parts.into_iter().flatten().collect());
        }
        let places = awaited(|interest| self.places.sorted(interest))?;
        Ok(places.into_iter().filter_map(|place| parts[place as usize].take()).collect())
    }
}

/// A column whose values have gone to other places.
///
/// Numbers are read in their order and written by part: of each part the end is in the first-level cache, and a row takes
/// 3 ns. In the order of the parts each would be read from another line of memory, at 15 ns.
fn moved(column: &ArrayRef, places: &[u32]) -> Result<ArrayRef, ArrowError> {
    let array = column.as_ref();
    downcast_primitive_array!(
        array => Ok(moved_numbers(array, places)),
        _ => {
            let mut rows = vec![0; places.len()];
            places.iter().zip(0u32..).for_each(|(&place, row)| rows[place as usize] = row);
            take(array, &UInt32Array::from(rows), None)
        }
    )
}

fn moved_numbers<T: ArrowPrimitiveType>(numbers: &PrimitiveArray<T>, places: &[u32]) -> ArrayRef {
    fn moved<T: Copy + Default>(values: &[T], places: &[u32]) -> Vec<T> {
        let mut moved = vec![T::default(); values.len()];
        values.iter().zip(places).for_each(|(&value, &place)| moved[place as usize] = value);
        moved
    }
    let valid = |nulls: &NullBuffer| moved(&nulls.iter().collect::<Vec<_>>(), places);
    let nulls = numbers.nulls().map(valid).map(NullBuffer::from);
    let moved = PrimitiveArray::<T>::new(moved(numbers.values(), places).into(), nulls);
    Arc::new(moved.with_data_type(numbers.data_type().clone()))
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
