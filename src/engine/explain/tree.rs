//! A plan as lines: which node stands below which, what it is called, and what it does.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field};
use datafusion::common::stats::Precision;
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};
use datafusion::physical_plan::{DisplayFormatType, ExecutionPlan};

use crate::engine::outcome::KEEP_WHOLE;
use crate::engine::sql_words::in_sql;

/// A node in its place.
pub(super) struct Line<'p> {
    pub plan: &'p Arc<dyn ExecutionPlan>,
    /// The branches that lead to it, and its name.
    pub text: String,
    /// What it does, on one line.
    pub detail: String,
}

/// The nodes of a plan, each before those that it reads from.
pub(super) fn lines(plan: &Arc<dyn ExecutionPlan>) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    add(plan, "", "", &mut lines);
    lines
}

/// Adds a node and those below it. `branch` leads to itself, `trunk` to what is below.
fn add<'p>(plan: &'p Arc<dyn ExecutionPlan>, branch: &str, trunk: &str, lines: &mut Vec<Line<'p>>) {
    let children = plan.children();
    if plan.is::<CooperativeExec>()
        && let [only] = children.as_slice()
    {
        // It lets others run and has no part in the answer.
        return add(only, branch, trunk, lines);
    }
    let (name, detail) = described(plan.as_ref());
    lines.push(Line {
        plan,
        text: format!("{branch}{name}"),
        detail,
    });
    let last = children.len().saturating_sub(1);
    for (i, child) in children.into_iter().enumerate() {
        let (corner, stem) = if i == last {
            ("└─", "  ")
        } else {
            ("├─", "│ ")
        };
        add(
            child,
            &format!("{trunk}{corner}"),
            &format!("{trunk}{stem}"),
            lines,
        );
    }
}

/// What a node is called, and what it does.
fn described(plan: &dyn ExecutionPlan) -> (String, String) {
    let text = Shown(plan).to_string();
    let mut name = words(plan.name());
    let mut detail = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        match line.strip_prefix("mode=") {
            Some(mode) => name = format!("{name} {}", words(mode).to_lowercase()),
            // What stands there are the parts in which they are read.
            None if line.starts_with("files=") && plan.is::<DataSourceExec>() => {
                detail.push(format!("files={}", named_files(plan)));
            }
            None => detail.push(in_sql(line)),
        }
    }
    if ["Sort", "Repartition"].iter().any(|node| name.starts_with(node)) {
        detail.iter_mut().for_each(|line| *line = without_positions(line));
    }
    if let Some(folder) = scanned_folder(plan) {
        name = format!("{name} {folder}");
    }
    (name, detail.join(", "))
}

/// `a@1 DESC` as `a DESC`: which column of its input it is helps nobody.
fn without_positions(text: &str) -> String {
    let mut parts = text.split('@');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
        if rest.len() == part.len() {
            plain.push('@');
        }
        plain.push_str(rest);
    }
    plain
}

/// `HashJoinExec` as `Hash join`.
fn words(name: &str) -> String {
    let name = name.split('(').next().unwrap_or(name);
    let name = name.strip_suffix("Exec").unwrap_or(name);
    if name == "DataSource" {
        return "Scan".to_owned();
    }
    let mut words = String::new();
    for c in name.chars() {
        match c.is_uppercase() && !words.is_empty() {
            true => {
                words.push(' ');
                words.extend(c.to_lowercase());
            }
            false => words.push(c),
        }
    }
    words
}

/// How many files a scan names, however many parts each is read in.
pub(super) fn named_files(plan: &dyn ExecutionPlan) -> usize {
    let source = plan.downcast_ref::<DataSourceExec>();
    let scan = source.and_then(|source| source.data_source().downcast_ref::<FileScanConfig>());
    let files = scan.iter().flat_map(|scan| scan.file_groups.iter());
    let files = files.flat_map(|group| group.files());
    files
        .map(|file| &file.object_meta.location)
        .collect::<HashSet<_>>()
        .len()
}

/// The folder of the files that a scan reads, without its partitions: `raw/events`.
fn scanned_folder(plan: &dyn ExecutionPlan) -> Option<String> {
    let source = plan.downcast_ref::<DataSourceExec>()?.data_source();
    let scan = source.downcast_ref::<FileScanConfig>()?;
    let file = scan.file_groups.iter().flat_map(|group| group.iter()).next()?;
    let path = file.object_meta.location.as_ref();
    let (folders, _) = path.rsplit_once('/')?;
    let mut folders: Vec<&str> = folders.split('/').filter(|part| !part.contains('=')).collect();
    let kept = folders.split_off(folders.len().saturating_sub(2));
    Some(kept.join("/"))
}

struct Shown<'p>(&'p dyn ExecutionPlan);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt_as(DisplayFormatType::TreeRender, f)
    }
}

/// A plan that has not run: a row a node, with the rows that are expected.
pub(super) fn estimated(plan: &Arc<dyn ExecutionPlan>) -> Result<RecordBatch> {
    let lines = lines(plan);
    let statistics = StatisticsContext::new();
    let mut rows = Vec::new();
    for line in &lines {
        let known = statistics.compute(line.plan.as_ref(), &StatisticsArgs::new());
        rows.push(match known.map(|known| known.num_rows) {
            Ok(Precision::Exact(rows) | Precision::Inexact(rows)) => i64::try_from(rows).ok(),
            Ok(Precision::Absent) | Err(_) => None,
        });
    }
    batch(vec![
        (node_field(), node_column(&lines)),
        (
            Field::new("expected_rows", DataType::Int64, true),
            Arc::new(Int64Array::from(rows)),
        ),
        (Field::new("detail", DataType::Utf8, false), detail_column(&lines)),
    ])
}

/// The column of the tree. It reads only as a whole.
pub(super) fn node_field() -> Field {
    let whole = [(KEEP_WHOLE.to_owned(), "true".to_owned())];
    Field::new("plan", DataType::Utf8, false).with_metadata(whole.into())
}

pub(super) fn node_column(lines: &[Line<'_>]) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(lines.iter().map(|line| &line.text)))
}

pub(super) fn detail_column(lines: &[Line<'_>]) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(
        lines.iter().map(|line| &line.detail),
    ))
}

pub(super) fn batch(columns: Vec<(Field, ArrayRef)>) -> Result<RecordBatch> {
    let (fields, columns): (Vec<Field>, Vec<ArrayRef>) = columns.into_iter().unzip();
    let schema = arrow::datatypes::Schema::new(fields);
    Ok(RecordBatch::try_new(Arc::new(schema), columns)?)
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn nodes_are_called_as_people_say() {
        for (name, expected) in [
            ("HashJoinExec", "Hash join"),
            ("SortExec(TopK)", "Sort"),
            ("DataSourceExec", "Scan"),
            ("SortPreservingMergeExec", "Sort preserving merge"),
            ("FinalPartitioned", "Final partitioned"),
        ] {
            assert_eq!(words(name), expected);
        }
    }
}
