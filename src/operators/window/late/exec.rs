//! Lateness of the rows of a partition, in the order in which they arrived.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;
use datafusion::common::DFSchema;
use datafusion::error::Result;
use datafusion::logical_expr::expr::{WindowFunction, WindowFunctionParams};
use datafusion::logical_expr::{Expr, WindowFunctionDefinition, WindowUDF};
use datafusion::physical_expr::PhysicalExpr;

use crate::error::{Code, Error};
use crate::functions::{Arrivals, Lateness, OrderKey, order_key};
use crate::operators::input::{Runs, columns_of, widened};
use crate::operators::node::Planning;
use crate::operators::window::calls::{CallRows, Family, Over, unnamed};
use crate::operators::window::keyed::Kernel;

/// `late_by`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::operators::window) struct Late;

/// A call.
#[derive(Debug, Clone)]
pub(in crate::operators::window) struct LateCall {
    function: Arc<WindowUDF>,
    /// The time, the delay, how far it may be ahead, and when the row arrived.
    args: Vec<Arc<dyn PhysicalExpr>>,
}

impl Family for Late {
    const NODE: &'static str = "Lateness";
    const EXEC: &'static str = "LateExec";
    const RULE: &'static str = "stream_lateness";
    const NULLS_LAST: bool = true;

    type Call = LateCall;

    fn over<'a>(expr: &'a Expr, _schema: &DFSchema) -> Option<Over<'a>> {
        let (_, params) = called(expr)?;
        let WindowFunctionParams {
            partition_by,
            order_by,
            filter: None,
            distinct: false,
            ..
        } = params
        else {
            return None;
        };
        let [order] = order_by.as_slice() else {
            return None;
        };
        let rises = order.asc && !order.nulls_first;
        rises.then(|| Over::of(partition_by, &order.expr)).flatten()
    }

    fn call(expr: &Expr, schema: &DFSchema, planning: &Planning<'_>) -> Result<LateCall> {
        let unknown = || Error::new(Code::Internal, format!("'{expr}' does not stream"));
        let (function, params) = called(expr).ok_or_else(unknown)?;
        let args = params.args.iter().map(|arg| planning.expression(arg, schema));
        Ok(LateCall {
            function: Arc::clone(function),
            args: args.collect::<Result<_>>()?,
        })
    }

    fn describe(call: &LateCall) -> String {
        let args: Vec<String> = call.args.iter().map(ToString::to_string).collect();
        format!("{}({})", call.function.name(), args.join(", "))
    }

    fn kernel(rows: &CallRows<Self>, schema: &SchemaRef) -> Result<Box<dyn Kernel>> {
        let passed = schema.fields().len() - rows.calls.len();
        let calls = rows.calls.iter().zip(&schema.fields()[passed..]);
        let calls = calls.map(|(call, field)| {
            let lateness = Lateness::of(&call.function, &call.args, field.data_type());
            lateness.unwrap_or_else(|| {
                let message = format!("'{}' does not stream", call.function.name());
                Err(Error::new(Code::Internal, message).into())
            })
        });
        Ok(Box::new(Work {
            rows: rows.clone(),
            schema: Arc::clone(schema),
            runs: Runs::default(),
            calls: calls.collect::<Result<_>>()?,
        }))
    }
}

/// The function that `expr` calls, if it asks for the time of arrival.
fn called(expr: &Expr) -> Option<(&Arc<WindowUDF>, &WindowFunctionParams)> {
    let Expr::WindowFunction(call) = unnamed(expr) else {
        return None;
    };
    let WindowFunction { fun, params } = call.as_ref();
    let WindowFunctionDefinition::WindowUDF(function) = fun else {
        return None;
    };
    matches!(order_key(function)?, OrderKey::Arrival).then_some((function, params))
}

struct Work {
    rows: CallRows<Late>,
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
