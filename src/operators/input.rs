//! What operators of one input have in common: the columns that they add and need, the order that
//! they ask for and keep, and runs of equal keys in sorted rows.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::compute::{SortOptions, concat, partition};
use arrow::datatypes::{Field, FieldRef, SchemaRef};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Constraints, DFSchema, DFSchemaRef, Result, TableReference};
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::physical_expr::equivalence::ProjectionMapping;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{
    EquivalenceProperties, LexOrdering, LexRequirement, OrderingRequirements, PhysicalExpr, PhysicalSortExpr,
};
use datafusion::physical_plan::{Distribution, ExecutionPlan, ExecutionPlanProperties};

use crate::error::{Code, Error};
pub(super) use crate::functions::Run;

/// Ascending, NULLs last.
pub(super) const NULLS_LAST: SortOptions = SortOptions {
    descending: false,
    nulls_first: false,
};

/// The orders that an operator over sorted rows can work with: equal keys lie together either way.
pub(super) const SORTED: [SortOptions; 2] = [
    NULLS_LAST,
    SortOptions {
        descending: false,
        nulls_first: true,
    },
];

/// The columns of `batch` at `columns`.
pub(super) fn columns_of(batch: &RecordBatch, columns: &[Column]) -> Vec<ArrayRef> {
    columns
        .iter()
        .map(|column| Arc::clone(batch.column(column.index())))
        .collect()
}

/// The batch with further columns behind its own.
pub(super) fn widened(
    schema: &SchemaRef,
    batch: &RecordBatch,
    more: impl IntoIterator<Item = ArrayRef>,
) -> Result<RecordBatch> {
    let mut columns = batch.columns().to_vec();
    columns.extend(more);
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}

/// The schema with further columns, without a table, behind its own.
pub(super) fn widened_schema(input: &DFSchema, more: impl IntoIterator<Item = Field>) -> Result<DFSchemaRef> {
    let mut fields: Vec<(Option<TableReference>, FieldRef)> = input
        .iter()
        .map(|(qualifier, field)| (qualifier.cloned(), Arc::clone(field)))
        .collect();
    fields.extend(more.into_iter().map(|field| (None, Arc::new(field))));
    let metadata = input.metadata().clone();
    Ok(Arc::new(DFSchema::new_with_metadata(fields, metadata)?))
}

/// The names of the columns that are no keys: a filter on one of them cannot be applied beforehand.
pub(super) fn not_keys(schema: &DFSchema, keys: &[Expr]) -> HashSet<String> {
    let others = schema.columns().into_iter().filter(|column| {
        let is_key = |key: &Expr| matches!(key, Expr::Column(key) if key == column);
        !keys.iter().any(is_key)
    });
    others.map(|column| column.name).collect()
}

/// The positions in `input` of the columns that pass through to `output_columns`, and of those that
/// `expressions` read.
pub(super) fn needed_columns(
    input: &DFSchema,
    output_columns: &[usize],
    expressions: &[Expr],
) -> Option<Vec<Vec<usize>>> {
    let passed = output_columns.iter().copied();
    let mut needed: Vec<usize> = passed.filter(|i| *i < input.fields().len()).collect();
    for column in expressions.iter().flat_map(Expr::column_refs) {
        needed.push(input.maybe_index_of_column(column)?);
    }
    needed.sort_unstable();
    needed.dedup();
    Some(vec![needed])
}

/// The one input of a logical node that has one.
pub(super) fn one_input(mut inputs: Vec<LogicalPlan>) -> Result<LogicalPlan> {
    match (inputs.pop(), inputs.is_empty()) {
        (Some(input), true) => Ok(input),
        _ => Err(Error::new(Code::Internal, "a node of one input was given others").into()),
    }
}

/// The one input of an operator that has one.
pub(super) fn only(mut children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
    match (children.pop(), children.is_empty()) {
        (Some(input), true) => Ok(input),
        _ => Err(Error::new(Code::Internal, "an operator of one input was given others").into()),
    }
}

/// Shows an operator's columns to `f`.
pub(super) fn apply_columns(
    columns: &[Column],
    f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
) -> Result<TreeNodeRecursion> {
    for column in columns {
        let expression: Arc<dyn PhysicalExpr> = Arc::new(column.clone());
        if f(&expression)? == TreeNodeRecursion::Stop {
            return Ok(TreeNodeRecursion::Stop);
        }
    }
    Ok(TreeNodeRecursion::Continue)
}

/// The rows of a key in one place: by its hash, or all together without one.
pub(super) fn together(keys: &[Column]) -> Distribution {
    if keys.is_empty() {
        return Distribution::SinglePartition;
    }
    let keys = keys
        .iter()
        .map(|key| Arc::new(key.clone()) as Arc<dyn PhysicalExpr>);
    Distribution::KeyPartitioned(keys.collect())
}

/// Sorted by these columns, ascending.
pub(super) fn sortings(columns: &[Column], options: SortOptions) -> Vec<PhysicalSortExpr> {
    let sorted = columns.iter().cloned();
    sorted
        .map(|column| PhysicalSortExpr::new(Arc::new(column), options))
        .collect()
}

/// Asks for rows that are sorted by these columns, ascending, NULLs on either side.
pub(super) fn sorting_requirement(columns: &[Column]) -> Option<OrderingRequirements> {
    let alternatives = SORTED.map(|options| LexOrdering::new(sortings(columns, options)));
    let alternatives = alternatives.into_iter().flatten().map(LexRequirement::from);
    OrderingRequirements::new_alternatives(alternatives, false)
}

/// Asks for rows that are sorted by these columns, ascending, NULLs last.
pub(super) fn nulls_last_requirement(columns: &[Column]) -> Option<OrderingRequirements> {
    LexOrdering::new(sortings(columns, NULLS_LAST)).map(OrderingRequirements::from)
}

/// How the input is sorted by these columns, if it is.
pub(super) fn sorted_by(input: &Arc<dyn ExecutionPlan>, columns: &[Column]) -> Result<Option<SortOptions>> {
    for options in SORTED {
        let known = input.equivalence_properties();
        if known.ordering_satisfy(sortings(columns, options))? {
            return Ok(Some(options));
        }
    }
    Ok(None)
}

/// What is known of the input's rows, of an output that has its columns first. That a column is
/// unique is not kept.
pub(super) fn passed_equivalences(
    input: &Arc<dyn ExecutionPlan>,
    schema: &SchemaRef,
) -> Result<EquivalenceProperties> {
    let fields = input.schema();
    let passed = fields.fields().iter().enumerate().map(|(i, field)| {
        let column: Arc<dyn PhysicalExpr> = Arc::new(Column::new(field.name(), i));
        (column, field.name().clone())
    });
    let mapping = ProjectionMapping::try_new(passed, &fields)?;
    let known = input
        .equivalence_properties()
        .project(&mapping, Arc::clone(schema));
    Ok(known.with_constraints(Constraints::default()))
}

/// Bytes that the rows hold, without what other rows of the same buffers do.
pub(super) fn sliced_size(columns: &[ArrayRef]) -> usize {
    let size = |column: &ArrayRef| {
        let sliced = column.to_data().get_slice_memory_size();
        sliced.unwrap_or_else(|_| column.get_array_memory_size())
    };
    columns.iter().map(size).sum()
}

/// Finds the runs of rows that come sorted by their keys, NULL a key like any other.
#[derive(Debug, Default)]
pub(super) struct Runs {
    /// The last row's key, as columns of one row; nothing before the first row.
    last: Option<Vec<ArrayRef>>,
}

impl Runs {
    /// The runs of a batch of `rows` rows. Without keys it is one run.
    pub(super) fn push(&mut self, keys: &[ArrayRef], rows: usize) -> Result<Vec<Run>> {
        if rows == 0 {
            return Ok(Vec::new());
        }
        let ranges = match keys {
            [] => std::iter::once(0..rows).collect(),
            keys => partition(keys)?.ranges(),
        };
        let continues = match &self.last {
            Some(last) => same_key(last, keys)?,
            None => false,
        };
        self.last = Some(keys.iter().map(|key| key.slice(rows - 1, 1)).collect());
        let runs = ranges.into_iter().map(|rows| Run {
            continues: continues && rows.start == 0,
            rows,
        });
        Ok(runs.collect())
    }
}

/// Whether the one row of `last` has the key of the first row of `keys`.
fn same_key(last: &[ArrayRef], keys: &[ArrayRef]) -> Result<bool> {
    let pairs = last.iter().zip(keys);
    let pairs = pairs.map(|(last, keys)| concat(&[last.as_ref(), keys.slice(0, 1).as_ref()]));
    let pairs = pairs.collect::<Result<Vec<_>, _>>()?;
    Ok(pairs.is_empty() || partition(&pairs)?.len() == 1)
}
