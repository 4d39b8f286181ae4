//! Batches on their way into a table: its names and types, and what a column may not hold.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, RecordBatch, RecordBatchOptions};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::SchemaRef;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, ReplaceChildrenOptions};
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};
use parking_lot::Mutex;

use crate::error::{Code, Error};

/// How much of a row an error shows.
const SHOWN_COLUMNS: usize = 12;
/// How much of a value an error shows.
const SHOWN_CHARACTERS: usize = 60;

/// The batch under the table's names and types; NULL in a column that may not have it is refused.
pub(super) fn conform(schema: &SchemaRef, batch: &RecordBatch) -> Result<RecordBatch> {
    for (i, (field, column)) in schema.fields().iter().zip(batch.columns()).enumerate() {
        if !field.is_nullable() && column.null_count() > 0 {
            let row = (0..column.len()).find(|row| column.is_null(*row)).unwrap_or(0);
            let message = format!(
                "column '{}' may not be NULL, as it is in the row {}",
                schema.field(i).name(),
                shown(schema, batch, row)
            );
            return Err(Error::new(Code::NotNull, message)
                .with_hint("nothing was written")
                .into());
        }
    }
    // A value that the column's type cannot hold is an error, never NULL.
    let options = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    let columns = schema.fields().iter().zip(batch.columns());
    let columns = columns.map(|(field, column)| cast_with_options(column, field.data_type(), &options));
    let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(
        Arc::clone(schema),
        columns.collect::<Result<_, _>>()?,
        &rows,
    )?)
}

/// A row's values, for an error: `(id: 1, name: NULL)`.
pub(super) fn shown(schema: &SchemaRef, batch: &RecordBatch, row: usize) -> String {
    let options = FormatOptions::default().with_null("NULL");
    let value = |(i, field): (usize, &arrow::datatypes::FieldRef)| {
        let formatter = ArrayFormatter::try_new(batch.column(i), &options).ok()?;
        let text = formatter.value(row).try_to_string().ok()?;
        let mut cut: String = text.chars().take(SHOWN_CHARACTERS).collect();
        if cut.len() < text.len() {
            cut.push('…');
        }
        Some(format!("{}: {cut}", field.name()))
    };
    let columns = schema
        .fields()
        .iter()
        .enumerate()
        .take(SHOWN_COLUMNS.min(batch.num_columns()));
    let mut values: Vec<String> = columns.filter_map(value).collect();
    if schema.fields().len() > SHOWN_COLUMNS {
        values.push("…".to_owned());
    }
    format!("({})", values.join(", "))
}

/// A stream that runs already, as the input of an operator. It can be executed once.
pub(super) struct StreamExec {
    stream: Mutex<Option<SendableRecordBatchStream>>,
    properties: Arc<PlanProperties>,
}

impl StreamExec {
    pub(super) fn new(stream: SendableRecordBatchStream) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(stream.schema()),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self {
            stream: Mutex::new(Some(stream)),
            properties: Arc::new(properties),
        }
    }
}

impl fmt::Debug for StreamExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamExec")
    }
}

impl DisplayAs for StreamExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamExec")
    }
}

impl ExecutionPlan for StreamExec {
    fn name(&self) -> &'static str {
        "StreamExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn with_new_children(self: Arc<Self>, _: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, _: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let stream = self.stream.lock().take();
        stream.ok_or_else(|| Error::new(Code::Internal, "a stream was asked for twice").into())
    }
}
