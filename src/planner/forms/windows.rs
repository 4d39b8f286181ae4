//! Named windows: `OVER w`, `OVER (w ORDER BY …)`, `WINDOW v AS (w ORDER BY …)` written out.
//!
//! The planner knows `OVER w` among the columns alone, and a window that extends another as what it adds.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, Ident, NamedWindowDefinition, NamedWindowExpr, OrderBy, OrderByKind, Query, Select, SetExpr,
    VisitMut, VisitorMut, WindowSpec, WindowType,
};

use crate::error::{Code, Error};
use crate::syntax::Piece;

/// Writes the named windows of a statement where they are used.
pub(super) struct Windows<'a> {
    pub(super) piece: &'a Piece,
}

impl VisitorMut for Windows<'_> {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        match query.body.as_mut() {
            SetExpr::Select(select) => self.select(select, query.order_by.as_mut()),
            body => self.set_operation(body),
        }
    }
}

impl Windows<'_> {
    fn set_operation(&self, body: &mut SetExpr) -> ControlFlow<Error> {
        match body {
            SetExpr::Select(select) => self.select(select, None),
            SetExpr::SetOperation { left, right, .. } => {
                self.set_operation(left)?;
                self.set_operation(right)
            }
            _ => ControlFlow::Continue(()),
        }
    }

    fn select(&self, select: &mut Select, order_by: Option<&mut OrderBy>) -> ControlFlow<Error> {
        let mut known = Known {
            piece: self.piece,
            windows: Vec::new(),
            inside: 0,
        };
        for NamedWindowDefinition(name, window) in &mut select.named_window {
            let spec = match window {
                NamedWindowExpr::NamedWindow(other) => known.find(other)?.clone(),
                NamedWindowExpr::WindowSpec(spec) => {
                    known.extend(spec)?;
                    spec.clone()
                }
            };
            known.windows.push((name.clone(), spec));
        }
        select.projection.visit(&mut known)?;
        select.qualify.visit(&mut known)?;
        if let Some(OrderBy {
            kind: OrderByKind::Expressions(keys),
            ..
        }) = order_by
        {
            keys.visit(&mut known)?;
        }
        ControlFlow::Continue(())
    }
}

/// The windows that a SELECT has named.
struct Known<'a> {
    piece: &'a Piece,
    windows: Vec<(Ident, WindowSpec)>,
    /// In how many queries of an expression the visitor is: they have windows of their own.
    inside: usize,
}

impl Known<'_> {
    fn find(&self, name: &Ident) -> ControlFlow<Error, &WindowSpec> {
        let is_meant = |known: &Ident| match name.quote_style {
            Some(_) => known.value == name.value,
            None => known.value.eq_ignore_ascii_case(&name.value),
        };
        match self.windows.iter().find(|(known, _)| is_meant(known)) {
            Some((_, spec)) => ControlFlow::Continue(spec),
            None => self.wrong(
                name,
                format!("window '{name}' is not defined"),
                "define it, before it is used, with WINDOW … AS (…)",
            ),
        }
    }

    /// Puts what the window that `spec` extends says into it.
    fn extend(&self, spec: &mut WindowSpec) -> ControlFlow<Error> {
        let Some(name) = spec.window_name.clone() else {
            return ControlFlow::Continue(());
        };
        let extended = self.find(&name)?;
        let excess = if !spec.partition_by.is_empty() {
            Some("PARTITION BY")
        } else if !spec.order_by.is_empty() && !extended.order_by.is_empty() {
            Some("second ORDER BY")
        } else {
            None
        };
        if let Some(excess) = excess {
            let message = format!("a window that extends '{name}' cannot have a {excess}");
            return self.wrong(&name, message, "write the whole window in the parentheses");
        }
        if extended.window_frame.is_some() {
            let message = format!("window '{name}' has a frame, and cannot be extended");
            return self.wrong(
                &name,
                message,
                "write OVER with its name alone, or the whole window",
            );
        }
        spec.partition_by.clone_from(&extended.partition_by);
        if spec.order_by.is_empty() {
            spec.order_by.clone_from(&extended.order_by);
        }
        spec.window_name = None;
        ControlFlow::Continue(())
    }

    fn wrong<T>(&self, name: &Ident, message: String, hint: &str) -> ControlFlow<Error, T> {
        let error = Error::new(Code::InvalidStatement, message).with_hint(hint);
        ControlFlow::Break(error.at(self.piece.locate(name.span)))
    }
}

impl VisitorMut for Known<'_> {
    type Break = Error;

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<Error> {
        self.inside += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<Error> {
        self.inside -= 1;
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        if let Expr::Function(call) = expr
            && self.inside == 0
        {
            match &mut call.over {
                Some(WindowType::WindowSpec(spec)) => self.extend(spec)?,
                Some(WindowType::NamedWindow(name)) => {
                    let spec = self.find(name)?.clone();
                    call.over = Some(WindowType::WindowSpec(spec));
                }
                None => {}
            }
        }
        ControlFlow::Continue(())
    }
}
