//! How statements that write managed tables would be carried out, for EXPLAIN: nothing is run.

use std::sync::Arc;

use datafusion::datasource::source_as_provider;
use datafusion::execution::SessionState;
use datafusion::logical_expr::dml::{InsertOp, WriteOp};
use datafusion::logical_expr::{DmlStatement, LogicalPlan};
use datafusion::physical_plan::ExecutionPlan;

use super::insert::held;
use super::rewrite::Rewrite;
use super::{Held, Passage};
use crate::engine::session::Session;
use crate::error::{Code, Error, Result};
use crate::syntax::Piece;
use crate::table::ManagedTableProvider;
use crate::table::managed::{MarkExec, Marks};

/// The plan of a write; nothing for rows that are inserted into another kind of table.
///
/// # Errors
/// [`Code::WrongObjectType`] for what only managed tables can do, [`Code::Unsupported`] for what reads no rows.
pub(in crate::engine) async fn explained(
    session: &Session,
    state: &SessionState,
    piece: &Piece,
    dml: &DmlStatement,
) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let provider = source_as_provider(&dml.target).ok();
    let table = provider
        .as_ref()
        .and_then(|provider| provider.downcast_ref::<ManagedTableProvider>());
    let table = match (table, &dml.op) {
        (None, WriteOp::Insert(_)) | (Some(_), WriteOp::Insert(InsertOp::Replace)) => return Ok(None),
        (Some(table), _) => table,
        (None, op) => {
            let message = format!("{} needs a managed table", op.name().to_uppercase());
            return Err(Error::new(Code::WrongObjectType, message).at(piece.start()));
        }
    };
    let (zone, name) = table.name().split_once('.').unwrap_or(("", table.name()));
    let catalog = session.lake().catalog();
    let zone = catalog.zone(zone)?;
    let definition = catalog.table(zone, name)?;
    let definition = definition.ok_or_else(|| catalog.not_found(zone, name))?;
    if let WriteOp::Insert(op) = &dml.op {
        let passage = Passage::open(session, state, piece, table, &definition, None).await?;
        let held = held(table, matches!(op, InsertOp::Overwrite));
        return passage.explained(&dml.input, held, None).await.map(Some);
    }
    let rewrite = Rewrite {
        session,
        state,
        piece,
        table,
        definition,
    };
    rewrite.explained(dml).await.map(Some)
}

impl Rewrite<'_> {
    async fn explained(&self, dml: &DmlStatement) -> Result<Arc<dyn ExecutionPlan>> {
        let marks = Arc::new(Marks::default());
        let plan = match &dml.op {
            WriteOp::Delete if matches!(*dml.input, LogicalPlan::TableScan(_)) => {
                let error = Error::new(
                    Code::Unsupported,
                    "EXPLAIN of a DELETE without WHERE is not supported",
                );
                let hint = "it takes every file out of the table, and reads none";
                return Err(error.with_hint(hint).at(self.piece.start()));
            }
            WriteOp::Delete => {
                let plan = self.deleting(&dml.table_name, &dml.input)?;
                let rows = self.session.physical(self.state, self.piece, &plan).await?;
                return Ok(Arc::new(MarkExec::mark(rows, marks)));
            }
            WriteOp::MergeInto(operation) => self
                .merged(&dml.table_name, operation, &dml.input)
                .map_err(|e| self.session.translated(e, self.piece))?,
            _ => self.updating(&dml.table_name, &dml.input)?,
        };
        let passage = self.passage().await?;
        passage.explained(&plan, Held::NotReplaced, Some(&marks)).await
    }
}
