//! The line under a result: how much there was, how long it took, what it cost.

use std::fmt;
use std::time::Duration;

use indicatif::{BinaryBytes, HumanCount};

/// What became of a result's rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub shown: u64,
    pub seen: u64,
    /// Whether those seen are all there are.
    pub is_whole: bool,
    /// Whether they were read in a pager, which was left before its end if not all were shown.
    pub is_paged: bool,
    /// How long the person's reading held the rows up.
    pub waited: Duration,
}

impl Count {
    /// All rows there were.
    pub(super) fn all(rows: u64) -> Self {
        Self {
            shown: rows,
            seen: rows,
            is_whole: true,
            is_paged: false,
            waited: Duration::ZERO,
        }
    }

    pub(super) fn is_cut(self) -> bool {
        self.shown < self.seen || !self.is_whole
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (shown, seen) = (HumanCount(self.shown), HumanCount(self.seen));
        let more = if self.is_whole { "" } else { "more than " };
        match self {
            _ if self.is_paged && self.is_cut() => {
                write!(f, "the pager was left at {shown} of {more}{seen} rows")
            }
            _ if self.is_cut() => write!(f, "the first {shown} of {more}{seen} rows"),
            Self { seen: 1, .. } => write!(f, "1 row"),
            _ => write!(f, "{seen} rows"),
        }
    }
}

/// What a statement used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Cost {
    pub rows_read: u64,
    pub bytes_read: u64,
    pub files_pruned: u64,
    pub spilled_bytes: u64,
    pub peak_memory_bytes: u64,
}

/// What is not zero of it: `read 1,200 rows and 3.4 MiB; 27 files pruned; peak memory 12 MiB`.
impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if self.rows_read > 0 {
            parts.push(format!(
                "read {} and {}",
                counted(self.rows_read, "row"),
                BinaryBytes(self.bytes_read)
            ));
        }
        if self.files_pruned > 0 {
            parts.push(format!("{} pruned", counted(self.files_pruned, "file")));
        }
        if self.spilled_bytes > 0 {
            parts.push(format!("spilled {}", BinaryBytes(self.spilled_bytes)));
        }
        if self.peak_memory_bytes > 0 {
            parts.push(format!("peak memory {}", BinaryBytes(self.peak_memory_bytes)));
        }
        f.write_str(&parts.join("; "))
    }
}

/// `1 row`, `1,200 rows`.
pub(super) fn counted(number: u64, what: &str) -> String {
    let end = if number == 1 { "" } else { "s" };
    format!("{} {what}{end}", HumanCount(number))
}

/// A time as a person reads it.
pub(super) struct Seconds(pub(super) Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs_f64();
        match self.0.as_secs() {
            0 => write!(f, "{seconds:.3} s"),
            1..60 => write!(f, "{seconds:.1} s"),
            whole => write!(f, "{} min {:02} s", whole / 60, whole % 60),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_under_a_result_says_what_is_missing() {
        let text = |shown, seen, is_whole, is_paged| {
            let count = Count {
                shown,
                seen,
                is_whole,
                is_paged,
                waited: Duration::ZERO,
            };
            count.to_string()
        };
        assert_eq!(text(0, 0, true, false), "0 rows");
        assert_eq!(text(1, 1, true, false), "1 row");
        assert_eq!(text(1234, 1234, true, true), "1,234 rows");
        assert_eq!(text(1000, 123456, true, false), "the first 1,000 of 123,456 rows");
        assert_eq!(
            text(1000, 200000, false, false),
            "the first 1,000 of more than 200,000 rows"
        );
        assert_eq!(
            text(5000, 9000, false, true),
            "the pager was left at 5,000 of more than 9,000 rows"
        );
    }

    #[test]
    fn what_costs_nothing_is_not_said() {
        let cost = Cost {
            rows_read: 1200,
            bytes_read: 3 << 20,
            files_pruned: 27,
            spilled_bytes: 0,
            peak_memory_bytes: 12 << 20,
        };
        assert_eq!(
            cost.to_string(),
            "read 1,200 rows and 3.00 MiB; 27 files pruned; peak memory 12.00 MiB"
        );
        assert_eq!(Cost::default().to_string(), "");
    }

    #[test]
    fn times_are_short() {
        for (milliseconds, expected) in [(3, "0.003 s"), (2_340, "2.3 s"), (61_000, "1 min 01 s")] {
            assert_eq!(Seconds(Duration::from_millis(milliseconds)).to_string(), expected);
        }
    }
}
