//! Phase 1: the input's batches → an index and a plan of the sweep, once for all
//! partitions.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock, Weak};

use datafusion::arrow::array::ArrayRef;
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, MetricBuilder};
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use rayon::ThreadPool;
use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};

use crate::index::AnswerIndex;
use crate::index::partitions::Part;
use crate::search::{self, Outlook, Plan};
use crate::sweep::{Bounds, Quota, SetCount, Statistics, SweepProgress, SweepRequest, binomial};
use crate::udtf::advice::spelling::Spelling;
use crate::udtf::bounded_errors::bounded;
use crate::udtf::exec::distribution::distribution_of;
use crate::udtf::exec::given_sets;
use crate::udtf::exec::inputs::Inputs;
use crate::udtf::exec::notices::Notices;
use crate::udtf::exec::reader::{Reader, nobody_waits};
use crate::udtf::exec::subsets_metric::subsets_metric;
use crate::udtf::exec::unknown_question::unknown_question;
use crate::udtf::options::KCorrsetOptions;
use crate::udtf::request::{KCorrsetRequest, KCorrsetScan};
use crate::udtf::scan::pushdown::{QuestionQuota, Selection};
use crate::udtf::set_sizes::SetSizes;

/// What all partitions of one execution share.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// Those of a table that is not parted are one.
    pub(crate) parts: Vec<PreparedPart>,
    pub(crate) pool: Arc<ThreadPool>,
    pub(crate) progress: Option<Arc<SweepProgress>>,
    /// What was asked for, and what is known of the rows that will be read.
    scan: KCorrsetScan,
    outlook: Outlook,
    /// The bytes of indexes and plans, given back to the session's pool on drop.
    reservation: MemoryReservation,
}

/// What all who sweep one part of the rows share.
#[derive(Debug, Clone)]
pub(crate) struct PreparedPart {
    /// The values that tell the part apart, each as an array of one.
    pub(crate) values: Vec<ArrayRef>,
    pub(crate) index: AnswerIndex,
    pub(crate) plan: Arc<Plan>,
    /// What tells of sets in the result, if anything is told of their totals.
    pub(crate) statistics: Option<Arc<Statistics>>,
}

/// A preparation that whoever polls it drives, and whose end all of them see.
pub(crate) type SharedPreparation = Shared<BoxFuture<'static, Result<Arc<Prepared>, Arc<DataFusionError>>>>;

/// The preparation of a plan's partitions, as the plan holds it.
///
/// It goes with the last of the streams: a plan may be kept for long after it ran, as it is by
/// a worker of a cluster, and its index should not be. But partitions may be read one after
/// the other; so until all have been handed out the plan keeps it, too.
#[derive(Debug, Default)]
pub(crate) struct PreparationSlot {
    kept: Option<Arc<SharedPreparation>>,
    used: Weak<SharedPreparation>,
    /// The partitions of the present run that have been handed out.
    handed_out: Vec<usize>,
    /// How many runs have begun.
    runs: usize,
}

impl PreparationSlot {
    /// What the stream of one of the partitions has to wait for and to hold; and which
    /// run it belongs to, the first being 0.
    pub(crate) fn hand_out(
        &mut self,
        partition: usize,
        partitions: usize,
        begin: impl FnOnce(usize) -> SharedPreparation,
    ) -> (Arc<SharedPreparation>, usize) {
        let again = self.handed_out.contains(&partition);
        let present = self.used.upgrade().filter(|_| !again);
        let shared = present.unwrap_or_else(|| {
            self.handed_out.clear();
            self.runs += 1;
            Arc::new(begin(self.runs - 1))
        });
        self.used = Arc::downgrade(&shared);
        self.handed_out.push(partition);
        self.kept = (self.handed_out.len() < partitions).then(|| Arc::clone(&shared));
        (shared, self.runs - 1)
    }
}

impl Prepared {
    /// The preparation, not yet begun.
    ///
    /// # Arguments
    /// `describes`: whether sets in the result are told of; `kernel`: is told the name of the kernel.
    pub(crate) fn shared(
        inputs: Inputs,
        scan: KCorrsetScan,
        share: search::Part,
        describes: bool,
        context: Arc<TaskContext>,
        metrics: ExecutionPlanMetricsSet,
        kernel: Arc<OnceLock<String>>,
    ) -> SharedPreparation {
        let preparation = async move {
            let prepared = prepare(inputs, scan, share, describes, context, &metrics)
                .await
                .map_err(bounded)
                .map_err(Arc::new)?;
            kernel.get_or_init(|| kernel_name(&prepared.parts));
            Ok(Arc::new(prepared))
        };
        preparation.boxed().shared()
    }

    /// Likewise for another part of the searches, of the same indexes. Where all sets are swept it is the
    /// same.
    pub(crate) fn of_other_part(
        preparation: Arc<SharedPreparation>,
        share: search::Part,
        context: &Arc<TaskContext>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> SharedPreparation {
        let (context, metrics) = (Arc::clone(context), metrics.clone());
        let preparation = async move {
            // Held, so that others find it.
            let prepared = SharedPreparation::clone(&preparation).await?;
            if prepared.is_swept() {
                return Ok(prepared);
            }
            prepared.for_other_part(share, &context, &metrics).await.map(Arc::new).map_err(Arc::new)
        };
        preparation.boxed().shared()
    }

    async fn for_other_part(
        &self,
        share: search::Part,
        context: &Arc<TaskContext>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> Result<Self> {
        let (scan, outlook, reservation) = (self.scan.clone(), self.outlook, self.reservation.new_empty());
        let (pool, progress) = (Arc::clone(&self.pool), self.progress.clone());
        let mut parts = self.parts.clone();
        Reader::new(&scan, context, metrics)?
            .on_pool_while(move |waits| {
                for PreparedPart { index, plan, .. } in &mut parts {
                    *plan = plan_of(&scan, None, index, outlook, share, &reservation, waits)?;
                }
                Ok(Self { parts, pool, progress, scan, outlook, reservation })
            })
            .await
    }

    /// Whether all sets are swept, and none searched for.
    pub(crate) fn is_swept(&self) -> bool {
        self.parts.iter().all(|part| part.plan.is_swept())
    }

    /// A reservation of a partition's own, from the same pool and in the same name.
    pub(crate) fn reserve(&self, bytes: usize) -> Result<MemoryReservation> {
        let reservation = self.reservation.new_empty();
        reservation.try_grow(bytes)?;
        Ok(reservation)
    }
}

async fn prepare(
    inputs: Inputs,
    scan: KCorrsetScan,
    share: search::Part,
    describes: bool,
    context: Arc<TaskContext>,
    metrics: &ExecutionPlanMetricsSet,
) -> Result<Prepared> {
    let (instructions, threads) = (scan.settings.instructions, scan.settings.threads);
    let outlook = Outlook {
        best: scan.best.filter(|_| !scan.dynamic_filters.is_empty()),
        // A sweep for the top rows looks at every subset, whatever the limit.
        partial: scan.fetch.is_some() && scan.request.options.top.is_none(),
    };
    let scan_is_whole = scan.request.roles.partition_by.is_empty();
    let reader = Reader::new(&scan, &context, metrics)?;
    let reservation = reader.reservation().new_empty();
    let given = match &inputs.sets {
        Some(sets) => Some(given_sets::read(sets, &reader, &context).await?),
        None => None,
    };
    let indexes = indexes_of(&inputs.answers, &scan.request, &context, &reader).await?;
    let (parts, scan, reservation) = reader
        .on_pool_while(move |waits| {
            let given =
                given.map(|lists| given_sets::ids_in(&lists, &scan.request.roles, &indexes)).transpose()?;
            check_questions(&scan.request.options, &indexes)?;
            let given = match given {
                Some(given) => given.into_iter().map(Some).collect(),
                None => vec![None; indexes.len()],
            };
            let prepared = |(Part { values, of: index }, given): (Part<AnswerIndex>, _)| {
                let plan = plan_of(&scan, given, &index, outlook, share, &reservation, waits)?;
                if describes {
                    reservation.try_grow(Statistics::bytes(index.answers()))?;
                }
                let statistics = || Arc::new(Statistics::new(Arc::clone(index.answers()), instructions));
                let statistics = describes.then(statistics);
                Ok(PreparedPart { values, index, plan, statistics })
            };
            let parts: Vec<_> = indexes.into_par_iter().zip(given).map(prepared).collect();
            Ok((parts.into_iter().collect::<Result<Vec<_>>>()?, scan, reservation))
        })
        .await?;
    let pool = Arc::clone(&reader.pool);
    drop(reader);
    reservation.try_grow(parts.iter().map(|part| part.index.memory()).sum())?;

    let sum = |of: fn(&PreparedPart) -> usize| parts.iter().map(of).sum::<usize>();
    let users = sum(|part| part.index.answers().users());
    let questions = parts.iter().map(|part| part.index.answers().questions()).max().unwrap_or(0);
    log::debug!(
        "k_corrset: {users} users, {questions} questions, {} scores; kernel: {}, {}",
        parts.first().map_or("no", |part| part.index.answers().score_class()),
        instructions.name(),
        kernel_name(&parts)
    );
    let subsets = parts.iter().map(|part| part.plan.subsets()).sum();
    MetricBuilder::new(metrics).global_counter("users").add(users);
    MetricBuilder::new(metrics).global_counter("questions").add(questions);
    if !scan_is_whole {
        MetricBuilder::new(metrics).global_counter("partitions").add(parts.len());
    }
    match subsets {
        SetCount::Exactly(subsets) => {
            MetricBuilder::new(metrics).global_counter("subsets_total").add(subsets as usize);
        }
        SetCount::About(_) => MetricBuilder::new(metrics).build(subsets_metric(subsets)),
    }
    let progress = context.session_config().get_extension::<SweepProgress>();
    if let Some(progress) = &progress {
        progress.expect(parts.iter().map(|part| part.plan.expected()).sum());
    }
    if !outlook.partial {
        warn_of_long_sweep(&parts, threads, &context);
    }
    Ok(Prepared { parts, pool, progress, scan, outlook, reservation })
}

/// The plan of what is asked of an index, with its memory reserved.
fn plan_of(
    scan: &KCorrsetScan,
    given: Option<Vec<Vec<u32>>>,
    index: &AnswerIndex,
    outlook: Outlook,
    share: search::Part,
    reservation: &MemoryReservation,
    waits: &(dyn Fn() -> bool + Sync),
) -> Result<Arc<Plan>> {
    let method = scan.method();
    let requests = sweep_requests(scan, given, outlook, index)?;
    reservation.try_grow(Plan::memory_of(index.answers(), &requests, method, outlook))?;
    let answers = Arc::clone(index.answers());
    let plan = Plan::try_new_while(answers, &requests, method, outlook, share, waits)?;
    Ok(Arc::new(plan.ok_or_else(nobody_waits)?))
}

/// A sweep that takes so many seconds is more often a slip than meant.
const LONG: f64 = 24.0 * 3600.0;

/// Says at its start that a sweep will take very long, and what to do about it.
fn warn_of_long_sweep(parts: &[PreparedPart], threads: usize, context: &TaskContext) {
    let seconds: f64 = parts.iter().map(|part| part.plan.sweep_seconds()).sum();
    let seconds = seconds / threads.max(1) as f64;
    if seconds <= LONG {
        return;
    }
    let days = seconds / LONG;
    let time = match days {
        ..730.0 => format!("{days:.0} days"),
        ..36_525_000.0 => format!("{:.0} years", days / 365.25),
        _ => format!("{:.0e} years", days / 365.25),
    };
    let spelling = Spelling::of(context.session_config().options());
    let notice = spelling.of_text(format!(
        "k_corrset: to sweep {} sets takes about {time} unless most of them have too few users; write \
         exclude => [...] or include => [...] for fewer candidates, min_users => 30 for fewer sets, or \
         top => 10, search => 'heuristic' for good sets in a second or two, without proof that they are \
         the best",
        parts.iter().map(|part| part.plan.subsets()).sum::<SetCount>()
    ));
    Notices::tell(context.session_config().get_extension().as_deref(), &notice);
}

/// The names of the code that does the work, and what it takes the scores for.
fn kernel_name(parts: &[PreparedPart]) -> String {
    let name = |PreparedPart { plan, index, .. }: &PreparedPart| match index.floats_as_decimals() {
        true => format!("{}, floats as decimals", plan.kernel()),
        false => plan.kernel(),
    };
    let names: BTreeSet<String> = parts.iter().map(name).collect();
    names.into_iter().collect::<Vec<_>>().join("; ")
}

/// The index of each part of the rows that an input has, whoever has read them.
async fn indexes_of(
    input: &Arc<dyn ExecutionPlan>,
    request: &KCorrsetRequest,
    context: &Arc<TaskContext>,
    reader: &Reader,
) -> Result<Vec<Part<AnswerIndex>>> {
    let distribution = distribution_of(context.session_config());
    match distribution.and_then(|distribution| distribution.index_of(input, request, context, reader)) {
        Some(index) => Ok(vec![Part { values: Vec::new(), of: index.await? }]),
        None => reader.build_parts(input, request, context).await,
    }
}

/// Checks that the questions that options name are there, in one part at least.
///
/// # Errors
/// One is not.
fn check_questions(options: &KCorrsetOptions, indexes: &[Part<AnswerIndex>]) -> Result<()> {
    for (option, questions) in [("include", &options.include), ("exclude", &options.exclude)] {
        for question in questions {
            let value = question.to_array()?;
            let mut there = false;
            for part in indexes {
                there |= part.of.ids(&value)?[0].is_some();
            }
            // A table without rows has no parts, and no questions either.
            if let (false, Some(first)) = (there, indexes.first()) {
                return Err(unknown_question(option, question, &first.of).into());
            }
        }
    }
    Ok(())
}

/// The request for each size in the index's terms: questions by their ids. Large sets come first, as
/// their r is the highest, so that little of smaller ones is left to do where only the best are wanted.
fn sweep_requests(
    scan: &KCorrsetScan,
    given: Option<Vec<Vec<u32>>>,
    outlook: Outlook,
    index: &AnswerIndex,
) -> Result<Vec<SweepRequest>> {
    let KCorrsetRequest { sizes, options, question_type, .. } = &*scan.request;
    let ids = |questions: &[ScalarValue]| -> Result<Vec<Option<u32>>> {
        if questions.is_empty() {
            return Ok(Vec::new());
        }
        let values = ScalarValue::iter_to_array(questions.iter().cloned())?;
        Ok(index.ids(&values)?)
    };
    // A filter may well ask for a question that is not there, and an option for one that is in another part: no set has
    // it.
    let mut selection = Selection::of_all(scan.all_filters(), question_type);
    let mut include = Vec::new();
    for id in ids(&options.include)?.into_iter().chain(ids(&selection.include)?) {
        match id {
            Some(id) => include.push(id),
            None => selection.wanted = Bounds::NONE,
        }
    }
    let exclude = ids(&options.exclude)?.into_iter().chain(ids(&selection.exclude)?).flatten().collect();
    let any: Vec<u32> = ids(&selection.any)?.into_iter().flatten().collect();
    if any.is_empty() && !selection.any.is_empty() {
        selection.wanted = Bounds::NONE;
    }
    let mut quotas = Vec::new();
    for QuestionQuota { questions, least, most } in &selection.quotas {
        let questions: Vec<u32> = ids(questions)?.into_iter().flatten().collect();
        if questions.len() < *least {
            selection.wanted = Bounds::NONE;
        }
        quotas.push(Quota { questions, least: *least, most: *most });
    }
    let request = SweepRequest {
        k: 1,
        include,
        exclude,
        any,
        quotas,
        given: None,
        min_users: options.least_users(),
        top: options.top,
        corrected: options.corrected,
        undefined: options.undefined,
        bounds: selection.wanted,
        tightened: outlook.best.is_some(),
        instructions: Some(scan.settings.instructions),
        in_turn: scan.pieces.is_some(),
    };
    if let Some(given) = given {
        let of_size = |(k, sets)| SweepRequest { k, given: Some(sets), ..request.clone() };
        return Ok(given_sets::by_size(given).into_iter().map(of_size).collect());
    }
    let questions = index.answers().questions();
    // However much larger a set is, there is none; of these one size will do.
    let sizes = sizes.iter().flat_map(SetSizes::iter).rev();
    let mut sizes: Vec<usize> = sizes.map(|size| size.min(questions + 1)).collect();
    sizes.dedup();
    let among = selection.among.iter().flatten();
    let among = among.map(|alternative| Ok((ids(&alternative.questions)?, alternative.whole)));
    let among = selection.among.as_ref().map(|_| among.collect::<Result<Vec<_>>>()).transpose()?;
    let of_size = |k| {
        let given = among.as_ref().and_then(|among| given_sets::among(among, k));
        let all = || binomial(questions as u64, k as u64).unwrap_or(u64::MAX);
        let pay = |given: &Vec<_>| given.len() <= FEW_SETS || (given.len() as u64) < all() / COST_OF_GIVEN;
        SweepRequest { k, given: given.filter(pay), ..request.clone() }
    };
    Ok(sizes.into_iter().map(of_size).collect())
}

/// Sets that are looked at one by one in no time, however few there are in all.
const FEW_SETS: usize = 1000;

/// One set by itself takes about as long as so many that are swept.
const COST_OF_GIVEN: u64 = 64;
