//! Cleaning as window functions, over many partitions at once.
//!
//! DataFusion's window operators sort, hold everything without counting it, and work one logical partition
//! at a time on one core. A rule ([`rule`]) takes the house's cleaning functions out of its windows:
//!
//! - [`whole`]: functions that no order concerns (`fill_mean`, `mad_zscore`, `cap_iqr` …). Nothing is sorted or
//!   moved: rows are numbered by partition, what a partition's values say is computed on every core, and the
//!   rows come out as they came in. Memory: all rows, counted; nothing is spilled.
//! - [`sorted`]: `ffill`, `bfill`, `interpolate_linear`, streamed over sorted rows. Memory: the rows that wait
//!   for a value behind them, counted; nothing is spilled.
//!
//! ```sql
//! SELECT *, mad_zscore(value) OVER (PARTITION BY sensor_id) AS score FROM raw.readings;
//! ```

mod logical;
mod rule;
mod sorted;
mod whole;

pub(super) use logical::CleaningNode;
pub(super) use rule::OwnWindows;
