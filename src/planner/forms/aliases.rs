//! `SELECT a + 1 AS x, x * 2 … WHERE x > 3`: an alias used in the SELECT that makes it stands for its
//! expression, unless a table has a column of that name.

use std::ops::ControlFlow;

use sqlparser::ast::{Expr, Query, Select, SelectItem, VisitMut, VisitorMut};

/// Puts the expression called `name` in its place: in the columns behind it, and in WHERE and QUALIFY.
pub(super) fn put_in(select: &mut Select, name: &str) {
    let made = select
        .projection
        .iter()
        .enumerate()
        .find_map(|(at, item)| match item {
            SelectItem::ExprWithAlias { expr, alias } if alias.value.eq_ignore_ascii_case(name) => {
                Some((at, expr.clone()))
            }
            _ => None,
        });
    let Some((at, expr)) = made else { return };
    let mut visitor = PutIn {
        name,
        expr: Expr::Nested(Box::new(expr)),
        inside: 0,
    };
    for item in select.projection.iter_mut().skip(at + 1) {
        if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
            let _: ControlFlow<()> = expr.visit(&mut visitor);
        }
    }
    for clause in [&mut select.selection, &mut select.qualify].into_iter().flatten() {
        let _: ControlFlow<()> = clause.visit(&mut visitor);
    }
}

struct PutIn<'a> {
    name: &'a str,
    expr: Expr,
    /// In how many queries of the expression the visitor is: they have names of their own.
    inside: usize,
}

impl VisitorMut for PutIn<'_> {
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
        if let Expr::Identifier(name) = expr
            && self.inside == 0
            && name.value.eq_ignore_ascii_case(self.name)
        {
            *expr = self.expr.clone();
        }
        ControlFlow::Continue(())
    }
}
