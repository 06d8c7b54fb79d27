//! What a session can set: `SET k_corrset.kernel = 'avx2'`.

use std::any::Any;

use datafusion::catalog::Session;
use datafusion::config::{ConfigEntry, ConfigExtension, ConfigField, ConfigOptions, ExtensionOptions};
use datafusion::error::{DataFusionError, Result};

use crate::error::{KCorrsetError, Place, Remedy};
use crate::search::Method;
use crate::sweep::Instructions;
use crate::udtf::advice::frames::Language;
use crate::udtf::advice::near::near;

/// Settings of a session that has registered `k_corrset`; `SHOW k_corrset.threads` shows one
/// where the session has an information schema. None changes an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KCorrsetSettings {
    /// Which of the processor's instructions a sweep uses: `best`, or the name of one
    /// of those that it has, such as `avx512`, `avx2`, `neon` or `portable`.
    pub kernel: String,
    /// Whether all sets are swept, or the best of them searched for in a tree, where data have no
    /// gaps: `auto` (whichever is faster), `sweep` or `tree`.
    pub search: String,
    /// How many threads sweep; 0 for as many as `datafusion.execution.target_partitions`.
    pub threads: usize,
    /// The most rows of a batch; 0 for as many as `datafusion.execution.batch_size`.
    pub batch_size: usize,
    /// Whether the sweep takes over filters of the query, and those that arise while
    /// it runs. Without, DataFusion applies them to the rows of all sets.
    pub pushdown: bool,
    /// Bytes of files up to which the coordinator of a cluster reads the input for all and
    /// ships its index. Of larger input, if it is on storage that workers reach, each of them
    /// makes its own. It matters where a session is distributed, and only there.
    pub ship_below: usize,
    /// Into how many pieces a cluster cuts what each thread of a worker has to sweep, so that workers that
    /// are done take pieces of others that are slow, or that were lost. It takes
    /// [`NamedWorkers`](crate::udtf::NamedWorkers) as the resolver of the coordinator's channels; 1 for
    /// the shares that the plan gives each worker.
    pub pieces: usize,
    /// What errors tell in what to write; no setting, as who calls knows what they write.
    pub(crate) language: Language,
}

impl Default for KCorrsetSettings {
    fn default() -> Self {
        Self {
            kernel: BEST.to_string(),
            search: Method::default().name().to_string(),
            threads: 0,
            batch_size: 0,
            pushdown: true,
            ship_below: 64 << 20,
            pieces: 1,
            language: Language::Sql,
        }
    }
}

/// The name of whichever kernel is fastest here.
const BEST: &str = "best";

/// By hand, because DataFusion's macro lists entries without their prefix, so that SHOW does
/// not find them.
impl ExtensionOptions for KCorrsetSettings {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn cloned(&self) -> Box<dyn ExtensionOptions> {
        Box::new(self.clone())
    }

    fn set(&mut self, key: &str, value: &str) -> Result<()> {
        match key {
            "kernel" => self.kernel.set("", value),
            "search" => match value.parse::<Method>() {
                Ok(method) => {
                    self.search = method.name().to_string();
                    Ok(())
                }
                Err(()) => {
                    let names = Method::NAMES.map(|(name, _)| name).join(", ");
                    let text =
                        format!("unknown value '{value}' of {}.search; it is one of {names}", Self::PREFIX);
                    Err(DataFusionError::Configuration(text))
                }
            },
            "threads" => self.threads.set("", value),
            "batch_size" => self.batch_size.set("", value),
            "pushdown" => self.pushdown.set("", value),
            "ship_below" => self.ship_below.set("", value),
            "pieces" => self.pieces.set("", value),
            _ => {
                let names: Vec<String> = self.entries().into_iter().map(|entry| entry.key).collect();
                let prefix = Self::PREFIX;
                let keys = names.iter().filter_map(|name| name.split_once('.')).map(|(_, key)| key);
                let near = near(key, keys).into_iter().next();
                let near = near.map(|near| format!("; did you mean {prefix}.{near}?")).unwrap_or_default();
                let names = names.join(", ");
                let text = format!("unknown setting '{prefix}.{key}'{near}; the settings are {names}");
                Err(DataFusionError::Configuration(text))
            }
        }
    }

    fn entries(&self) -> Vec<ConfigEntry> {
        let entry = |name: &str, value: String, description| ConfigEntry {
            key: format!("{}.{name}", Self::PREFIX),
            value: Some(value),
            description,
        };
        vec![
            entry(
                "kernel",
                self.kernel.clone(),
                "Which of the processor's instructions a sweep uses: best, avx512, avx2, neon or portable",
            ),
            entry(
                "search",
                self.search.clone(),
                "How sets are found in data without gaps: auto, sweep (all of them) or tree (the best)",
            ),
            entry(
                "threads",
                self.threads.to_string(),
                "How many threads sweep; 0 for as many as datafusion.execution.target_partitions",
            ),
            entry(
                "batch_size",
                self.batch_size.to_string(),
                "The most rows of a batch; 0 for as many as datafusion.execution.batch_size",
            ),
            entry(
                "pushdown",
                self.pushdown.to_string(),
                "Whether the sweep takes over filters of the query, and those that arise while it runs",
            ),
            entry(
                "ship_below",
                self.ship_below.to_string(),
                "In a cluster, bytes of files up to which the coordinator reads them for all workers",
            ),
            entry(
                "pieces",
                self.pieces.to_string(),
                "In a cluster, pieces of each thread's sweep, which workers take one after the other",
            ),
        ]
    }
}

impl ConfigExtension for KCorrsetSettings {
    const PREFIX: &'static str = "k_corrset";
}

impl KCorrsetSettings {
    /// A session's settings, or the defaults in one that has none.
    pub(crate) fn of(options: &ConfigOptions) -> Self {
        options.extensions.get::<Self>().cloned().unwrap_or_default()
    }
}

/// Those of the processor's instructions that have this name; `best` for the best of them.
///
/// # Errors
/// [`KCorrsetError::UnknownKernel`] for a name that is none, or none that this processor has.
pub(crate) fn instructions(name: &str) -> Result<Instructions, KCorrsetError> {
    if name.eq_ignore_ascii_case(BEST) {
        return Ok(Instructions::best());
    }
    let available = Instructions::available();
    let found = available.iter().find(|instructions| instructions.name().eq_ignore_ascii_case(name));
    found.copied().ok_or_else(|| KCorrsetError::UnknownKernel {
        name: name.to_string(),
        near: near(name, available.iter().map(|instructions| instructions.name())),
        valid: available.iter().map(|instructions| instructions.name().to_string()).collect(),
        remedies: vec![Remedy {
            effect: "take the best of them".to_string(),
            place: Place::Statement,
            sql: format!("SET {}.kernel = '{BEST}'", KCorrsetSettings::PREFIX),
        }],
    })
}

/// How a plan node sweeps.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SweepSettings {
    /// Threads that sweep.
    pub(crate) threads: usize,
    /// Whether they sweep at all.
    pub(crate) method: Method,
    /// What they use of their processor.
    pub(crate) instructions: Instructions,
    /// The most rows of a batch, if not as many as in the rest of the session.
    pub(crate) batch_size: Option<usize>,
}

impl SweepSettings {
    /// What a session has set.
    ///
    /// # Errors
    /// Those of [`instructions`].
    pub(crate) fn of(session: &dyn Session) -> Result<Self, KCorrsetError> {
        let settings = KCorrsetSettings::of(session.config_options());
        let given = |number: usize| (number > 0).then_some(number);
        Ok(Self {
            threads: given(settings.threads).unwrap_or(session.config().target_partitions()),
            method: settings.search.parse().unwrap_or_default(),
            instructions: instructions(&settings.kernel)?,
            batch_size: given(settings.batch_size),
        })
    }
}
