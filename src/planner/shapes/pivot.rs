//! `PIVOT`: a column for each value of a column.
//!
//! It is an aggregation in which each column counts the rows of its value alone: `t PIVOT (sum(x) FOR k IN
//! ('a'))` is `SELECT g, sum(x) FILTER (WHERE k = 'a') AS a FROM t GROUP BY g`, where `g` are the columns that
//! the aggregates and `FOR` do not name. A column is called as its value; with an alias, or where there are
//! several aggregates, `value_alias` or `value_aggregate` (DuckDB).
//!
//! `IN (ANY)` means the values that the input has, in ascending order and without NULL; `IN (SELECT …)` those of
//! a query. The statement `PIVOT t ON …` is written as this shape by `syntax`, which calls its GROUP BY by
//! [`GROUP_BY`].

use std::collections::HashSet;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchemaRef, ScalarValue};
use datafusion::error::Result;
use datafusion::logical_expr::planner::RelationPlannerContext;
use datafusion::logical_expr::{Expr, LogicalPlan};
use sqlparser::ast::{
    BinaryOperator, Expr as SqlExpr, ExprWithAlias, FunctionArg, FunctionArgExpr, FunctionArguments,
    GroupByExpr, Ident, OrderBy, OrderByKind, PivotValueSource, Query, SelectItem, SetExpr, Spanned,
    TableAlias, TableFactor, Value as SqlValue,
};
use sqlparser::tokenizer::Span;

use super::stars::named;
use super::{Question, ShapePlanner};
use crate::definition::type_text;
use crate::error::{Code, Error};
use crate::operators::{Fold, at};
use crate::planner::forms::{call, number};
use crate::planner::relations::select_all;
use crate::syntax::GROUP_BY;

/// How many columns values may make.
const COLUMNS_AT_MOST: usize = 1000;

/// The plan of a pivoted relation, and what it is called.
pub(super) fn plan(
    planner: &ShapePlanner,
    relation: TableFactor,
    context: &mut dyn RelationPlannerContext,
) -> Result<(LogicalPlan, Option<TableAlias>)> {
    let TableFactor::Pivot {
        table,
        aggregate_functions,
        value_column,
        value_source,
        default_on_null,
        alias,
    } = relation
    else {
        return Err(Error::new(Code::Internal, "no PIVOT").into());
    };
    let schema = DFSchemaRef::clone(context.plan(table.as_ref().clone())?.schema());
    let mut pivot = Pivot {
        planner,
        context,
        table: *table,
        schema,
    };
    let (grouping, aggregates) = split(aggregate_functions);
    pivot.check(&aggregates)?;
    let columns: Vec<SqlExpr> = value_column.into_iter().map(unnested).collect();
    let values = pivot.values(&columns, value_source)?;
    let groups = match grouping {
        Some(grouping) => pivot.named_groups(grouping)?,
        None => pivot.other_columns(&aggregates, &columns)?,
    };
    let query = pivot.query(groups, &aggregates, values, default_on_null.as_ref())?;
    let derived = TableFactor::Derived {
        lateral: false,
        subquery: Box::new(query),
        alias: None,
        sample: None,
    };
    Ok((pivot.context.plan(derived)?, alias))
}

/// A column of values: what the rows of each must fulfil, and its name.
#[derive(Clone)]
struct Choice {
    condition: SqlExpr,
    name: String,
    span: Span,
}

struct Pivot<'a> {
    planner: &'a ShapePlanner,
    context: &'a mut dyn RelationPlannerContext,
    table: TableFactor,
    schema: DFSchemaRef,
}

/// What GROUP BY names, if it is there, and the aggregates.
fn split(functions: Vec<ExprWithAlias>) -> (Option<Vec<SqlExpr>>, Vec<ExprWithAlias>) {
    let mut grouping = None;
    let mut aggregates = Vec::with_capacity(functions.len());
    for function in functions {
        match arguments(&function.expr) {
            Some((name, arguments)) if name == GROUP_BY => grouping = Some(arguments),
            _ => aggregates.push(function),
        }
    }
    (grouping, aggregates)
}

fn arguments(expr: &SqlExpr) -> Option<(String, Vec<SqlExpr>)> {
    let SqlExpr::Function(function) = expr else {
        return None;
    };
    let FunctionArguments::List(list) = &function.args else {
        return None;
    };
    let argument = |argument: &FunctionArg| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
        _ => None,
    };
    let [name] = function.name.0.as_slice() else {
        return None;
    };
    let arguments = list.args.iter().filter_map(argument).collect();
    Some((name.as_ident()?.value.clone(), arguments))
}

fn unnested(expr: SqlExpr) -> SqlExpr {
    match expr {
        SqlExpr::Nested(inner) => unnested(*inner),
        other => other,
    }
}

impl Pivot<'_> {
    /// The columns that the values of `columns` make.
    fn values(&mut self, columns: &[SqlExpr], source: PivotValueSource) -> Result<Vec<Choice>> {
        let choices = match (source, columns) {
            (PivotValueSource::List(items), columns) => self.listed(columns, &items)?,
            (PivotValueSource::Any(order), columns) => {
                if let Some(key) = order.first() {
                    let error = Error::new(Code::Unsupported, "ANY with ORDER BY is not supported");
                    let hint = "the columns come in the order of their values; SELECT puts them in another";
                    return Err(at(error.with_hint(hint), key.span()));
                }
                let mut choices = vec![None];
                for column in columns {
                    let own = self.own_values(column)?;
                    choices = choices
                        .iter()
                        .flat_map(|left| own.iter().map(move |right| Some(both(left.as_ref(), right))))
                        .collect();
                }
                choices.into_iter().flatten().collect()
            }
            (PivotValueSource::Subquery(query), [column]) => {
                let key = format!("{column} in {query} at {:?}", query.span());
                let found = self.ask(key, *query, column.span())?;
                self.found(column, &found)?
            }
            (PivotValueSource::Subquery(query), _) => {
                let error = Error::new(
                    Code::Unsupported,
                    "PIVOT of several columns IN a query is not supported",
                );
                return Err(at(error.with_hint("list the values"), query.span()));
            }
        };
        if choices.len() > COLUMNS_AT_MOST {
            let span = columns.first().map_or_else(Span::empty, Spanned::span);
            return Err(too_many(span));
        }
        Ok(choices)
    }

    /// The values of one column of the statement `PIVOT`: those that it lists, else those that there are.
    fn own_values(&mut self, column: &SqlExpr) -> Result<Vec<Choice>> {
        match column {
            SqlExpr::InList {
                expr,
                list,
                negated: false,
            } => {
                let items: Vec<ExprWithAlias> = list
                    .iter()
                    .map(|expr| ExprWithAlias {
                        expr: expr.clone(),
                        alias: None,
                    })
                    .collect();
                self.listed(std::slice::from_ref(expr.as_ref()), &items)
            }
            SqlExpr::InSubquery {
                expr,
                subquery,
                negated: false,
            } => {
                let source = PivotValueSource::Subquery(subquery.clone());
                self.values(std::slice::from_ref(expr.as_ref()), source)
            }
            column => {
                let key = format!("{column} of {} at {:?}", self.table, column.span());
                let query = distinct_values(column, self.table.clone())
                    .ok_or_else(|| Error::new(Code::Internal, "the query for values cannot be read"))?;
                let found = self.ask(key, query, column.span())?;
                self.found(column, &found)
            }
        }
    }

    fn listed(&mut self, columns: &[SqlExpr], items: &[ExprWithAlias]) -> Result<Vec<Choice>> {
        items.iter().map(|item| self.listed_one(columns, item)).collect()
    }

    fn listed_one(&mut self, columns: &[SqlExpr], item: &ExprWithAlias) -> Result<Choice> {
        let values = match (&item.expr, columns) {
            (value, [_]) => vec![value.clone()],
            (SqlExpr::Tuple(values), columns) if values.len() == columns.len() => values.clone(),
            (other, columns) => {
                let message = format!("PIVOT needs {} values here, one for each column", columns.len());
                return Err(at(Error::new(Code::InvalidStatement, message), other.span()));
            }
        };
        let mut choice: Option<Choice> = None;
        for (column, value) in columns.iter().zip(values) {
            let scalar = self.constant(&value)?;
            let one = Choice {
                name: text_of(&scalar, value.span())?,
                condition: condition(column, value.clone(), scalar.is_null()),
                span: value.span(),
            };
            choice = Some(both(choice.as_ref(), &one));
        }
        let mut choice = choice.ok_or_else(|| Error::new(Code::Internal, "PIVOT FOR nothing"))?;
        if let Some(alias) = &item.alias {
            choice.name.clone_from(&alias.value);
        }
        Ok(choice)
    }

    fn constant(&mut self, value: &SqlExpr) -> Result<ScalarValue> {
        let schema = DFSchemaRef::clone(&self.schema);
        let expr = self.context.sql_to_expr(value.clone(), &schema)?;
        match self.planner.constants.fold(expr)? {
            Some(scalar) => Ok(scalar),
            None => {
                let error = Error::new(Code::InvalidStatement, "a value of PIVOT must be a constant");
                Err(at(error.with_hint("a text stands in quotes: 'a'"), value.span()))
            }
        }
    }

    /// The values that a query gives, if they are known by now.
    fn ask(&mut self, key: String, query: Query, span: Span) -> Result<ArrayRef> {
        if let Some(values) = self.planner.answers.get(&key) {
            return Ok(ArrayRef::clone(values));
        }
        let derived = TableFactor::Derived {
            lateral: false,
            subquery: Box::new(query),
            alias: None,
            sample: None,
        };
        let mut plan = self.context.plan(derived)?;
        if plan.schema().fields().len() != 1 {
            let error = Error::new(
                Code::InvalidStatement,
                "PIVOT takes its values from a query of one column",
            );
            return Err(at(error, span));
        }
        if !plan.all_out_ref_exprs().is_empty() {
            let what = "the values of PIVOT from a query that depends on an outer one are not supported";
            let error = Error::new(Code::Unsupported, what);
            return Err(at(error.with_hint("name the values: IN ('a', 'b')"), span));
        }
        if let Some(values) = &self.planner.values {
            plan = plan.with_param_values(values.clone())?;
        }
        let unanswered = Error::new(
            Code::Unsupported,
            "a PIVOT whose columns depend on the data is not supported here",
        )
        .with_hint("name its values: IN ('a', 'b')");
        let diagnostic = datafusion::common::Diagnostic::new_error(
            unanswered.message().to_owned(),
            datafusion::common::Span::try_from_sqlparser_span(span),
        );
        let question = Question::new(key, plan, unanswered);
        Err(datafusion::error::DataFusionError::Diagnostic(
            Box::new(diagnostic),
            Box::new(datafusion::error::DataFusionError::External(Box::new(question))),
        ))
    }

    /// The columns that found values make.
    fn found(&mut self, column: &SqlExpr, values: &ArrayRef) -> Result<Vec<Choice>> {
        let span = column.span();
        if values.len() > COLUMNS_AT_MOST {
            return Err(too_many(span));
        }
        let mut choices = Vec::with_capacity(values.len());
        for row in 0..values.len() {
            let scalar = ScalarValue::try_from_array(values, row)?;
            let name = text_of(&scalar, span)?;
            let is_text = matches!(scalar.try_as_str(), Some(Some(_)));
            let text = SqlExpr::value(SqlValue::SingleQuotedString(name.clone()));
            let value = match is_text {
                true => text,
                false => {
                    let data_type = scalar.data_type().to_string();
                    call(
                        "arrow_cast",
                        vec![text, SqlExpr::value(SqlValue::SingleQuotedString(data_type))],
                    )
                }
            };
            choices.push(Choice {
                condition: condition(column, value, scalar.is_null()),
                name,
                span,
            });
        }
        Ok(choices)
    }

    fn named_groups(&mut self, grouping: Vec<SqlExpr>) -> Result<Vec<Column>> {
        let schema = DFSchemaRef::clone(&self.schema);
        let mut groups = Vec::with_capacity(grouping.len());
        for key in grouping {
            let span = key.span();
            match self.context.sql_to_expr(key, &schema)? {
                Expr::Column(column) => groups.push(column),
                _ => {
                    let error = Error::new(Code::InvalidStatement, "PIVOT groups by columns");
                    let hint = "compute it in a subquery: PIVOT (SELECT …) ON …";
                    return Err(at(error.with_hint(hint), span));
                }
            }
        }
        Ok(groups)
    }

    /// That what computes the columns are aggregates, of which rows can be chosen.
    fn check(&mut self, aggregates: &[ExprWithAlias]) -> Result<()> {
        let schema = DFSchemaRef::clone(&self.schema);
        for aggregate in aggregates {
            let expr = self.context.sql_to_expr(aggregate.expr.clone(), &schema)?;
            let called = match &expr {
                Expr::Alias(alias) => alias.expr.as_ref(),
                other => other,
            };
            if !matches!(called, Expr::AggregateFunction(_)) {
                let message = format!("'{}' is no aggregate, which PIVOT needs", aggregate.expr);
                let error = Error::new(Code::InvalidStatement, message).with_hint("write sum(…), max(…), …");
                return Err(at(error, aggregate.span()));
            }
        }
        Ok(())
    }

    /// The columns that neither the aggregates nor FOR name.
    fn other_columns(&mut self, aggregates: &[ExprWithAlias], columns: &[SqlExpr]) -> Result<Vec<Column>> {
        let schema = DFSchemaRef::clone(&self.schema);
        let mut used = HashSet::new();
        for aggregate in aggregates {
            let expr = self.context.sql_to_expr(aggregate.expr.clone(), &schema)?;
            used.extend(columns_of(&expr)?);
        }
        for column in columns {
            let column = match column {
                SqlExpr::InList { expr, .. } | SqlExpr::InSubquery { expr, .. } => expr.as_ref(),
                other => other,
            };
            let expr = self.context.sql_to_expr(column.clone(), &schema)?;
            used.extend(columns_of(&expr)?);
        }
        let others = schema.columns().into_iter();
        Ok(others.filter(|column| !used.contains(column)).collect())
    }

    fn query(
        &self,
        groups: Vec<Column>,
        aggregates: &[ExprWithAlias],
        choices: Vec<Choice>,
        default: Option<&SqlExpr>,
    ) -> Result<Query> {
        let mut taken: HashSet<String> = groups.iter().map(|column| column.name.clone()).collect();
        let groups: Vec<SqlExpr> = groups.iter().map(|column| named(column, &self.schema)).collect();
        let mut items: Vec<SelectItem> = groups.iter().cloned().map(SelectItem::UnnamedExpr).collect();
        for choice in &choices {
            for aggregate in aggregates {
                let name = match (&aggregate.alias, aggregates) {
                    (Some(alias), _) => format!("{}_{}", choice.name, alias.value),
                    (None, [_]) => choice.name.clone(),
                    (None, _) => format!("{}_{}", choice.name, aggregate.expr),
                };
                if !taken.insert(name.clone()) {
                    let message = format!("PIVOT makes two columns \"{name}\"");
                    let error = Error::new(Code::DuplicateColumn, message);
                    return Err(at(
                        error.with_hint("give one another name: 'a' AS b"),
                        choice.span,
                    ));
                }
                let value = filtered(&aggregate.expr, &choice.condition);
                let value = match default {
                    Some(default) => call("coalesce", vec![value, default.clone()]),
                    None => value,
                };
                items.push(SelectItem::ExprWithAlias {
                    expr: value,
                    alias: Ident::with_quote('"', name),
                });
            }
        }
        if items.is_empty() {
            let error = Error::new(
                Code::InvalidStatement,
                "there is no value to PIVOT by, and no other column",
            );
            return Err(at(error, self.table.span()));
        }
        let unread = || Error::new(Code::Internal, "the query of PIVOT cannot be made");
        let mut query = select_all(self.table.clone()).ok_or_else(unread)?;
        let SetExpr::Select(select) = query.body.as_mut() else {
            return Err(unread().into());
        };
        select.projection = items;
        select.group_by = GroupByExpr::Expressions(groups, Vec::new());
        Ok(query)
    }
}

fn columns_of(expr: &Expr) -> Result<Vec<Column>> {
    let mut columns = Vec::new();
    expr.apply(|part| {
        if let Expr::Column(column) = part {
            columns.push(column.clone());
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(columns)
}

fn both(left: Option<&Choice>, right: &Choice) -> Choice {
    match left {
        None => right.clone(),
        Some(left) => Choice {
            condition: and(left.condition.clone(), right.condition.clone()),
            name: format!("{}_{}", left.name, right.name),
            span: left.span,
        },
    }
}

fn and(left: SqlExpr, right: SqlExpr) -> SqlExpr {
    binary(left, BinaryOperator::And, right)
}

fn binary(left: SqlExpr, op: BinaryOperator, right: SqlExpr) -> SqlExpr {
    SqlExpr::Nested(Box::new(SqlExpr::BinaryOp {
        left: Box::new(left),
        op,
        right: Box::new(right),
    }))
}

fn condition(column: &SqlExpr, value: SqlExpr, is_null: bool) -> SqlExpr {
    let column = SqlExpr::Nested(Box::new(column.clone()));
    match is_null {
        true => SqlExpr::IsNull(Box::new(column)),
        false => binary(column, BinaryOperator::Eq, value),
    }
}

/// The aggregate over the rows that fulfil `condition`, beside what it asks of them itself.
fn filtered(aggregate: &SqlExpr, condition: &SqlExpr) -> SqlExpr {
    let SqlExpr::Function(function) = aggregate else {
        return aggregate.clone();
    };
    let mut function = function.clone();
    let filter = match function.filter.take() {
        Some(own) => and(condition.clone(), *own),
        None => condition.clone(),
    };
    function.filter = Some(Box::new(filter));
    SqlExpr::Function(function)
}

/// `SELECT DISTINCT column FROM table WHERE column IS NOT NULL ORDER BY 1`, cut where there are too many.
fn distinct_values(column: &SqlExpr, table: TableFactor) -> Option<Query> {
    let mut query = select_all(table)?;
    let SetExpr::Select(select) = query.body.as_mut() else {
        return None;
    };
    select.distinct = Some(sqlparser::ast::Distinct::Distinct);
    select.projection = vec![SelectItem::ExprWithAlias {
        expr: column.clone(),
        alias: Ident::with_quote('"', "value"),
    }];
    select.selection = Some(SqlExpr::IsNotNull(Box::new(SqlExpr::Nested(Box::new(
        column.clone(),
    )))));
    query.order_by = Some(OrderBy {
        kind: OrderByKind::Expressions(vec![sqlparser::ast::OrderByExpr {
            expr: number(1),
            options: sqlparser::ast::OrderByOptions {
                asc: None,
                nulls_first: None,
            },
            with_fill: None,
        }]),
        interpolate: None,
    });
    query.limit_clause = Some(sqlparser::ast::LimitClause::LimitOffset {
        limit: Some(number(COLUMNS_AT_MOST + 1)),
        offset: None,
        limit_by: Vec::new(),
    });
    Some(query)
}

/// What a column is called for its value.
fn text_of(value: &ScalarValue, span: Span) -> Result<String> {
    if value.is_null() {
        return Ok("NULL".to_owned());
    }
    match value.cast_to(&DataType::Utf8) {
        Ok(ScalarValue::Utf8(Some(text))) => Ok(text),
        _ => {
            let message = format!(
                "values of type {} cannot name columns",
                type_text(&value.data_type())
            );
            Err(at(Error::new(Code::DatatypeMismatch, message), span))
        }
    }
}

fn too_many(span: Span) -> datafusion::error::DataFusionError {
    let message = format!("PIVOT would make more than {COLUMNS_AT_MOST} columns");
    let error = Error::new(Code::TooComplex, message);
    at(
        error.with_hint("name the values that are wanted: IN ('a', 'b')"),
        span,
    )
}
