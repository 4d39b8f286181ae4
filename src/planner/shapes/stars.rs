//! `COLUMNS (…)` and `* RENAME (a AS b)`: what depends on which columns a FROM has.
//!
//! `COLUMNS ('regex')`, `COLUMNS (*)`, `COLUMNS (t.*)`, `COLUMNS (* EXCLUDE (a))` and `COLUMNS (['a', 'b'])` stand
//! for columns: an expression with one is repeated for each, under the column's name or the alias given, in which
//! `\1` is what the first group of the pattern matched. In WHERE it must hold of each (DuckDB).
//!
//! The columns are not known where a statement is rewritten. So its FROM is made a relation under a name that
//! nobody else gives ([`probe`]); planning that relation ends with an error that says its columns ([`learn`]),
//! and the statement is planned again with those in hand ([`expand`]).

use std::collections::BTreeMap;
use std::fmt;
use std::ops::ControlFlow;

use datafusion::common::{Column, DFSchema, TableReference};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::planner::RelationPlannerContext;
use datafusion::sql::parser::Statement as Standard;
use regex::Regex;
use sqlparser::ast::{
    BinaryOperator, ExcludeSelectItem, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments,
    Ident, Join, JoinConstraint, JoinOperator, ObjectName, Query, RenameSelectItem, Select, SelectItem,
    SelectItemQualifiedWildcardKind, Spanned, TableAlias, TableFactor, TableWithJoins, Value, VisitMut,
    VisitorMut, WildcardAdditionalOptions,
};
use sqlparser::tokenizer::Span;

use crate::error::{Code, Error, did_you_mean};
use crate::operators::at;
use crate::syntax::Piece;

/// How the name of a FROM begins whose columns are asked for.
const PROBE: &str = "columns of the select at ";

/// Where a SELECT stands.
type Place = (u64, u64);

/// A column as `*` has it.
#[derive(Debug, Clone)]
pub(in crate::planner) struct StarColumn {
    column: Column,
    /// Whether a join merges it with others: it is named without a table then.
    is_merged: bool,
    /// Whether it is merged with one before it, where `*` shows it.
    is_hidden: bool,
}

impl StarColumn {
    fn of(column: Column) -> Self {
        Self {
            column,
            is_merged: false,
            is_hidden: false,
        }
    }
}

/// The columns of FROMs, as far as they are known.
#[derive(Debug, Default)]
pub(in crate::planner) struct Known(BTreeMap<Place, Vec<StarColumn>>);

impl Known {
    /// Takes in what an error says of columns. Says whether that is new.
    pub(in crate::planner) fn learn(&mut self, error: &DataFusionError) -> bool {
        match Learned::of(error) {
            Some(learned) => self.0.insert(learned.place, learned.columns.clone()).is_none(),
            None => false,
        }
    }
}

/// The columns of a FROM. It travels as an error.
#[derive(Debug)]
struct Learned {
    place: Place,
    columns: Vec<StarColumn>,
}

impl Learned {
    fn of(error: &DataFusionError) -> Option<&Self> {
        match error {
            DataFusionError::External(inner) => inner.downcast_ref(),
            DataFusionError::Diagnostic(_, inner) | DataFusionError::Context(_, inner) => Self::of(inner),
            DataFusionError::Shared(inner) => Self::of(inner),
            DataFusionError::Collection(all) => all.iter().find_map(Self::of),
            _ => None,
        }
    }
}

impl fmt::Display for Learned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the columns of a FROM were asked for")
    }
}

impl std::error::Error for Learned {}

fn place(select: &Select) -> Place {
    let start = select.select_token.0.span.start;
    (start.line, start.column)
}

/// Whether a relation is a FROM whose columns are asked for.
pub(super) fn is_probe(alias: &TableAlias) -> bool {
    alias.name.value.starts_with(PROBE)
}

/// What the planner says of the relation `from`.
///
/// # Errors
/// What it finds wrong with it.
pub(super) fn learn(
    from: TableWithJoins,
    alias: &TableAlias,
    context: &mut dyn RelationPlannerContext,
) -> Result<DataFusionError> {
    let relation = TableFactor::NestedJoin {
        table_with_joins: Box::new(from),
        alias: None,
    };
    let plan = context.plan(relation)?;
    let merged = plan.using_columns()?;
    let mut is_shown = vec![false; merged.len()];
    let mut columns = Vec::new();
    for column in plan.schema().columns() {
        let set = merged.iter().position(|set| set.contains(&column));
        columns.push(StarColumn {
            column,
            is_merged: set.is_some(),
            is_hidden: set.is_some_and(|set| std::mem::replace(&mut is_shown[set], true)),
        });
    }
    let numbers = alias
        .name
        .value
        .strip_prefix(PROBE)
        .and_then(|at| at.split_once(':'));
    let place = numbers.and_then(|(line, column)| Some((line.parse().ok()?, column.parse().ok()?)));
    let place = place.ok_or_else(|| Error::new(Code::Internal, "a FROM is asked for from nowhere"))?;
    Ok(DataFusionError::External(Box::new(Learned { place, columns })))
}

/// Asks for the columns of every FROM that must be known and is not.
pub(in crate::planner) fn probe(statement: &mut Standard, known: &Known) {
    match statement {
        Standard::Statement(inner) => {
            let _: ControlFlow<()> = inner.visit(&mut Probes { known });
        }
        Standard::Explain(explain) => probe(&mut explain.statement, known),
        _ => {}
    }
}

struct Probes<'a> {
    known: &'a Known,
}

impl VisitorMut for Probes<'_> {
    type Break = ();

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        if select.from.is_empty() || !needs_columns(select) || self.known.0.contains_key(&place(select)) {
            return ControlFlow::Continue(());
        }
        let (line, column) = place(select);
        let mut from = std::mem::take(&mut select.from).into_iter();
        let Some(mut all) = from.next() else {
            return ControlFlow::Continue(());
        };
        for beside in from {
            let relation = match beside.joins.is_empty() {
                true => beside.relation,
                false => TableFactor::NestedJoin {
                    table_with_joins: Box::new(beside),
                    alias: None,
                },
            };
            all.joins.push(Join {
                relation,
                global: false,
                join_operator: JoinOperator::CrossJoin(JoinConstraint::None),
            });
        }
        let name = format!("{PROBE}{line}:{column}");
        select.from = vec![TableWithJoins {
            relation: TableFactor::NestedJoin {
                table_with_joins: Box::new(all),
                alias: Some(TableAlias {
                    explicit: true,
                    name: Ident::with_quote('"', name),
                    columns: Vec::new(),
                    at: None,
                }),
            },
            joins: Vec::new(),
        }];
        ControlFlow::Continue(())
    }
}

/// Whether what a SELECT says depends on which columns its FROM has.
fn needs_columns(select: &Select) -> bool {
    let items = select.projection.iter().any(|item| match item {
        SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options) => {
            options.opt_rename.is_some()
        }
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => !calls(expr).is_empty(),
        SelectItem::ExprWithAliases { .. } => false,
    });
    items
        || select
            .selection
            .as_ref()
            .is_some_and(|condition| !calls(condition).is_empty())
}

/// Writes out what stands for columns, where they are known.
///
/// # Errors
/// [`Code::UndefinedColumn`] where there are none such, [`Code::Unsupported`] and [`Code::InvalidValue`] for what
/// names columns otherwise.
pub(in crate::planner) fn expand(
    statement: &mut Standard,
    known: &Known,
    piece: &Piece,
) -> Result<(), Error> {
    match statement {
        Standard::Statement(inner) => match inner.visit(&mut Expansion { known, piece }) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(error) => Err(error),
        },
        Standard::Explain(explain) => expand(&mut explain.statement, known, piece),
        _ => Ok(()),
    }
}

struct Expansion<'a> {
    known: &'a Known,
    piece: &'a Piece,
}

impl VisitorMut for Expansion<'_> {
    type Break = Error;

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Error> {
        if !needs_columns(select) {
            return ControlFlow::Continue(());
        }
        let none = Vec::new();
        let columns = match self.known.0.get(&place(select)) {
            Some(columns) => columns,
            // Without a FROM there are none.
            None if select.from.is_empty() => &none,
            None => return ControlFlow::Continue(()),
        };
        match write_out(select, columns) {
            Ok(()) => ControlFlow::Continue(()),
            Err((error, span)) => {
                let place = match span == Span::empty() {
                    true => self.piece.start(),
                    false => self.piece.locate(span),
                };
                ControlFlow::Break(error.at(place))
            }
        }
    }
}

/// An error and its place.
type Placed = (Error, Span);

fn write_out(select: &mut Select, columns: &[StarColumn]) -> Result<(), Placed> {
    let mut items = Vec::with_capacity(select.projection.len());
    for item in std::mem::take(&mut select.projection) {
        match item {
            SelectItem::Wildcard(options) if options.opt_rename.is_some() => {
                items.extend(renamed(columns, &shown(columns), &options)?);
            }
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(table), options)
                if options.opt_rename.is_some() =>
            {
                items.extend(renamed(columns, &of_table(columns, &table)?, &options)?);
            }
            SelectItem::UnnamedExpr(expr) if !calls(&expr).is_empty() => {
                let is_column = call_in(&expr).is_some();
                for (column, expr, _) in repeated(&expr, columns)? {
                    items.push(match is_column {
                        true => SelectItem::UnnamedExpr(expr),
                        false => SelectItem::ExprWithAlias {
                            expr,
                            alias: ident(&column.column.name),
                        },
                    });
                }
            }
            SelectItem::ExprWithAlias { expr, alias } if !calls(&expr).is_empty() => {
                for (_, expr, groups) in repeated(&expr, columns)? {
                    let name = with_groups(&alias.value, &groups);
                    let alias = Ident {
                        value: name,
                        ..alias.clone()
                    };
                    items.push(SelectItem::ExprWithAlias { expr, alias });
                }
            }
            other => items.push(other),
        }
    }
    select.projection = items;
    if let Some(condition) = &mut select.selection
        && !calls(condition).is_empty()
    {
        let each = repeated(condition, columns)?.into_iter();
        let each = each.map(|(_, condition, _)| Expr::Nested(Box::new(condition)));
        let all = each.reduce(|left, right| Expr::BinaryOp {
            left: Box::new(left),
            op: BinaryOperator::And,
            right: Box::new(right),
        });
        if let Some(all) = all {
            *condition = all;
        }
    }
    Ok(())
}

/// `* EXCLUDE (…) REPLACE (…) RENAME (…)`, column by column.
fn renamed(
    all: &[StarColumn],
    shown: &[&StarColumn],
    options: &WildcardAdditionalOptions,
) -> Result<Vec<SelectItem>, Placed> {
    let left_out = excluded(options);
    for name in &left_out {
        find(shown, name)?;
    }
    let renames: Vec<_> = match &options.opt_rename {
        Some(RenameSelectItem::Single(one)) => vec![one],
        Some(RenameSelectItem::Multiple(several)) => several.iter().collect(),
        None => Vec::new(),
    };
    let kept: Vec<&StarColumn> = shown
        .iter()
        .copied()
        .filter(|column| !left_out.iter().any(|name| is_called(column, name, shown)))
        .collect();
    for rename in &renames {
        find(&kept, &rename.ident)?;
    }
    let replaced = options
        .opt_replace
        .as_ref()
        .map(|replace| replace.items.as_slice());
    let replaced = replaced.unwrap_or_default();
    for item in replaced {
        find(&kept, &item.column_name)?;
    }
    let item = |column: &&StarColumn| {
        let new = replaced
            .iter()
            .find(|item| is_called(column, &item.column_name, &kept));
        let name = renames
            .iter()
            .find(|rename| is_called(column, &rename.ident, &kept));
        let expr = new.map_or_else(|| reference(column, all), |item| item.expr.clone());
        match (new, name) {
            (None, None) => SelectItem::UnnamedExpr(expr),
            (_, Some(rename)) => SelectItem::ExprWithAlias {
                expr,
                alias: rename.alias.clone(),
            },
            (Some(_), None) => SelectItem::ExprWithAlias {
                expr,
                alias: ident(&column.column.name),
            },
        }
    };
    Ok(kept.iter().map(item).collect())
}

fn excluded(options: &WildcardAdditionalOptions) -> Vec<Ident> {
    let mut names = Vec::new();
    let last = |name: &ObjectName| name.0.last().and_then(|part| part.as_ident().cloned());
    match &options.opt_exclude {
        Some(ExcludeSelectItem::Single(name)) => names.extend(last(name)),
        Some(ExcludeSelectItem::Multiple(several)) => names.extend(several.iter().filter_map(last)),
        None => {}
    }
    if let Some(except) = &options.opt_except {
        names.push(except.first_element.clone());
        names.extend(except.additional_elements.iter().cloned());
    }
    names
}

/// Whether `name` means `column`: exactly, or in any case if no other column is called exactly so.
fn is_called(column: &StarColumn, name: &Ident, among: &[&StarColumn]) -> bool {
    let own = &column.column.name;
    if name.quote_style.is_some() || among.iter().any(|other| other.column.name == name.value) {
        return *own == name.value;
    }
    own.to_lowercase() == name.value.to_lowercase()
}

/// The columns that `name` means.
fn find<'a>(among: &[&'a StarColumn], name: &Ident) -> Result<Vec<&'a StarColumn>, Placed> {
    let found = among
        .iter()
        .copied()
        .filter(|column| is_called(column, name, among));
    let found: Vec<&StarColumn> = found.collect();
    let mut names = found.iter().map(|column| &column.column.name);
    let Some(first) = names.next() else {
        let hint = did_you_mean(
            &name.value,
            among.iter().map(|column| column.column.name.as_str()),
        );
        let error = Error::new(
            Code::UndefinedColumn,
            format!("column '{}' not found", name.value),
        );
        return Err((error.with_hint_if(hint), name.span));
    };
    match names.find(|other| *other != first) {
        None => Ok(found),
        Some(other) => {
            let message = format!("column '{}' is ambiguous", name.value);
            let hint = format!("it could be \"{first}\" or \"{other}\": quote the one that is meant");
            let error = Error::new(Code::AmbiguousColumn, message).with_hint(hint);
            Err((error, name.span))
        }
    }
}

/// The columns that `*` shows.
fn shown(columns: &[StarColumn]) -> Vec<&StarColumn> {
    columns.iter().filter(|column| !column.is_hidden).collect()
}

/// The columns of the table that `name` ends in.
fn of_table<'a>(columns: &'a [StarColumn], name: &ObjectName) -> Result<Vec<&'a StarColumn>, Placed> {
    let parts = name.0.iter().filter_map(|part| part.as_ident());
    let wanted: Vec<String> = parts.map(|part| part.value.to_lowercase()).collect();
    let is_of = |column: &&StarColumn| {
        let parts = column
            .column
            .relation
            .as_ref()
            .map(table_parts)
            .unwrap_or_default();
        let parts: Vec<String> = parts.iter().map(|part| part.to_lowercase()).collect();
        parts.ends_with(&wanted)
    };
    let found: Vec<&StarColumn> = columns.iter().filter(is_of).collect();
    if found.is_empty() {
        let message = format!("table '{name}' is not in this FROM, or has no columns of its own");
        return Err((Error::new(Code::UndefinedTable, message), name.span()));
    }
    Ok(found)
}

fn table_parts(table: &TableReference) -> Vec<&str> {
    let parts = [table.catalog(), table.schema(), Some(table.table())];
    parts.into_iter().flatten().collect()
}

/// A column as an expression.
fn reference(column: &StarColumn, all: &[StarColumn]) -> Expr {
    let name = &column.column.name;
    let is_only = shown(all)
        .iter()
        .filter(|other| other.column.name == *name)
        .count()
        == 1;
    match &column.column.relation {
        Some(table) if !is_only && !column.is_merged => {
            let parts = table_parts(table).into_iter().chain([name.as_str()]);
            Expr::CompoundIdentifier(parts.map(ident).collect())
        }
        _ => Expr::Identifier(ident(name)),
    }
}

/// A column of `schema` as an expression.
pub(super) fn named(column: &Column, schema: &DFSchema) -> Expr {
    let all: Vec<StarColumn> = schema.columns().into_iter().map(StarColumn::of).collect();
    reference(&StarColumn::of(column.clone()), &all)
}

/// A name, quoted where it is no plain word.
fn ident(name: &str) -> Ident {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_plain = name.chars().all(is_word) && !name.starts_with(|c: char| c.is_ascii_digit());
    match is_plain && !name.is_empty() {
        true => Ident::new(name),
        false => Ident::with_quote('"', name),
    }
}

/// What groups of a pattern matched; `None` where columns are not named by one.
type Groups = Option<Vec<String>>;

/// `expr` for each column that its COLUMNS stands for.
fn repeated<'a>(
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
fn with_groups(alias: &str, groups: &Groups) -> String {
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
fn calls(expr: &Expr) -> Vec<Function> {
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

fn call_in(expr: &Expr) -> Option<&Function> {
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
pub(super) fn columns_of_call(expr: &Expr, schema: &DFSchema) -> Result<Option<Vec<Column>>> {
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
