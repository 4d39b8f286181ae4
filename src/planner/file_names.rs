//! `FROM 'path'`: a text in a table's place names files. It becomes a table of the schema
//! [`FILES`](crate::catalog::FILES), called, unless the statement calls it otherwise, as the file is without its ending.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as Standard;
use sqlparser::ast::{
    Ident, ObjectName, ObjectNamePart, Query, TableAlias, TableFactor, VisitMut, VisitorMut,
};

use crate::catalog::FILES;

/// Spells out the files that `statement` names.
pub(super) fn spell_out(statement: &mut Standard) {
    match statement {
        Standard::Statement(inner) => {
            let _: ControlFlow<()> = inner.visit(&mut Files);
        }
        Standard::Explain(explain) => spell_out(&mut explain.statement),
        _ => {}
    }
}

/// Spells out the files that `query` names.
pub(super) fn spell_out_in(query: &mut Query) {
    let _: ControlFlow<()> = query.visit(&mut Files);
}

struct Files;

impl VisitorMut for Files {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        let TableFactor::Table {
            name,
            alias,
            args: None,
            ..
        } = factor
        else {
            return ControlFlow::Continue(());
        };
        let [ObjectNamePart::Identifier(path)] = name.0.as_slice() else {
            return ControlFlow::Continue(());
        };
        if path.quote_style != Some('\'') {
            return ControlFlow::Continue(());
        }
        let path = path.clone();
        if alias.is_none()
            && let Some(stem) = stem(&path.value)
        {
            *alias = Some(TableAlias {
                explicit: true,
                name: Ident::with_quote_and_span('"', path.span, stem),
                columns: Vec::new(),
                at: None,
            });
        }
        let schema = Ident::with_quote_and_span('"', path.span, FILES);
        let table = Ident {
            quote_style: Some('"'),
            ..path
        };
        *name = ObjectName::from(vec![schema, table]);
        ControlFlow::Continue(())
    }
}

/// `events` of `data/events.csv.gz`; nothing for a pattern.
fn stem(path: &str) -> Option<&str> {
    let name = path.trim_end_matches('/').rsplit('/').next()?;
    let stem = name.split('.').next()?;
    (!stem.is_empty() && !name.contains(['*', '?', '['])).then_some(stem)
}
