//! The progress of a running statement, on stderr, where that is a terminal.

use std::time::Duration;

use indicatif::{BinaryBytes, HumanCount, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::JoinHandle;

use crate::engine::{Progress, ProgressSnapshot};

/// A quick statement shows nothing.
const QUIET: Duration = Duration::from_millis(500);
const INTERVAL: Duration = Duration::from_millis(100);
const STEPS: u64 = 1000;
/// What has not moved for so long says nothing of what is to come.
const STANDSTILL: Duration = Duration::from_secs(2);

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
    let mut reading = Reading::default();
    loop {
        ticks.tick().await;
        if let Some(snapshot) = progress.snapshot() {
            show(&bar, snapshot, &mut reading);
        }
    }
}

/// Whether tables are still being read. The fraction is of that alone: what a join or a sort does with
/// the rows afterwards may take any time.
#[derive(Debug, Default)]
struct Reading {
    rows: u64,
    fraction: Option<f64>,
    /// When the fraction, and when the rows, last were others.
    fraction_moved: Duration,
    rows_moved: Duration,
    /// What part was read when between a half and a quarter of the time had gone, and later: the pace of
    /// a join's beginning says nothing of its end.
    marks: [(Duration, f64); 2],
}

impl Reading {
    fn see(&mut self, elapsed: Duration, snapshot: &ProgressSnapshot) {
        if snapshot.fraction != self.fraction {
            (self.fraction, self.fraction_moved) = (snapshot.fraction, elapsed);
        }
        let [_, (marked, _)] = self.marks;
        if let Some(fraction) = snapshot.fraction.filter(|_| elapsed >= marked * 2) {
            self.marks = [self.marks[1], (elapsed, fraction)];
        }
        if snapshot.rows != self.rows {
            (self.rows, self.rows_moved) = (snapshot.rows, elapsed);
        }
    }

    /// How long the rest takes, while reading goes on.
    fn left(&self, elapsed: Duration) -> Option<Duration> {
        let is_moving = elapsed.saturating_sub(self.fraction_moved) < STANDSTILL;
        let [(since, before), _] = self.marks;
        left(
            elapsed.saturating_sub(since),
            before,
            self.fraction.filter(|_| is_moving)?,
        )
    }

    fn brings_rows(&self, elapsed: Duration) -> bool {
        elapsed.saturating_sub(self.rows_moved) < STANDSTILL
    }
}

fn show(bar: &ProgressBar, snapshot: ProgressSnapshot, reading: &mut Reading) {
    let elapsed = bar.elapsed();
    reading.see(elapsed, &snapshot);
    let template = match snapshot.fraction.filter(|_| !snapshot.is_queued) {
        Some(fraction) if fraction < 1.0 => {
            bar.set_length(STEPS);
            bar.set_position((fraction * STEPS as f64) as u64);
            "{bar:16} {percent:>3}% read  {elapsed}  {wide_msg}"
        }
        _ => "{spinner} {elapsed}  {wide_msg}",
    };
    let message = message(elapsed, &snapshot, reading);
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_message(message);
    bar.tick();
}

/// What is known beside the fraction, what matters most first: a narrow terminal cuts the end.
fn message(elapsed: Duration, snapshot: &ProgressSnapshot, reading: &Reading) -> String {
    if snapshot.is_queued {
        return "waiting for other statements to end".to_owned();
    }
    let mut parts = Vec::new();
    if let Some(left) = reading.left(elapsed) {
        parts.push(format!("ETA {:#}", HumanDuration(left)));
    }
    if snapshot.rows > 0 {
        parts.push(format!("{} rows", HumanCount(snapshot.rows)));
        parts.push(BinaryBytes(snapshot.bytes).to_string());
    }
    if snapshot.rows > 0 && reading.brings_rows(elapsed) {
        let seconds = elapsed.as_secs_f64().max(0.001);
        let pace = HumanCount((snapshot.rows as f64 / seconds) as u64);
        parts.push(format!("{pace} rows/s"));
    }
    parts.join("  ")
}

/// How long the rest takes, if it goes on as it went from the part `before` to `now`, which took `time`.
/// Of a first small part, and of a standstill, nothing follows.
fn left(time: Duration, before: f64, now: f64) -> Option<Duration> {
    const ENOUGH: f64 = 0.02;
    let is_enough = (ENOUGH..1.0).contains(&now) && now > before;
    let rest = is_enough.then(|| time.as_secs_f64() * (1.0 - now) / (now - before));
    rest.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_move_promises_nothing() {
        let at = |seconds: f64| Duration::from_secs_f64(seconds);
        let snapshot = |fraction, rows| ProgressSnapshot {
            fraction: Some(fraction),
            rows,
            ..ProgressSnapshot::default()
        };
        let mut reading = Reading::default();
        let half = snapshot(0.5, 1_000_000);
        reading.see(at(10.0), &half);
        let text = message(at(10.0), &half, &reading);
        assert_eq!(text, "ETA 10s  1,000,000 rows  0 B  100,000 rows/s");
        reading.see(at(12.5), &half);
        assert_eq!(message(at(12.5), &half, &reading), "1,000,000 rows  0 B");
        let whole = snapshot(1.0, 2_000_000);
        reading.see(at(13.0), &whole);
        assert!(!message(at(13.0), &whole, &reading).contains("ETA"));
        assert_eq!(message(at(1.0), &ProgressSnapshot::default(), &reading), "");
    }

    #[test]
    fn the_rest_takes_as_long_as_the_part_before_it() {
        let minute = Duration::from_secs(60);
        assert_eq!(left(minute, 0.0, 0.5), Some(minute));
        assert_eq!(left(minute, 0.0, 0.75), Some(Duration::from_secs(20)));
        assert_eq!(left(minute, 0.25, 0.5), Some(2 * minute));
        assert_eq!(left(minute, 0.0, 0.001), None);
        assert_eq!(left(minute, 0.0, 1.0), None);
        assert_eq!(left(minute, 0.5, 0.5), None);
    }

    #[test]
    fn a_pace_that_slows_down_is_believed() {
        let mut reading = Reading::default();
        for (second, fraction) in [(1, 0.4), (2, 0.41), (4, 0.42), (8, 0.44), (12, 0.46)] {
            let snapshot = ProgressSnapshot {
                fraction: Some(fraction),
                ..ProgressSnapshot::default()
            };
            reading.see(Duration::from_secs(second), &snapshot);
        }
        let left = reading.left(Duration::from_secs(12)).unwrap();
        assert_eq!(left.as_secs_f64().round(), 108.0);
    }
}
