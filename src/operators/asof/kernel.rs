//! Two sorted streams of rows → for each left row the nearest right one.
//!
//! Both sides come sorted by key and time. Right rows of one key and time are one *run*, of which the first row
//! counts. [`Merge`] holds the last run that lies before the left row and the next one that does not; which of
//! the two is the match depends on the comparison.

use std::cmp::Ordering;
use std::sync::{Arc, OnceLock};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use arrow::compute::{SortOptions, cast};
use arrow::datatypes::{DataType, Float32Type, Float64Type, Int64Type};
use arrow::row::{RowConverter, Rows, SortField};
use datafusion::common::Result;

use super::Comparison;

/// How both sides are sorted: ascending, NULLs last.
pub(super) const ORDER: SortOptions = SortOptions {
    descending: false,
    nulls_first: false,
};

/// Makes rows comparable.
#[derive(Debug)]
pub(super) struct Encoder {
    keys: Option<RowConverter>,
    time: Option<RowConverter>,
    /// Which keys match NULL with NULL.
    null_safe: Vec<bool>,
}

impl Encoder {
    pub(super) fn new(keys: &[DataType], null_safe: Vec<bool>, time: &DataType) -> Result<Self> {
        let converter = |types: &[DataType]| {
            let fields = types
                .iter()
                .map(|data_type| SortField::new_with_options(data_type.clone(), ORDER));
            RowConverter::new(fields.collect())
        };
        Ok(Self {
            keys: (!keys.is_empty()).then(|| converter(keys)).transpose()?,
            time: (!is_ticks(time))
                .then(|| converter(std::slice::from_ref(time)))
                .transpose()?,
            null_safe,
        })
    }

    pub(super) fn encode(&self, keys: &[ArrayRef], time: &ArrayRef) -> Result<Encoded> {
        let time = without_negative_zero(time);
        let mut known = time.logical_nulls();
        for (key, null_safe) in keys.iter().zip(&self.null_safe) {
            if !null_safe {
                known = NullBuffer::union(known.as_ref(), key.logical_nulls().as_ref());
            }
        }
        let times = match &self.time {
            Some(converter) => Times::Rows(converter.convert_columns(std::slice::from_ref(&time))?),
            None => {
                let ticks = cast(&time, &DataType::Int64)?;
                Times::Ticks(ticks.as_primitive::<Int64Type>().values().clone())
            }
        };
        let keys = self
            .keys
            .as_ref()
            .map(|converter| converter.convert_columns(keys));
        Ok(Encoded {
            rows: time.len(),
            keys: keys.transpose()?,
            times,
            known: known.filter(|known| known.null_count() > 0),
        })
    }
}

fn is_ticks(data_type: &DataType) -> bool {
    use DataType as T;
    matches!(
        data_type,
        T::Int8 | T::Int16 | T::Int32 | T::Int64 | T::Date32 | T::Date64 | T::Timestamp(..)
    )
}

/// `-0.0` is equal to `0.0`, as everywhere in SQL.
fn without_negative_zero(time: &ArrayRef) -> ArrayRef {
    match time.data_type() {
        DataType::Float64 => Arc::new(
            time.as_primitive::<Float64Type>()
                .unary::<_, Float64Type>(|x| x + 0.0),
        ),
        DataType::Float32 => Arc::new(
            time.as_primitive::<Float32Type>()
                .unary::<_, Float32Type>(|x| x + 0.0),
        ),
        _ => Arc::clone(time),
    }
}

#[derive(Debug)]
enum Times {
    Ticks(ScalarBuffer<i64>),
    Rows(Rows),
}

/// The keys and times of a batch's rows.
#[derive(Debug)]
pub(super) struct Encoded {
    rows: usize,
    keys: Option<Rows>,
    times: Times,
    /// Rows with a NULL match nothing.
    known: Option<NullBuffer>,
}

impl Encoded {
    fn is_known(&self, row: usize) -> bool {
        self.known.as_ref().is_none_or(|known| known.is_valid(row))
    }

    fn compare_keys(&self, row: usize, other: &Self, other_row: usize) -> Ordering {
        match (&self.keys, &other.keys) {
            (Some(own), Some(others)) => own.row(row).cmp(&others.row(other_row)),
            _ => Ordering::Equal,
        }
    }

    fn compare(&self, row: usize, other: &Self, other_row: usize) -> Ordering {
        let keys = self.compare_keys(row, other, other_row);
        keys.then_with(|| match (&self.times, &other.times) {
            (Times::Ticks(own), Times::Ticks(others)) => own[row].cmp(&others[other_row]),
            (Times::Rows(own), Times::Rows(others)) => own.row(row).cmp(&others.row(other_row)),
            // Both sides have one type.
            _ => Ordering::Equal,
        })
    }
}

/// A batch of the right side.
#[derive(Debug)]
pub(super) struct RightBatch {
    pub(super) rows: RecordBatch,
    encoded: Encoded,
    /// What decides between rows of one key and time, made when it is first asked for.
    order: OnceLock<Rows>,
    order_columns: Vec<usize>,
}

impl RightBatch {
    /// `order_columns` decide between rows of one key and time.
    pub(super) fn new(rows: RecordBatch, encoded: Encoded, order_columns: Vec<usize>) -> Self {
        Self {
            rows,
            encoded,
            order: OnceLock::new(),
            order_columns,
        }
    }

    fn order(&self) -> Result<&Rows> {
        if let Some(order) = self.order.get() {
            return Ok(order);
        }
        let columns = self
            .order_columns
            .iter()
            .map(|i| Arc::clone(self.rows.column(*i)));
        let columns: Vec<ArrayRef> = columns.collect();
        let fields = columns
            .iter()
            .map(|c| SortField::new_with_options(c.data_type().clone(), ORDER));
        let rows = RowConverter::new(fields.collect())?.convert_columns(&columns)?;
        Ok(self.order.get_or_init(|| rows))
    }
}

/// The first row of a run.
#[derive(Debug, Clone)]
pub(super) struct First {
    pub(super) batch: Arc<RightBatch>,
    pub(super) row: usize,
}

impl First {
    fn compare(&self, other: &Encoded, row: usize) -> Ordering {
        self.batch.encoded.compare(self.row, other, row)
    }

    fn is_of_key(&self, other: &Encoded, row: usize) -> bool {
        self.batch.encoded.compare_keys(self.row, other, row) == Ordering::Equal
    }

    /// The first of two rows of one run.
    fn or(self, other: Self) -> Result<Self> {
        let is_first = self.batch.order()?.row(self.row) <= other.batch.order()?.row(other.row);
        Ok(if is_first { self } else { other })
    }
}

/// The right side, run by run.
#[derive(Debug, Default)]
struct Runs {
    batch: Option<Arc<RightBatch>>,
    /// The next row of the batch.
    row: usize,
    /// A run whose end is not known yet.
    open: Option<First>,
    has_ended: bool,
}

/// What comes next of a side.
enum Next {
    Run(First),
    End,
    /// Not known before another batch.
    Unknown,
}

impl Runs {
    fn next(&mut self) -> Result<Next> {
        if let Some(batch) = &self.batch {
            while self.row < batch.encoded.rows {
                let row = self.row;
                self.row += 1;
                if !batch.encoded.is_known(row) {
                    continue;
                }
                let first = First {
                    batch: Arc::clone(batch),
                    row,
                };
                match self.open.take() {
                    None => self.open = Some(first),
                    Some(open) if open.compare(&batch.encoded, row) == Ordering::Equal => {
                        self.open = Some(open.or(first)?);
                    }
                    Some(open) => {
                        self.open = Some(first);
                        return Ok(Next::Run(open));
                    }
                }
            }
            self.batch = None;
        }
        match (self.has_ended, self.open.take()) {
            (true, Some(open)) => Ok(Next::Run(open)),
            (true, None) => Ok(Next::End),
            (false, open) => {
                self.open = open;
                Ok(Next::Unknown)
            }
        }
    }
}

/// Where a merge stands.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// Every row of the left batch has its match, or none.
    Done,
    /// The matches lie in many batches: they should be taken before more are found.
    Full,
    /// Another right batch is needed, or word that there is none.
    NeedsRight,
}

/// Finds matches.
#[derive(Debug)]
pub(super) struct Merge {
    comparison: Comparison,
    runs: Runs,
    before: Option<First>,
    next: Option<First>,
    is_over: bool,
}

/// The matches of rows of a left batch, one after the other.
#[derive(Debug, Default)]
pub(super) struct Matches {
    /// The right batches in which they lie, in order.
    pub(super) batches: Vec<Arc<RightBatch>>,
    /// For each row the position of the match's batch and its row there.
    pub(super) rows: Vec<Option<(usize, usize)>>,
}

/// In how many batches matches may lie before they are taken.
const BATCHES_AT_MOST: usize = 32;

impl Matches {
    fn push(&mut self, found: &First) {
        let is_last = self
            .batches
            .last()
            .is_some_and(|last| Arc::ptr_eq(last, &found.batch));
        if !is_last {
            self.batches.push(Arc::clone(&found.batch));
        }
        self.rows.push(Some((self.batches.len() - 1, found.row)));
    }
}

impl Merge {
    pub(super) fn new(comparison: Comparison) -> Self {
        Self {
            comparison,
            runs: Runs::default(),
            before: None,
            next: None,
            is_over: false,
        }
    }

    /// The next batch of the right side.
    pub(super) fn add(&mut self, batch: RightBatch) {
        self.runs.batch = Some(Arc::new(batch));
        self.runs.row = 0;
    }

    /// There is no further batch of the right side.
    pub(super) fn end(&mut self) {
        self.runs.has_ended = true;
    }

    /// The right batches that are held.
    pub(super) fn held(&self) -> impl Iterator<Item = &Arc<RightBatch>> {
        let firsts = [&self.before, &self.next, &self.runs.open];
        let firsts = firsts.into_iter().flatten().map(|first| &first.batch);
        firsts.chain(&self.runs.batch)
    }

    /// Finds the matches of the left rows from the one on that has none in `matches` yet; `offset` rows had theirs
    /// before.
    pub(super) fn find(&mut self, left: &Encoded, offset: usize, matches: &mut Matches) -> Result<Progress> {
        let mut row = offset + matches.rows.len();
        while row < left.rows {
            if !left.is_known(row) {
                matches.rows.push(None);
                row += 1;
                continue;
            }
            if !self.pass(left, row)? {
                return Ok(Progress::NeedsRight);
            }
            let nearest = match self.comparison {
                Comparison::AtOrBefore | Comparison::Before => &self.before,
                Comparison::AtOrAfter | Comparison::After => &self.next,
            };
            match nearest {
                Some(first) if first.is_of_key(left, row) => matches.push(first),
                _ => matches.rows.push(None),
            }
            row += 1;
            if matches.batches.len() > BATCHES_AT_MOST {
                return Ok(Progress::Full);
            }
        }
        Ok(Progress::Done)
    }

    /// Passes the runs that lie before a left row. Says whether that could be done.
    fn pass(&mut self, left: &Encoded, row: usize) -> Result<bool> {
        let with_equal = matches!(self.comparison, Comparison::AtOrBefore | Comparison::After);
        loop {
            if let Some(next) = &self.next {
                let is_before = match next.compare(left, row) {
                    Ordering::Less => true,
                    Ordering::Equal => with_equal,
                    Ordering::Greater => false,
                };
                if !is_before {
                    return Ok(true);
                }
                self.before = self.next.take();
            }
            if self.is_over {
                return Ok(true);
            }
            match self.runs.next()? {
                Next::Run(first) => self.next = Some(first),
                Next::End => self.is_over = true,
                Next::Unknown => return Ok(false),
            }
        }
    }
}

#[cfg(test)]
mod tests;
