//! `t.*` over `FROM zone.t`: a star takes its table's whole name, which is what the planner looks for. `* REPLACE
//! (… AS c)` without a column `c`, which the planner passes over, is found out.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as Standard;
use sqlparser::ast::{
    ExcludeSelectItem, Expr, Ident, ObjectName, ObjectNamePart, Select, SelectItem,
    SelectItemQualifiedWildcardKind, TableFactor, Value, VisitMut, VisitorMut, WildcardAdditionalOptions,
};

/// Spells out the stars of `statement`.
pub(super) fn qualify(statement: &mut Standard) {
    match statement {
        Standard::Statement(inner) => {
            let _: ControlFlow<()> = inner.visit(&mut Qualify);
        }
        Standard::Explain(explain) => qualify(&mut explain.statement),
        _ => {}
    }
}

struct Qualify;

impl VisitorMut for Qualify {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        let mut stars = select.projection.iter_mut().filter_map(|item| match item {
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => Some(name),
            _ => None,
        });
        if let Some(first) = stars.next() {
            let factors = select.from.iter().flat_map(|from| {
                std::iter::once(&from.relation).chain(from.joins.iter().map(|j| &j.relation))
            });
            let factors: Vec<&TableFactor> = factors.collect();
            for star in std::iter::once(first).chain(stars) {
                if let Some(whole) = whole_name(star, &factors) {
                    *star = whole.clone();
                }
            }
        }
        ControlFlow::Continue(())
    }
}

/// The name of the one table that ends in `star`, unless something is called exactly so.
fn whole_name<'a>(star: &ObjectName, factors: &[&'a TableFactor]) -> Option<&'a ObjectName> {
    let wanted = parts(star);
    let mut found = None;
    for factor in factors {
        let TableFactor::Table { name, alias, .. } = factor else {
            continue;
        };
        let known = match alias {
            Some(alias) => vec![alias.name.value.to_lowercase()],
            None => parts(name),
        };
        if known == wanted || (known.ends_with(&wanted) && found.is_some()) {
            return None;
        }
        if known.ends_with(&wanted) {
            found = Some(name);
        }
    }
    found
}

fn parts(name: &ObjectName) -> Vec<String> {
    let parts = name.0.iter().filter_map(|part| part.as_ident());
    parts.map(|part| part.value.to_lowercase()).collect()
}

/// The statement with stars that leave out what they replace, which they can only if they have it; and the
/// names of those columns. Nothing if no star replaces any.
pub(super) fn leaving_out(statement: &Standard) -> Option<(Standard, Vec<String>)> {
    let mut visitor = LeaveOut { names: Vec::new() };
    let mut without = statement.clone();
    let mut part = &mut without;
    while let Standard::Explain(explain) = part {
        part = &mut explain.statement;
    }
    let Standard::Statement(inner) = part else {
        return None;
    };
    let _: ControlFlow<()> = inner.visit(&mut visitor);
    (!visitor.names.is_empty()).then_some((without, visitor.names))
}

struct LeaveOut {
    names: Vec<String>,
}

impl VisitorMut for LeaveOut {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        let mut replaced = Vec::new();
        for item in &mut select.projection {
            if let SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options) = item {
                replaced.extend(exclude_replaced(options));
            }
        }
        // Whoever uses the query as a table finds them.
        select
            .projection
            .extend(replaced.iter().map(|column| SelectItem::ExprWithAlias {
                expr: Expr::value(Value::Null),
                alias: column.clone(),
            }));
        self.names.extend(replaced.into_iter().map(|column| column.value));
        ControlFlow::Continue(())
    }
}

fn exclude_replaced(options: &mut WildcardAdditionalOptions) -> Vec<Ident> {
    let Some(replaced) = options.opt_replace.take() else {
        return Vec::new();
    };
    let columns: Vec<Ident> = replaced.items.into_iter().map(|item| item.column_name).collect();
    let mut excluded = match options.opt_exclude.take() {
        Some(ExcludeSelectItem::Single(name)) => vec![name],
        Some(ExcludeSelectItem::Multiple(names)) => names,
        None => Vec::new(),
    };
    let name = |column: &Ident| ObjectName(vec![ObjectNamePart::Identifier(column.clone())]);
    excluded.extend(columns.iter().map(name));
    options.opt_exclude = Some(ExcludeSelectItem::Multiple(excluded));
    columns
}
