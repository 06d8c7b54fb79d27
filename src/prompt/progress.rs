//! The progress of a statement's sweeps and searches, and what else there is to say meanwhile.
//!
//! A thread of its own paints it on standard error, so that it moves however busy
//! the others are. Results go to standard output, which is mostly the same terminal:
//! the bar must be gone before them. So the end of a [`Watch`] waits for that thread.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::prompt::output::complain;
use crate::sweep::{PieceProgress, SetCount, SweepProgress};
use crate::udtf::Notices;
use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

/// How often the bar is painted.
const TICK: Duration = Duration::from_millis(100);
/// A sweep that takes less is not worth a bar.
const DELAY: Duration = Duration::from_millis(500);
/// A sweep that has stood still for so long has been abandoned: by a LIMIT in the
/// midst of a statement, say.
const STALL: Duration = Duration::from_secs(2);

/// Shows the progress of all sweeps while it lives. Once it is dropped the bar is
/// off the screen, for good.
#[derive(Debug)]
pub(crate) struct Watch {
    /// The thread, which ends when the sender is dropped.
    painter: Option<(Sender<Infallible>, JoinHandle<()>)>,
}

impl Watch {
    /// Starts to watch; sweeps of the past are forgotten. Without progress there is no bar.
    pub(crate) fn start(progress: Option<Arc<SweepProgress>>, notices: Arc<Notices>) -> Self {
        if let Some(progress) = &progress {
            progress.reset();
        }
        let (end, ended) = mpsc::channel();
        let paint = move || paint_until(&ended, progress.as_deref(), &notices);
        let painter = thread::Builder::new().name("progress".to_string()).spawn(paint);
        // Without a thread there is no bar, but the statement can still run.
        Self { painter: painter.ok().map(|painter| (end, painter)) }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some((end, painter)) = self.painter.take() {
            drop(end);
            // If it panicked it has said so, and there is nothing to wait for.
            let _ = painter.join();
        }
    }
}

/// Paints the bar while there is something to see. It goes off the screen when it is
/// dropped.
fn paint_until(ended: &Receiver<Infallible>, progress: Option<&SweepProgress>, notices: &Notices) {
    let mut bar: Option<ProgressBar> = None;
    let (mut seen, mut moved) = (0, Instant::now());
    while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(TICK) {
        for notice in notices.take() {
            match &bar {
                Some(bar) => bar.suspend(|| complain(notice)),
                None => complain(notice),
            }
        }
        let Some(progress) = progress else { continue };
        let pieces = progress.pieces();
        let (done, expected) = if pieces.expected > 0 {
            // A piece may take long, and a sweep that was abandoned has none.
            moved = Instant::now();
            (pieces.done.values().sum::<usize>() as u64, SetCount::Exactly(pieces.expected as u64))
        } else {
            (progress.done(), progress.expected())
        };
        if progress.reports() != seen {
            (seen, moved) = (progress.reports(), Instant::now());
        }
        if expected.exactly().is_some_and(|expected| done >= expected) || moved.elapsed() > STALL {
            bar = None;
            continue;
        }
        let bar = bar.get_or_insert_with(|| hidden_bar(done));
        bar.set_position(done);
        if pieces.expected > 0 {
            paint_pieces(bar, &pieces);
        } else {
            paint(bar, progress, expected);
        }
        if bar.is_hidden() && bar.elapsed() > DELAY {
            bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }
}

/// A bar that measures, and is yet to be shown.
fn hidden_bar(done: u64) -> ProgressBar {
    let bar = ProgressBar::hidden();
    // How long these took is unknown, so they must not count for the rate.
    bar.set_position(done);
    bar.reset_eta();
    bar
}

/// How a sweep is shown of which the end is known, one on a cluster, one of more sets than can be counted,
/// and a search.
const SWEEP: &str = "{wide_bar} {percent:>3} %  {rate} subsets/s  {eta} left";
const PIECES: &str = "{wide_bar} {pos}/{len} pieces: {msg}  {eta} left";
const ENDLESS: &str = "{spinner} {rate} of {msg} subsets/s  {elapsed}";
const SEARCH: &str = "{spinner} {msg}  {elapsed}";

/// The most workers that are shown by themselves.
const WORKERS: usize = 3;

fn paint_pieces(bar: &ProgressBar, pieces: &PieceProgress) {
    let address = |url: &str| url.trim_end_matches('/').rsplit('/').next().unwrap_or(url).to_string();
    let each = pieces.done.iter().take(WORKERS);
    let mut shown: Vec<String> = each.map(|(url, done)| format!("{done} by {}", address(url))).collect();
    if pieces.done.len() > WORKERS {
        let others: usize = pieces.done.values().skip(WORKERS).sum();
        shown.push(format!("{others} by {} others", pieces.done.len() - WORKERS));
    }
    show(bar, PIECES, shown.join(", "), pieces.expected as u64);
}

fn paint(bar: &ProgressBar, progress: &SweepProgress, expected: SetCount) {
    let (template, message) = match (progress.best(), expected) {
        (Some([best, bound]), _) => (SEARCH, format!("r {best:.6} found, none above {bound:.6}")),
        (None, SetCount::Exactly(_)) => (SWEEP, String::new()),
        (None, expected) => (ENDLESS, expected.to_string()),
    };
    show(bar, template, message, expected.exactly().unwrap_or(u64::MAX));
}

fn show(bar: &ProgressBar, template: &str, message: String, length: u64) {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style.with_key("rate", rate));
    bar.set_message(message);
    bar.set_length(length);
    bar.tick();
}

/// The value of `{rate}` in the bar's template.
fn rate(state: &ProgressState, out: &mut dyn fmt::Write) {
    // Nobody is told if this fails, as nothing can be painted then.
    let _ = write!(out, "{}", HumanCount(state.per_sec() as u64));
}
