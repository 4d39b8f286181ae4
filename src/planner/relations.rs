//! Relation functions in FROM: `f(t, …)` with `t` a table, a view, a CTE, a `(SELECT …)`, or another
//! such call.
//!
//! The planner looks up tables only where the grammar has relations, and an argument is none. So,
//! before a statement is planned, the first argument is made a query ([`spell_out`]); while it is
//! planned, the call becomes the function's plan ([`planning`]). The functions themselves, and what
//! their arguments mean, belong to `operators`.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::Schema;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{DFSchema, ParamValues, ScalarValue};
use datafusion::error::Result;
use datafusion::execution::SessionState;
use datafusion::logical_expr::expr::Placeholder;
use datafusion::logical_expr::planner::{
    PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning,
};
use datafusion::logical_expr::{ColumnarValue, Expr};
use datafusion::sql::parser::Statement as Standard;
use sqlparser::ast::{
    Expr as SqlExpr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName,
    ObjectNamePart, Query, SetExpr, Spanned, Statement, TableFactor, TableFunctionArgs, Value, VisitMut,
    VisitorMut,
};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;

use super::file_names;
use crate::error::{Code, Error};
use crate::operators::{Call, Fold, RelationFunction, relation_function};

/// Makes the relation of every call a query. Says whether there was a call.
pub fn spell_out(statement: &mut Standard) -> bool {
    match statement {
        Standard::Statement(inner) => {
            let mut calls = Calls { found: false };
            let _: ControlFlow<()> = inner.visit(&mut calls);
            calls.found
        }
        Standard::Explain(explain) => spell_out(&mut explain.statement),
        _ => false,
    }
}

struct Calls {
    found: bool,
}

impl VisitorMut for Calls {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        if let TableFactor::TableFunction {
            expr: SqlExpr::Function(call),
            alias,
        } = factor
            && let Some(plain) = called(call, alias.take())
        {
            *factor = plain;
        }
        if let TableFactor::Table {
            name,
            args: Some(arguments),
            ..
        } = factor
            && function_named(name).is_some()
        {
            self.found = true;
            if let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(first))) = arguments.args.first_mut()
                && let Some(mut query) = relation(first).and_then(select_all)
            {
                file_names::spell_out_in(&mut query);
                *first = SqlExpr::Subquery(Box::new(query));
            }
        }
        ControlFlow::Continue(())
    }
}

fn function_named(name: &ObjectName) -> Option<&'static dyn RelationFunction> {
    match name.0.as_slice() {
        [ObjectNamePart::Identifier(name)] => relation_function(&name.value),
        _ => None,
    }
}

/// The relation that a first argument names.
fn relation(argument: &SqlExpr) -> Option<TableFactor> {
    match argument {
        SqlExpr::Identifier(name) => Some(table(vec![name.clone()], None)),
        SqlExpr::CompoundIdentifier(parts) => Some(table(parts.clone(), None)),
        SqlExpr::Value(value) => match &value.value {
            Value::SingleQuotedString(path) => {
                let mut name = Ident::with_quote('\'', path.clone());
                name.span = value.span;
                Some(table(vec![name], None))
            }
            _ => None,
        },
        SqlExpr::Function(call) => called(call, None),
        _ => None,
    }
}

/// A call of a relation function as FROM has it.
fn called(call: &Function, alias: Option<sqlparser::ast::TableAlias>) -> Option<TableFactor> {
    function_named(&call.name)?;
    let FunctionArguments::List(list) = &call.args else {
        return None;
    };
    let plain = call.over.is_none()
        && call.filter.is_none()
        && list.duplicate_treatment.is_none()
        && list.clauses.is_empty();
    let names = call.name.0.iter().filter_map(|part| part.as_ident().cloned());
    let arguments = TableFunctionArgs {
        args: list.args.clone(),
        settings: None,
    };
    let mut factor = table(names.collect(), Some(arguments));
    if let TableFactor::Table { alias: place, .. } = &mut factor {
        *place = alias;
    }
    plain.then_some(factor)
}

pub(super) fn table(parts: Vec<Ident>, args: Option<TableFunctionArgs>) -> TableFactor {
    TableFactor::Table {
        name: ObjectName(parts.into_iter().map(ObjectNamePart::Identifier).collect()),
        alias: None,
        args,
        with_hints: Vec::new(),
        version: None,
        with_ordinality: false,
        partitions: Vec::new(),
        json_path: None,
        sample: None,
        index_hints: Vec::new(),
    }
}

/// `SELECT * FROM relation`.
pub(super) fn select_all(relation: TableFactor) -> Option<Query> {
    let mut parser = Parser::new(&GenericDialect {})
        .try_with_sql("SELECT * FROM t")
        .ok()?;
    let Statement::Query(mut query) = parser.parse_statement().ok()? else {
        return None;
    };
    let SetExpr::Select(select) = query.body.as_mut() else {
        return None;
    };
    select.from.first_mut()?.relation = relation;
    Some(*query)
}

/// The state in which a statement with calls is planned, with its parameters' values.
pub(super) fn planning(state: &SessionState, values: Option<&ParamValues>) -> Result<SessionState> {
    let calls = RelationFunctions::new(state, values);
    let mut planning = state.clone();
    planning.register_relation_planner(Arc::new(calls))?;
    Ok(planning)
}

/// Plans calls of relation functions, and computes constants.
pub(super) struct RelationFunctions {
    state: SessionState,
    values: Option<ParamValues>,
}

impl RelationFunctions {
    pub(super) fn new(state: &SessionState, values: Option<&ParamValues>) -> Self {
        Self {
            state: state.clone(),
            values: values.cloned(),
        }
    }
}

impl fmt::Debug for RelationFunctions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RelationFunctions").finish_non_exhaustive()
    }
}

impl RelationPlanner for RelationFunctions {
    fn plan_relation(
        &self,
        relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        let (name, alias, arguments) = match relation {
            TableFactor::Table {
                name,
                alias,
                args: Some(arguments),
                ..
            } if function_named(&name).is_some() => (name, alias, arguments),
            other => return Ok(RelationPlanning::Original(Box::new(other))),
        };
        let Some(function) = function_named(&name) else {
            return Err(Error::new(Code::Internal, format!("{name} is no relation function")).into());
        };
        let mut arguments = arguments.args.into_iter();
        let query = match arguments.next() {
            Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(SqlExpr::Subquery(query)))) => query,
            first => {
                let span = first.map_or_else(|| name.span(), |first| first.span());
                return Err(no_relation(function, span));
            }
        };
        let input = context.plan(TableFactor::Derived {
            lateral: false,
            subquery: query,
            alias: None,
            sample: None,
        })?;
        let arguments = arguments.collect();
        let call = Call::bind(function.signature(), name.span(), input, arguments, context, self)?;
        let plan = function.plan(call)?;
        Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(
            plan, alias,
        ))))
    }
}

fn no_relation(
    function: &dyn RelationFunction,
    span: sqlparser::tokenizer::Span,
) -> datafusion::error::DataFusionError {
    let signature = function.signature();
    let message = format!("{}: the first argument must be a relation", signature.name);
    let error = Error::new(Code::InvalidValue, message).with_hint(format!(
        "a relation is a table, a view or (SELECT …): {}",
        signature.syntax
    ));
    crate::operators::at(error, span)
}

impl Fold for RelationFunctions {
    fn fold(&self, expr: Expr) -> Result<Option<ScalarValue>> {
        let expr = expr
            .transform(|expr| match &expr {
                Expr::Placeholder(Placeholder { id, .. }) => match &self.values {
                    Some(values) => {
                        let value = values.get_placeholders_with_values(id)?;
                        Ok(Transformed::yes(Expr::Literal(value.value, None)))
                    }
                    None => Ok(Transformed::no(expr)),
                },
                _ => Ok(Transformed::no(expr)),
            })
            .data()?;
        let constant = !expr.is_volatile()
            && !expr.exists(|expr| {
                Ok(matches!(
                    expr,
                    Expr::Column(_)
                        | Expr::OuterReferenceColumn(..)
                        | Expr::ScalarSubquery(_)
                        | Expr::InSubquery(_)
                        | Expr::Exists(_)
                        | Expr::AggregateFunction(_)
                        | Expr::WindowFunction(_)
                        | Expr::Placeholder(_)
                ))
            })?;
        if !constant {
            return Ok(None);
        }
        let value = self.state.create_physical_expr(expr, &DFSchema::empty())?;
        let options = RecordBatchOptions::new().with_row_count(Some(1));
        let row = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &options)?;
        match value.evaluate(&row)? {
            ColumnarValue::Scalar(value) => Ok(Some(value)),
            ColumnarValue::Array(values) => ScalarValue::try_from_array(&values, 0).map(Some),
        }
    }
}
