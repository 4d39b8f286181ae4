//! States of panes → results of windows.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::compute::interleave;
use arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};
use datafusion::physical_expr::GroupsAccumulatorAdapter;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_plan::aggregates::group_values::{GroupValues, new_group_values};
use datafusion::physical_plan::aggregates::order::GroupOrdering;

use crate::operators::input::sliced_size;
use crate::operators::window::aligned::{Shape, Windows};
use crate::operators::window::time::out_of_range;

/// Keys that are known but in no open pane any more are let go of at this many, and twice as many as
/// are in use.
const KEYS_KEPT: usize = 8192;

/// States by key: a row a key, or several of one key.
#[derive(Debug)]
struct Part {
    keys: Vec<ArrayRef>,
    /// The state's columns of each aggregate.
    states: Vec<Vec<ArrayRef>>,
    /// The number of each row's key.
    ids: Vec<usize>,
}

#[derive(Debug)]
struct Pane {
    index: i64,
    parts: Vec<Part>,
}

/// Merges panes that come in order.
pub(super) struct Merge {
    windows: Windows,
    schema: SchemaRef,
    key_schema: SchemaRef,
    state_widths: Vec<usize>,
    accumulators: Vec<Box<dyn GroupsAccumulator>>,
    keys: Option<Box<dyn GroupValues>>,
    panes: VecDeque<Pane>,
    /// The number of the first window that is not out: by its first pane (HOP), by the pane behind its
    /// last (CUMULATE).
    next: i64,
    groups: Groups,
}

/// The groups of the window that is being made: where in it a key is.
#[derive(Debug, Default)]
struct Groups {
    /// By key: the window in which the key was seen last, and where it is there.
    seen: Vec<(u64, usize)>,
    window: u64,
    /// By group: which part, and which row of it, has its key.
    origins: Vec<(usize, usize)>,
    /// By row of the current part.
    of_rows: Vec<usize>,
}

impl Groups {
    fn begin(&mut self) {
        self.window += 1;
        self.origins.clear();
    }

    fn assign(&mut self, part: usize, ids: &[usize]) {
        self.of_rows.clear();
        for (row, id) in ids.iter().enumerate() {
            if self.seen.len() <= *id {
                self.seen.resize(id + 1, (0, 0));
            }
            let seen = &mut self.seen[*id];
            if seen.0 != self.window {
                *seen = (self.window, self.origins.len());
                self.origins.push((part, row));
            }
            self.of_rows.push(seen.1);
        }
    }
}

impl Merge {
    /// `schema` is that of the results; its first columns are the keys.
    pub(super) fn new(
        windows: Windows,
        schema: SchemaRef,
        keys: usize,
        aggregates: &[Arc<AggregateFunctionExpr>],
    ) -> Result<Self> {
        let key_schema = Arc::new(schema.project(&(0..keys).collect::<Vec<_>>())?);
        let widths = aggregates
            .iter()
            .map(|aggregate| Ok(aggregate.state_fields()?.len()));
        Ok(Self {
            windows,
            state_widths: widths.collect::<Result<_>>()?,
            accumulators: aggregates.iter().map(accumulator).collect::<Result<_>>()?,
            keys: None,
            key_schema,
            schema,
            panes: VecDeque::new(),
            next: i64::MIN,
            groups: Groups::default(),
        })
    }

    /// Takes states, sorted by `panes`: columns of keys, then of states. Returns the windows that are
    /// complete by then.
    pub(super) fn push(
        &mut self,
        panes: &[i64],
        keys: &[ArrayRef],
        states: &[ArrayRef],
    ) -> Result<Vec<RecordBatch>> {
        let mut complete = Vec::new();
        let mut start = 0;
        for run in panes.chunk_by(|a, b| a == b) {
            let index = run[0];
            if self.panes.back().is_none_or(|last| last.index < index) {
                self.seal()?;
                self.emit(index, &mut complete)?;
                self.panes.push_back(Pane {
                    index,
                    parts: Vec::new(),
                });
            }
            let slice = |columns: &[ArrayRef]| -> Vec<ArrayRef> {
                columns
                    .iter()
                    .map(|column| column.slice(start, run.len()))
                    .collect()
            };
            let part = self.part(slice(keys), slice(states), run.len())?;
            if let Some(pane) = self.panes.back_mut() {
                pane.parts.push(part);
            }
            start += run.len();
        }
        Ok(complete)
    }

    /// The windows that are left, when no state follows.
    pub(super) fn finish(&mut self) -> Result<Vec<RecordBatch>> {
        let mut complete = Vec::new();
        self.seal()?;
        self.emit(i64::MAX, &mut complete)?;
        Ok(complete)
    }

    /// Bytes held.
    pub(super) fn size(&self) -> usize {
        let parts = self.panes.iter().flat_map(|pane| &pane.parts);
        let parts = parts.map(|part| {
            let states: usize = part.states.iter().map(|state| sliced_size(state)).sum();
            sliced_size(&part.keys) + states + part.ids.capacity() * size_of::<usize>()
        });
        let accumulators = self.accumulators.iter().map(|accumulator| accumulator.size());
        let keys = self.keys.as_ref().map_or(0, |keys| keys.size());
        let groups = self.groups.seen.capacity() * size_of::<(u64, usize)>();
        parts.sum::<usize>() + accumulators.sum::<usize>() + keys + groups
    }

    fn part(&mut self, keys: Vec<ArrayRef>, states: Vec<ArrayRef>, rows: usize) -> Result<Part> {
        let ids = self.ids(&keys, rows)?;
        let mut states = states.into_iter();
        let widths = self.state_widths.iter();
        let states = widths.map(|width| states.by_ref().take(*width).collect());
        Ok(Part {
            states: states.collect(),
            keys,
            ids,
        })
    }

    fn ids(&mut self, keys: &[ArrayRef], rows: usize) -> Result<Vec<usize>> {
        if keys.is_empty() {
            return Ok(vec![0; rows]);
        }
        let mut ids = Vec::with_capacity(rows);
        let known = match &mut self.keys {
            Some(known) => known,
            none => none.insert(new_group_values(
                Arc::clone(&self.key_schema),
                &GroupOrdering::None,
            )?),
        };
        known.intern(keys, &mut ids)?;
        Ok(ids)
    }

    /// Makes the last pane one part, so that each of its windows merges it once.
    fn seal(&mut self) -> Result<()> {
        let Some(pane) = self.panes.back_mut() else {
            return Ok(());
        };
        if pane.parts.len() > 1 {
            let parts = std::mem::take(&mut pane.parts);
            let merged = self.merged(&parts.iter().collect::<Vec<_>>())?;
            if let Some(pane) = self.panes.back_mut() {
                pane.parts.push(merged);
            }
        }
        self.forget_keys()
    }

    /// Numbers the keys anew once most of those that are known are in no pane.
    fn forget_keys(&mut self) -> Result<()> {
        let rows = self.panes.iter().flat_map(|pane| &pane.parts);
        let used: usize = rows.map(|part| part.ids.len()).sum();
        let known = self.keys.as_ref().map_or(0, |keys| keys.len());
        if known < KEYS_KEPT.max(used.saturating_mul(2)) {
            return Ok(());
        }
        self.keys = None;
        self.groups.seen = Vec::new();
        let mut panes = std::mem::take(&mut self.panes);
        for part in panes.iter_mut().flat_map(|pane| &mut pane.parts) {
            part.ids = self.ids(&part.keys, part.ids.len())?;
        }
        self.panes = panes;
        Ok(())
    }

    /// Fills the accumulators with the parts' states.
    fn merge(&mut self, parts: &[&Part]) -> Result<()> {
        self.groups.begin();
        for (i, part) in parts.iter().enumerate() {
            self.groups.assign(i, &part.ids);
            let total = self.groups.origins.len();
            for (accumulator, state) in self.accumulators.iter_mut().zip(&part.states) {
                accumulator.merge_batch(state, &self.groups.of_rows, total)?;
            }
        }
        Ok(())
    }

    /// The keys of the groups, in their order.
    fn group_keys(&self, parts: &[&Part]) -> Result<Vec<ArrayRef>> {
        let columns = 0..self.key_schema.fields().len();
        let columns = columns.map(|i| {
            let columns: Vec<&dyn Array> = parts.iter().map(|part| part.keys[i].as_ref()).collect();
            interleave(&columns, &self.groups.origins)
        });
        Ok(columns.collect::<Result<_, _>>()?)
    }

    fn merged(&mut self, parts: &[&Part]) -> Result<Part> {
        self.merge(parts)?;
        let states = self.accumulators.iter_mut();
        let states = states.map(|accumulator| accumulator.state(EmitTo::All));
        let states = states.collect::<Result<_>>()?;
        let origins = self.groups.origins.iter();
        let ids = origins.map(|(part, row)| parts[*part].ids[*row]).collect();
        let keys = self.group_keys(parts)?;
        Ok(Part { keys, states, ids })
    }

    /// Adds the windows that end before pane `behind` begins, or with it.
    fn emit(&mut self, behind: i64, complete: &mut Vec<RecordBatch>) -> Result<()> {
        let n = self.windows.panes;
        while let Some(front) = self.panes.front() {
            let front = front.index;
            let (first, last) = match self.windows.shape {
                Shape::Tumble | Shape::Hop => {
                    let first = front.saturating_sub(n - 1).max(self.next);
                    (first, first.saturating_add(n))
                }
                Shape::Cumulate => {
                    let last = front.saturating_add(1).max(self.next);
                    (front.div_euclid(n).saturating_mul(n), last)
                }
            };
            if last > behind {
                return Ok(());
            }
            complete.push(self.window(first, last)?);
            let passed = match self.windows.shape {
                Shape::Tumble | Shape::Hop => {
                    self.next = first + 1;
                    self.next
                }
                Shape::Cumulate => {
                    self.next = last + 1;
                    let full = last == first.saturating_add(n);
                    if full { last } else { first }
                }
            };
            while self.panes.front().is_some_and(|pane| pane.index < passed) {
                self.panes.pop_front();
            }
        }
        Ok(())
    }

    /// The results over panes `first..last`.
    fn window(&mut self, first: i64, last: i64) -> Result<RecordBatch> {
        let panes = std::mem::take(&mut self.panes);
        let within = panes
            .iter()
            .filter(|pane| first <= pane.index && pane.index < last)
            .flat_map(|pane| &pane.parts);
        let result = self.result(&within.collect::<Vec<_>>(), first, last);
        self.panes = panes;
        result
    }

    fn result(&mut self, parts: &[&Part], first: i64, last: i64) -> Result<RecordBatch> {
        self.merge(parts)?;
        let rows = self.groups.origins.len();
        let grid = &self.windows.grid;
        let bound = |pane: i64| {
            let tick = grid.start(pane).ok_or_else(out_of_range)?;
            grid.time().array(vec![tick; rows])
        };
        let mut columns = self.group_keys(parts)?;
        columns.extend([bound(first)?, bound(last)?]);
        for accumulator in &mut self.accumulators {
            columns.push(accumulator.evaluate(EmitTo::All)?);
        }
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }
}

fn accumulator(aggregate: &Arc<AggregateFunctionExpr>) -> Result<Box<dyn GroupsAccumulator>> {
    if aggregate.groups_accumulator_supported() {
        return aggregate.create_groups_accumulator();
    }
    let aggregate = Arc::clone(aggregate);
    Ok(Box::new(GroupsAccumulatorAdapter::new(move || {
        aggregate.create_accumulator()
    })))
}
