//! External tables: the definition changes, no file does.

use sqlparser::ast::Ident;

use super::Altering;
use crate::definition::{Column, ExternalTable, TableKind, arrow_type};
use crate::engine::outcome::Done;
use crate::engine::tables;
use crate::error::{Code, Error, Result, did_you_mean};
use crate::syntax::{AlterAction, ColumnSpec};

impl Altering<'_> {
    pub(super) async fn external(mut self, table: ExternalTable, action: AlterAction) -> Result<Done> {
        // A definition without columns gets those of its files now: what is changed must be written down.
        let mut table = tables::with_columns(
            self.session.lake(),
            self.session.config(),
            &self.target.zone,
            &self.target.full_name(),
            table,
        )
        .await?;
        match action {
            AlterAction::AddColumn {
                column,
                if_not_exists,
            } => {
                if find(&table, &column.name).is_some() {
                    return if if_not_exists {
                        let message = format!(
                            "{} has column '{}': nothing was done",
                            self.target.full_name(),
                            column.name
                        );
                        Ok(Done::new(message))
                    } else {
                        Err(self.duplicate(&column.name).at(self.piece.locate(column.span)))
                    };
                }
                table.columns.push(self.new_column(&column)?);
            }
            AlterAction::RenameColumn { from, to } => {
                let mut rules = self.definition.rules.iter();
                if let Some(rule) = rules.find(|rule| rule.mentions(&from.value)) {
                    let message = format!("column '{}' is in rule '{}'", from.value, rule.name);
                    return Err(Error::new(Code::InvalidStatement, message)
                        .with_hint("drop the rule, rename the column, and add the rule anew")
                        .at(self.piece.locate(from.span)));
                }
                self.rename_column(&mut table, &from, to)?;
            }
            AlterAction::AddCheck(_) => {
                return Err(Error::new(Code::Unsupported, "only a managed table has CHECK")
                    .with_hint("CONSTRAINT … EXPECT (…) is a rule, which CHECK TABLE checks")
                    .at(self.piece.start()));
            }
            AlterAction::RenameTo(_)
            | AlterAction::Set(_)
            | AlterAction::AddRule(_)
            | AlterAction::DropConstraint { .. } => {
                return Err(Error::new(
                    Code::Internal,
                    "this action is not one of a kind of table",
                ));
            }
        }
        self.definition.kind = TableKind::External(table);
        self.publish("altered")
    }

    /// Files that are there do not have it, so that it must take NULL.
    fn new_column(&self, spec: &ColumnSpec) -> Result<Column> {
        let place = || self.piece.locate(spec.span);
        if spec.not_null {
            let message = format!("column '{}' cannot be NOT NULL", spec.name);
            return Err(Error::new(Code::Unsupported, message)
                .with_hint("it is NULL in the files that are there already")
                .at(place()));
        }
        let Some(data_type) = &spec.data_type else {
            return Err(Error::new(Code::Syntax, format!("column '{}' needs a type", spec.name)).at(place()));
        };
        let data_type = arrow_type(data_type).map_err(|e| e.at(place()))?;
        Ok(Column {
            comment: spec.comment.clone(),
            source: spec.source.clone(),
            ..Column::new(&spec.name, data_type)
        })
    }

    /// The files keep the name that they have: the column remembers it.
    fn rename_column(&self, table: &mut ExternalTable, from: &Ident, to: Ident) -> Result<()> {
        let Some(position) = find(table, &from.value) else {
            let names = table.all_columns().map(|column| column.name.as_str());
            let message = format!(
                "column '{}' of table '{}' not found",
                from.value,
                self.target.full_name()
            );
            return Err(Error::new(Code::UndefinedColumn, message)
                .with_hint_if(did_you_mean(&from.value, names))
                .at(self.piece.locate(from.span)));
        };
        if find(table, &to.value).is_some_and(|other| other != position) {
            return Err(self.duplicate(&to.value).at(self.piece.locate(to.span)));
        }
        let first_partition = table.columns.len();
        let column = match position.checked_sub(first_partition) {
            None => &mut table.columns[position],
            Some(partition) => &mut table.partition_columns[partition],
        };
        let old = std::mem::replace(&mut column.name, to.value);
        let in_files = column.source.take().unwrap_or(old);
        column.source = (in_files != column.name).then_some(in_files);
        Ok(())
    }

    fn duplicate(&self, name: &str) -> Error {
        let message = format!(
            "table '{}' has a column '{name}' already",
            self.target.full_name()
        );
        Error::new(Code::DuplicateColumn, message).with_hint("names are distinct in any case")
    }
}

/// The position of a column among all: the one of that name, else the one that differs in case alone.
fn find(table: &ExternalTable, name: &str) -> Option<usize> {
    let exact = table.all_columns().position(|column| column.name == name);
    let lower = name.to_lowercase();
    exact.or_else(|| {
        let mut columns = table.all_columns();
        columns.position(|column| column.name.to_lowercase() == lower)
    })
}
