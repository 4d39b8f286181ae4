//! Rows with the numbers of their partitions → what each partition's values say.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::Result;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::logical_expr::EmitTo;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::aggregates::group_values::{GroupValues, new_group_values};
use datafusion::physical_plan::aggregates::order::GroupOrdering;

use super::Call;
use crate::error::{Code, Error};
use crate::functions::{Measures, Moments, Numeric, Sum, as_numbers, fill_from, mode_states};
use crate::operators::input::sliced_size;

/// Rows of one batch.
#[derive(Debug, Clone)]
pub(super) struct Rows {
    pub(super) batch: RecordBatch,
    /// Each call's argument.
    arguments: Vec<ArrayRef>,
    /// Each row's partition; nothing if there is but one.
    groups: Option<Vec<u32>>,
}

impl Rows {
    fn groups(&self) -> Option<&[u32]> {
        self.groups.as_deref()
    }

    /// Bytes that the rows hold.
    pub(super) fn size(&self) -> usize {
        let groups = self
            .groups
            .as_ref()
            .map_or(0, |groups| groups.len() * size_of::<u32>());
        // An argument that is a column of the batch is held once.
        let computed = self.arguments.iter().filter(|argument| {
            let is = |column: &ArrayRef| column.to_data().ptr_eq(&argument.to_data());
            !self.batch.columns().iter().any(is)
        });
        let computed: Vec<ArrayRef> = computed.cloned().collect();
        sliced_size(self.batch.columns()) + sliced_size(&computed) + groups
    }
}

/// Numbers the partitions of rows.
pub(super) struct Numbering {
    keys: Vec<Arc<dyn PhysicalExpr>>,
    known: Option<Box<dyn GroupValues>>,
    numbers: Vec<usize>,
}

impl Numbering {
    pub(super) fn new(keys: Vec<Arc<dyn PhysicalExpr>>, input: &Schema) -> Result<Self> {
        let fields = keys
            .iter()
            .enumerate()
            .map(|(i, key)| Ok(Field::new(i.to_string(), key.data_type(input)?, true)));
        let fields = fields.collect::<Result<Vec<_>>>()?;
        let known = match fields.is_empty() {
            true => None,
            false => Some(new_group_values(
                Arc::new(Schema::new(fields)),
                &GroupOrdering::None,
            )?),
        };
        Ok(Self {
            keys,
            known,
            numbers: Vec::new(),
        })
    }

    /// A batch with its partitions' numbers and its calls' arguments.
    pub(super) fn rows(&mut self, batch: RecordBatch, calls: &[Call]) -> Result<Rows> {
        let rows = batch.num_rows();
        let value = |expr: &Arc<dyn PhysicalExpr>| expr.evaluate(&batch)?.into_array(rows);
        let keys = self.keys.iter().map(value).collect::<Result<Vec<_>>>()?;
        let arguments = calls
            .iter()
            .map(|call| value(&call.argument))
            .collect::<Result<_>>()?;
        let groups = self.number(&keys)?;
        Ok(Rows {
            batch,
            arguments,
            groups,
        })
    }

    /// The numbers of keys.
    fn number(&mut self, keys: &[ArrayRef]) -> Result<Option<Vec<u32>>> {
        let Some(known) = &mut self.known else {
            return Ok(None);
        };
        self.numbers.clear();
        known.intern(keys, &mut self.numbers)?;
        if u32::try_from(known.len()).is_err() {
            return Err(Error::new(Code::OutOfMemory, "more than four thousand million partitions").into());
        }
        Ok(Some(self.numbers.iter().map(|number| *number as u32).collect()))
    }

    pub(super) fn size(&self) -> usize {
        self.known.as_ref().map_or(0, |known| known.size())
    }

    /// Renumbers the rows of the `others`, each numbered on its own, as if all had been numbered here. Says for
    /// each how.
    pub(super) fn join(&mut self, others: Vec<Self>) -> Result<Vec<Option<Vec<u32>>>> {
        let renumbered = others.into_iter().map(|other| match other.known {
            Some(mut known) if !known.is_empty() => self.number(&known.emit(EmitTo::All)?),
            _ => Ok(None),
        });
        renumbered.collect()
    }

    /// How many partitions there are.
    pub(super) fn len(&self) -> usize {
        self.known.as_ref().map_or(1, |known| known.len())
    }
}

/// Gives rows the numbers that theirs became.
pub(super) fn renumber(rows: &mut [Rows], numbers: &[u32]) {
    let groups = rows.iter_mut().filter_map(|rows| rows.groups.as_mut());
    for group in groups.flatten() {
        *group = numbers[*group as usize];
    }
}

/// What is known of every partition for one call.
#[derive(Debug)]
pub(super) enum Known {
    Numbers(Numeric, Vec<Measures>),
    /// A row a partition.
    Fills(ArrayRef),
}

impl Known {
    /// The results for rows; `call` is the place of the call.
    pub(super) fn apply(&self, rows: &Rows, call: usize) -> Result<ArrayRef> {
        let values = &rows.arguments[call];
        match self {
            Self::Numbers(numeric, measures) => {
                Ok(numeric.apply(as_numbers(values)?, rows.groups(), measures))
            }
            Self::Fills(fills) => fill_from(values, rows.groups(), fills),
        }
    }

    /// The most frequent values of every partition.
    pub(super) fn modes(
        parts: &[Arc<Vec<Rows>>],
        call: usize,
        data_type: &DataType,
        partitions: usize,
        reservation: &MemoryReservation,
    ) -> Result<Self> {
        let mut states = mode_states(data_type)?;
        for rows in parts.iter().flat_map(|rows| rows.iter()) {
            let values = &rows.arguments[call];
            let groups: Vec<usize> = match rows.groups() {
                Some(groups) => groups.iter().map(|group| *group as usize).collect(),
                None => vec![0; values.len()],
            };
            states.update_batch(std::slice::from_ref(values), &groups, None, partitions)?;
            reservation.try_resize(states.size())?;
        }
        Ok(Self::Fills(states.evaluate(EmitTo::All)?))
    }

    /// Bytes held.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Numbers(_, measures) => measures.len() * size_of::<Measures>(),
            Self::Fills(fills) => fills.get_array_memory_size(),
        }
    }
}

/// The moments of every partition, from some of the rows.
pub(super) fn moments(rows: &[Rows], call: usize, partitions: usize) -> Result<Vec<Moments>> {
    let mut moments = vec![Moments::default(); partitions];
    for rows in rows {
        Moments::add(&mut moments, as_numbers(&rows.arguments[call])?, rows.groups());
    }
    Ok(moments)
}

/// The squared distances from every partition's mean, from some of the rows.
pub(super) fn squares(rows: &[Rows], call: usize, moments: &[Moments]) -> Result<Vec<Sum>> {
    let mut sums = vec![Sum::default(); moments.len()];
    for rows in rows {
        Sum::add_squares(
            &mut sums,
            moments,
            as_numbers(&rows.arguments[call])?,
            rows.groups(),
        );
    }
    Ok(sums)
}

/// How many values every partition has, among some of the rows.
pub(super) fn counts(rows: &[Rows], call: usize, partitions: usize) -> Vec<usize> {
    let mut counts = vec![0; partitions];
    for rows in rows {
        let values = &rows.arguments[call];
        match (
            rows.groups(),
            values.nulls().filter(|nulls| nulls.null_count() > 0),
        ) {
            (None, _) => counts[0] += values.len() - values.null_count(),
            (Some(groups), None) => groups.iter().for_each(|group| counts[*group as usize] += 1),
            (Some(groups), Some(nulls)) => nulls
                .valid_indices()
                .for_each(|row| counts[groups[row] as usize] += 1),
        }
    }
    counts
}

/// Ranges of partitions with about as many values each.
pub(super) fn shares(counts: &[usize], shares: usize) -> Vec<Range<usize>> {
    let total: usize = counts.iter().sum();
    let wanted = total.div_ceil(shares.max(1)).max(1);
    let (mut ranges, mut start, mut held) = (Vec::new(), 0, 0);
    for (partition, count) in counts.iter().enumerate() {
        held += count;
        if held >= wanted {
            ranges.push(start..partition + 1);
            (start, held) = (partition + 1, 0);
        }
    }
    if start < counts.len() {
        ranges.push(start..counts.len());
    }
    ranges
}

/// What the values of a range of partitions say.
pub(super) fn measured(
    parts: &[Arc<Vec<Rows>>],
    call: usize,
    numeric: Numeric,
    range: Range<usize>,
    counts: &[usize],
) -> Result<Vec<Measures>> {
    let counts = &counts[range.clone()];
    let mut ends: Vec<usize> = Vec::with_capacity(counts.len());
    let mut total = 0;
    for count in counts {
        ends.push(total);
        total += count;
    }
    // Each partition's values side by side; while they are put there, an end is where the next belongs.
    let mut values = vec![0.0; total];
    let mut put = |value: f64, group: usize| {
        if let Some(end) = group
            .checked_sub(range.start)
            .and_then(|place| ends.get_mut(place))
        {
            values[*end] = value;
            *end += 1;
        }
    };
    for rows in parts.iter().flat_map(|rows| rows.iter()) {
        let numbers = as_numbers(&rows.arguments[call])?;
        let group = |row: usize| rows.groups().map_or(0, |groups| groups[row] as usize);
        match numbers.nulls().filter(|nulls| nulls.null_count() > 0) {
            None => {
                let all = numbers.values().iter().enumerate();
                all.for_each(|(row, value)| put(*value, group(row)));
            }
            Some(nulls) => nulls
                .valid_indices()
                .for_each(|row| put(numbers.value(row), group(row))),
        }
    }
    let mut rest = values.as_mut_slice();
    let measures = counts.iter().map(|count| {
        let (own, others) = std::mem::take(&mut rest).split_at_mut(*count);
        rest = others;
        numeric.of_values(own)
    });
    Ok(measures.collect())
}
