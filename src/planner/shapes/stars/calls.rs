//! Calls of COLUMNS: the columns that one stands for, and the expressions that it is repeated as.

use std::ops::ControlFlow;

use datafusion::common::{Column, DFSchema};
use datafusion::error::Result;
use regex::Regex;
use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, Query, Spanned, Value, VisitMut,
    VisitorMut,
};
use sqlparser::tokenizer::Span;

use super::Placed;
use super::names::{excluded, find, is_called, of_table, reference, shown};
use super::probe::StarColumn;
use crate::error::{Code, Error, did_you_mean};
use crate::operators::at;

/// What groups of a pattern matched; `None` where columns are not named by one.
pub(super) type Groups = Option<Vec<String>>;

/// `expr` for each column that its COLUMNS stands for.
pub(super) fn repeated<'a>(
    expr: &Expr,
    columns: &'a [StarColumn],
) -> Result<Vec<(&'a StarColumn, Expr, Groups)>, Placed> {
    let calls = calls(expr);
    let Some(first) = calls.first() else {
        return Ok(Vec::new());
    };
    let span = first.span();
    if let Some(other) = calls
        .iter()
        .find(|call| call.args.to_string() != first.args.to_string())
    {
        let error = Error::new(
            Code::Unsupported,
            "two different COLUMNS in one expression are not supported",
        );
        return Err((error.with_hint("write one expression for each"), other.span()));
    }
    let chosen = chosen(first, columns)?;
    if chosen.is_empty() {
        let what = first.args.to_string();
        let message = format!("no column is meant by COLUMNS{what}");
        let hint = did_you_mean(
            what.trim_matches(['(', ')', '\'']),
            columns.iter().map(|column| column.column.name.as_str()),
        );
        return Err((
            Error::new(Code::UndefinedColumn, message).with_hint_if(hint),
            span,
        ));
    }
    let each = chosen.into_iter().map(|(column, groups)| {
        let mut copy = expr.clone();
        let mut put = PutIn {
            column: reference(column, columns),
            inside: 0,
        };
        let _: ControlFlow<()> = copy.visit(&mut put);
        (column, copy, groups)
    });
    Ok(each.collect())
}

/// The columns that a call of COLUMNS stands for, with what its pattern's groups matched.
fn chosen<'a>(call: &Function, columns: &'a [StarColumn]) -> Result<Vec<(&'a StarColumn, Groups)>, Placed> {
    let FunctionArguments::List(list) = &call.args else {
        return Err(misused(call.span()));
    };
    let [FunctionArg::Unnamed(argument)] = list.args.as_slice() else {
        return Err(misused(call.span()));
    };
    let all = || shown(columns);
    let plain = |columns: Vec<&'a StarColumn>| columns.into_iter().map(|column| (column, None)).collect();
    match argument {
        FunctionArgExpr::Wildcard => Ok(plain(all())),
        FunctionArgExpr::QualifiedWildcard(table) => Ok(plain(of_table(columns, table)?)),
        FunctionArgExpr::WildcardWithOptions(options) => {
            if options.opt_replace.is_some() || options.opt_rename.is_some() || options.opt_ilike.is_some() {
                let error = Error::new(
                    Code::Unsupported,
                    "COLUMNS (*) with more than EXCLUDE is not supported",
                );
                return Err((error, call.span()));
            }
            let left_out = excluded(options);
            let all = all();
            for name in &left_out {
                find(&all, name)?;
            }
            let is_kept = |column: &&StarColumn| !left_out.iter().any(|name| is_called(column, name, &all));
            Ok(plain(all.iter().copied().filter(is_kept).collect()))
        }
        FunctionArgExpr::Expr(Expr::Array(names)) => {
            let mut found = Vec::new();
            for name in &names.elem {
                found.extend(find(&all(), &name_of(name)?)?);
            }
            Ok(plain(found))
        }
        FunctionArgExpr::Expr(Expr::Value(value)) => match &value.value {
            Value::SingleQuotedString(pattern) => matching(pattern, columns, value.span),
            _ => Err(misused(value.span)),
        },
        FunctionArgExpr::Expr(_) => Err(misused(call.span())),
    }
}

fn misused(span: Span) -> Placed {
    let error = Error::new(
        Code::InvalidValue,
        "COLUMNS takes a pattern, a star or a list of names",
    );
    let hint = "write COLUMNS ('^a'), COLUMNS (* EXCLUDE (a)) or COLUMNS (['a', 'b'])";
    (error.with_hint(hint), span)
}

fn name_of(expr: &Expr) -> Result<Ident, Placed> {
    match expr {
        Expr::Identifier(name) => Ok(name.clone()),
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(name) => Ok(Ident {
                value: name.clone(),
                quote_style: None,
                span: value.span,
            }),
            _ => Err(misused(value.span)),
        },
        other => Err(misused(other.span())),
    }
}

fn matching<'a>(
    pattern: &str,
    columns: &'a [StarColumn],
    span: Span,
) -> Result<Vec<(&'a StarColumn, Groups)>, Placed> {
    let regex = Regex::new(pattern).map_err(|error| {
        let problem = error.to_string();
        let problem = problem.lines().last().unwrap_or_default();
        let message = format!("'{pattern}' is no regular expression: {problem}");
        (Error::new(Code::InvalidValue, message), span)
    })?;
    let matched = |column: &'a StarColumn| {
        let groups = regex.captures(&column.column.name)?;
        let text =
            |group: Option<regex::Match<'_>>| group.map_or_else(String::new, |m| m.as_str().to_owned());
        Some((column, Some(groups.iter().map(text).collect())))
    };
    Ok(shown(columns).into_iter().filter_map(matched).collect())
}

/// `alias` with `\1` as what the first group matched, and so on.
pub(super) fn with_groups(alias: &str, groups: &Groups) -> String {
    let Some(groups) = groups else {
        return alias.to_owned();
    };
    let mut name = String::with_capacity(alias.len());
    let mut characters = alias.chars().peekable();
    while let Some(character) = characters.next() {
        let group = characters.peek().and_then(|next| next.to_digit(10));
        match group {
            Some(group) if character == '\\' => {
                characters.next();
                name.push_str(groups.get(group as usize).map_or("", String::as_str));
            }
            _ => name.push(character),
        }
    }
    name
}

/// The calls of COLUMNS in an expression, but not in its subqueries.
pub(super) fn calls(expr: &Expr) -> Vec<Function> {
    let mut found = Found {
        calls: Vec::new(),
        inside: 0,
    };
    let _: ControlFlow<()> = sqlparser::ast::Visit::visit(expr, &mut found);
    found.calls
}

struct Found {
    calls: Vec<Function>,
    inside: usize,
}

impl sqlparser::ast::Visitor for Found {
    type Break = ();

    fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.inside += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.inside -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if let Some(call) = call_in(expr)
            && self.inside == 0
        {
            self.calls.push(call.clone());
        }
        ControlFlow::Continue(())
    }
}

pub(super) fn call_in(expr: &Expr) -> Option<&Function> {
    match expr {
        Expr::Function(call) => match call.name.0.as_slice() {
            [name] if name.as_ident()?.value.eq_ignore_ascii_case("columns") => Some(call),
            _ => None,
        },
        _ => None,
    }
}

/// Puts a column in the place of COLUMNS.
struct PutIn {
    column: Expr,
    inside: usize,
}

impl VisitorMut for PutIn {
    type Break = ();

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.inside += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.inside -= 1;
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if self.inside == 0 && call_in(expr).is_some() {
            *expr = self.column.clone();
        }
        ControlFlow::Continue(())
    }
}

/// The columns of `schema` that `expr` stands for, if it is a call of COLUMNS.
///
/// # Errors
/// As [`expand`].
pub(in crate::planner::shapes) fn columns_of_call(
    expr: &Expr,
    schema: &DFSchema,
) -> Result<Option<Vec<Column>>> {
    let Some(call) = call_in(expr) else {
        return Ok(None);
    };
    let columns: Vec<StarColumn> = schema.columns().into_iter().map(StarColumn::of).collect();
    let repeated = repeated(&Expr::Function(call.clone()), &columns);
    let repeated = repeated.map_err(|(error, span)| at(error, span))?;
    Ok(Some(
        repeated
            .into_iter()
            .map(|(column, ..)| column.column.clone())
            .collect(),
    ))
}
