//! Names that the planner misses without saying what there is instead: fields of structs, and columns
//! of an outer query. They are looked for among the columns and fields of the statement's tables, and
//! among what it calls those.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use arrow::datatypes::{DataType, Fields};
use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::sql::parser::Statement as Standard;
use sqlparser::ast::{TableFactor, Visit, Visitor};

use super::names::place;
use super::relations::spell_out;
use crate::syntax::{Piece, Statement};

/// The statement with the missed names spelled as its tables spell them, if `error` is about names and
/// each has one spelling.
pub(super) async fn respell(state: &SessionState, piece: &Piece, error: &DataFusionError) -> Option<Piece> {
    let missed = missed(error)?;
    let mut statement = Statement::parse(piece).ok()?.into_planned()?;
    spell_out(&mut statement);
    let known = Known::of(state, &statement).await;
    let mut respelled = piece.clone();
    let mut changed = false;
    for name in &missed {
        if let Some(spelling) = known.spelling(name) {
            changed |= respelled.respell(place(error), name, spelling);
        }
    }
    changed.then_some(respelled)
}

/// The parts of the name that `error` is about.
fn missed(error: &DataFusionError) -> Option<Vec<String>> {
    match error.find_root() {
        DataFusionError::SchemaError(error, _) => match error.as_ref() {
            SchemaError::FieldNotFound { field, .. } => {
                let relation = field.relation.iter().flat_map(|relation| {
                    let parts = [relation.catalog(), relation.schema(), Some(relation.table())];
                    parts.into_iter().flatten().map(str::to_owned).collect::<Vec<_>>()
                });
                Some(relation.chain([field.name.clone()]).collect())
            }
            _ => None,
        },
        DataFusionError::Plan(message) => {
            let name = message
                .strip_prefix("Field ")?
                .strip_suffix(" not found in struct")?;
            Some(vec![name.to_owned()])
        }
        _ => None,
    }
}

/// Every spelling of a name, by the name in lower case.
#[derive(Default)]
struct Known(BTreeMap<String, BTreeSet<String>>);

impl Known {
    async fn of(state: &SessionState, statement: &Standard) -> Self {
        let mut known = Self::default();
        if let Standard::Statement(statement) = statement {
            let _: ControlFlow<()> = statement.visit(&mut known);
        }
        for reference in state.resolve_table_references(statement).unwrap_or_default() {
            let table = reference.table().to_owned();
            if let Ok(schema) = state.schema_for_ref(reference)
                && let Ok(Some(table)) = schema.table(&table).await
            {
                known.add(table.schema().fields());
            }
        }
        known
    }

    fn add_name(&mut self, name: &str) {
        let spellings = self.0.entry(name.to_lowercase()).or_default();
        spellings.insert(name.to_owned());
    }

    fn add(&mut self, fields: &Fields) {
        for field in fields {
            self.add_name(field.name());
            self.add_inner(field.data_type());
        }
    }

    fn add_inner(&mut self, data_type: &DataType) {
        match data_type {
            DataType::Struct(fields) => self.add(fields),
            DataType::List(item) => self.add_inner(item.data_type()),
            _ => {}
        }
    }

    /// The one spelling of `name`, if it is another.
    fn spelling(&self, name: &str) -> Option<&str> {
        let mut spellings = self.0.get(&name.to_lowercase())?.iter();
        match (spellings.next(), spellings.next()) {
            (Some(only), None) if only != name => Some(only),
            _ => None,
        }
    }
}

/// Collects what tables are called.
impl Visitor for Known {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        match factor {
            TableFactor::Table {
                alias: Some(alias), ..
            }
            | TableFactor::Derived {
                alias: Some(alias), ..
            } => {
                self.add_name(&alias.name.value);
            }
            TableFactor::Table { name, .. } => {
                let parts = name.0.iter().filter_map(|part| part.as_ident());
                parts.for_each(|part| self.add_name(&part.value));
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}
