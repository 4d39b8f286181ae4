//! Physical operators that EXPLAIN shows in place of what a load does before its rows go on: rows are kept,
//! each rule that needs all of them is a query over them, and they are read again with what was found.
//!
//! They have no rows of their own: a load runs the queries one by one, as their answers are needed.

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{
    Boundedness, ChildrenPropertiesMode, EmissionType, ReplaceChildrenOptions,
};
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};

use crate::error::{Code, Error};

/// A step of a load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Keeps the rows of the first query, runs the others, and reads the rows again.
    Decide,
    /// Finds the rows that break a rule: its name, and what it expects.
    Rule(String),
    /// Looks at keys by their hashes.
    Screen,
}

/// A step, and the queries that it runs.
#[derive(Debug)]
pub struct ShownExec {
    step: Step,
    queries: Vec<Arc<dyn ExecutionPlan>>,
    properties: Arc<PlanProperties>,
}

impl ShownExec {
    /// A step with rows of these columns.
    pub fn new(step: Step, queries: Vec<Arc<dyn ExecutionPlan>>, schema: SchemaRef) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Final,
            Boundedness::Bounded,
        );
        Self {
            step,
            queries,
            properties: Arc::new(properties),
        }
    }
}

impl DisplayAs for ShownExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let detail = match &self.step {
            Step::Decide => "rows are kept until the rules over all rows are decided",
            Step::Rule(rule) => rule,
            Step::Screen => "hashes tell which keys may come twice",
        };
        match format {
            DisplayFormatType::TreeRender => f.write_str(detail),
            _ => write!(f, "{}: {detail}", self.name()),
        }
    }
}

impl ExecutionPlan for ShownExec {
    fn name(&self) -> &'static str {
        match self.step {
            Step::Decide => "DecideExec",
            Step::Rule(_) => "RuleExec",
            Step::Screen => "ScreenExec",
        }
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.queries.iter().collect()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Self::new(self.step.clone(), children, self.schema())))
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

    fn execute(&self, _: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        Err(Error::new(Code::Internal, "a step that is only shown was run").into())
    }
}
