//! Joins that stop when they are told to.
//!
//! DataFusion gives up a plan where it waits for input. A join that computes for long over one pair
//! of batches does not wait: dropped, it goes on to burn a core. So, after planning, every join is
//! made to yield now and then, and the condition that it evaluates for each pair fails once the
//! statement is cancelled.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, FieldRef, Schema};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::joins::utils::JoinFilter;
use datafusion::physical_plan::joins::{
    CrossJoinExec, HashJoinExec, NestedLoopJoinExec, NestedLoopJoinExecBuilder, SortMergeJoinExec,
};

use crate::error::{Code, Error};

/// Stops a running plan.
#[derive(Debug, Clone, Default)]
pub struct Cancellation(Arc<AtomicBool>);

impl Cancellation {
    /// Tells the plan to stop. What it still evaluates fails.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The plan with joins that stop, and what stops them.
///
/// # Errors
/// DataFusion's own, if a join cannot be rebuilt.
pub fn cancellable(plan: Arc<dyn ExecutionPlan>) -> Result<(Arc<dyn ExecutionPlan>, Cancellation)> {
    let cancellation = Cancellation::default();
    let plan = plan.transform_up(|plan| stoppable(plan, &cancellation)).data()?;
    Ok((plan, cancellation))
}

fn stoppable(
    plan: Arc<dyn ExecutionPlan>,
    cancellation: &Cancellation,
) -> Result<Transformed<Arc<dyn ExecutionPlan>>> {
    let filter = |filter: Option<&JoinFilter>| filter.map(|filter| stoppable_filter(filter, cancellation));
    let join: Arc<dyn ExecutionPlan> = if let Some(join) = plan.downcast_ref::<HashJoinExec>() {
        join.builder().with_filter(filter(join.filter())).build_exec()?
    } else if let Some(join) = plan.downcast_ref::<NestedLoopJoinExec>() {
        let builder = NestedLoopJoinExecBuilder::from(join);
        Arc::new(builder.with_filter(filter(join.filter())).build()?)
    } else if let Some(join) = plan.downcast_ref::<SortMergeJoinExec>() {
        Arc::new(SortMergeJoinExec::try_new(
            Arc::clone(join.left()),
            Arc::clone(join.right()),
            join.on().to_vec(),
            filter(join.filter().as_ref()),
            join.join_type(),
            join.sort_options().to_vec(),
            join.null_equality(),
        )?)
    } else if plan.is::<CrossJoinExec>() {
        plan
    } else {
        return Ok(Transformed::no(plan));
    };
    Ok(Transformed::yes(Arc::new(CooperativeExec::new(join))))
}

fn stoppable_filter(filter: &JoinFilter, cancellation: &Cancellation) -> JoinFilter {
    let expression = Arc::new(Stoppable {
        inner: Arc::clone(filter.expression()),
        cancellation: cancellation.clone(),
    });
    let columns = filter.column_indices().to_vec();
    JoinFilter::new(expression, columns, Arc::clone(filter.schema()))
}

/// An expression that fails once it is cancelled.
#[derive(Debug)]
struct Stoppable {
    inner: Arc<dyn PhysicalExpr>,
    cancellation: Cancellation,
}

impl PartialEq for Stoppable {
    fn eq(&self, other: &Self) -> bool {
        self.inner.eq(&other.inner) && Arc::ptr_eq(&self.cancellation.0, &other.cancellation.0)
    }
}

impl Eq for Stoppable {}

impl Hash for Stoppable {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.hash(state);
    }
}

impl fmt::Display for Stoppable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl PhysicalExpr for Stoppable {
    fn data_type(&self, schema: &Schema) -> Result<DataType> {
        self.inner.data_type(schema)
    }

    fn nullable(&self, schema: &Schema) -> Result<bool> {
        self.inner.nullable(schema)
    }

    fn return_field(&self, schema: &Schema) -> Result<FieldRef> {
        self.inner.return_field(schema)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        if self.cancellation.0.load(Ordering::Relaxed) {
            return Err(Error::new(Code::Cancelled, "cancelled").into());
        }
        self.inner.evaluate(batch)
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.inner]
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        Ok(Arc::new(Self {
            inner: children.swap_remove(0),
            cancellation: self.cancellation.clone(),
        }))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt_sql(f)
    }
}
