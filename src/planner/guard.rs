//! What DataFusion's planner accepts and then ignores is refused: a modifier that does nothing gives
//! wrong answers without a word.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as Standard;
use sqlparser::ast::{
    Expr, FromTable, GroupByExpr, LimitClause, Query, Select, SelectItem, SetExpr, Spanned, Statement,
    TableFactor, Value, Visit, Visitor,
};
use sqlparser::tokenizer::Span;

use super::{assignments, literals};
use crate::error::{Code, Error, Result};
use crate::syntax::Piece;

/// Checks a statement.
///
/// # Errors
/// [`Code::Unsupported`] at the modifier's relation or query, and those of [`literals`] and [`assignments`].
pub(super) fn check(statement: &Standard, piece: &Piece) -> Result<()> {
    let inner = match statement {
        Standard::Statement(inner) => inner.as_ref(),
        Standard::Explain(explain) => return check(&explain.statement, piece),
        _ => return Ok(()),
    };
    literals::check(piece)?;
    if let Statement::Update(update) = inner {
        assignments::check(update, piece)?;
    }
    for target in targets(inner) {
        if let TableFactor::Table {
            name,
            sample: Some(_),
            ..
        } = target
        {
            let error = Error::new(
                Code::Unsupported,
                "TABLESAMPLE of a table to change is not supported",
            );
            let hint = "say which rows in WHERE";
            return Err(error.with_hint(hint).at(piece.locate(name.span())));
        }
    }
    checked(inner, piece)
}

/// The tables that a statement changes rows of, of which the planner reads the name alone.
fn targets(statement: &Statement) -> Vec<&TableFactor> {
    match statement {
        Statement::Delete(delete) => {
            let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
            from.iter().map(|from| &from.relation).collect()
        }
        Statement::Update(update) => vec![&update.table.relation],
        Statement::Merge(merge) => vec![&merge.table],
        _ => Vec::new(),
    }
}

/// Checks an expression on its own.
///
/// # Errors
/// As of [`check`].
pub(super) fn check_expression(expr: &Expr, piece: &Piece) -> Result<()> {
    literals::check(piece)?;
    checked(expr, piece)
}

fn checked(part: &impl Visit, piece: &Piece) -> Result<()> {
    match part.visit(&mut Guard) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(Refusal { what, hint, span }) => {
            let error = match what {
                Some(what) => Error::new(Code::Unsupported, format!("{what} is not supported")),
                None => {
                    let message = format!("more than {OPERATORS_IN_A_ROW} operators stand in a row");
                    Error::new(Code::TooComplex, message)
                }
            };
            let place = if span == Span::empty() {
                piece.start()
            } else {
                piece.locate(span)
            };
            Err(error.with_hint_if(hint.map(str::to_owned)).at(place))
        }
    }
}

/// How many operators may stand in a row without parentheses. The planner takes a time that grows with the
/// square of their number.
const OPERATORS_IN_A_ROW: usize = 2000;

/// How deep an expression leans to the left, which the parser does not bound.
fn operators_in_a_row(expression: &Expr) -> usize {
    let mut depth = 0;
    let mut next = expression;
    while let Expr::BinaryOp { left, .. } = next {
        depth += 1;
        next = left.as_ref();
    }
    depth
}

struct Guard;

/// What is refused; without a name, an expression that is too long.
struct Refusal {
    what: Option<&'static str>,
    hint: Option<&'static str>,
    span: Span,
}

fn refuse(what: &'static str, span: Span) -> ControlFlow<Refusal> {
    refuse_with_hint(what, None, span)
}

fn refuse_with_hint(what: &'static str, hint: Option<&'static str>, span: Span) -> ControlFlow<Refusal> {
    ControlFlow::Break(Refusal {
        what: Some(what),
        hint,
        span,
    })
}

impl Visitor for Guard {
    type Break = Refusal;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Refusal> {
        let span = query.span();
        if !query.locks.is_empty() {
            return refuse("FOR UPDATE or FOR SHARE", span);
        }
        if query.for_clause.is_some() || query.settings.is_some() || query.format_clause.is_some() {
            return refuse("a FOR, SETTINGS or FORMAT clause of a query", span);
        }
        if let Some(LimitClause::LimitOffset { limit_by, .. }) = &query.limit_clause
            && !limit_by.is_empty()
        {
            let hint = Some("write QUALIFY row_number() OVER (PARTITION BY …) <= n");
            return refuse_with_hint("LIMIT BY", hint, span);
        }
        set_expression(&query.body)
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<Refusal> {
        // The first of a row is met first, and refused: no other walks the row again.
        if operators_in_a_row(expression) > OPERATORS_IN_A_ROW {
            return ControlFlow::Break(Refusal {
                what: None,
                hint: Some("put parts of it into parentheses, or the values into a table or an IN list"),
                span: Span::empty(),
            });
        }
        if let Expr::SimilarTo { pattern, .. } = expression
            && !is_text(pattern)
        {
            let hint = Some("regexp_like(text, '^(…)$') takes a computed pattern");
            return refuse_with_hint(
                "SIMILAR TO a pattern that is no text literal",
                hint,
                pattern.span(),
            );
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Refusal> {
        match factor {
            TableFactor::Table {
                name,
                with_hints,
                version,
                with_ordinality,
                partitions,
                json_path,
                index_hints,
                ..
            } => {
                let span = name.span();
                if version.is_some() {
                    return refuse("reading a past version of a table", span);
                }
                if *with_ordinality {
                    return refuse("WITH ORDINALITY", span);
                }
                if !with_hints.is_empty() || !index_hints.is_empty() {
                    return refuse("a hint at a table", span);
                }
                if !partitions.is_empty() || json_path.is_some() {
                    return refuse("a selection of partitions or paths at a table", span);
                }
            }
            TableFactor::MatchRecognize { table, .. } => return refuse("MATCH_RECOGNIZE", table.span()),
            TableFactor::UNNEST {
                with_offset,
                with_ordinality,
                ..
            } if *with_offset || *with_ordinality => {
                return refuse("UNNEST with positions", factor.span());
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

fn is_text(pattern: &Expr) -> bool {
    match pattern {
        Expr::Value(value) => matches!(value.value, Value::SingleQuotedString(_) | Value::Null),
        _ => false,
    }
}

fn set_expression(body: &SetExpr) -> ControlFlow<Refusal> {
    match body {
        SetExpr::Select(select) => plain_select(select),
        SetExpr::SetOperation { left, right, .. } => {
            set_expression(left)?;
            set_expression(right)
        }
        _ => ControlFlow::Continue(()),
    }
}

fn plain_select(select: &Select) -> ControlFlow<Refusal> {
    let span = select.select_token.0.span;
    if select.top.is_some() {
        return refuse_with_hint("TOP", Some("write LIMIT at the end of the query"), span);
    }
    if select.into.is_some() {
        return refuse_with_hint("SELECT INTO", Some("write CREATE TABLE … AS SELECT …"), span);
    }
    let (GroupByExpr::All(modifiers) | GroupByExpr::Expressions(_, modifiers)) = &select.group_by;
    if !modifiers.is_empty() {
        let hint = Some("write GROUP BY ROLLUP (…), CUBE (…) or GROUPING SETS (…)");
        return refuse_with_hint("WITH ROLLUP, CUBE, TOTALS or GROUPING SETS", hint, span);
    }
    for item in &select.projection {
        if let SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options) = item
            && options.opt_ilike.is_some()
        {
            let hint = Some("COLUMNS ('pattern') takes those that match, EXCLUDE leaves others out");
            return refuse_with_hint("* ILIKE", hint, item.span());
        }
    }
    let ignored = !select.optimizer_hints.is_empty()
        || select.select_modifiers.is_some()
        || select.exclude.is_some()
        || select.prewhere.is_some()
        || !select.connect_by.is_empty()
        || !select.cluster_by.is_empty()
        || !select.distribute_by.is_empty()
        || !select.sort_by.is_empty()
        || select.value_table_mode.is_some();
    if ignored {
        return refuse("a clause of this SELECT", span);
    }
    ControlFlow::Continue(())
}
