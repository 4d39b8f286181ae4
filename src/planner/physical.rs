//! Logical plan → physical plan: DataFusion's planner, with the operators that it lacks.

use std::sync::Arc;

use datafusion::catalog::Session;
use datafusion::error::Result;
use datafusion::execution::context::QueryPlanner;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{DefaultPhysicalPlanner, PhysicalPlanner};
use futures::FutureExt;
use futures::future::BoxFuture;

use super::sizes;
use crate::operators::node_planners;

/// The planner of a session's plans.
#[derive(Debug)]
pub struct Planner;

impl QueryPlanner for Planner {
    fn create_physical_plan<'me, 'plan, 'session, 'planned>(
        &'me self,
        plan: &'plan LogicalPlan,
        session: &'session dyn Session,
    ) -> BoxFuture<'planned, Result<Arc<dyn ExecutionPlan>>>
    where
        'me: 'planned,
        'plan: 'planned,
        'session: 'planned,
    {
        physical(plan, session)
    }
}

/// Outside of the trait, where the compiler proves once for all that the future may change threads.
fn physical<'a>(
    plan: &'a LogicalPlan,
    session: &'a dyn Session,
) -> BoxFuture<'a, Result<Arc<dyn ExecutionPlan>>> {
    async move {
        sizes::check(plan)?;
        DefaultPhysicalPlanner::with_extension_planners(node_planners())
            .create_physical_plan(plan, session)
            .await
    }
    .boxed()
}
