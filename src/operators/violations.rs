//! `violations(t)` and `violations((SELECT …), 'zone.t')`: the rows that break a rule of the table, and
//! `_violations`, what is wrong with each.
//!
//! Which rules a table has is not known here: the call becomes a node that says whose rules it asks for
//! ([`ViolationsNode`]), and the engine puts the plan in its place before it is optimised
//! ([`resolved`]).

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::Field;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNodeRecursion};
use datafusion::common::{DFSchema, DFSchemaRef, Result, TableReference};
use datafusion::logical_expr::{Expr, Extension, LogicalPlan, UserDefinedLogicalNodeCore};

use super::input::one_input;
use super::validate::{VIOLATIONS, violations_type};
use super::{Binding, Call, Parameter, RelationFunction, Signature};
use crate::error::{Code, Error};

const RULES_OF: &str = "rules_of";

/// The function.
#[derive(Debug)]
pub(super) struct Violations;

static SIGNATURE: Signature = Signature {
    name: "violations",
    syntax: "violations(t) or violations((SELECT …), 'zone.t')",
    sentence: "The rows that break a rule of table t, and _violations: of each broken rule its name, severity, columns, \
        the value, and what is wrong. With a query, its rows as t would be given them by INSERT.",
    source: "this project's rules; the failing rows of dbt and dataframely",
    example: "SELECT * FROM violations(processed.orders) LIMIT 50",
    parameters: &[Parameter {
        name: RULES_OF,
        meaning: "the table whose rules are meant, if the rows are not its own",
        binding: Binding::Optional,
    }],
};

impl RelationFunction for Violations {
    fn signature(&self) -> &'static Signature {
        &SIGNATURE
    }

    fn plan(&self, mut call: Call<'_>) -> Result<LogicalPlan> {
        let rules_of = match call.text(RULES_OF)? {
            Some(name) => TableReference::parse_str(&name),
            None => match table_of(call.input()) {
                Some(table) => table,
                None => {
                    let problem = "must say whose rules are meant, since the rows are a query's";
                    let hint = Some("violations((SELECT …), 'processed.orders')");
                    return Err(call.refuse_with(Code::InvalidValue, RULES_OF, problem, hint));
                }
            },
        };
        let is_own = !call.has(RULES_OF);
        let node = ViolationsNode::new(call.into_input(), rules_of, is_own)?;
        Ok(LogicalPlan::Extension(Extension { node: Arc::new(node) }))
    }
}

/// The table whose rows these are, all of them and nothing else.
fn table_of(plan: &LogicalPlan) -> Option<TableReference> {
    match plan {
        LogicalPlan::TableScan(scan) if scan.filters.is_empty() && scan.fetch.is_none() => {
            Some(scan.table_name.clone())
        }
        LogicalPlan::Projection(projection) => {
            let all = projection.expr.iter().all(|expr| matches!(expr, Expr::Column(_)));
            let all = all && projection.expr.len() == projection.input.schema().fields().len();
            table_of(&projection.input).filter(|_| all)
        }
        _ => None,
    }
}

/// Rows, and whose rules they are to be held against.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ViolationsNode {
    /// The rows.
    pub input: LogicalPlan,
    /// The table whose rules are meant.
    pub rules_of: TableReference,
    /// Whether the rows are the table's own.
    pub is_own: bool,
    schema: DFSchemaRef,
}

impl ViolationsNode {
    fn new(input: LogicalPlan, rules_of: TableReference, is_own: bool) -> Result<Self> {
        let added = Field::new(VIOLATIONS, violations_type(), true);
        let fields = input.schema().fields().iter().cloned().chain([Arc::new(added)]);
        let fields: Vec<_> = fields.map(|field| (None, field)).collect();
        let metadata = input.schema().metadata().clone();
        Ok(Self {
            schema: Arc::new(DFSchema::new_with_metadata(fields, metadata)?),
            input,
            rules_of,
            is_own,
        })
    }
}

impl PartialOrd for ViolationsNode {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}

impl UserDefinedLogicalNodeCore for ViolationsNode {
    fn name(&self) -> &str {
        "Violations"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        Vec::new()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Violations: rules of {}", self.rules_of)
    }

    fn with_exprs_and_inputs(&self, _: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        Self::new(one_input(inputs)?, self.rules_of.clone(), self.is_own)
    }
}

fn node_of(plan: &LogicalPlan) -> Option<&ViolationsNode> {
    match plan {
        LogicalPlan::Extension(extension) => extension.node.as_any().downcast_ref(),
        _ => None,
    }
}

/// The calls in a plan, its subqueries included; what is called within another comes first.
///
/// # Errors
/// None but DataFusion's own.
pub fn calls(plan: &LogicalPlan) -> Result<Vec<ViolationsNode>> {
    let mut calls = Vec::new();
    plan.apply_with_subqueries(|plan| {
        calls.extend(node_of(plan).cloned());
        Ok(TreeNodeRecursion::Continue)
    })?;
    calls.reverse();
    Ok(calls)
}

/// `plan` with `planned` in the place of every `call`.
///
/// # Errors
/// [`Code::Internal`] if the columns are others.
pub fn resolved(plan: LogicalPlan, call: &ViolationsNode, planned: &LogicalPlan) -> Result<LogicalPlan> {
    if !planned
        .schema()
        .logically_equivalent_names_and_types(&call.schema)
    {
        let message = "the rows that break rules have other columns than was said";
        return Err(Error::new(Code::Internal, message).into());
    }
    let replace = |plan: LogicalPlan| match node_of(&plan) {
        Some(found) if found == call => Ok(Transformed::yes(planned.clone())),
        _ => Ok(Transformed::no(plan)),
    };
    plan.transform_up_with_subqueries(replace).data()
}
