//! What a call says besides its arguments: `DISTINCT`, `FILTER`, `ORDER BY`, `OVER`, `IGNORE NULLS`, `WITHIN
//! GROUP`. The planner reads it of every function, and leaves it out where the function has no use for it.

use std::ops::ControlFlow;

use datafusion::execution::SessionState;
use datafusion::sql::parser::Statement as Standard;
use sqlparser::ast::{
    DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause,
    FunctionArgumentList, FunctionArguments, Spanned, Visit, Visitor, WindowType,
};

use crate::error::{Code, Error, Result};
use crate::functions::cleaning;
use crate::syntax::Piece;

/// How aggregate functions begin that leave `DISTINCT` out; the others do it, or refuse it themselves.
const WITHOUT_DISTINCT: &[&str] = &[
    "approx_percentile_cont",
    "arg_max",
    "arg_min",
    "argmax",
    "argmin",
    "corr",
    "covar",
    "max_by",
    "min_by",
    "nth_value",
    "regr_",
];

/// Window functions that pass over NULLs if they are told to.
const PASSING_NULLS: &[&str] = &["lag", "lead", "first_value", "last_value", "nth_value"];

/// Checks the calls of a statement.
///
/// # Errors
/// [`Code::InvalidStatement`] and [`Code::Unsupported`] at the function's name.
pub(super) fn check(statement: &Standard, state: &SessionState, piece: &Piece) -> Result<()> {
    match statement {
        Standard::Statement(inner) => checked(inner.as_ref(), state, piece),
        Standard::Explain(explain) => check(&explain.statement, state, piece),
        _ => Ok(()),
    }
}

/// Checks the calls of an expression.
///
/// # Errors
/// As [`check`].
pub(super) fn check_expression(expr: &Expr, state: &SessionState, piece: &Piece) -> Result<()> {
    checked(expr, state, piece)
}

fn checked(part: &impl Visit, state: &SessionState, piece: &Piece) -> Result<()> {
    match part.visit(&mut Calls { state }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break((error, span)) => Err(error.at(piece.locate(span))),
    }
}

struct Calls<'a> {
    state: &'a SessionState,
}

impl Visitor for Calls<'_> {
    type Break = (Error, sqlparser::tokenizer::Span);

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Self::Break> {
        let Expr::Function(call) = expr else {
            return ControlFlow::Continue(());
        };
        match self.call(call) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break((error, call.name.span())),
        }
    }
}

impl Calls<'_> {
    fn call(&self, call: &Function) -> Result<()> {
        let [part] = call.name.0.as_slice() else {
            return Ok(());
        };
        let Some(name) = part.as_ident() else {
            return Ok(());
        };
        let name = match name.quote_style {
            Some(_) => name.value.clone(),
            None => name.value.to_lowercase(),
        };
        let said = Said::of(call);
        let aggregate = self.state.aggregate_functions().get(&name);
        let is_window = self.state.window_functions().contains_key(&name);
        if self.is_of_rows(&name) {
            return said.nothing(&name, call.over.is_some());
        }
        match (aggregate, call.over.is_some()) {
            (_, true) if is_window && (aggregate.is_none() || PASSING_NULLS.contains(&name.as_str())) => {
                if said.frame && self.cleans(&name) {
                    return Err(takes_no(&name, "frame"));
                }
                said.of_window(&name)
            }
            (Some(function), is_over) => {
                if is_over && said.nulls && !function.supports_null_handling_clause() {
                    return Err(takes_no(&name, "IGNORE NULLS or RESPECT NULLS"));
                }
                said.of_aggregate(&name)
            }
            _ => Ok(()),
        }
    }

    /// Whether it is a window function that looks at the whole partition, or at the rows in their order.
    fn cleans(&self, name: &str) -> bool {
        let function = self.state.window_functions().get(name);
        function.is_some_and(|function| cleaning(function).is_some())
    }

    /// Whether it is a function of a row's values, however it is called.
    fn is_of_rows(&self, name: &str) -> bool {
        self.state.scalar_functions().contains_key(name)
            || self.state.higher_order_functions().contains_key(name)
            || matches!(name, "if" | "unnest" | "unnest_outer")
    }
}

/// What a call says besides its arguments.
struct Said {
    duplicates: Option<DuplicateTreatment>,
    filter: bool,
    within_group: bool,
    nulls: bool,
    order_by: bool,
    frame: bool,
    of_all_columns: bool,
}

impl Said {
    fn of(call: &Function) -> Self {
        let list: Option<&FunctionArgumentList> = match &call.args {
            FunctionArguments::List(list) => Some(list),
            _ => None,
        };
        let has = |wanted: fn(&FunctionArgumentClause) -> bool| {
            list.is_some_and(|list| list.clauses.iter().any(wanted))
        };
        let is_star = |argument: &FunctionArg| {
            matches!(
                argument,
                FunctionArg::Unnamed(FunctionArgExpr::Wildcard | FunctionArgExpr::QualifiedWildcard(_))
            )
        };
        Self {
            duplicates: list.and_then(|list| list.duplicate_treatment),
            filter: call.filter.is_some(),
            within_group: !call.within_group.is_empty(),
            nulls: call.null_treatment.is_some()
                || has(|clause| matches!(clause, FunctionArgumentClause::IgnoreOrRespectNulls(_))),
            order_by: has(|clause| matches!(clause, FunctionArgumentClause::OrderBy(_))),
            frame: matches!(&call.over, Some(WindowType::WindowSpec(spec)) if spec.window_frame.is_some()),
            of_all_columns: list.is_some_and(|list| list.args.iter().any(is_star)),
        }
    }

    /// Of a function of a row's values nothing can be said.
    fn nothing(&self, name: &str, is_over: bool) -> Result<()> {
        let said = match self.duplicates {
            Some(DuplicateTreatment::Distinct) => Some("DISTINCT"),
            Some(DuplicateTreatment::All) => Some("ALL"),
            None if self.filter => Some("FILTER"),
            None if self.within_group => Some("WITHIN GROUP"),
            None if self.nulls => Some("IGNORE NULLS or RESPECT NULLS"),
            None if self.order_by => Some("ORDER BY"),
            None if is_over => Some("OVER"),
            None => None,
        };
        match said {
            Some(what) => Err(takes_no(name, what)),
            None => Ok(()),
        }
    }

    fn of_window(&self, name: &str) -> Result<()> {
        if self.duplicates.is_some() {
            return Err(takes_no(name, "DISTINCT or ALL"));
        }
        if self.nulls && !PASSING_NULLS.contains(&name) {
            return Err(takes_no(name, "IGNORE NULLS or RESPECT NULLS"));
        }
        Ok(())
    }

    fn of_aggregate(&self, name: &str) -> Result<()> {
        if self.duplicates != Some(DuplicateTreatment::Distinct) {
            return Ok(());
        }
        if self.of_all_columns {
            let hint = format!("{name}(*) over (SELECT DISTINCT * FROM …) does it");
            return Err(unsupported(&format!("{name} of DISTINCT *"), &hint));
        }
        if WITHOUT_DISTINCT.iter().any(|start| name.starts_with(start)) {
            let hint = format!("select the distinct rows in a subquery and apply {name} to them");
            return Err(unsupported(&format!("{name} with DISTINCT"), &hint));
        }
        Ok(())
    }
}

fn takes_no(name: &str, what: &str) -> Error {
    Error::new(Code::InvalidStatement, format!("{name} takes no {what}"))
        .with_hint("leave it out: it would have no effect on this function")
}

fn unsupported(what: &str, hint: &str) -> Error {
    Error::new(Code::Unsupported, format!("{what} is not supported")).with_hint(hint)
}
