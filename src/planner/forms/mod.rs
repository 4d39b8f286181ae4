//! Forms of SQL that DataFusion's planner lacks, written as ones that it has.
//!
//! Owns what needs no schema: `FROM t`, `TABLE t`, `FETCH FIRST`, `IF(…)`, an `ORDER BY` that repeats an
//! expression of `SELECT DISTINCT` ([`order`]), `EXISTS` and `IN` where a value is wanted ([`subqueries`]),
//! two columns of one name ([`duplicates`]), an alias used where it is made ([`aliases`]), columns that joins
//! merge ([`using`]), named windows ([`windows`]), patterns of `SIMILAR TO` ([`similar`]), numbers of many
//! digits ([`numbers`]), casts to types with a length ([`casts`]). What cannot be written otherwise stays as it is, and is refused by the planner.

mod aliases;
mod casts;
mod duplicates;
mod numbers;
mod order;
mod similar;
mod subqueries;
mod using;
mod windows;

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use datafusion::sql::parser::Statement as Standard;
use sqlparser::ast::{
    CaseWhen, Expr, Fetch, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments,
    Ident, JoinConstraint, JoinOperator, LambdaFunction, LimitClause, ObjectName, ObjectNamePart,
    OneOrManyWithParens, Query, Select, SelectFlavor, SelectItem, SetExpr, Statement, Value, ValueWithSpan,
    VisitMut, VisitorMut, WildcardAdditionalOptions, helpers::attached_token::AttachedToken,
};

use super::relations::{select_all, table};
use super::shapes::stars;
use crate::error::Error;
use crate::syntax::Piece;

/// What earlier attempts to plan a statement have shown.
#[derive(Debug, Default)]
pub(super) struct Hints {
    /// The planner's own names of two columns are equal though they are written differently, or one is named
    /// beside a `*` that has it too: each is given one.
    pub name_each: bool,
    /// Names that no table has: they are meant as aliases of their own SELECT.
    pub aliases: BTreeSet<String>,
    /// Which columns FROMs have.
    pub columns: stars::Known,
}

impl Hints {
    /// Takes in why a statement could not be planned. Says whether another attempt may go further.
    pub(super) fn learn(&mut self, error: &DataFusionError) -> bool {
        if self.columns.learn(error) {
            return true;
        }
        match error.find_root() {
            DataFusionError::SchemaError(schema_error, _) => match schema_error.as_ref() {
                SchemaError::FieldNotFound { field, .. } if field.relation.is_none() => {
                    self.aliases.insert(field.name.to_lowercase())
                }
                SchemaError::DuplicateQualifiedField { .. }
                | SchemaError::DuplicateUnqualifiedField { .. }
                | SchemaError::AmbiguousReference { .. } => self.learn_of_names(),
                _ => false,
            },
            DataFusionError::Plan(message) if message.starts_with("Projections require unique") => {
                self.learn_of_names()
            }
            _ => false,
        }
    }

    fn learn_of_names(&mut self) -> bool {
        !std::mem::replace(&mut self.name_each, true)
    }
}

/// Rewrites what decides which columns a query has.
///
/// # Errors
/// For columns that there are not.
pub(super) fn spell_out_columns(statement: &mut Standard, hints: &Hints, piece: &Piece) -> Result<(), Error> {
    let _: ControlFlow<()> = visit(statement, &mut Columns);
    stars::expand(statement, &hints.columns, piece)
}

/// Rewrites the rest.
///
/// # Errors
/// For joins and windows that cannot be written otherwise, and that the planner would take for others.
pub(super) fn spell_out(statement: &mut Standard, hints: &Hints, piece: &Piece) -> Result<(), Error> {
    let written = visit(statement, &mut using::Using::new(piece));
    if let ControlFlow::Break(error) = written {
        return Err(error);
    }
    if let ControlFlow::Break(error) = visit(statement, &mut windows::Windows { piece }) {
        return Err(error);
    }
    let _: ControlFlow<()> = visit(statement, &mut Rest { hints });
    stars::probe(statement, &hints.columns);
    Ok(())
}

/// Rewrites an expression on its own.
pub(super) fn spell_out_expression(expr: &mut Expr) {
    let hints = Hints::default();
    let _: ControlFlow<()> = expr.visit(&mut Rest { hints: &hints });
}

fn visit<V: VisitorMut>(statement: &mut Standard, visitor: &mut V) -> ControlFlow<V::Break> {
    match statement {
        Standard::Statement(inner) => inner.visit(visitor),
        Standard::Explain(explain) => visit(&mut explain.statement, visitor),
        _ => ControlFlow::Continue(()),
    }
}

struct Columns;

impl VisitorMut for Columns {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if let SetExpr::Table(named) = query.body.as_ref() {
            let parts = [&named.schema_name, &named.table_name];
            let parts = parts.into_iter().flatten().map(Ident::new).collect();
            if let Some(all) = select_all(table(parts, None)) {
                query.body = all.body;
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        if select.flavor == SelectFlavor::FromFirstNoSelect {
            let star = SelectItem::Wildcard(WildcardAdditionalOptions::default());
            select.projection = vec![star];
        }
        select.flavor = SelectFlavor::Standard;
        ControlFlow::Continue(())
    }
}

struct Rest<'a> {
    hints: &'a Hints,
}

impl VisitorMut for Rest<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        fetch(query);
        order::by_position(query);
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        for name in &self.hints.aliases {
            aliases::put_in(select, name);
        }
        duplicates::tell_apart(select, self.hints.name_each);
        subqueries::as_values(select);
        let joins = select.from.iter_mut().flat_map(|from| &mut from.joins);
        let on = joins.filter_map(|join| on(&mut join.join_operator));
        let clauses = [&mut select.selection, &mut select.having, &mut select.qualify];
        on.chain(clauses.into_iter().flatten())
            .for_each(subqueries::in_condition);
        ControlFlow::Continue(())
    }

    fn pre_visit_statement(&mut self, statement: &mut Statement) -> ControlFlow<()> {
        let condition = match statement {
            Statement::Delete(delete) => &mut delete.selection,
            Statement::Update(update) => &mut update.selection,
            _ => return ControlFlow::Continue(()),
        };
        condition.iter_mut().for_each(subqueries::in_condition);
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::Lambda(lambda) => quote_parameters(lambda),
            Expr::Function(_) => {
                if let Some(case) = if_function(expr) {
                    *expr = case;
                }
            }
            Expr::SimilarTo { .. } => similar::translate(expr),
            Expr::Value(_) => numbers::keep_exact(expr),
            Expr::Cast { .. } => casts::keep_length(expr),
            _ => {}
        }
        subqueries::of_tuple(expr);
        ControlFlow::Continue(())
    }

    fn pre_visit_value(&mut self, value: &mut ValueWithSpan) -> ControlFlow<()> {
        // `1_000`: the planner does not know what is there to be read more easily.
        if let Value::Number(digits, _) = &mut value.value {
            digits.retain(|character| character != '_');
        }
        ControlFlow::Continue(())
    }
}

/// A join's condition.
fn on(join: &mut JoinOperator) -> Option<&mut Expr> {
    use JoinOperator as J;
    let (J::Join(constraint)
    | J::Inner(constraint)
    | J::Left(constraint)
    | J::LeftOuter(constraint)
    | J::Right(constraint)
    | J::RightOuter(constraint)
    | J::FullOuter(constraint)
    | J::Semi(constraint)
    | J::LeftSemi(constraint)
    | J::RightSemi(constraint)
    | J::Anti(constraint)
    | J::LeftAnti(constraint)
    | J::RightAnti(constraint)) = join
    else {
        return None;
    };
    match constraint {
        JoinConstraint::On(condition) => Some(condition),
        _ => None,
    }
}

/// `FETCH FIRST n ROWS ONLY` is `LIMIT n`.
fn fetch(query: &mut Query) {
    let Some(Fetch {
        with_ties: false,
        percent: false,
        quantity,
    }) = &query.fetch
    else {
        return;
    };
    let wanted = quantity.clone().unwrap_or_else(|| number(1));
    match &mut query.limit_clause {
        None => {
            query.limit_clause = Some(LimitClause::LimitOffset {
                limit: Some(wanted),
                offset: None,
                limit_by: Vec::new(),
            });
        }
        Some(LimitClause::LimitOffset {
            limit: limit @ None, ..
        }) => *limit = Some(wanted),
        // Both are written: which one is meant is not for us to say.
        Some(_) => return,
    }
    query.fetch = None;
}

/// The planner knows a lambda's parameters in lower case unless they are quoted.
fn quote_parameters(lambda: &mut LambdaFunction) {
    let quote = |name: &mut Ident| name.quote_style = Some('"');
    match &mut lambda.params {
        OneOrManyWithParens::One(parameter) => quote(&mut parameter.name),
        OneOrManyWithParens::Many(parameters) => parameters.iter_mut().for_each(|p| quote(&mut p.name)),
    }
}

/// `IF(condition, a, b)` as a CASE.
fn if_function(expr: &Expr) -> Option<Expr> {
    let Expr::Function(call) = expr else { return None };
    let [name] = call.name.0.as_slice() else {
        return None;
    };
    if !name.as_ident()?.value.eq_ignore_ascii_case("if") || call.over.is_some() {
        return None;
    }
    let FunctionArguments::List(list) = &call.args else {
        return None;
    };
    let argument = |argument: &FunctionArg| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
        _ => None,
    };
    let arguments: Vec<Expr> = list.args.iter().map(argument).collect::<Option<_>>()?;
    let [condition, result, otherwise] = <[Expr; 3]>::try_from(arguments).ok()?;
    Some(case(vec![(condition, result)], otherwise))
}

/// `name(arguments)`.
pub(super) fn call(name: &str, arguments: Vec<Expr>) -> Expr {
    let argument = |expr| FunctionArg::Unnamed(FunctionArgExpr::Expr(expr));
    Expr::Function(Function {
        name: ObjectName(vec![ObjectNamePart::Identifier(Ident::new(name))]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: arguments.into_iter().map(argument).collect(),
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

fn case(whens: Vec<(Expr, Expr)>, otherwise: Expr) -> Expr {
    Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: whens
            .into_iter()
            .map(|(condition, result)| CaseWhen { condition, result })
            .collect(),
        else_result: Some(Box::new(otherwise)),
    }
}

pub(super) fn number(value: usize) -> Expr {
    Expr::value(Value::Number(value.to_string(), false))
}
