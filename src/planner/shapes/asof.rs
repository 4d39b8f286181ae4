//! `ASOF JOIN`: what its conditions say.
//!
//! `ON` (DuckDB) has equalities and exactly one inequality, which may stand anywhere; with `MATCH_CONDITION (…)`
//! (Snowflake) that stands there. `syntax` says by the name of a call which join it is.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::{DFSchema, DFSchemaRef};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::planner::RelationPlannerContext;
use datafusion::logical_expr::type_coercion::binary::comparison_coercion;
use datafusion::logical_expr::{Expr, ExprSchemable, Extension, LogicalPlan};
use sqlparser::ast::{
    BinaryOperator, Expr as SqlExpr, FunctionArg, FunctionArgExpr, FunctionArguments, JoinConstraint,
    JoinOperator, Spanned, TableFactor, TableWithJoins,
};
use sqlparser::tokenizer::Span;

use crate::definition::type_text;
use crate::error::{Code, Error};
use crate::operators::asof::{AsofNode, Comparison, Match};
use crate::operators::at;
use crate::syntax::{INNER, LEFT};

/// The plan of joins of which the last is an ASOF join.
pub(super) fn plan(
    mut from: TableWithJoins,
    context: &mut dyn RelationPlannerContext,
) -> Result<LogicalPlan> {
    let Some(join) = from.joins.pop() else {
        return Err(Error::new(Code::Internal, "no ASOF join").into());
    };
    let JoinOperator::AsOf {
        match_condition,
        constraint,
    } = join.join_operator
    else {
        return Err(Error::new(Code::Internal, "no ASOF join").into());
    };
    let place = join.relation.span();
    let left = context.plan(match from.joins.is_empty() {
        true => from.relation,
        false => TableFactor::NestedJoin {
            table_with_joins: Box::new(from),
            alias: None,
        },
    })?;
    let right = context.plan(join.relation)?;
    let (is_left, matched) = told(match_condition);
    let mut conditions = Vec::new();
    matched
        .into_iter()
        .for_each(|condition| split(condition, &mut conditions));
    match constraint {
        JoinConstraint::On(condition) => split(condition, &mut conditions),
        JoinConstraint::None => {}
        JoinConstraint::Using(_) | JoinConstraint::Natural => {
            let error = Error::new(Code::Unsupported, "this ASOF JOIN USING columns is not supported");
            return Err(at(error.with_hint("write ON a.k = b.k AND a.t >= b.t"), place));
        }
    }
    let schema = left.schema().join(right.schema())?;
    let mut reader = Reader {
        context,
        schema: Arc::new(schema),
        left: DFSchemaRef::clone(left.schema()),
        right: DFSchemaRef::clone(right.schema()),
    };
    let on = reader.read(conditions, is_left, place)?;
    let node = AsofNode::new(left, right, on)?;
    Ok(LogicalPlan::Extension(Extension { node: Arc::new(node) }))
}

/// Whether it is a LEFT join, and the condition that is left.
fn told(condition: SqlExpr) -> (bool, Option<SqlExpr>) {
    let SqlExpr::Function(call) = &condition else {
        return (false, Some(condition));
    };
    let is_left = match call.name.0.as_slice() {
        [name] => match name.as_ident().map(|name| name.value.as_str()) {
            Some(LEFT) => true,
            Some(INNER) => false,
            _ => return (false, Some(condition)),
        },
        _ => return (false, Some(condition)),
    };
    let inner = match &call.args {
        FunctionArguments::List(list) => match list.args.as_slice() {
            [FunctionArg::Unnamed(FunctionArgExpr::Expr(inner))] => Some(inner.clone()),
            _ => None,
        },
        _ => None,
    };
    (is_left, inner)
}

/// The conditions that AND joins.
fn split(condition: SqlExpr, into: &mut Vec<SqlExpr>) {
    match condition {
        SqlExpr::Nested(inner) => split(*inner, into),
        SqlExpr::BinaryOp {
            left,
            op: BinaryOperator::And,
            right,
        } => {
            split(*left, into);
            split(*right, into);
        }
        other => into.push(other),
    }
}

struct Reader<'a> {
    context: &'a mut dyn RelationPlannerContext,
    schema: DFSchemaRef,
    left: DFSchemaRef,
    right: DFSchemaRef,
}

impl Reader<'_> {
    fn read(&mut self, conditions: Vec<SqlExpr>, is_left: bool, place: Span) -> Result<Match> {
        let (mut keys, mut null_safe) = (Vec::new(), Vec::new());
        let mut times = None;
        for condition in conditions {
            let span = condition.span();
            match condition {
                SqlExpr::BinaryOp {
                    left,
                    op: BinaryOperator::Eq,
                    right,
                } => {
                    keys.push(self.pair(*left, *right, span)?.0);
                    null_safe.push(false);
                }
                SqlExpr::IsNotDistinctFrom(left, right) => {
                    keys.push(self.pair(*left, *right, span)?.0);
                    null_safe.push(true);
                }
                SqlExpr::BinaryOp { left, op, right } => {
                    let Some(comparison) = comparison(&op) else {
                        return Err(other_condition(span));
                    };
                    let (pair, is_turned) = self.pair(*left, *right, span)?;
                    let comparison = if is_turned { turned(comparison) } else { comparison };
                    if times.replace((pair, comparison)).is_some() {
                        let error =
                            Error::new(Code::InvalidStatement, "an ASOF JOIN has one inequality, not two");
                        let hint = "the others are conditions of WHERE";
                        return Err(at(error.with_hint(hint), span));
                    }
                }
                _ => return Err(other_condition(span)),
            }
        }
        let Some((times, comparison)) = times else {
            let error = Error::new(
                Code::InvalidStatement,
                "an ASOF JOIN needs an inequality between its sides",
            );
            return Err(at(error.with_hint("add a.time >= b.time"), place));
        };
        Ok(Match {
            keys,
            null_safe,
            times,
            comparison,
            is_left,
        })
    }

    /// Both sides of a condition, the left relation's first, of one type; and whether they were the other way.
    fn pair(&mut self, one: SqlExpr, other: SqlExpr, span: Span) -> Result<((Expr, Expr), bool)> {
        let schema = DFSchemaRef::clone(&self.schema);
        let one = self.context.sql_to_expr(one, &schema)?;
        let other = self.context.sql_to_expr(other, &schema)?;
        let (left, right) = (DFSchemaRef::clone(&self.left), DFSchemaRef::clone(&self.right));
        let is_turned = if is_of(&one, &left) && is_of(&other, &right) {
            false
        } else if is_of(&one, &right) && is_of(&other, &left) {
            true
        } else {
            let message = "a condition of an ASOF JOIN compares the left side with the right";
            let hint = "write a.key = b.key AND a.time >= b.time; other conditions stand in WHERE";
            return Err(at(
                Error::new(Code::InvalidStatement, message).with_hint(hint),
                span,
            ));
        };
        let (one, other) = if is_turned { (other, one) } else { (one, other) };
        let (one_type, other_type) = (one.get_type(&left)?, other.get_type(&right)?);
        let Some(common) = common_type(&one_type, &other_type) else {
            let message = format!(
                "{} and {} cannot be compared",
                type_text(&one_type),
                type_text(&other_type)
            );
            return Err(at(Error::new(Code::DatatypeMismatch, message), span));
        };
        let pair = (one.cast_to(&common, &left)?, other.cast_to(&common, &right)?);
        Ok((pair, is_turned))
    }
}

/// The type in which both are compared: of times the finer one, so that none is cut.
fn common_type(one: &DataType, other: &DataType) -> Option<DataType> {
    Some(match (one, other, comparison_coercion(one, other)?) {
        (DataType::Timestamp(one, _), DataType::Timestamp(other, _), DataType::Timestamp(_, zone)) => {
            DataType::Timestamp(*one.max(other), zone)
        }
        (_, _, common) => common,
    })
}

/// Whether an expression is about columns of `schema`.
fn is_of(expr: &Expr, schema: &DFSchema) -> bool {
    let columns = expr.column_refs();
    !columns.is_empty() && columns.into_iter().all(|column| schema.has_column(column))
}

fn comparison(op: &BinaryOperator) -> Option<Comparison> {
    Some(match op {
        BinaryOperator::GtEq => Comparison::AtOrBefore,
        BinaryOperator::Gt => Comparison::Before,
        BinaryOperator::LtEq => Comparison::AtOrAfter,
        BinaryOperator::Lt => Comparison::After,
        _ => return None,
    })
}

/// `b <= a` is `a >= b`.
fn turned(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::AtOrBefore => Comparison::AtOrAfter,
        Comparison::Before => Comparison::After,
        Comparison::AtOrAfter => Comparison::AtOrBefore,
        Comparison::After => Comparison::Before,
    }
}

fn other_condition(span: Span) -> DataFusionError {
    let message = "an ASOF JOIN takes equalities and one of >=, >, <= and <";
    let hint = "other conditions stand in WHERE, or in a subquery: ASOF JOIN (SELECT … WHERE …) b";
    at(Error::new(Code::InvalidStatement, message).with_hint(hint), span)
}
