//! Lateness as an operation over the rows of a partition, in the order in which they arrived.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::WindowUDF;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::ExecutionPlan;

use crate::error::{Code, Error};
use crate::functions::{Arrivals, Lateness};
use crate::operators::input::{Runs, columns_of, passed_equivalences, widened};
use crate::operators::window::keyed::{Kernel, Operation};

/// A call.
#[derive(Debug, Clone)]
pub(super) struct LateCall {
    pub(super) function: Arc<WindowUDF>,
    /// The time, the delay, how far it may be ahead, and when the row arrived.
    pub(super) args: Vec<Arc<dyn PhysicalExpr>>,
}

/// Each row with how late it is.
#[derive(Debug, Clone)]
pub(super) struct LateRows {
    pub(super) order: Column,
    pub(super) keys: Vec<Column>,
    pub(super) calls: Vec<LateCall>,
}

impl Operation for LateRows {
    const NAME: &'static str = "LateExec";
    const KEEPS_ORDER: bool = true;
    const BY_KEY: bool = true;
    const NULLS_LAST: bool = true;

    fn describe(&self) -> String {
        let calls = self.calls.iter().map(|call| {
            let args: Vec<String> = call.args.iter().map(ToString::to_string).collect();
            format!("{}({})", call.function.name(), args.join(", "))
        });
        let calls: Vec<String> = calls.collect();
        let keys = self.describe_briefly();
        format!("[{}], order={}, {keys}", calls.join(", "), self.order)
    }

    fn describe_briefly(&self) -> String {
        let keys: Vec<String> = self.keys.iter().map(ToString::to_string).collect();
        format!("key=[{}]", keys.join(", "))
    }

    fn keys(&self) -> &[Column] {
        &self.keys
    }

    fn sort_columns(&self) -> Vec<Column> {
        let keys = self.keys.iter();
        keys.chain([&self.order]).cloned().collect()
    }

    fn order(&self) -> Option<&Column> {
        Some(&self.order)
    }

    fn equivalences(
        &self,
        input: &Arc<dyn ExecutionPlan>,
        schema: &SchemaRef,
    ) -> Result<EquivalenceProperties> {
        passed_equivalences(input, schema)
    }

    fn kernel(&self, schema: &SchemaRef, _context: &TaskContext) -> Result<Box<dyn Kernel>> {
        let passed = schema.fields().len() - self.calls.len();
        let calls = self.calls.iter().zip(&schema.fields()[passed..]);
        let calls = calls.map(|(call, field)| {
            let lateness = Lateness::of(&call.function, &call.args, field.data_type());
            lateness.unwrap_or_else(|| {
                let message = format!("'{}' does not stream", call.function.name());
                Err(Error::new(Code::Internal, message).into())
            })
        });
        Ok(Box::new(Work {
            rows: self.clone(),
            schema: Arc::clone(schema),
            runs: Runs::default(),
            calls: calls.collect::<Result<_>>()?,
        }))
    }
}

struct Work {
    rows: LateRows,
    schema: SchemaRef,
    runs: Runs,
    calls: Vec<Lateness>,
}

impl Kernel for Work {
    fn push(&mut self, batch: &RecordBatch) -> Result<Vec<RecordBatch>> {
        let runs = self
            .runs
            .push(&columns_of(batch, &self.rows.keys), batch.num_rows())?;
        let parts = runs.into_iter().map(|run| Arrivals {
            rows: run.rows,
            continue_last: run.continues,
        });
        let parts: Vec<Arrivals> = parts.collect();
        let mut added = Vec::with_capacity(self.calls.len());
        for (call, lateness) in self.rows.calls.iter().zip(&mut self.calls) {
            let evaluated = |arg: Option<&Arc<dyn PhysicalExpr>>| -> Result<ArrayRef> {
                let missing = || Error::new(Code::Internal, "an argument is missing");
                arg.ok_or_else(missing)?
                    .evaluate(batch)?
                    .into_array(batch.num_rows())
            };
            let (times, arrivals) = (evaluated(call.args.first())?, evaluated(call.args.last())?);
            added.push(lateness.push(&times, &arrivals, &parts)?);
        }
        Ok(vec![widened(&self.schema, batch, added)?])
    }

    fn finish(&mut self) -> Result<Vec<RecordBatch>> {
        Ok(Vec::new())
    }

    fn size(&self) -> usize {
        0
    }
}
