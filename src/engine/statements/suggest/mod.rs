//! `SUGGEST CONSTRAINTS FOR t`: what the rows of a table have in common, as rules that it could have.
//!
//! One pass over the table measures every column (`profile`); what may be a key is then counted
//! exactly, in memory that is bounded and spills (`keys`); what may refer to another table is looked up
//! there (`references`). Each suggestion holds for every row that there is now, is told with its
//! evidence, and can be run as it stands behind `ALTER TABLE t ADD`. They warn and nothing more: what a
//! table should hold, its owner says.

mod keys;
mod profile;
mod propose;
mod references;

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::common::{ScalarValue, TableReference};
use datafusion::datasource::provider_as_source;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use futures::TryStreamExt;

use super::target::Target;
use crate::engine::outcome::{Body, Rows};
use crate::engine::session::Session;
use crate::engine::system::batch;
use crate::error::{Code, Error, Result};
use crate::syntax::{Piece, TableName};

/// A rule that the table could have.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Suggestion {
    rule: String,
    /// `CONSTRAINT … EXPECT …`.
    ddl: String,
    evidence: String,
}

pub(super) async fn execute(session: &Session, piece: &Piece, name: &TableName) -> Result<Body> {
    let target = Target::new(session, name)?;
    let definition = target.definition(session)?;
    let state = session.state();
    let table = provider(session, &state, name).await?;
    let reader = Reader {
        session,
        state: &state,
        piece,
        table,
    };
    let profile = profile::of(&reader).await?;
    let keys = keys::of(&reader, &profile).await?;
    let own = (target.zone.name.as_str(), definition.name.as_str());
    let references = references::of(&reader, &profile, &keys, own).await?;
    let suggestions = propose::all(&profile, &keys, &references);
    Ok(Body::Rows(Rows::of_batch(answer(&suggestions))))
}

/// The columns of the answer.
pub(super) fn schema() -> SchemaRef {
    answer(&[]).schema()
}

fn answer(suggestions: &[Suggestion]) -> RecordBatch {
    let column = |get: fn(&Suggestion) -> &String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(suggestions.iter().map(get)))
    };
    batch(vec![
        ("rule", column(|s| &s.rule)),
        ("ddl", column(|s| &s.ddl)),
        ("evidence", column(|s| &s.evidence)),
    ])
}

async fn provider(
    session: &Session,
    state: &SessionState,
    name: &TableName,
) -> Result<Arc<dyn TableProvider>> {
    let wrong = |e| session.translated_without_place(e);
    let schema = state.schema_for_ref(TableReference::from(name)).map_err(wrong)?;
    let table = schema.table(&name.table).await.map_err(wrong)?;
    table.ok_or_else(|| Error::new(Code::UndefinedTable, format!("table '{name}' not found")))
}

/// Reads the table, as often as it is asked.
struct Reader<'a> {
    session: &'a Session,
    state: &'a SessionState,
    piece: &'a Piece,
    table: Arc<dyn TableProvider>,
}

impl Reader<'_> {
    /// The table's rows, under no name.
    fn scan(&self) -> Result<LogicalPlanBuilder, DataFusionError> {
        LogicalPlanBuilder::scan("t", provider_as_source(Arc::clone(&self.table)), None)
    }

    /// The one row of a plan, column by column.
    async fn row(&self, plan: Result<LogicalPlan, DataFusionError>) -> Result<Vec<ScalarValue>> {
        let translated = |e| self.session.translated(e, self.piece);
        let plan = plan.map_err(translated)?;
        let plan = self.session.physical(self.state, self.piece, &plan).await?;
        let schema = plan.schema();
        let rows = self.session.stream(self.state, self.piece, plan)?;
        let batches: Vec<RecordBatch> = rows.try_collect().await?;
        let row = concat_batches(&schema, &batches).map_err(|e| translated(e.into()))?;
        if row.num_rows() != 1 {
            return Err(Error::new(
                Code::Internal,
                "a measurement gave no row, or several",
            ));
        }
        let values = row
            .columns()
            .iter()
            .map(|column| ScalarValue::try_from_array(column, 0));
        values.collect::<Result<_, _>>().map_err(translated)
    }
}

/// A count among measurements.
fn count_of(value: &ScalarValue) -> u64 {
    match value {
        ScalarValue::Int64(Some(n)) => n.unsigned_abs(),
        ScalarValue::UInt64(Some(n)) => *n,
        ScalarValue::Int32(Some(n)) => u64::from(n.unsigned_abs()),
        _ => 0,
    }
}
