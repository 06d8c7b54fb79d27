//! Sets that are given: lists of questions → ids.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, ListArray};
use datafusion::arrow::compute::kernels::cmp::not_distinct;
use datafusion::arrow::compute::{CastOptions, cast, cast_with_options};
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions, array_value_to_string};
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};

use crate::error::KCorrsetError;
use crate::index::partitions::Part;
use crate::index::{AnswerIndex, InputLayout, InputRoles};
use crate::udtf::exec::reader::{Reader, next_of};
use crate::udtf::exec::unknown_question::unknown_question;
use crate::udtf::options::rules::SETS;
use crate::udtf::values::display;

/// The lists of a plan's one column, as they come.
///
/// # Errors
/// Those of the plan; the memory pool is exhausted.
pub(crate) async fn read(
    sets: &Arc<dyn ExecutionPlan>,
    reader: &Reader,
    context: &Arc<TaskContext>,
) -> Result<Vec<ArrayRef>> {
    let mut batches = execute_stream(Arc::clone(sets), Arc::clone(context))?;
    let mut lists = Vec::new();
    while let Some(batch) = next_of(&mut batches).await {
        let batch = batch?;
        if let Some(column) = batch.columns().first() {
            reader.reservation().try_grow(column.get_array_memory_size())?;
            lists.push(Arc::clone(column));
        }
    }
    Ok(lists)
}

/// The sets that lists are in each part of a table, each once and by the ids of their questions, ascending. A part
/// that lacks a question of a set lacks the set.
///
/// # Errors
/// A list that is NULL, empty, or has NULL or a question twice; a question that no row has, or
/// that cannot be one.
pub(crate) fn ids_in(
    lists: &[ArrayRef],
    roles: &InputRoles,
    indexes: &[Part<AnswerIndex>],
) -> Result<Vec<Vec<Vec<u32>>>> {
    let mut sets = vec![Vec::new(); indexes.len()];
    let mut known = vec![HashSet::new(); indexes.len()];
    let shown = FormatOptions::default().with_null("NULL");
    for lists in lists {
        let lists = plain(lists)?;
        let texts = ArrayFormatter::try_new(&lists, &shown)?;
        let ids = indexes.iter().map(|part| element_ids(lists.values(), &part.of));
        let ids = ids.collect::<Result<Vec<_>>>()?;
        for row in 0..lists.len() {
            let fault = |fault| KCorrsetError::GivenSet { set: texts.value(row).to_string(), fault };
            if lists.is_null(row) {
                return Err(fault("which is no set").into());
            }
            let elements = lists.value_offsets()[row] as usize..lists.value_offsets()[row + 1] as usize;
            if elements.is_empty() {
                return Err(fault("which has no question").into());
            }
            for element in elements.clone() {
                if ids.iter().any(|ids| matches!(ids[element], Element::Null)) {
                    return Err(fault("in which NULL is no question").into());
                }
                if let Some(first) = indexes.first()
                    && ids.iter().all(|ids| matches!(ids[element], Element::Other))
                {
                    return Err(no_question(lists.values(), element, roles, &first.of));
                }
            }
            for ((ids, sets), known) in ids.iter().zip(&mut sets).zip(&mut known) {
                let id = |element: usize| match ids[element] {
                    Element::Id(id) => Some(id),
                    Element::Null | Element::Other => None,
                };
                let mut set: Vec<u32> = elements.clone().filter_map(id).collect();
                set.sort_unstable();
                if set.windows(2).any(|pair| pair[0] == pair[1]) {
                    return Err(fault("in which a question is twice").into());
                }
                if set.len() == elements.len() && known.insert(set.clone()) {
                    sets.push(set);
                }
            }
        }
    }
    Ok(sets)
}

/// Sets by their size, the largest first; one size at least.
pub(crate) fn by_size(sets: Vec<Vec<u32>>) -> Vec<(usize, Vec<Vec<u32>>)> {
    let mut of_sizes: BTreeMap<usize, Vec<Vec<u32>>> = BTreeMap::new();
    for set in sets {
        of_sizes.entry(set.len()).or_default().push(set);
    }
    if of_sizes.is_empty() {
        of_sizes.insert(1, Vec::new());
    }
    of_sizes.into_iter().rev().collect()
}

/// The sets of k questions that are one of some lists, or have all questions of one, as far as these are known to
/// be whole; `None` if that leaves any open.
pub(crate) fn among(lists: &[(Vec<Option<u32>>, bool)], k: usize) -> Option<Vec<Vec<u32>>> {
    let mut sets = HashSet::new();
    for (ids, whole) in lists {
        // No set has a question that is not there.
        let Some(mut set) = ids.iter().copied().collect::<Option<Vec<u32>>>() else { continue };
        set.sort_unstable();
        set.dedup();
        // Nor is one equal to a list that has a question twice.
        if *whole && set.len() < ids.len() {
            continue;
        }
        if set.len() == k {
            sets.insert(set);
        } else if set.len() < k && !whole {
            return None;
        }
    }
    let mut sets: Vec<Vec<u32>> = sets.into_iter().collect();
    sets.sort_unstable();
    Some(sets)
}

/// Lists of 32 bits, whatever lists they were.
fn plain(lists: &ArrayRef) -> Result<ListArray> {
    let element = match lists.data_type() {
        DataType::LargeList(element) | DataType::FixedSizeList(element, _) => Arc::clone(element),
        _ => return Ok(lists.as_list().clone()),
    };
    Ok(cast(lists, &DataType::List(element))?.as_list().clone())
}

/// What an element of a list stands for.
#[derive(Clone, Copy)]
enum Element {
    /// A question's id.
    Id(u32),
    Null,
    /// No question of the table.
    Other,
}

fn element_ids(values: &ArrayRef, index: &AnswerIndex) -> Result<Vec<Element>> {
    let question = index.questions().data_type();
    if values.data_type() == &DataType::Null {
        return Ok(vec![Element::Null; values.len()]);
    }
    let typed = cast_with_options(values, question, &CastOptions { safe: true, ..CastOptions::default() })?;
    // A cast that rounds would find another question.
    let same = not_distinct(&cast(&typed, values.data_type())?, values)?;
    let ids = index.ids(&typed)?.into_iter().enumerate();
    let element = |(place, id): (usize, Option<u32>)| match id {
        _ if values.is_null(place) => Element::Null,
        Some(id) if same.value(place) => Element::Id(id),
        _ => Element::Other,
    };
    Ok(ids.map(element).collect())
}

/// The error for an element that is no question.
fn no_question(
    values: &ArrayRef,
    element: usize,
    roles: &InputRoles,
    index: &AnswerIndex,
) -> DataFusionError {
    let question = index.questions().data_type();
    let value = match ScalarValue::try_from_array(values, element) {
        Ok(value) => value,
        Err(error) => return error,
    };
    let fits = value.cast_to(question).is_ok_and(|it| !it.is_null());
    let text = array_value_to_string(values, element).unwrap_or_default();
    if fits {
        return unknown_question(SETS, &ScalarValue::from(text), index).into();
    }
    let column = match &roles.layout {
        InputLayout::Long(names) => names.question.clone(),
        InputLayout::Wide { .. } => "question".to_string(),
    };
    let data_type = question.to_string();
    let remedies = Vec::new();
    KCorrsetError::QuestionType { option: SETS, question: display(&value), column, data_type, remedies }
        .into()
}
