//! Which files a plan reads, for an error in one of them: readers of text formats know the line where
//! they stumble, and not the file.

use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_plan::ExecutionPlan;

/// More files than this are not listed.
const LISTED: usize = 3;

/// A hint that names the plan's text and Avro files.
pub(super) fn hint(plan: &dyn ExecutionPlan) -> Option<String> {
    let mut files = Vec::new();
    collect(plan, &mut files);
    let more = files.len().saturating_sub(LISTED);
    files.truncate(LISTED);
    match (files.as_slice(), more) {
        ([], _) => None,
        ([only], _) => Some(format!("the file is '{only}'")),
        (some, 0) => Some(format!("the file is one of {}", some.join(", "))),
        (some, more) => Some(format!("the file is one of {} and {more} more", some.join(", "))),
    }
}

fn collect(plan: &dyn ExecutionPlan, files: &mut Vec<String>) {
    if let Some(source) = plan.downcast_ref::<DataSourceExec>()
        && let Some(scan) = source.data_source().downcast_ref::<FileScanConfig>()
        && scan.file_source().file_type() != "parquet"
    {
        let all = scan.file_groups.iter().flat_map(|group| group.files());
        files.extend(all.map(|file| format!("/{}", file.object_meta.location)));
        files.sort();
        files.dedup();
    }
    for child in plan.children() {
        collect(child.as_ref(), files);
    }
}
