//! Conditions that say whose they are when they cannot be computed.
//!
//! [`NamedNode`] passes rows on as they are; where it becomes physical, before the scan takes its projection
//! in, the conditions below it are wrapped, and computed once a value where that is cheaper. A part that
//! several conditions share is theirs together; one that the rows' own columns share is nobody's.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, FieldRef, Schema};
use datafusion::common::{DFSchemaRef, DataFusionError, Result};
use datafusion::logical_expr::{ColumnarValue, Expr, Extension, LogicalPlan, UserDefinedLogicalNodeCore};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::projection::{ProjectionExec, ProjectionExpr};

use crate::operators::input::one_input;
use crate::operators::node::{PhysicalNode, Planning};
use crate::operators::per_value::per_value;

/// How the optimiser calls the columns that several expressions share.
const SHARED: &str = "__common_expr";

/// The columns that rules compute, each with the names of its rules.
pub(in crate::operators) type Owners = HashMap<String, Vec<String>>;

/// A condition of rules could not be computed.
#[derive(Debug)]
pub struct RuleFailed {
    /// The rules' names.
    pub rules: Vec<String>,
    /// Why.
    pub why: DataFusionError,
}

impl fmt::Display for RuleFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&not_evaluated(&self.rules))
    }
}

/// That these rules cannot be evaluated, in words.
pub fn not_evaluated(rules: &[String]) -> String {
    let names: Vec<String> = rules.iter().map(|name| format!("'{name}'")).collect();
    let what = if names.len() == 1 { "rule" } else { "rules" };
    format!("{what} {} cannot be evaluated", names.join(", "))
}

impl StdError for RuleFailed {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.why)
    }
}

/// Rows beside which stands what rules say of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedNode {
    input: LogicalPlan,
    owners: Arc<Owners>,
}

impl NamedNode {
    /// Over rows some of whose columns, given by name, are rules' conditions.
    pub fn plan(input: LogicalPlan, owners: HashMap<String, Vec<String>>) -> LogicalPlan {
        let owners = Arc::new(owners);
        let node = Arc::new(Self { input, owners });
        LogicalPlan::Extension(Extension { node })
    }
}

impl Hash for NamedNode {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.input.hash(state);
    }
}

impl PartialOrd for NamedNode {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        (self == other).then_some(std::cmp::Ordering::Equal)
    }
}

impl UserDefinedLogicalNodeCore for NamedNode {
    fn name(&self) -> &'static str {
        "Named"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        self.input.schema()
    }

    fn expressions(&self) -> Vec<Expr> {
        Vec::new()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Named")
    }

    fn with_exprs_and_inputs(&self, _: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        Ok(Self {
            input: one_input(inputs)?,
            owners: Arc::clone(&self.owners),
        })
    }

    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        Some(vec![output_columns.to_vec()])
    }
}

impl PhysicalNode for NamedNode {
    fn physical(&self, _: &Planning<'_>, input: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
        named(per_value(input)?, &self.owners)
    }
}

/// `plan`, a projection, with those of its expressions wrapped that compute columns of rules.
pub(in crate::operators) fn named(
    plan: Arc<dyn ExecutionPlan>,
    owners: &Owners,
) -> Result<Arc<dyn ExecutionPlan>> {
    let Some(projection) = plan.downcast_ref::<ProjectionExec>() else {
        return Ok(plan);
    };
    let shared = shared(projection, owners);
    let expressions = projection.expr().iter().map(|own| {
        let expr = Arc::clone(&own.expr);
        let expr: Arc<dyn PhysicalExpr> = match owners.get(&own.alias) {
            Some(rules) if !expr.is::<Column>() => Arc::new(OfRules {
                rules: rules.clone(),
                whole: expr,
            }),
            _ => expr,
        };
        ProjectionExpr {
            expr,
            alias: own.alias.clone(),
        }
    });
    let expressions: Vec<ProjectionExpr> = expressions.collect();
    let input = Arc::clone(projection.input());
    let input = match shared.is_empty() {
        true => input,
        false => named(input, &shared)?,
    };
    Ok(Arc::new(ProjectionExec::try_new(expressions, input)?))
}

/// The shared columns that nothing but rules' columns are computed from.
fn shared(projection: &ProjectionExec, owners: &Owners) -> Owners {
    let mut shared = Owners::new();
    for own in projection.expr() {
        let columns = collect_columns(&own.expr);
        let columns = columns.iter().map(Column::name);
        for column in columns.filter(|name| name.starts_with(SHARED)) {
            let known = shared.entry(column.to_owned()).or_default();
            // A column of the rows has no name of a rule.
            let rules = owners.get(&own.alias).cloned();
            for rule in rules.unwrap_or_else(|| vec![String::new()]) {
                if !known.contains(&rule) {
                    known.push(rule);
                }
            }
        }
    }
    shared.retain(|_, rules| rules.iter().all(|rule| !rule.is_empty()));
    shared
}

/// An expression that says whose it is when it fails.
#[derive(Debug)]
struct OfRules {
    rules: Vec<String>,
    whole: Arc<dyn PhysicalExpr>,
}

impl PartialEq for OfRules {
    fn eq(&self, other: &Self) -> bool {
        self.rules == other.rules && self.whole.eq(&other.whole)
    }
}

impl Eq for OfRules {}

impl Hash for OfRules {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.rules.hash(state);
        self.whole.hash(state);
    }
}

impl fmt::Display for OfRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.whole.fmt(f)
    }
}

impl PhysicalExpr for OfRules {
    fn data_type(&self, schema: &Schema) -> Result<DataType> {
        self.whole.data_type(schema)
    }

    fn nullable(&self, schema: &Schema) -> Result<bool> {
        self.whole.nullable(schema)
    }

    fn return_field(&self, schema: &Schema) -> Result<FieldRef> {
        self.whole.return_field(schema)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        self.whole.evaluate(batch).map_err(|why| {
            let rules = self.rules.clone();
            DataFusionError::External(Box::new(RuleFailed { rules, why }))
        })
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.whole]
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        Ok(Arc::new(Self {
            rules: self.rules.clone(),
            whole: children.swap_remove(0),
        }))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.whole.fmt_sql(f)
    }
}
