//! The progress of a running statement, on stderr, where that is a terminal.

use std::time::Duration;

use indicatif::{BinaryBytes, HumanCount, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::JoinHandle;

use crate::engine::{Progress, ProgressSnapshot};

/// A quick statement shows nothing.
const QUIET: Duration = Duration::from_millis(500);
const INTERVAL: Duration = Duration::from_millis(100);
const STEPS: u64 = 1000;

/// Shows progress until it is dropped, then leaves no trace.
pub struct Meter {
    bar: ProgressBar,
    task: Option<JoinHandle<()>>,
}

impl Meter {
    /// Begins to watch `progress`, if it is wanted and stderr is a terminal.
    pub fn start(progress: Progress, wanted: bool) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let task = (wanted && !bar.is_hidden()).then(|| tokio::spawn(watch(progress, bar.clone())));
        Self { bar, task }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
            self.bar.finish_and_clear();
        }
    }
}

async fn watch(progress: Progress, bar: ProgressBar) {
    tokio::time::sleep(QUIET).await;
    let mut ticks = tokio::time::interval(INTERVAL);
    loop {
        ticks.tick().await;
        if let Some(snapshot) = progress.snapshot() {
            show(&bar, snapshot);
        }
    }
}

fn show(bar: &ProgressBar, snapshot: ProgressSnapshot) {
    let elapsed = bar.elapsed();
    let seconds = elapsed.as_secs_f64().max(0.001);
    let mut message = format!(
        "{} rows  {}  {} rows/s",
        HumanCount(snapshot.rows),
        BinaryBytes(snapshot.bytes),
        HumanCount((snapshot.rows as f64 / seconds) as u64),
    );
    if let Some(left) = snapshot.fraction.and_then(|fraction| left(elapsed, fraction)) {
        message.push_str(&format!("  ETA {}", HumanDuration(left)));
    }
    if snapshot.is_queued {
        "waiting for other statements to end".clone_into(&mut message);
    }
    let template = match snapshot.fraction.filter(|_| !snapshot.is_queued) {
        Some(fraction) => {
            bar.set_length(STEPS);
            bar.set_position((fraction * STEPS as f64) as u64);
            "{bar:20} {percent:>3}%  {elapsed}  {msg}"
        }
        None => "{spinner} {elapsed}  {msg}",
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_message(message);
    bar.tick();
}

/// How long the rest takes, if it goes on as it went so far. Of a first small part nothing follows.
fn left(elapsed: Duration, fraction: f64) -> Option<Duration> {
    const ENOUGH: f64 = 0.02;
    (ENOUGH..1.0)
        .contains(&fraction)
        .then(|| elapsed.mul_f64((1.0 - fraction) / fraction))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_takes_as_long_as_the_part_before_it() {
        let minute = Duration::from_secs(60);
        assert_eq!(left(minute, 0.5), Some(minute));
        assert_eq!(left(minute, 0.75), Some(Duration::from_secs(20)));
        assert_eq!(left(minute, 0.001), None);
        assert_eq!(left(minute, 1.0), None);
    }
}
