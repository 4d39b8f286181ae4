//! `SET`, `SHOW` and `RESET`: which settings there are, and which stay as they are.

use arrow::array::timezone::Tz;
use datafusion::common::config::ConfigEntry;
use datafusion::prelude::SessionConfig;

use super::state::{SharedConfig, enforce};
use super::{rights, safe};
use crate::error::{Code, Error, Result, did_you_mean};

/// What the full names of settings begin with; it may be left out.
const PREFIXES: &[&str] = &["datafusion.", "weir."];

const TIME_ZONE: &str = "datafusion.execution.time_zone";

const OWN_WRITER: &str = "files are written by the engine's own writer, which sizes and compresses them";

/// Settings on which the engine itself relies, or which would change nothing; those that begin so.
const FIXED: &[(&str, &str)] = &[
    ("datafusion.catalog.default_schema", "USE changes the zone"),
    ("datafusion.catalog.", "the catalog is the lake's"),
    (
        "datafusion.sql_parser.collect_spans",
        "errors need the places in the text",
    ),
    (
        "datafusion.sql_parser.enable_ident_normalization",
        "names are found in any case as it is",
    ),
    ("datafusion.sql_parser.dialect", "the engine has one dialect"),
    (
        "datafusion.optimizer.enable_aggregate_dynamic_filter_pushdown",
        "turned on, it gives wrong minima and maxima",
    ),
    (
        "datafusion.execution.enable_migration_aggregate",
        "turned off, an aggregation that spills can give a group twice",
    ),
    (
        "datafusion.execution.max_spill_file_size_bytes",
        "with several batches in a file, exchanges that spill wait for each other for ever",
    ),
    (
        "datafusion.format.",
        "each format of results is written in one way",
    ),
    (
        "datafusion.explain.",
        "EXPLAIN has one form; EXPLAIN ANALYZE and FORMAT JSON are others",
    ),
    (
        "datafusion.execution.parquet.allow_single_file_parallelism",
        OWN_WRITER,
    ),
    ("datafusion.execution.parquet.bloom_filter_fpp", OWN_WRITER),
    ("datafusion.execution.parquet.bloom_filter_ndv", OWN_WRITER),
    ("datafusion.execution.parquet.bloom_filter_on_write", OWN_WRITER),
    (
        "datafusion.execution.parquet.column_index_truncate_length",
        OWN_WRITER,
    ),
    ("datafusion.execution.parquet.compression", OWN_WRITER),
    (
        "datafusion.execution.parquet.content_defined_chunking",
        OWN_WRITER,
    ),
    ("datafusion.execution.parquet.created_by", OWN_WRITER),
    (
        "datafusion.execution.parquet.data_page_row_count_limit",
        OWN_WRITER,
    ),
    ("datafusion.execution.parquet.data_pagesize_limit", OWN_WRITER),
    ("datafusion.execution.parquet.dictionary_enabled", OWN_WRITER),
    (
        "datafusion.execution.parquet.dictionary_page_size_limit",
        OWN_WRITER,
    ),
    ("datafusion.execution.parquet.encoding", OWN_WRITER),
    ("datafusion.execution.parquet.max_row_group_", OWN_WRITER),
    ("datafusion.execution.parquet.maximum_", OWN_WRITER),
    ("datafusion.execution.parquet.statistics_enabled", OWN_WRITER),
    (
        "datafusion.execution.parquet.statistics_truncate_length",
        OWN_WRITER,
    ),
    (
        "datafusion.execution.parquet.use_content_defined_chunking",
        OWN_WRITER,
    ),
    ("datafusion.execution.parquet.write_batch_size", OWN_WRITER),
    ("datafusion.execution.parquet.writer_version", OWN_WRITER),
    ("datafusion.execution.parquet.skip_arrow_metadata", OWN_WRITER),
    ("datafusion.execution.soft_max_rows_per_output_file", OWN_WRITER),
    ("datafusion.execution.minimum_parallel_output_files", OWN_WRITER),
    (
        "datafusion.execution.max_buffered_batches_per_output_file",
        OWN_WRITER,
    ),
    ("datafusion.execution.keep_partition_by_columns", OWN_WRITER),
];

/// Settings that say how much is set aside at once, without anything that counts it, and the most that they may
/// be: an allocation that fails ends the whole program.
const BOUNDED: &[(&str, u64)] = &[
    ("datafusion.execution.batch_size", 1 << 20),
    ("datafusion.execution.meta_fetch_concurrency", 1024),
    ("datafusion.execution.objectstore_writer_buffer_size", 1 << 30),
    ("datafusion.execution.parquet.metadata_size_hint", 64 << 20),
    ("datafusion.execution.planning_concurrency", 1024),
    ("datafusion.execution.target_partitions", 1024),
];

/// # Errors
/// [`Code::InvalidValue`] for a value beyond its bound.
fn check_bound(key: &str, config: &SessionConfig) -> Result<()> {
    let Some((_, most)) = BOUNDED.iter().find(|(bounded, _)| *bounded == key) else {
        return Ok(());
    };
    let value = find(config, key)?.value.unwrap_or_default();
    match value.parse::<u64>() {
        Ok(value) if value > *most => {
            let message = format!("setting '{key}' cannot be {value}");
            Err(Error::new(Code::InvalidValue, message).with_hint(format!("at most {most}")))
        }
        _ => Ok(()),
    }
}

/// Every setting, sorted by name.
pub(super) fn entries(config: &SessionConfig) -> Vec<ConfigEntry> {
    let mut entries = config.options().entries();
    entries.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    entries
}

/// The setting of that name, in any case and with or without its prefix.
pub(super) fn find(config: &SessionConfig, name: &str) -> Result<ConfigEntry> {
    let entries = entries(config);
    let lower = name.to_lowercase();
    let is_called = |key: &str| key == lower || PREFIXES.iter().any(|p| key.strip_prefix(p) == Some(&lower));
    if let Some(found) = entries.iter().position(|entry| is_called(&entry.key)) {
        let mut entries = entries;
        return Ok(entries.swap_remove(found));
    }
    let names = entries.iter().map(|entry| entry.key.as_str());
    let hint = if PREFIXES.iter().any(|prefix| lower.starts_with(prefix)) {
        did_you_mean(&lower, names)
    } else {
        let short = |name| PREFIXES.iter().find_map(|prefix| str::strip_prefix(name, prefix));
        did_you_mean(&lower, names.filter_map(short))
    };
    let hint = hint.unwrap_or_else(|| match lower.as_str() {
        "catalogs" | "databases" | "schemas" | "zones" => {
            "SELECT DISTINCT zone FROM system.tables".to_owned()
        }
        _ => "SHOW ALL lists the settings".to_owned(),
    });
    Err(Error::new(Code::UndefinedSetting, format!("there is no setting '{name}'")).with_hint(hint))
}

/// Gives a setting a value.
pub(super) fn set(config: &SharedConfig, name: &str, value: &str) -> Result<String> {
    let mut config = config.write();
    let entry = find(&config, name)?;
    if let Some((_, why)) = FIXED.iter().find(|(fixed, _)| entry.key.starts_with(fixed)) {
        return Err(Error::new(Code::ReadOnly, format!("setting '{}' is fixed", entry.key)).with_hint(*why));
    }
    if entry.key == TIME_ZONE && !value.is_empty() && value.parse::<Tz>().is_err() {
        return Err(
            Error::new(Code::InvalidValue, format!("there is no time zone '{value}'"))
                .with_hint("zones are named as 'Europe/Berlin' or '+02:00'"),
        );
    }
    let mut changed = config.clone();
    changed.options_mut().set(&entry.key, value).map_err(|error| {
        Error::new(
            Code::InvalidValue,
            format!("setting '{}' cannot be '{value}'", entry.key),
        )
        .with_hint(entry.description.to_owned())
        .with_source(error)
    })?;
    check_bound(&entry.key, &changed)?;
    safe::check_setting(config.options(), changed.options())?;
    rights::check_limits(&config, changed.options())?;
    enforce(&mut changed);
    *config = changed;
    Ok(entry.key)
}

/// Gives one setting, or every one but the current zone, its first value again.
pub(super) fn reset(config: &SharedConfig, initial: SessionConfig, name: Option<&str>) -> Result<()> {
    let mut config = config.write();
    let reset = match name {
        Some(name) => Some(find(&config, name)?.key),
        None => None,
    };
    let is_safe = safe::is_on(config.options());
    let kept = |key: &str| match &reset {
        _ if is_safe && key == safe::SETTING => true,
        Some(reset) => key != reset,
        None => key == "datafusion.catalog.default_schema",
    };
    let mut fresh = initial;
    for entry in entries(&config) {
        if let Some(value) = entry.value.filter(|_| kept(&entry.key)) {
            fresh.options_mut().set(&entry.key, &value).map_err(|error| {
                Error::new(Code::Internal, format!("setting '{}' cannot be kept", entry.key))
                    .with_source(error)
            })?;
        }
    }
    enforce(&mut fresh);
    *config = fresh;
    Ok(())
}
