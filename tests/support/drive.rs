//! Running the sweep without SQL.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use arrow::array::{AsArray, RecordBatch};
use datafusion_k_corrset::index::{AnswerIndex, ColumnNames, IndexBuilder};
use datafusion_k_corrset::sweep::{
    Budget, Columns, Row, RowBuffer, SetCount, SweepPlan, SweepRequest, best_rows,
};

/// r and n of sets, by the names of their questions.
pub(crate) type Named = BTreeMap<Vec<String>, (Option<f64>, i64)>;

/// The index of batches that are read as if they came from three partitions.
pub(crate) fn index(batches: &[RecordBatch]) -> AnswerIndex {
    let mut builder = IndexBuilder::try_new(&batches[0].schema(), ColumnNames::default()).unwrap();
    let mut siblings = [builder.sibling(), builder.sibling()];
    for (number, batch) in batches.iter().enumerate() {
        let [second, third] = &mut siblings;
        [&mut builder, second, third][number % 3].push(batch).unwrap();
    }
    siblings.into_iter().for_each(|sibling| builder.merge(sibling));
    builder.finish().unwrap()
}

/// Runs a sweep to its end, pausing after every few rows.
pub(crate) fn sweep(index: &AnswerIndex, request: &SweepRequest, shares: usize, pause: usize) -> Vec<Row> {
    let plan = SweepPlan::try_new(Arc::clone(index.answers()), request).unwrap();
    sweep_plan(&Arc::new(plan), request, shares, pause)
}

/// The rows of a buffer, of sets of one size.
pub(crate) fn rows_of(found: &RowBuffer) -> impl Iterator<Item = Row> {
    let k = found.questions.len() / found.rows.max(1);
    (0..found.rows).map(move |row| Row {
        questions: found.questions[row * k..][..k].to_vec(),
        r: Some(found.r[row]).filter(|r| !r.is_nan()),
        n: found.n[row],
    })
}

/// Runs all shares of a request's plan to their end, pausing after every few rows.
pub(crate) fn sweep_plan(
    plan: &Arc<SweepPlan>,
    request: &SweepRequest,
    shares: usize,
    pause: usize,
) -> Vec<Row> {
    let (mut rows, mut tops) = (Vec::new(), Vec::new());
    let mut done = 0;
    for share in 0..shares {
        let mut sweep = plan.share(share, shares, Columns::ALL);
        loop {
            let mut found = RowBuffer::new(Columns::ALL);
            let stop = AtomicBool::new(false);
            let until = Instant::now() + Duration::from_secs(3600);
            let finished = sweep.advance(&mut found, &mut Budget::new(pause, until, &stop));
            rows.extend(rows_of(&found));
            if finished {
                break;
            }
        }
        tops.extend(sweep.take_top());
        done += sweep.progress().done;
    }
    assert_eq!(SetCount::Exactly(done), plan.subsets(), "the shares deal with every subset once");
    match request.top {
        Some(size) => best_rows(size, tops),
        None => rows,
    }
}

/// Rows of a sweep by the names of their questions; no subset may come twice.
pub(crate) fn by_name(index: &AnswerIndex, rows: &[Row]) -> Named {
    let names = index.questions().as_string::<i32>();
    let mut named = BTreeMap::new();
    for row in rows {
        let questions: Vec<String> =
            row.questions.iter().map(|&id| names.value(id as usize).to_string()).collect();
        assert!(questions.is_sorted(), "{questions:?} are not in order");
        let before = named.insert(questions, (row.r, row.n));
        assert_eq!(before, None, "a subset twice");
    }
    named
}

/// What is compared bit for bit.
pub(crate) fn bits(named: &Named) -> Vec<(Vec<String>, Option<u64>, i64)> {
    named.iter().map(|(subset, (r, n))| (subset.clone(), r.map(f64::to_bits), *n)).collect()
}
