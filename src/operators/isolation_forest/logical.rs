//! The logical node: the rows that are scored, and the numbers of those that are fitted to.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::{Column, DFSchemaRef, Result};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, UserDefinedLogicalNodeCore, cast};
use datafusion::physical_plan::ExecutionPlan;

use super::exec::ForestExec;
use super::{Spec, added};
use crate::error::{Code, Error};
use crate::operators::input::{needed_columns, widened_schema};
use crate::operators::node::{PhysicalJoin, Planning};

/// Each row of the input with its score.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::operators) struct ForestNode {
    input: LogicalPlan,
    /// The columns that rows are told apart by, as DOUBLE, and no others.
    fitted: LogicalPlan,
    /// The same over the input.
    features: Vec<Expr>,
    spec: Spec,
    schema: DFSchemaRef,
}

impl Eq for ForestNode {}

impl Hash for ForestNode {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.input.hash(state);
        self.fitted.hash(state);
        self.features.hash(state);
        self.spec.seed.hash(state);
    }
}

impl PartialOrd for ForestNode {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}

impl ForestNode {
    pub(super) fn over(input: LogicalPlan, columns: Vec<Column>, spec: Spec) -> Result<Self> {
        let features: Vec<Expr> = columns
            .into_iter()
            .map(|column| cast(Expr::Column(column), DataType::Float64))
            .collect();
        let named = features.iter().enumerate();
        let named = named.map(|(i, feature)| feature.clone().alias(format!("__feature_{i}")));
        let fitted = LogicalPlanBuilder::from(input.clone()).project(named)?.build()?;
        Self::new(input, fitted, features, spec)
    }

    fn new(input: LogicalPlan, fitted: LogicalPlan, features: Vec<Expr>, spec: Spec) -> Result<Self> {
        let schema = widened_schema(input.schema(), added())?;
        Ok(Self {
            input,
            fitted,
            features,
            spec,
            schema,
        })
    }
}

impl UserDefinedLogicalNodeCore for ForestNode {
    fn name(&self) -> &str {
        "IsolationForest"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input, &self.fitted]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        self.features.clone()
    }

    /// A row that is left out beforehand is not fitted to.
    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        self.schema
            .columns()
            .into_iter()
            .map(|column| column.name)
            .collect()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let features: Vec<String> = self.features.iter().map(ToString::to_string).collect();
        let Spec {
            trees, sample, seed, ..
        } = self.spec;
        let features = features.join(", ");
        write!(
            f,
            "IsolationForest: [{features}], trees={trees}, sample={sample}, seed={seed}"
        )
    }

    fn with_exprs_and_inputs(&self, exprs: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        match <[LogicalPlan; 2]>::try_from(inputs) {
            Ok([input, fitted]) => Self::new(input, fitted, exprs, self.spec),
            Err(_) => Err(Error::new(Code::Internal, "a forest has two inputs").into()),
        }
    }

    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        let mut needed = needed_columns(self.input.schema(), output_columns, &self.features)?;
        needed.push((0..self.fitted.schema().fields().len()).collect());
        Some(needed)
    }
}

impl PhysicalJoin for ForestNode {
    fn physical(
        &self,
        planning: &Planning<'_>,
        input: Arc<dyn ExecutionPlan>,
        fitted: Arc<dyn ExecutionPlan>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = self.input.schema();
        let features = self
            .features
            .iter()
            .map(|feature| planning.expression(feature, schema));
        let features = features.collect::<Result<Vec<_>>>()?;
        let output = Arc::clone(self.schema.inner());
        Ok(Arc::new(ForestExec::new(
            input, fitted, features, self.spec, output,
        )?))
    }
}
