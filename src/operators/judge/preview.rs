//! Rows as a table would take them in: each value converted to its column's type, and what does not
//! convert said.

use arrow::datatypes::SchemaRef;
use datafusion::common::{Column, Result};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, try_cast};

use super::flags::{Sets, flagged};
use super::logical::{HIDDEN, JudgeNode, JudgedRule, Purpose};
use crate::error::{Code, Error};
use crate::operators::validate::{BoundRule, GateRule, VIOLATIONS};

/// The rows of `input` that break one of `rules`, which are those of a table of `columns` that holds the rows
/// `held`, plain: the input's own columns, and what is wrong. Columns are taken by position.
///
/// # Errors
/// [`Code::InvalidStatement`] if there are fewer columns than the table has, or more.
pub fn previewed(
    input: LogicalPlan,
    columns: &SchemaRef,
    rules: &[BoundRule],
    held: &LogicalPlan,
) -> Result<LogicalPlan> {
    let fields: Vec<(Expr, String)> = input
        .schema()
        .iter()
        .map(|(qualifier, field)| {
            (
                Expr::Column(Column::from((qualifier, field))),
                field.name().clone(),
            )
        })
        .collect();
    if fields.len() != columns.fields().len() {
        let message = format!(
            "violations: the rows have {} columns, and the table {}",
            fields.len(),
            columns.fields().len()
        );
        return Err(Error::new(Code::InvalidStatement, message)
            .with_hint("columns are taken by position, as by INSERT")
            .into());
    }
    let mut converting = Vec::new();
    let (mut typed, mut raw) = (Vec::new(), Vec::new());
    for (i, ((value, _), field)) in fields.iter().zip(columns.fields()).enumerate() {
        let name = format!("{HIDDEN}v{i}");
        typed.push(try_cast(value.clone(), field.data_type().clone()).alias(field.name()));
        raw.push(value.clone().alias(&name));
        let found = input.schema().field(i).data_type();
        if found != field.data_type() && !found.is_null() {
            let gate = GateRule::cast(field.name(), i, i);
            converting.push(JudgedRule {
                rule: gate.rule,
                columns: vec![field.name().clone()],
                flag: name,
                reading: gate.reading,
                filter: None,
            });
        }
    }
    let rows = LogicalPlanBuilder::from(input)
        .project(typed.into_iter().chain(raw))?
        .build()?;
    let (plan, judged) = flagged(&rows, rules, Sets::Beside(held))?;
    converting.extend(judged);
    let judged = JudgeNode::plan(with_raw(plan, &fields)?, converting.into(), Purpose::Show)?;
    let own = fields
        .iter()
        .enumerate()
        .map(|(i, (_, name))| shown(i).alias(name));
    let own: Vec<Expr> = own
        .chain([Expr::Column(Column::new_unqualified(VIOLATIONS))])
        .collect();
    LogicalPlanBuilder::from(judged).project(own)?.build()
}

/// What the rows had, under names that the judge passes on.
fn with_raw(plan: LogicalPlan, fields: &[(Expr, String)]) -> Result<LogicalPlan> {
    let own = plan
        .schema()
        .fields()
        .iter()
        .map(|field| Expr::Column(Column::new_unqualified(field.name())));
    let own: Vec<Expr> = own.collect();
    let raw = (0..fields.len()).map(|i| {
        let raw = Expr::Column(Column::new_unqualified(format!("{HIDDEN}v{i}")));
        raw.alias(format!("{SHOWN}{i}"))
    });
    let all: Vec<Expr> = own.into_iter().chain(raw).collect();
    LogicalPlanBuilder::from(plan).project(all)?.build()
}

/// How the columns are called until they get their names back.
const SHOWN: &str = "_weir_shown_";

fn shown(i: usize) -> Expr {
    Expr::Column(Column::new_unqualified(format!("{SHOWN}{i}")))
}
