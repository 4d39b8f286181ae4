//! Managed tables: their columns are the log's, so a change of them is a commit.

use super::Altering;
use crate::definition::{Column, ManagedTable, arrow_type};
use crate::engine::outcome::Done;
use crate::engine::tables::managed_table;
use crate::error::{Code, Error, Result};
use crate::syntax::AlterAction;

impl Altering<'_> {
    pub(super) async fn managed(self, table: &ManagedTable, action: AlterAction) -> Result<Done> {
        if let AlterAction::AddCheck(check) = &action {
            return self.add_check(table, check).await;
        }
        let AlterAction::AddColumn {
            column,
            if_not_exists,
        } = action
        else {
            return Err(Error::new(
                Code::Unsupported,
                "the columns of a managed table cannot be renamed: its files bear their names",
            )
            .with_hint("CREATE OR REPLACE TABLE … AS SELECT writes them anew")
            .at(self.piece.start()));
        };
        let place = || self.piece.locate(column.span);
        let pins = self.session.pins();
        let (lake, zone) = (self.session.lake(), &self.target.zone);
        let provider = managed_table(lake, &pins, zone, &self.definition, table).await?;
        let lower = column.name.to_lowercase();
        let fields = provider.snapshot().schema().fields();
        if let Some(known) = fields.iter().find(|field| field.name().to_lowercase() == lower) {
            if if_not_exists {
                return Ok(Done::new(format!(
                    "column {} exists already: nothing was done",
                    known.name()
                )));
            }
            let message = format!(
                "table '{}' has a column '{}' already",
                provider.name(),
                known.name()
            );
            return Err(Error::new(Code::DuplicateColumn, message).at(place()));
        }
        if column.not_null {
            let message = format!(
                "column '{}' would be NULL in the rows that are there",
                column.name
            );
            return Err(Error::new(Code::NotNull, message)
                .with_hint("add it without NOT NULL")
                .at(place()));
        }
        if let Some(length) = column.length_check() {
            let message = format!("column '{}' cannot be added with a length", column.name);
            return Err(Error::new(Code::Unsupported, message)
                .with_hint(format!(
                    "add it without, then ADD CONSTRAINT … CHECK ({})",
                    length.expression
                ))
                .at(place()));
        }
        let data_type = match &column.data_type {
            Some(data_type) => arrow_type(data_type).map_err(|e| e.at(place()))?,
            None => return Err(Error::new(Code::Syntax, "a new column needs a type").at(place())),
        };
        let new = Column {
            comment: column.comment.clone(),
            ..Column::new(&column.name, data_type)
        };
        let change = provider.snapshot().with_column(&new).map_err(|e| e.at(place()))?;
        let (log, snapshot) = (provider.log(), provider.snapshot());
        log.commit(provider.name(), snapshot, &change).await?;
        Ok(Done::new(format!("altered {}", provider.name())))
    }
}
