//! Feeds an aggregate by every way DataFusion has, cut at random.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch, UInt32Array};
use arrow::compute::{concat, take};
use arrow::datatypes::{Field, Schema};
use datafusion::common::ScalarValue;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::{AggregateUDF, EmitTo};
use datafusion::physical_expr::aggregate::{AggregateExprBuilder, AggregateFunctionExpr};
use datafusion::physical_plan::PhysicalExpr;
use datafusion::physical_plan::expressions::{Column, Literal};
use datafusion::prelude::SessionConfig;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub(super) fn function(name: &str) -> Arc<AggregateUDF> {
    let all = crate::functions::aggregate();
    let found = all.into_iter().find(|f| f.name() == name);
    found.unwrap_or_else(|| panic!("no function {name}"))
}

/// A call of `name` on columns, with constants after them.
pub(super) struct Case {
    pub(super) call: Arc<AggregateFunctionExpr>,
    pub(super) columns: Vec<ArrayRef>,
    pub(super) groups: Vec<usize>,
    pub(super) filter: Option<BooleanArray>,
}

impl Case {
    pub(super) fn new(
        name: &str,
        columns: Vec<ArrayRef>,
        constants: &[ScalarValue],
        groups: Vec<usize>,
    ) -> Self {
        let fields = columns.iter().enumerate();
        let fields = fields.map(|(i, c)| Field::new(format!("c{i}"), c.data_type().clone(), true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let mut exprs: Vec<Arc<dyn PhysicalExpr>> = Vec::new();
        for i in 0..columns.len() {
            exprs.push(Arc::new(Column::new(&format!("c{i}"), i)));
        }
        let mut columns = columns;
        for value in constants {
            exprs.push(Arc::new(Literal::new(value.clone())));
            columns.push(value.to_array_of_size(groups.len()).unwrap());
        }
        let call = AggregateExprBuilder::new(function(name), exprs)
            .schema(schema)
            .alias("a")
            .build()
            .unwrap();
        Self {
            call: Arc::new(call),
            columns,
            groups,
            filter: None,
        }
    }

    fn rows(&self, rows: &[u32]) -> (Vec<ArrayRef>, Vec<usize>, Option<BooleanArray>) {
        let indices = UInt32Array::from(rows.to_vec());
        let columns = self
            .columns
            .iter()
            .map(|c| take(c, &indices, None).unwrap())
            .collect();
        let groups = rows.iter().map(|&row| self.groups[row as usize]).collect();
        let filter = self.filter.as_ref().map(|f| {
            rows.iter()
                .map(|&row| f.is_valid(row as usize).then(|| f.value(row as usize)))
                .collect()
        });
        (columns, groups, filter)
    }

    /// The results of groups `0..total`, by partial and final grouped states.
    pub(super) fn grouped(&self, total: usize, seed: u64) -> ArrayRef {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut states = Vec::new();
        for part in cut(self.groups.len(), &mut random) {
            states.extend(self.partial(&part, total, &mut random));
        }
        states.shuffle(&mut random);
        let mut last = self.call.create_groups_accumulator().unwrap();
        for (columns, groups) in states {
            assert_eq!(columns.len(), self.call.state_fields().unwrap().len());
            for (column, field) in columns.iter().zip(self.call.state_fields().unwrap()) {
                assert_eq!(column.data_type(), field.data_type(), "state {}", field.name());
            }
            last.merge_batch(&columns, &groups, total).unwrap();
        }
        // Groups that no state named are there all the same.
        let none = self
            .call
            .create_groups_accumulator()
            .unwrap()
            .state(EmitTo::All)
            .unwrap();
        last.merge_batch(&none, &[], total).unwrap();
        assert!(last.size() > 0);
        let first = random.random_range(0..=total);
        let head = last.evaluate(EmitTo::First(first)).unwrap();
        let tail = last.evaluate(EmitTo::All).unwrap();
        let results = concat(&[head.as_ref(), tail.as_ref()]).unwrap();
        assert_eq!(results.data_type(), self.call.field().data_type());
        assert_eq!(results.len(), total);
        results
    }

    /// The states of some rows: of one partial accumulator, or of each row on its own.
    fn partial(
        &self,
        rows: &[u32],
        total: usize,
        random: &mut ChaCha8Rng,
    ) -> Vec<(Vec<ArrayRef>, Vec<usize>)> {
        let mut accumulator = self.call.create_groups_accumulator().unwrap();
        if random.random_bool(0.2) {
            let (columns, groups, filter) = self.rows(rows);
            return vec![(
                accumulator.convert_to_state(&columns, filter.as_ref()).unwrap(),
                groups,
            )];
        }
        for batch in cut(rows.len(), random) {
            let batch: Vec<u32> = batch.iter().map(|&i| rows[i as usize]).collect();
            let (columns, groups, filter) = self.rows(&batch);
            accumulator
                .update_batch(&columns, &groups, filter.as_ref(), total)
                .unwrap();
        }
        let (empty, none, _) = self.rows(&[]);
        accumulator.update_batch(&empty, &none, None, total).unwrap();
        let first = random.random_range(0..=total);
        let head = accumulator.state(EmitTo::First(first)).unwrap();
        let tail = accumulator.state(EmitTo::All).unwrap();
        vec![(head, (0..first).collect()), (tail, (first..total).collect())]
    }

    /// The result of one group, by plain accumulators.
    pub(super) fn single(&self, group: usize, seed: u64) -> ScalarValue {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let rows = self.kept(group);
        let mut last = self.call.create_accumulator().unwrap();
        for part in cut(rows.len(), &mut random) {
            let mut accumulator = self.call.create_accumulator().unwrap();
            for batch in cut(part.len(), &mut random) {
                let batch: Vec<u32> = batch.iter().map(|&i| rows[part[i as usize] as usize]).collect();
                accumulator.update_batch(&self.rows(&batch).0).unwrap();
                // A result on the way leaves the state as it is.
                accumulator.evaluate().unwrap();
            }
            let state = accumulator.state().unwrap();
            let state: Vec<ArrayRef> = state.iter().map(|s| s.to_array().unwrap()).collect();
            last.merge_batch(&state).unwrap();
        }
        last.evaluate().unwrap()
    }

    /// The result of one group's last `width` rows, through a sliding frame.
    pub(super) fn sliding(&self, group: usize, width: usize) -> ScalarValue {
        let rows = self.kept(group);
        let mut accumulator = self.call.create_sliding_accumulator().unwrap();
        assert!(accumulator.supports_retract_batch());
        for (i, row) in rows.iter().enumerate() {
            accumulator.update_batch(&self.rows(&[*row]).0).unwrap();
            if i >= width {
                accumulator
                    .retract_batch(&self.rows(&[rows[i - width]]).0)
                    .unwrap();
            }
            accumulator.evaluate().unwrap();
        }
        accumulator.evaluate().unwrap()
    }

    /// The rows of a group that the filter keeps.
    pub(super) fn kept(&self, group: usize) -> Vec<u32> {
        let rows = (0..self.groups.len()).filter(|&row| self.groups[row] == group);
        let passes = |row: &usize| {
            self.filter
                .as_ref()
                .is_none_or(|f| f.is_valid(*row) && f.value(*row))
        };
        rows.filter(passes).map(|row| row as u32).collect()
    }
}

/// `0..rows` in runs of random length.
fn cut(rows: usize, random: &mut ChaCha8Rng) -> Vec<Vec<u32>> {
    let mut runs = Vec::new();
    let mut start = 0;
    while start < rows {
        let end = rows.min(start + random.random_range(1..=rows));
        runs.push((start as u32..end as u32).collect());
        start = end;
    }
    runs
}

/// A plain session with this module's functions.
pub(super) fn session(partitions: usize, batch_size: usize) -> SessionContext {
    let config = SessionConfig::new()
        .with_target_partitions(partitions)
        .with_batch_size(batch_size);
    let session = SessionContext::new_with_config(config);
    for f in crate::functions::aggregate() {
        session.register_udaf(f.as_ref().clone());
    }
    session
}

pub(super) async fn run(session: &SessionContext, sql: &str) -> datafusion::common::Result<RecordBatch> {
    let plan = session.state().create_logical_plan(sql).await?;
    let frame = session.execute_logical_plan(plan).await?;
    let schema = Arc::new(frame.schema().as_arrow().clone());
    let batches = frame.collect().await?;
    let schema = batches.first().map_or(schema, |batch| batch.schema());
    Ok(arrow::compute::concat_batches(&schema, &batches)?)
}

/// The first column of a statement's answer, as text.
pub(super) async fn answer(session: &SessionContext, sql: &str) -> String {
    let batch = run(session, sql).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
    let mut texts = Vec::new();
    for row in 0..batch.num_rows() {
        let cells = batch
            .columns()
            .iter()
            .map(|column| arrow::util::display::array_value_to_string(column, row).unwrap());
        texts.push(cells.collect::<Vec<_>>().join("|"));
    }
    texts.join(";")
}
