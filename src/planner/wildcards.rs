//! `t.*` over `FROM zone.t`: a star takes its table's whole name, which is what the planner looks for.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as Standard;
use sqlparser::ast::{
    ObjectName, Select, SelectItem, SelectItemQualifiedWildcardKind, TableFactor, VisitMut, VisitorMut,
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
