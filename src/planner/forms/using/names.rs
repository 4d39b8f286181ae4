//! Names of merged columns: where in a SELECT they stand, and what is written for them.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Distinct, Expr, Ident, Query, Select, SelectItem, TableAlias, TableFactor, VisitMut, VisitorMut,
};

use super::super::call;
use super::side::Merged;

/// Whether a column may be called `name` where it is declared as `declared`.
pub(super) fn same(declared: &Ident, name: &Ident) -> bool {
    match name.quote_style.or(declared.quote_style) {
        Some(_) => declared.value == name.value,
        None => declared.value.eq_ignore_ascii_case(&name.value),
    }
}

/// `table.name`.
pub(super) fn column(table: &[Ident], name: &Ident) -> Expr {
    let parts = table.iter().chain([name]);
    Expr::CompoundIdentifier(parts.cloned().collect())
}

/// The only column, or `coalesce` of several.
pub(super) fn first_of(columns: &[Expr]) -> Expr {
    if let [only] = columns {
        return only.clone();
    }
    call("coalesce", columns.to_vec())
}

/// What the columns of `factor` are named with.
pub(super) fn qualifier(factor: &TableFactor) -> Option<Vec<Ident>> {
    let alias = match factor {
        TableFactor::Table { alias, .. }
        | TableFactor::Derived { alias, .. }
        | TableFactor::TableFunction { alias, .. }
        | TableFactor::Function { alias, .. }
        | TableFactor::UNNEST { alias, .. }
        | TableFactor::Pivot { alias, .. }
        | TableFactor::Unpivot { alias, .. } => alias.as_ref(),
        _ => None,
    };
    match (alias, factor) {
        (Some(alias), _) => Some(vec![alias.name.clone()]),
        (None, TableFactor::Table { name, args: None, .. }) => {
            name.0.iter().map(|part| part.as_ident().cloned()).collect()
        }
        _ => None,
    }
}

pub(super) fn alias(name: String) -> TableAlias {
    TableAlias {
        explicit: true,
        name: Ident::with_quote('"', name),
        columns: Vec::new(),
        at: None,
    }
}

/// What the columns of a SELECT are called.
pub(super) struct Called {
    names: Vec<Ident>,
    has_star: bool,
}

impl Called {
    /// Whether a column is, or may be, called so.
    pub(super) fn has(&self, name: &Ident) -> bool {
        self.has_star || self.names.iter().any(|called| same(called, name))
    }
}

pub(super) fn called(select: &Select) -> Called {
    let mut called = Called {
        names: Vec::new(),
        has_star: false,
    };
    for item in &select.projection {
        match item {
            SelectItem::UnnamedExpr(Expr::Identifier(name))
            | SelectItem::ExprWithAlias { alias: name, .. } => {
                called.names.push(name.clone());
            }
            SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => {
                called.names.extend(parts.last().cloned());
            }
            SelectItem::UnnamedExpr(_) => {}
            _ => called.has_star = true,
        }
    }
    called
}

/// Puts the columns of `merged` in the place of their names.
pub(super) fn put_into(select: &mut Select, merged: &[Merged]) {
    let aliases: Vec<Ident> = select.projection.iter().filter_map(alias_of).cloned().collect();
    // Behind the columns their own names come first.
    let unnamed: Vec<Merged> = merged
        .iter()
        .filter(|merged| !aliases.iter().any(|alias| same(alias, &merged.name)))
        .cloned()
        .collect();
    let mut all = PutIn::new(merged);
    for item in &mut select.projection {
        all.put_into_item(item);
    }
    if let Some(Distinct::On(keys)) = &mut select.distinct {
        keys.iter_mut().for_each(|key| all.visit(key));
    }
    if let Some(condition) = &mut select.selection {
        all.visit(condition);
    }
    all.visit(&mut select.group_by);
    all.visit(&mut select.named_window);
    for condition in [&mut select.having, &mut select.qualify].into_iter().flatten() {
        PutIn::new(&unnamed).visit(condition);
    }
}

fn alias_of(item: &SelectItem) -> Option<&Ident> {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(alias),
        _ => None,
    }
}

/// Puts columns in the place of their names in an expression.
pub(super) struct PutIn<'a> {
    merged: &'a [Merged],
    /// In how many queries of the expression the visitor is: they have names of their own.
    inside: usize,
}

impl<'a> PutIn<'a> {
    pub(super) fn new(merged: &'a [Merged]) -> Self {
        Self { merged, inside: 0 }
    }

    pub(super) fn visit(&mut self, part: &mut impl VisitMut) {
        let _: ControlFlow<()> = part.visit(self);
    }

    /// The column keeps its name.
    fn put_into_item(&mut self, item: &mut SelectItem) {
        if let SelectItem::UnnamedExpr(Expr::Identifier(name)) = item
            && let Some(merged) = self.merged.iter().find(|merged| same(&merged.name, name))
        {
            *item = match merged.columns.as_slice() {
                [only] => SelectItem::UnnamedExpr(only.clone()),
                several => SelectItem::ExprWithAlias {
                    expr: first_of(several),
                    alias: Ident::with_quote('"', merged.name.value.clone()),
                },
            };
            return;
        }
        self.visit(item);
    }
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
            && let Some(merged) = self.merged.iter().find(|merged| same(&merged.name, name))
        {
            *expr = merged.value();
        }
        ControlFlow::Continue(())
    }
}
