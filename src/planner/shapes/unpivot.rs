//! `UNPIVOT`: a row for each of several columns.
//!
//! `t UNPIVOT (v FOR n IN (a, b AS c))` has the other columns, then `n` (the column's name, or its alias) and `v`
//! (its value), in the order of the list. Rows without a value are left out unless `INCLUDE NULLS` is said; with
//! several values a row, those that lack any (DuckDB). The columns' values take their common type; numbers and
//! texts have none.
//!
//! It is planned as lists of the names and of the values that are unnested side by side.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::{Column, DFSchemaRef, ExprSchema, ScalarValue, UnnestOptions};
use datafusion::error::Result;
use datafusion::functions_nested::expr_fn::make_array;
use datafusion::logical_expr::planner::RelationPlannerContext;
use datafusion::logical_expr::type_coercion::binary::type_union_resolution;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder};
use sqlparser::ast::{
    Expr as SqlExpr, ExprWithAlias, Ident, NullInclusion, Spanned, TableAlias, TableFactor,
};
use sqlparser::tokenizer::Span;

use super::stars;
use crate::definition::type_text;
use crate::error::{Code, Error};
use crate::operators::at;

/// The plan of an unpivoted relation, and what it is called.
pub(super) fn plan(
    relation: TableFactor,
    context: &mut dyn RelationPlannerContext,
) -> Result<(LogicalPlan, Option<TableAlias>)> {
    let TableFactor::Unpivot {
        table,
        value,
        name,
        columns,
        null_inclusion,
        alias,
    } = relation
    else {
        return Err(Error::new(Code::Internal, "no UNPIVOT").into());
    };
    let input = context.plan(*table)?;
    let values = value_names(value)?;
    let mut unpivot = Unpivot {
        schema: DFSchemaRef::clone(input.schema()),
        context,
    };
    let mut rows = Vec::new();
    for column in columns {
        rows.extend(unpivot.rows(column, values.len())?);
    }
    let keeps_nulls = matches!(null_inclusion, Some(NullInclusion::IncludeNulls));
    let plan = unpivot.unnested(input, &rows, &name, &values, keeps_nulls)?;
    Ok((plan, alias))
}

/// What the columns of values are called.
fn value_names(value: SqlExpr) -> Result<Vec<Ident>> {
    let span = value.span();
    let parts = match value {
        SqlExpr::Tuple(parts) => parts,
        SqlExpr::Nested(inner) => vec![*inner],
        other => vec![other],
    };
    let name = |part: SqlExpr| match part {
        SqlExpr::Identifier(name) => Some(name),
        _ => None,
    };
    let names: Option<Vec<Ident>> = parts.into_iter().map(name).collect();
    names.ok_or_else(|| {
        let error = Error::new(Code::Syntax, "UNPIVOT needs names for the columns that it makes");
        at(error.with_hint("write UNPIVOT (value FOR name IN (a, b))"), span)
    })
}

/// What one row out of each of the input's has.
struct Row {
    name: String,
    columns: Vec<Column>,
    span: Span,
}

struct Unpivot<'a> {
    context: &'a mut dyn RelationPlannerContext,
    schema: DFSchemaRef,
}

impl Unpivot<'_> {
    /// The rows that one item of the list stands for: one, unless it is `COLUMNS (…)`.
    fn rows(&mut self, item: ExprWithAlias, width: usize) -> Result<Vec<Row>> {
        let span = item.expr.span();
        if width == 1
            && let Some(columns) = stars::columns_of_call(&item.expr, &self.schema)?
        {
            let row = |column: Column| Row {
                name: column.name.clone(),
                columns: vec![column],
                span,
            };
            return Ok(columns.into_iter().map(row).collect());
        }
        let parts = match item.expr {
            SqlExpr::Tuple(parts) => parts,
            SqlExpr::Nested(inner) => vec![*inner],
            other => vec![other],
        };
        if parts.len() != width {
            let message = format!("UNPIVOT needs {width} columns here, one for each column of values");
            return Err(at(Error::new(Code::InvalidStatement, message), span));
        }
        let mut columns = Vec::with_capacity(width);
        for part in parts {
            let span = part.span();
            let schema = DFSchemaRef::clone(&self.schema);
            match self.context.sql_to_expr(part, &schema)? {
                Expr::Column(column) => columns.push(column),
                _ => {
                    let error = Error::new(Code::InvalidStatement, "UNPIVOT takes columns");
                    let hint = "compute it in a subquery: (SELECT …) UNPIVOT (…)";
                    return Err(at(error.with_hint(hint), span));
                }
            }
        }
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        let name = item.alias.map_or_else(|| names.join("_"), |alias| alias.value);
        Ok(vec![Row { name, columns, span }])
    }

    fn unnested(
        &self,
        input: LogicalPlan,
        rows: &[Row],
        name: &Ident,
        values: &[Ident],
        keeps_nulls: bool,
    ) -> Result<LogicalPlan> {
        let is_unpivoted = |column: &Column| rows.iter().any(|row| row.columns.contains(column));
        let others = self
            .schema
            .columns()
            .into_iter()
            .filter(|column| !is_unpivoted(column));
        let others: Vec<Expr> = others.map(Expr::Column).collect();
        self.check_names(&others, name, values)?;
        let names = rows
            .iter()
            .map(|row| Expr::Literal(ScalarValue::from(row.name.as_str()), None));
        let mut lists = vec![make_array(names.collect()).alias(name.value.as_str())];
        for (i, value) in values.iter().enumerate() {
            let data_type = self.common_type(rows, i)?;
            let cast = |row: &Row| Expr::Column(row.columns[i].clone()).cast_to(&data_type, &self.schema);
            let list = make_array(rows.iter().map(cast).collect::<Result<_>>()?);
            lists.push(list.alias(value.value.as_str()));
        }
        let made = std::iter::once(name)
            .chain(values)
            .map(|name| Column::new_unqualified(name.value.as_str()));
        let made: Vec<Column> = made.collect();
        let mut all = others;
        all.extend(lists);
        let unnested = LogicalPlanBuilder::from(Arc::new(input))
            .project(all)?
            .unnest_columns_with_options(made.clone(), UnnestOptions::default())?;
        if keeps_nulls {
            return unnested.build();
        }
        let known = made
            .into_iter()
            .skip(1)
            .map(|column| Expr::Column(column).is_not_null());
        match conjunction(known) {
            Some(known) => unnested.filter(known)?.build(),
            None => unnested.build(),
        }
    }

    fn check_names(&self, others: &[Expr], name: &Ident, values: &[Ident]) -> Result<()> {
        let mut taken: Vec<&str> = Vec::new();
        for other in others {
            if let Expr::Column(column) = other {
                taken.push(&column.name);
            }
        }
        for made in std::iter::once(name).chain(values) {
            if taken.contains(&made.value.as_str()) {
                let message = format!(
                    "UNPIVOT makes a column \"{}\", which is there already",
                    made.value
                );
                return Err(at(Error::new(Code::DuplicateColumn, message), made.span));
            }
            taken.push(&made.value);
        }
        Ok(())
    }

    /// The type of a column of values.
    fn common_type(&self, rows: &[Row], value: usize) -> Result<DataType> {
        let mut types = Vec::with_capacity(rows.len());
        for row in rows {
            types.push(
                self.schema
                    .field_from_column(&row.columns[value])?
                    .data_type()
                    .clone(),
            );
        }
        let first = types.iter().find(|data_type| !data_type.is_null());
        let Some(first) = first else {
            return Ok(DataType::Null);
        };
        for (row, data_type) in rows.iter().zip(&types) {
            if !data_type.is_null() && is_text(data_type) != is_text(first) {
                return Err(mismatch(first, data_type, row.span));
            }
        }
        let span = rows.last().map_or_else(Span::empty, |row| row.span);
        let last = types.last().unwrap_or(first);
        type_union_resolution(&types).ok_or_else(|| mismatch(first, last, span))
    }
}

fn is_text(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
    )
}

fn mismatch(one: &DataType, other: &DataType, span: Span) -> datafusion::error::DataFusionError {
    let message = format!(
        "columns of types {} and {} cannot be unpivoted into one",
        type_text(one),
        type_text(other)
    );
    let error = Error::new(Code::DatatypeMismatch, message);
    at(
        error.with_hint("cast them in a subquery: (SELECT CAST(… AS VARCHAR) AS …) UNPIVOT (…)"),
        span,
    )
}
