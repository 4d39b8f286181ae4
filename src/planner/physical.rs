//! Logical plan → physical plan: DataFusion's planner, with the operators that it lacks.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::error::Result;
use datafusion::execution::context::QueryPlanner;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{DefaultPhysicalPlanner, PhysicalPlanner};

use super::sizes;
use crate::operators::node_planners;

/// The planner of a session's plans.
#[derive(Debug)]
pub struct Planner;

#[async_trait]
impl QueryPlanner for Planner {
    async fn create_physical_plan(
        &self,
        plan: &LogicalPlan,
        session: &dyn Session,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        sizes::check(plan)?;
        DefaultPhysicalPlanner::with_extension_planners(node_planners())
            .create_physical_plan(plan, session)
            .await
    }
}
