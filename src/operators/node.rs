//! From a logical node to its physical operator.

use std::marker::PhantomData;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNode, UserDefinedLogicalNodeCore};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{ExtensionPlanner, PhysicalPlanner};

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

/// Plans nodes of one type.
pub(super) struct NodePlanner<N>(PhantomData<N>);

impl<N: PhysicalNode> NodePlanner<N> {
    pub(super) fn planner() -> Arc<dyn ExtensionPlanner + Send + Sync> {
        Arc::new(Self(PhantomData))
    }
}

#[async_trait]
impl<N: PhysicalNode> ExtensionPlanner for NodePlanner<N> {
    async fn plan_extension(
        &self,
        planner: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        _logical_inputs: &[&LogicalPlan],
        physical_inputs: &[Arc<dyn ExecutionPlan>],
        session: &dyn Session,
        context: &PhysicalPlanningContext,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let Some(node) = node.as_any().downcast_ref::<N>() else {
            return Ok(None);
        };
        let planning = Planning {
            planner,
            session,
            context,
        };
        match physical_inputs {
            [input] => node.physical(&planning, Arc::clone(input)).map(Some),
            _ => Err(Error::new(Code::Internal, format!("{} has one input", node.name())).into()),
        }
    }
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

/// Plans nodes of one type.
pub(super) struct JoinPlanner<N>(PhantomData<N>);

impl<N: PhysicalJoin> JoinPlanner<N> {
    pub(super) fn planner() -> Arc<dyn ExtensionPlanner + Send + Sync> {
        Arc::new(Self(PhantomData))
    }
}

#[async_trait]
impl<N: PhysicalJoin> ExtensionPlanner for JoinPlanner<N> {
    async fn plan_extension(
        &self,
        planner: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        _logical_inputs: &[&LogicalPlan],
        physical_inputs: &[Arc<dyn ExecutionPlan>],
        session: &dyn Session,
        context: &PhysicalPlanningContext,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let Some(node) = node.as_any().downcast_ref::<N>() else {
            return Ok(None);
        };
        let planning = Planning {
            planner,
            session,
            context,
        };
        match physical_inputs {
            [left, right] => node
                .physical(&planning, Arc::clone(left), Arc::clone(right))
                .map(Some),
            _ => Err(Error::new(Code::Internal, format!("{} has two inputs", node.name())).into()),
        }
    }
}
