//! Sorted rows → the last row of each key.

use std::cmp::Ordering;
use std::ops::Range;

use arrow::array::{ArrayRef, PrimitiveArray, RecordBatch};
use arrow::compute::{SortOptions, interleave_record_batch, take_record_batch};
use arrow::datatypes::{SchemaRef, UInt64Type};
use arrow::row::{RowConverter, SortField};
use datafusion::common::Result;
use datafusion::physical_expr::expressions::Column;

use crate::operators::input::{Run, Runs, columns_of};

/// NULL before all values.
pub(super) const LATEST_LAST: SortOptions = SortOptions {
    descending: false,
    nulls_first: true,
};

/// The latest rows of keys whose rows come one after the other, the latest last.
#[derive(Debug)]
pub(super) struct Latest {
    keys: Vec<Column>,
    /// Keys and order.
    sorted: Vec<Column>,
    /// What tells rows apart that the order does not.
    others: Vec<Column>,
    converter: Option<RowConverter>,
    runs: Runs,
    peers: Runs,
    /// The latest row so far of the last key, as a batch of one row.
    held: Option<RecordBatch>,
}

impl Latest {
    pub(super) fn new(keys: Vec<Column>, order: Vec<Column>, schema: &SchemaRef) -> Result<Self> {
        let sorted: Vec<Column> = keys.iter().cloned().chain(order).collect();
        let others = schema.fields().iter().enumerate().filter(|(i, field)| {
            let ordered = SortField::new(field.data_type().clone());
            !sorted.iter().any(|column| column.index() == *i) && RowConverter::supports_fields(&[ordered])
        });
        let others: Vec<Column> = others.map(|(i, field)| Column::new(field.name(), i)).collect();
        let fields = others.iter().map(|column| {
            let data_type = schema.field(column.index()).data_type().clone();
            SortField::new_with_options(data_type, LATEST_LAST)
        });
        let converter = match others.is_empty() {
            true => None,
            false => Some(RowConverter::new(fields.collect())?),
        };
        Ok(Self {
            keys,
            sorted,
            others,
            converter,
            runs: Runs::default(),
            peers: Runs::default(),
            held: None,
        })
    }

    /// Takes a batch. Returns the rows that are the last of their keys by then, in order.
    pub(super) fn push(&mut self, batch: &RecordBatch) -> Result<Option<RecordBatch>> {
        let runs = self.runs.push(&columns_of(batch, &self.keys), batch.num_rows())?;
        let peers = self
            .peers
            .push(&columns_of(batch, &self.sorted), batch.num_rows())?;
        let mut peers = peers.into_iter().peekable();
        // A row that is held is of source 1.
        let mut latest: Vec<(usize, usize)> = Vec::with_capacity(runs.len());
        for run in runs {
            if !run.continues && self.held.is_some() && run.rows.start == 0 {
                latest.push((1, 0));
            }
            let mut last: Option<Run> = None;
            while let Some(next) = peers.next_if(|next| next.rows.end <= run.rows.end) {
                last = Some(next);
            }
            let Some(last) = last else { continue };
            let held = self.held.as_ref().filter(|_| last.continues && run.continues);
            latest.push(self.latest(batch, last.rows, held.cloned().as_ref())?);
        }
        // The last key may go on in the next batch.
        let Some(open) = latest.pop() else {
            return Ok(None);
        };
        let out = match &self.held {
            Some(held) if latest.iter().any(|(source, _)| *source == 1) => {
                Some(interleave_record_batch(&[batch, held], &latest)?)
            }
            _ if latest.is_empty() => None,
            _ => Some(taken(batch, latest.iter().map(|(_, row)| *row))?),
        };
        if open.0 == 0 {
            self.held = Some(taken(batch, std::iter::once(open.1))?);
        }
        Ok(out)
    }

    /// The last key's row, when no row follows.
    pub(super) fn finish(&mut self) -> Option<RecordBatch> {
        self.held.take()
    }

    /// Which of rows that the order does not tell apart is the last: those of `rows`, and the one that is held.
    fn latest(
        &mut self,
        batch: &RecordBatch,
        rows: Range<usize>,
        held: Option<&RecordBatch>,
    ) -> Result<(usize, usize)> {
        let Some(converter) = self
            .converter
            .as_mut()
            .filter(|_| rows.len() > 1 || held.is_some())
        else {
            return Ok((0, rows.start));
        };
        let of = |batch: &RecordBatch, rows: &Range<usize>| -> Vec<ArrayRef> {
            let columns = columns_of(batch, &self.others).into_iter();
            columns
                .map(|column| column.slice(rows.start, rows.len()))
                .collect()
        };
        let peers = converter.convert_columns(&of(batch, &rows))?;
        let best = (0..rows.len()).reduce(|best, row| match peers.row(row).cmp(&peers.row(best)) {
            Ordering::Greater => row,
            _ => best,
        });
        let best = best.unwrap_or(0);
        if let Some(held) = held {
            let held = converter.convert_columns(&of(held, &(0..1)))?;
            if held.row(0) >= peers.row(best) {
                return Ok((1, 0));
            }
        }
        Ok((0, rows.start + best))
    }
}

fn taken(batch: &RecordBatch, rows: impl Iterator<Item = usize>) -> Result<RecordBatch> {
    let rows = PrimitiveArray::<UInt64Type>::from_iter_values(rows.map(|row| row as u64));
    Ok(take_record_batch(batch, &rows)?)
}
