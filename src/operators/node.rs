//! From a logical node to its physical operator.

use std::future;
use std::sync::Arc;

use datafusion::catalog::Session;
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNode, UserDefinedLogicalNodeCore};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{ExtensionPlanner, PhysicalPlanner};
use futures::FutureExt;
use futures::future::BoxFuture;

use crate::error::{Code, Error};

/// What is at hand when a node becomes an operator.
pub(super) struct Planning<'a> {
    planner: &'a dyn PhysicalPlanner,
    /// The session.
    pub(super) session: &'a dyn Session,
    /// Where scalar subqueries are found.
    pub(super) context: &'a PhysicalPlanningContext,
}

impl Planning<'_> {
    /// `expr` over rows of `schema`.
    pub(super) fn expression(&self, expr: &Expr, schema: &DFSchema) -> Result<Arc<dyn PhysicalExpr>> {
        self.planner
            .create_physical_expr(expr, schema, self.session, self.context)
    }

    /// The column that `expr` is.
    pub(super) fn column(&self, expr: &Expr, schema: &DFSchema) -> Result<Column> {
        let physical = self.expression(expr, schema)?;
        match physical.downcast_ref::<Column>() {
            Some(column) => Ok(column.clone()),
            None => Err(Error::new(Code::Internal, format!("'{expr}' is not a column")).into()),
        }
    }

    /// The columns that `exprs` are.
    pub(super) fn columns(&self, exprs: &[Expr], schema: &DFSchema) -> Result<Vec<Column>> {
        exprs.iter().map(|expr| self.column(expr, schema)).collect()
    }
}

/// A logical node of one input that knows its operator.
pub(super) trait PhysicalNode: UserDefinedLogicalNodeCore {
    /// The operator over `input`.
    fn physical(
        &self,
        planning: &Planning<'_>,
        input: Arc<dyn ExecutionPlan>,
    ) -> Result<Arc<dyn ExecutionPlan>>;
}

/// A logical node of two inputs that knows its operator.
pub(super) trait PhysicalJoin: UserDefinedLogicalNodeCore {
    /// The operator over `left` and `right`.
    fn physical(
        &self,
        planning: &Planning<'_>,
        left: Arc<dyn ExecutionPlan>,
        right: Arc<dyn ExecutionPlan>,
    ) -> Result<Arc<dyn ExecutionPlan>>;
}

/// Makes the operator of a node over its inputs; `None` if the node is of another type.
type Plan = fn(
    &dyn UserDefinedLogicalNode,
    &Planning<'_>,
    &[Arc<dyn ExecutionPlan>],
) -> Result<Option<Arc<dyn ExecutionPlan>>>;

/// Plans nodes of one type.
pub(super) struct NodePlanner(Plan);

impl NodePlanner {
    /// Of nodes with one input.
    pub(super) fn of<N: PhysicalNode>() -> Arc<dyn ExtensionPlanner + Send + Sync> {
        Arc::new(Self(|node, planning, inputs| {
            let Some(node) = node.as_any().downcast_ref::<N>() else {
                return Ok(None);
            };
            match inputs {
                [input] => node.physical(planning, Arc::clone(input)).map(Some),
                _ => Err(Error::new(Code::Internal, format!("{} has one input", node.name())).into()),
            }
        }))
    }

    /// Of nodes with two inputs.
    pub(super) fn of_two<N: PhysicalJoin>() -> Arc<dyn ExtensionPlanner + Send + Sync> {
        Arc::new(Self(|node, planning, inputs| {
            let Some(node) = node.as_any().downcast_ref::<N>() else {
                return Ok(None);
            };
            match inputs {
                [left, right] => node
                    .physical(planning, Arc::clone(left), Arc::clone(right))
                    .map(Some),
                _ => Err(Error::new(Code::Internal, format!("{} has two inputs", node.name())).into()),
            }
        }))
    }
}

impl ExtensionPlanner for NodePlanner {
    // Written out, so that the future is that of a result: one with logical plans in it takes the compiler long.
    fn plan_extension<'me, 'planner, 'node, 'logical, 'plans, 'inputs, 'session, 'context, 'planned>(
        &'me self,
        planner: &'planner dyn PhysicalPlanner,
        node: &'node dyn UserDefinedLogicalNode,
        _logical_inputs: &'logical [&'plans LogicalPlan],
        physical_inputs: &'inputs [Arc<dyn ExecutionPlan>],
        session: &'session dyn Session,
        context: &'context PhysicalPlanningContext,
    ) -> BoxFuture<'planned, Result<Option<Arc<dyn ExecutionPlan>>>>
    where
        'me: 'planned,
        'planner: 'planned,
        'node: 'planned,
        'logical: 'planned,
        'plans: 'planned,
        'inputs: 'planned,
        'session: 'planned,
        'context: 'planned,
    {
        let planning = Planning {
            planner,
            session,
            context,
        };
        future::ready((self.0)(node, &planning, physical_inputs)).boxed()
    }
}
