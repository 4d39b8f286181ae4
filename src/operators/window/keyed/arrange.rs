//! Rows in any order → the rows of a key together, in the order of their times; keys in any order. Without
//! keys: rows in the order of a column that has few values.
//!
//! Sorting by key would compare keys to give them an order that nobody asked for. Instead rows are
//! numbered by key through a hash table, counted and put in their places, and only a key's own rows are
//! sorted: by whole numbers, and not at all where they came in order, as events mostly do. All rows
//! are held, counted; where memory does not suffice, they are sorted by key and time instead, which
//! spills.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, AsArray, Int64Array, RecordBatch};
use arrow::compute::{BatchCoalescer, cast, interleave_record_batch};
use arrow::datatypes::{DataType, Int64Type, SchemaRef};
use datafusion::common::Result;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::EmitTo;
use datafusion::physical_expr::LexOrdering;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::group_values::{GroupValues, new_group_values};
use datafusion::physical_plan::aggregates::order::GroupOrdering;
use datafusion::physical_plan::coop::cooperative;
use datafusion::physical_plan::metrics::Time;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use futures::{StreamExt, TryStreamExt, stream};
use parking_lot::Mutex;

use crate::error::{Code, Error};
use crate::operators::input::{NULLS_LAST, columns_of, sliced_size, sortings};

/// Rows are kept in batches of so many.
const CHUNK: usize = 1 << 13;

/// Whether rows can be told apart by `keys` through a hash table, as they are by comparing neighbours:
/// of two zeros of different sign, only one of both would say that they are equal.
pub(super) fn applies(schema: &SchemaRef, keys: &[Column]) -> bool {
    let told = |data_type: &DataType| !data_type.is_floating() && !data_type.is_nested();
    !keys.is_empty() && keys.iter().all(|key| told(schema.field(key.index()).data_type()))
}

/// The rows of `input`, those of a key together and in the order of a column of moments, days or whole
/// numbers; all of them in that order without keys.
pub(super) fn arranged(
    input: SendableRecordBatchStream,
    keys: &[Column],
    order: &Column,
    partition: usize,
    context: &Arc<TaskContext>,
    elapsed: Time,
) -> Result<SendableRecordBatchStream> {
    let schema = input.schema();
    let sort: Vec<Column> = keys.iter().chain([order]).cloned().collect();
    let arranging = Arranging {
        rows: Rows::new(&schema, keys, order)?,
        sort: LexOrdering::new(sortings(&sort, NULLS_LAST)),
        reservation: MemoryConsumer::new(format!("RowsByKey[{partition}]"))
            .with_can_spill(true)
            .register(context.memory_pool()),
        context: Arc::clone(context),
        elapsed,
    };
    let batches = stream::once(arranging.run(input)).try_flatten();
    Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches)))
}

struct Arranging {
    rows: Rows,
    sort: Option<LexOrdering>,
    reservation: MemoryReservation,
    context: Arc<TaskContext>,
    elapsed: Time,
}

impl Arranging {
    async fn run(mut self, mut input: SendableRecordBatchStream) -> Result<SendableRecordBatchStream> {
        while let Some(batch) = input.next().await {
            let batch = batch?;
            let elapsed = self.elapsed.clone();
            let _timer = elapsed.timer();
            self.rows.push(&batch)?;
            if !self.rows.are_countable() || self.reservation.try_resize(self.rows.size()).is_err() {
                return self.sorted(input);
            }
        }
        let schema = input.schema();
        drop(input);
        let elapsed = self.elapsed;
        let in_order = {
            let _timer = elapsed.timer();
            self.rows.in_order()?
        };
        let batch_size = self.context.session_config().batch_size();
        let state = (in_order, self.reservation);
        let batches = stream::try_unfold(state, move |(mut rows, held)| {
            let elapsed = elapsed.clone();
            async move {
                let _timer = elapsed.timer();
                let next = rows.next(batch_size)?;
                Ok(next.map(|batch| (batch, (rows, held))))
            }
        });
        // They are all there: without this nobody else would get a turn until the last.
        let batches = cooperative(RecordBatchStreamAdapter::new(schema, batches.boxed()));
        Ok(Box::pin(batches))
    }

    /// The rows so far and those to come, sorted by what spills.
    fn sorted(self, input: SendableRecordBatchStream) -> Result<SendableRecordBatchStream> {
        let Some(order) = self.sort else {
            return Err(Error::new(Code::Internal, "rows without an order were to be sorted").into());
        };
        let schema = input.schema();
        let held = self.reservation;
        held.free();
        let so_far = self.rows.into_batches()?.into_iter();
        // A batch is the sort's to count from where it is taken.
        let so_far = stream::iter(so_far.map(Ok));
        let all = RecordBatchStreamAdapter::new(Arc::clone(&schema), so_far.chain(input));
        let once = Once {
            schema: Arc::clone(&schema),
            stream: Mutex::new(Some(Box::pin(all))),
        };
        let input = StreamingTableExec::try_new(schema, vec![Arc::new(once)], None, [], false, None)?;
        SortExec::new(order, Arc::new(input)).execute(0, self.context)
    }
}

/// A stream as an operator's input.
struct Once {
    schema: SchemaRef,
    stream: Mutex<Option<SendableRecordBatchStream>>,
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Once")
    }
}

impl PartitionStream for Once {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let stream = self.stream.lock().take();
        stream.unwrap_or_else(|| {
            let schema = Arc::clone(&self.schema);
            let twice = Error::new(Code::Internal, "a stream was read twice");
            let failed = stream::once(async move { Err(twice.into()) });
            Box::pin(RecordBatchStreamAdapter::new(schema, failed))
        })
    }
}

/// Rows as they come, with the numbers of their keys.
struct Rows {
    /// The columns by whose values rows are numbered: keys, or that of the order.
    told_by: Vec<Column>,
    by_key: bool,
    /// The position of the order's column.
    order: usize,
    coalescer: BatchCoalescer,
    chunks: Vec<RecordBatch>,
    chunk_bytes: usize,
    known: Box<dyn GroupValues>,
    ids: Vec<u32>,
    /// How many values the order has, once they are numbered.
    values: usize,
    scratch: Vec<usize>,
}

impl Rows {
    fn new(schema: &SchemaRef, keys: &[Column], order: &Column) -> Result<Self> {
        let told_by = if keys.is_empty() {
            std::slice::from_ref(order)
        } else {
            keys
        };
        let positions: Vec<usize> = told_by.iter().map(Column::index).collect();
        let key_schema = Arc::new(schema.project(&positions)?);
        Ok(Self {
            told_by: told_by.to_vec(),
            by_key: !keys.is_empty(),
            order: order.index(),
            coalescer: BatchCoalescer::new(Arc::clone(schema), CHUNK),
            chunks: Vec::new(),
            chunk_bytes: 0,
            known: new_group_values(key_schema, &GroupOrdering::None)?,
            ids: Vec::new(),
            values: 0,
            scratch: Vec::new(),
        })
    }

    fn push(&mut self, batch: &RecordBatch) -> Result<()> {
        self.known
            .intern(&columns_of(batch, &self.told_by), &mut self.scratch)?;
        // There are fewer keys than rows, of which there are as many as `u32` counts.
        self.ids.extend(
            self.scratch
                .iter()
                .map(|id| u32::try_from(*id).unwrap_or(u32::MAX)),
        );
        self.coalescer.push_batch(batch.clone())?;
        self.take_completed();
        Ok(())
    }

    fn take_completed(&mut self) {
        while let Some(chunk) = self.coalescer.next_completed_batch() {
            self.chunk_bytes += sliced_size(chunk.columns());
            self.chunks.push(chunk);
        }
    }

    fn are_countable(&self) -> bool {
        u32::try_from(self.ids.len()).is_ok()
    }

    /// Bytes held, those included that arranging takes.
    fn size(&self) -> usize {
        // A place a row, half as many while a key's are sorted, and where keys begin and end.
        let arranging = self.ids.len() + self.ids.len() / 2 + 2 * (self.known.len() + 1);
        let numbers = (self.ids.capacity() + arranging) * size_of::<u32>();
        self.chunk_bytes + self.coalescer.size() + self.known.size() + numbers
    }

    fn into_batches(mut self) -> Result<Vec<RecordBatch>> {
        self.coalescer.finish_buffered_batch()?;
        self.take_completed();
        Ok(self.chunks)
    }

    fn ticks(&self) -> Result<Ticks> {
        let ticks = self.chunks.iter().map(|chunk| {
            let column = chunk.column(self.order);
            Ok(cast(column, &DataType::Int64)?
                .as_primitive::<Int64Type>()
                .clone())
        });
        Ok(Ticks(ticks.collect::<Result<_>>()?))
    }

    /// Numbers the values of the order as they follow one another.
    fn renumber(&mut self) -> Result<()> {
        let values = self.known.emit(EmitTo::All)?;
        let count = values.first().map_or(0, |values| values.len());
        let mut in_order: Vec<usize> = (0..count).collect();
        if let Some(values) = values.first() {
            let values = cast(values, &DataType::Int64)?;
            let values = values.as_primitive::<Int64Type>();
            in_order.sort_by_key(|i| (values.is_null(*i), values.value(*i)));
        }
        let mut numbers = vec![0_u32; count];
        for (number, value) in (0_u32..).zip(in_order) {
            numbers[value] = number;
        }
        for id in &mut self.ids {
            *id = numbers[*id as usize];
        }
        self.values = count;
        Ok(())
    }

    fn in_order(mut self) -> Result<InOrder> {
        self.coalescer.finish_buffered_batch()?;
        self.take_completed();
        if !self.by_key {
            self.renumber()?;
        }
        let values = if self.by_key {
            self.known.len()
        } else {
            self.values
        };
        let mut ends = vec![0_u32; values + 1];
        for id in &self.ids {
            ends[*id as usize + 1] += 1;
        }
        for id in 1..ends.len() {
            ends[id] += ends[id - 1];
        }
        let mut places = vec![0_u32; self.ids.len()];
        let starts = ends.clone();
        let mut next = ends;
        for (row, id) in (0_u32..).zip(&self.ids) {
            let place = &mut next[*id as usize];
            places[*place as usize] = row;
            *place += 1;
        }
        let ticks = self.ticks()?;
        if self.by_key && !ticks.are_sorted() {
            for bounds in starts.windows(2) {
                let rows = &mut places[bounds[0] as usize..bounds[1] as usize];
                rows.sort_by_key(|row| ticks.rank(*row));
            }
        }
        Ok(InOrder {
            chunks: self.chunks,
            places,
            next: 0,
        })
    }
}

/// The rows' times.
struct Ticks(Vec<Int64Array>);

impl Ticks {
    /// NULLs come behind the others.
    fn rank(&self, row: u32) -> (bool, i64) {
        let (chunk, row) = place(row);
        let ticks = &self.0[chunk];
        if ticks.is_null(row) {
            return (true, 0);
        }
        (false, ticks.value(row))
    }

    /// Whether all rows came in order, whatever their keys.
    fn are_sorted(&self) -> bool {
        let mut last = i64::MIN;
        self.0.iter().all(|ticks| {
            let values = ticks.values();
            let follows = values.first().is_none_or(|first| last <= *first) && values.is_sorted();
            last = values.last().copied().unwrap_or(last);
            ticks.null_count() == 0 && follows
        })
    }
}

fn place(row: u32) -> (usize, usize) {
    let row = row as usize;
    (row / CHUNK, row % CHUNK)
}

/// Rows in their order.
struct InOrder {
    chunks: Vec<RecordBatch>,
    places: Vec<u32>,
    next: usize,
}

impl InOrder {
    /// The next `rows` rows, or fewer at the end.
    fn next(&mut self, rows: usize) -> Result<Option<RecordBatch>> {
        let until = self.next.saturating_add(rows).min(self.places.len());
        let places = &self.places[self.next..until];
        if places.is_empty() {
            return Ok(None);
        }
        let places: Vec<(usize, usize)> = places.iter().map(|row| place(*row)).collect();
        self.next = until;
        let chunks: Vec<&RecordBatch> = self.chunks.iter().collect();
        Ok(Some(interleave_record_batch(&chunks, &places)?))
    }
}
