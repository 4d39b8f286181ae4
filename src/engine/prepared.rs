//! What a statement will give, told before it is run; and the tables that there are.
//!
//! For front ends whose clients ask for a result's columns and a statement's parameters first. Nothing
//! that is told here has an effect, and none of it is in `system.queries`.

use arrow::datatypes::{DataType, Field, FieldRef, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::datasource::TableType;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::sync::Arc;

use super::outcome::Body;
use super::rights;
use super::run::panicked;
use super::session::Session;
use super::statements;
use super::system::SystemSchema;
use crate::catalog::CATALOG;
use crate::error::{Code, Error, Result};
use crate::planner;
use crate::syntax::{Parameters, Piece, Script, Statement, parameter_names};

/// What a statement answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answers {
    /// Rows, and it has no other effect.
    Rows,
    /// How many rows it changed.
    Count,
    /// That it has been done.
    Done,
}

/// A statement, told before it is run.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// What it answers with.
    pub answers: Answers,
    /// The columns of its rows; only of [`Answers::Rows`].
    pub schema: Option<SchemaRef>,
    /// Its placeholders without their `$`, numbered ones in the order of their numbers, with the types
    /// that the statement gives them; text where it gives none.
    pub parameters: Vec<FieldRef>,
    /// Whether the statement itself gives the parameter of the same place its type.
    pub typed: Vec<bool>,
}

/// A table or view of the lake.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Its zone, or `system` or `information_schema`.
    pub zone: String,
    /// Its name.
    pub name: String,
    /// Whether it is a view.
    pub is_view: bool,
    /// Whether the engine fills it.
    pub is_system: bool,
    /// Its columns, if they were asked for and can be told.
    pub schema: Option<SchemaRef>,
}

impl Session {
    /// What the one statement of `sql` will give.
    ///
    /// # Errors
    /// As of planning it; [`Code::Syntax`] if `sql` is not one statement.
    pub async fn prepare(&self, sql: &str) -> Result<Prepared> {
        let mut pieces = Script::new(sql).into_pieces();
        let one = || Error::new(Code::Syntax, "what is prepared is one statement");
        let piece = pieces.next().ok_or_else(one)??;
        if pieces.next().is_some() {
            return Err(one().with_hint("prepare them one after the other"));
        }
        self.pins().clear();
        let session = self.clone();
        self.on_planner(async move { session.told(&piece).await }.boxed())
            .await
    }

    /// What statement `sql` answers with, as far as its words tell; `None` if it is none.
    pub fn answers(&self, sql: &str) -> Option<Answers> {
        let last = Script::new(sql).into_pieces().last()?.ok()?;
        Statement::parse(&last)
            .ok()
            .map(|statement| self.answers_of(&statement))
    }

    /// The tables and views that this session may read, sorted by zone and name. With `columns` each is
    /// looked into; one that cannot be planned has none.
    ///
    /// # Errors
    /// What the operating system says of the catalog's folders.
    pub async fn list_tables(
        &self,
        columns: bool,
        wanted: impl Fn(&str, &str) -> bool + Send + 'static,
    ) -> Result<Vec<Listed>> {
        let session = self.with_own_versions();
        self.on_planner(async move { session.listed(columns, wanted).await }.boxed())
            .await
    }

    /// The zones that this session may read, and the engine's own schemas.
    pub fn list_zones(&self) -> Vec<String> {
        let principal = self.principal();
        let state = self.state();
        let catalog = state.catalog_list().catalog(CATALOG);
        let names = catalog.map(|catalog| catalog.schema_names()).unwrap_or_default();
        let is_seen = |name: &String| is_system(name) || principal.may_read(name);
        names.into_iter().filter(is_seen).collect()
    }

    /// Stops a statement that this session's principal may stop: its own, or any, for an administrator.
    ///
    /// # Errors
    /// [`Code::UndefinedQuery`].
    pub(super) fn kill(&self, id: &str) -> Result<()> {
        let principal = self.principal();
        let own = match principal.is_admin() {
            true => None,
            false => Some(self.lake().sessions().of_user(&principal.user)),
        };
        self.lake().queries().kill_of(id, own.as_deref())
    }

    async fn on_planner<T: Send + 'static>(&self, work: BoxFuture<'static, Result<T>>) -> Result<T> {
        let closed = || Error::new(Code::Cancelled, "the lake is being closed");
        match self.lake().workers().plan(work).ok_or_else(closed)?.await {
            Ok(result) => result,
            Err(error) if error.is_panic() => Err(panicked(error)),
            Err(_) => Err(closed()),
        }
    }

    async fn told(&self, piece: &Piece) -> Result<Prepared> {
        let statement = Statement::parse(piece)?;
        let answers = self.answers_of(&statement);
        rights::check_statement(self, &statement)?;
        let (parameters, typed) = self.parameters(piece, &statement).await?;
        let schema = match statements::told(self, &statement)? {
            Some(schema) => Some(schema),
            None if answers == Answers::Rows => {
                let mut nulls = Parameters::default();
                for field in &parameters {
                    let null = ScalarValue::try_from(field.data_type());
                    let null = null.map_err(|e| self.translated(e, piece))?;
                    nulls = nulls.with(field.name(), null);
                }
                match statements::execute(self, piece, statement, &nulls).await? {
                    // Nobody asks for the rows, so they are never computed.
                    Body::Rows(rows) => Some(rows.schema()),
                    Body::Done(_) => None,
                }
            }
            None => None,
        };
        Ok(Prepared {
            answers,
            schema,
            parameters,
            typed,
        })
    }

    fn answers_of(&self, statement: &Statement) -> Answers {
        match statement {
            Statement::Execute { name, .. } => {
                let kept = self.prepared().get(name);
                let kept = kept.and_then(|kept| Statement::parse(&kept.piece));
                kept.map_or(Answers::Done, |kept| self.answers_of(&kept))
            }
            statement => answers(statement),
        }
    }

    async fn parameters(&self, piece: &Piece, statement: &Statement) -> Result<(Vec<FieldRef>, Vec<bool>)> {
        let mut names = parameter_names(piece);
        // Numbers first, by their value; names in the order in which they appear.
        names.sort_by_key(|name| name.parse::<usize>().unwrap_or(usize::MAX));
        if names.is_empty() || statement.clone().into_planned().is_none() {
            return Ok((Vec::new(), Vec::new()));
        }
        let plan = planner::plan_unbound(&self.state(), piece)
            .await
            .map_err(|e| self.translated(e, piece))?;
        let known = plan
            .get_parameter_fields()
            .map_err(|e| self.translated(e, piece))?;
        let field = |name: &String| {
            let known = known.get(&format!("${name}")).and_then(Option::as_ref);
            let data_type = known
                .map(|field| field.data_type().clone())
                .filter(|t| !t.is_null());
            let typed = data_type.is_some();
            let data_type = data_type.unwrap_or(DataType::Utf8);
            (Arc::new(Field::new(name, data_type, true)), typed)
        };
        Ok(names.iter().map(field).unzip())
    }

    async fn listed(&self, columns: bool, wanted: impl Fn(&str, &str) -> bool) -> Result<Vec<Listed>> {
        let state = self.state();
        let Some(catalog) = state.catalog_list().catalog(CATALOG) else {
            return Ok(Vec::new());
        };
        let mut all = Vec::new();
        for zone in self.list_zones() {
            let Some(schema) = catalog.schema(&zone) else {
                continue;
            };
            for name in schema.table_names() {
                if !wanted(&zone, &name) {
                    continue;
                }
                let kind = schema.table_type(&name).await.ok().flatten();
                let table = match columns {
                    true => schema.table(&name).await.ok().flatten(),
                    false => None,
                };
                all.push(Listed {
                    is_view: kind == Some(TableType::View),
                    is_system: is_system(&zone),
                    zone: zone.clone(),
                    name,
                    schema: table.map(|table| table.schema()),
                });
            }
        }
        Ok(all)
    }
}

fn is_system(zone: &str) -> bool {
    matches!(zone, SystemSchema::NAME | "information_schema")
}

fn answers(statement: &Statement) -> Answers {
    match statement {
        Statement::Query(_)
        | Statement::ShowPartitions(_)
        | Statement::ShowTables { .. }
        | Statement::ShowCreate(_)
        | Statement::ShowFunctions { .. }
        | Statement::Describe(_)
        | Statement::DescribeFile { .. }
        | Statement::DescribeQuery(_)
        | Statement::CheckTable(_)
        | Statement::SuggestConstraints(_)
        | Statement::Show { .. } => Answers::Rows,
        Statement::Insert(_)
        | Statement::ChangeRows(_)
        | Statement::CopyTo(_)
        | Statement::CopyInto(_)
        | Statement::Replay(_)
        | Statement::DeleteFiles(_) => Answers::Count,
        _ => Answers::Done,
    }
}
