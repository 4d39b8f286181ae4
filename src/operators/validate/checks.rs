//! Physical operator: CHECK constraints, over rows that are about to be written.
//!
//! Input and output are the same rows, in the same order and streams. The first row of which a condition
//! is not true ends the plan with an error that shows it. No memory but the batch.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::UInt8Type;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::StreamExt;

use super::gate::REMOVED;
use crate::error::{Code, Error};
use crate::operators::input::only;

/// How many columns of a row an error shows.
const SHOWN: usize = 12;

/// A condition of which every row is true.
#[derive(Debug, Clone)]
pub struct RowCheck {
    /// Its name.
    pub name: String,
    /// The condition, for errors.
    pub text: String,
    /// Boolean, over the table's columns.
    pub condition: Arc<dyn PhysicalExpr>,
}

/// The constraints, over rows.
#[derive(Debug)]
pub struct ChecksExec {
    input: Arc<dyn ExecutionPlan>,
    checks: Arc<[RowCheck]>,
    /// How many columns the table has.
    columns: usize,
    /// The position of the column that says what becomes of a row, if there is one.
    fate: Option<usize>,
}

impl ChecksExec {
    /// Lets the rows of `input` through if every one keeps `checks`; rows whose `fate` is that they are
    /// taken away need not.
    pub fn new(
        input: Arc<dyn ExecutionPlan>,
        checks: Arc<[RowCheck]>,
        columns: usize,
        fate: Option<usize>,
    ) -> Self {
        Self {
            input,
            checks,
            columns,
            fate,
        }
    }
}

/// The batch, if it keeps the constraints.
fn checked(
    batch: RecordBatch,
    checks: &[RowCheck],
    columns: usize,
    fate: Option<usize>,
) -> Result<RecordBatch> {
    for check in checks {
        let holds = check.condition.evaluate(&batch)?.into_array(batch.num_rows())?;
        let holds = holds.as_boolean();
        if holds.true_count() == batch.num_rows() {
            continue;
        }
        let stays = |row: usize| {
            fate.is_none_or(|fate| batch.column(fate).as_primitive::<UInt8Type>().value(row) != REMOVED)
        };
        let broken = |row: &usize| !(holds.is_valid(*row) && holds.value(*row)) && stays(*row);
        if let Some(row) = (0..batch.num_rows()).find(broken) {
            let message = format!(
                "constraint '{}' CHECK ({}) is broken by the row {}",
                check.name,
                check.text,
                shown(&batch, columns, row)
            );
            return Err(Error::new(Code::CheckViolation, message)
                .with_hint("nothing was written; CONSTRAINT … EXPECT (…) ON VIOLATION QUARANTINE keeps such rows aside")
                .into());
        }
    }
    Ok(batch)
}

fn shown(batch: &RecordBatch, columns: usize, row: usize) -> String {
    let options = FormatOptions::default().with_null("NULL");
    let schema = batch.schema();
    let value = |i: usize| {
        let formatter = ArrayFormatter::try_new(batch.column(i), &options).ok()?;
        let text = formatter.value(row).try_to_string().ok()?;
        Some(format!("{}: {text}", schema.field(i).name()))
    };
    let mut values: Vec<String> = (0..columns.min(SHOWN)).filter_map(value).collect();
    if columns > SHOWN {
        values.push("…".to_owned());
    }
    format!("({})", values.join(", "))
}

impl DisplayAs for ChecksExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.checks.iter().map(|check| check.name.as_str()).collect();
        write!(f, "ChecksExec: checks=[{}]", names.join(", "))
    }
}

impl ExecutionPlan for ChecksExec {
    fn name(&self) -> &'static str {
        "ChecksExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        for check in self.checks.iter() {
            if f(&check.condition)? == TreeNodeRecursion::Stop {
                return Ok(TreeNodeRecursion::Stop);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Self::new(
            only(children)?,
            Arc::clone(&self.checks),
            self.columns,
            self.fate,
        )))
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(
            children,
            ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute),
        )
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, context)?;
        let (checks, columns, fate) = (Arc::clone(&self.checks), self.columns, self.fate);
        let rows = input.map(move |batch| checked(batch?, &checks, columns, fate));
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }
}
