//! Managed tables: the log first, the definition last.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::datatypes::Schema;
use uuid::Uuid;

use super::Creation;
use super::columns::declare;
use crate::definition::{Column, ManagedTable, TableDefinition, TableKind};
use crate::engine::outcome::{Body, Done};
use crate::engine::statements::managed::{Held, Passage, load, stage};
use crate::engine::statements::write;
use crate::error::{Code, Error, Result, did_you_mean};
use crate::storage::Staging;
use crate::syntax::{CreateTable, Parameters};
use crate::table::ManagedTableProvider;
use crate::table::managed::{Layouts, LogCheck, NewTable, TableLog, stored_type};

impl Creation<'_> {
    /// A managed table without rows.
    pub(super) async fn managed(&self, table: &CreateTable) -> Result<Body> {
        let mut columns = self.columns(&table.columns)?;
        let partition_columns = self.partition_specs(table, &mut columns)?;
        let plan = self.managed_plan(table, columns, partition_columns)?;
        let rules = self.rules(table, plan.columns.iter()).await?;
        let checks = self.checks(table, plan.columns.iter(), &rules)?;
        let change = plan
            .new_table(table, &checks)
            .change(operation(table, "CREATE TABLE"))?;
        let (location, folder) = self.fresh_folder()?;
        let made = async {
            plan.layouts(folder.clone())?;
            // Until the definition names the folder, others see that somebody is at work in it.
            let _at_work = Staging::new(&folder)?;
            TableLog::new(folder.clone()).create(&change).await?;
            self.publish(table, self.managed_kind(location, &plan), rules)
        };
        self.or_remove(made.await, &folder)?;
        Ok(Body::Done(Done::new(format!(
            "created table {}",
            self.target.full_name()
        ))))
    }

    /// A managed table of a query's rows, which its rules let through.
    pub(super) async fn managed_of_query(
        &self,
        table: &CreateTable,
        parameters: &Parameters,
    ) -> Result<Body> {
        let state = self.session.state();
        let query = self.session.plan(&state, self.piece, parameters).await?;
        let query = self.as_declared(query, &table.columns)?;
        let (query, mut columns, mut partition_columns) = self.arrange(query, &table.partitioned_by)?;
        declare(&table.columns, columns.iter_mut().chain(&mut partition_columns));
        for column in columns.iter_mut().chain(&mut partition_columns) {
            column.data_type = stored_type(&column.data_type);
        }
        let plan = self.managed_plan(table, columns, partition_columns)?;
        let rules = self.rules(table, plan.columns.iter()).await?;
        let checks = self.checks(table, plan.columns.iter(), &rules)?;
        let mut change = plan
            .new_table(table, &checks)
            .change(operation(table, "CREATE TABLE AS SELECT"))?;
        let (location, folder) = self.fresh_folder()?;
        let kind = self.managed_kind(location, &plan);
        let is_open = matches!(&kind, TableKind::Managed(table) if !table.quarantines_cast_errors);
        if is_open && rules.is_empty() && checks.is_empty() {
            let made = async {
                let input = self.session.physical(&state, self.piece, &query).await?;
                let layouts = Arc::new(plan.layouts(folder.clone())?);
                let staged = stage(self.session, &state, self.piece, input, layouts).await?;
                change.load_id = Some(Uuid::new_v4());
                change.add(&staged);
                TableLog::new(folder.clone()).create(&change).await?;
                self.publish(table, kind, rules)?;
                let rows = staged.rows;
                staged.keep();
                Ok(rows)
            };
            let rows = self.or_remove(made.await, &folder)?;
            let message = format!(
                "created table {} ({})",
                self.target.full_name(),
                write::rows(rows)
            );
            return Ok(Body::Done(Done {
                message,
                affected: Some(rows),
            }));
        }
        let made = async {
            plan.layouts(folder.clone())?;
            // Until the definition names the folder, others see that somebody is at work in it.
            let _at_work = Staging::new(&folder)?;
            let log = Arc::new(TableLog::new(folder.clone()));
            log.create(&change).await?;
            let snapshot = log.latest().await?;
            let name = self.target.full_name();
            let provider = ManagedTableProvider::new(name, log, snapshot, plan.sorted_by.clone());
            let definition = TableDefinition {
                rules: rules.clone(),
                ..TableDefinition::new(&self.target.name, kind.clone())
            };
            let passage =
                Passage::open(self.session, &state, self.piece, &provider, &definition, None).await?;
            let answer = load(&passage, &query, Held::Nothing, false).await?;
            self.publish(table, kind, rules)?;
            Ok(answer)
        };
        let answer = self.or_remove(made.await, &folder)?;
        let written = answer.inserted.unwrap_or_default();
        let mut message = format!(
            "created table {} ({}",
            self.target.full_name(),
            write::rows(written)
        );
        for (count, what) in [
            (answer.quarantined, "quarantined"),
            (answer.dropped, "dropped"),
            (answer.warned, "with warnings"),
        ] {
            if count > 0 {
                message.push_str(&format!("; {count} {what}"));
            }
        }
        message.push(')');
        Ok(Body::Done(Done {
            message,
            affected: Some(written),
        }))
    }

    fn managed_plan(
        &self,
        table: &CreateTable,
        columns: Vec<Column>,
        partition_columns: Vec<Column>,
    ) -> Result<Plan> {
        let partitions: Vec<String> = partition_columns
            .iter()
            .map(|column| column.name.clone())
            .collect();
        let all: Vec<Column> = columns.into_iter().chain(partition_columns).collect();
        self.check_managed(&all, partitions.len())?;
        let sorted_by = table.sorted_by.iter().map(|(name, span)| {
            let found = spelled(&all, name).map_err(|e| e.at(self.piece.locate(*span)))?;
            if partitions.contains(&found) {
                return Err(Error::new(
                    Code::InvalidStatement,
                    format!("column '{found}' is a partition column: within a file it has one value"),
                )
                .at(self.piece.locate(*span)));
            }
            Ok(found)
        });
        Ok(Plan {
            sorted_by: sorted_by.collect::<Result<_>>()?,
            columns: all,
            partitions,
        })
    }

    fn managed_kind(&self, location: String, plan: &Plan) -> TableKind {
        TableKind::Managed(ManagedTable {
            location,
            sorted_by: plan.sorted_by.clone(),
            quarantines_cast_errors: self.properties.on_cast_error.is_some_and(|(on, _)| on),
        })
    }

    fn or_remove<T>(&self, made: Result<T>, folder: &PathBuf) -> Result<T> {
        if made.is_err() {
            // Nothing names the folder: what cannot be removed of it is in nobody's way.
            let _ = std::fs::remove_dir_all(folder);
        }
        made
    }
}

fn operation(table: &CreateTable, plain: &'static str) -> &'static str {
    match (table.or_replace, plain) {
        (true, "CREATE TABLE") => "CREATE OR REPLACE TABLE",
        (true, _) => "CREATE OR REPLACE TABLE AS SELECT",
        (false, plain) => plain,
    }
}

/// A managed table, as it is going to be.
struct Plan {
    columns: Vec<Column>,
    partitions: Vec<String>,
    sorted_by: Vec<String>,
}

impl Plan {
    fn new_table<'a>(&'a self, table: &'a CreateTable, checks: &[LogCheck]) -> NewTable<'a> {
        NewTable {
            columns: &self.columns,
            partition_columns: &self.partitions,
            comment: table.comment.as_deref(),
            properties: checks.iter().map(LogCheck::property).collect(),
        }
    }

    fn layouts(&self, folder: PathBuf) -> Result<Layouts> {
        let fields: Vec<_> = self.columns.iter().map(Column::field).collect();
        let schema = Arc::new(Schema::new(fields));
        Layouts::new(folder, schema, &self.partitions, &self.sorted_by, &[])
    }
}

/// The column that is called so, in any case.
fn spelled(columns: &[Column], name: &str) -> Result<String> {
    let names = || columns.iter().map(|column| column.name.as_str());
    let alike = |known: &&str| known.to_lowercase() == name.to_lowercase();
    let found = names()
        .find(|known| *known == name)
        .or_else(|| names().find(alike));
    found.map(str::to_owned).ok_or_else(|| {
        Error::new(
            Code::UndefinedColumn,
            format!("column '{name}' not found in the table"),
        )
        .with_hint_if(did_you_mean(name, names()))
    })
}
