//! Values that are bound to a prepared statement: a set of them a row.

use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{Field, FieldRef, Schema};
use datafusion::common::ScalarValue;
use futures::StreamExt;
use futures::stream::BoxStream;
use tonic::Status;

use super::status::malformed;
use crate::engine::Prepared;
use crate::syntax::Parameters;

/// How many sets may be bound at one time, and how much they may take.
const SETS_AT_MOST: usize = 1_000_000;
const BYTES_AT_MOST: usize = 256 << 20;

/// The batches, their columns in the order of the statement's parameters and called as they are.
///
/// # Errors
/// Invalid argument if the columns are not the statement's parameters; resource exhausted for too many.
pub(super) async fn bound(
    told: &Prepared,
    mut batches: BoxStream<'static, Result<RecordBatch, Status>>,
) -> Result<Vec<RecordBatch>, Status> {
    let mut all = Vec::new();
    let (mut rows, mut bytes) = (0, 0);
    while let Some(batch) = batches.next().await {
        let batch = batch?;
        bytes += batch.get_array_memory_size();
        rows += batch.num_rows();
        if rows > SETS_AT_MOST || bytes > BYTES_AT_MOST {
            return Err(Status::resource_exhausted(
                "too many values are bound at one time: ingest them",
            ));
        }
        if batch.num_rows() == 0 || told.parameters.is_empty() {
            continue;
        }
        let columns = columns(told, &batch)?;
        let fields = told.parameters.iter().zip(&columns);
        let fields = fields.map(|(field, column)| Field::new(field.name(), column.data_type().clone(), true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        all.push(RecordBatch::try_new(schema, columns).map_err(malformed)?);
    }
    Ok(all)
}

/// How many sets there are.
pub(super) fn count(bound: &[RecordBatch]) -> usize {
    bound.iter().map(RecordBatch::num_rows).sum()
}

/// Each set of values.
pub(super) fn sets(bound: Vec<RecordBatch>) -> impl Iterator<Item = Result<Parameters, Status>> + Send {
    let rows = bound
        .into_iter()
        .flat_map(|batch| (0..batch.num_rows()).map(move |row| (batch.clone(), row)));
    rows.map(|(batch, row)| {
        let mut set = Parameters::default();
        for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
            let value = ScalarValue::try_from_array(column, row).map_err(malformed)?;
            set = set.with(field.name(), value);
        }
        Ok(set)
    })
}

/// The batch's columns in the parameters' order, of the types that the statement gives them.
fn columns(told: &Prepared, batch: &RecordBatch) -> Result<Vec<Arc<dyn Array>>, Status> {
    let parameters = &told.parameters;
    if batch.num_columns() != parameters.len() {
        let message = format!(
            "{} values are bound, and the statement has {} parameters",
            batch.num_columns(),
            parameters.len()
        );
        return Err(malformed(message));
    }
    let named = |field: &FieldRef| batch.column_by_name(field.name());
    let by_name: Option<Vec<_>> = parameters.iter().map(named).collect();
    // Drivers number the columns from 0 or from 1, or give them no names at all.
    let found = by_name.unwrap_or_else(|| batch.columns().iter().collect());
    let options = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    let typed = parameters.iter().zip(&told.typed).zip(found);
    let cast = typed.map(|((field, is_typed), column)| {
        let is_same = column.data_type() == field.data_type();
        match is_same || (!is_typed && !column.data_type().is_null()) {
            true => Ok(Arc::clone(column)),
            false => cast_with_options(column, field.data_type(), &options)
                .map_err(|e| malformed(format!("parameter '${}': {e}", field.name()))),
        }
    });
    cast.collect()
}
