//! The expression.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, StringViewArray, UInt32Array};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;

use super::distinct::{Distinct, distinct};

/// A Boolean expression over one text column, computed once a value.
#[derive(Debug)]
pub struct PerValue {
    whole: Arc<dyn PhysicalExpr>,
    /// The position of its column.
    column: usize,
    /// The same over that column alone.
    alone: Arc<dyn PhysicalExpr>,
    schema: SchemaRef,
}

impl PerValue {
    /// `whole` once a value; nothing if it is not over one text column, or is another each time.
    pub fn new(whole: Arc<dyn PhysicalExpr>, schema: &Schema) -> Option<Self> {
        let column = only_column(&whole)?;
        let field = schema.fields().get(column.index())?;
        let is_text = *field.data_type() == DataType::Utf8View;
        if !is_text || whole.data_type(schema).ok()? != DataType::Boolean {
            return None;
        }
        Self::over(whole, &column)
    }

    fn over(whole: Arc<dyn PhysicalExpr>, column: &Column) -> Option<Self> {
        let replaced = Arc::clone(&whole).transform_up(|expr| {
            Ok(match expr.is::<Column>() {
                true => Transformed::yes(Arc::new(Column::new(column.name(), 0)) as _),
                false => Transformed::no(expr),
            })
        });
        let field = Field::new(column.name(), DataType::Utf8View, true);
        Some(Self {
            whole,
            column: column.index(),
            alone: replaced.data().ok()?,
            schema: Arc::new(Schema::new(vec![field])),
        })
    }

    fn of_values(&self, texts: &StringViewArray, found: &Distinct) -> Result<ArrayRef> {
        let rows = UInt32Array::from(found.rows.clone());
        let values = arrow::compute::take(texts, &rows, None)?;
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), vec![values])?;
        self.alone.evaluate(&batch)?.into_array(found.rows.len())
    }
}

/// The one column that it is over.
fn only_column(expr: &Arc<dyn PhysicalExpr>) -> Option<Column> {
    let (mut found, mut others): (Option<Column>, bool) = (None, false);
    let seen = expr.apply(|expr| {
        if let Some(column) = expr.downcast_ref::<Column>() {
            match &found {
                Some(known) if known != column => others = true,
                _ => found = Some(column.clone()),
            }
        }
        others |= expr.is_volatile_node();
        Ok(TreeNodeRecursion::Continue)
    });
    found.filter(|_| seen.is_ok() && !others)
}

/// Each row's answer is that of its value.
fn spread(answers: &BooleanArray, codes: &[u8]) -> BooleanArray {
    let of = |values: &BooleanBuffer| {
        let mut table = [false; u8::MAX as usize + 1];
        table
            .iter_mut()
            .zip(values)
            .for_each(|(place, value)| *place = value);
        BooleanBuffer::collect_bool(codes.len(), |row| table[usize::from(codes[row])])
    };
    let nulls = answers.nulls().filter(|nulls| nulls.null_count() > 0);
    let nulls = nulls.map(|nulls| NullBuffer::new(of(nulls.inner())));
    BooleanArray::new(of(answers.values()), nulls)
}

impl PartialEq for PerValue {
    fn eq(&self, other: &Self) -> bool {
        self.whole.eq(&other.whole)
    }
}

impl Eq for PerValue {}

impl Hash for PerValue {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.whole.hash(state);
    }
}

impl fmt::Display for PerValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.whole.fmt(f)
    }
}

impl PhysicalExpr for PerValue {
    fn data_type(&self, schema: &Schema) -> Result<DataType> {
        self.whole.data_type(schema)
    }

    fn nullable(&self, schema: &Schema) -> Result<bool> {
        self.whole.nullable(schema)
    }

    fn return_field(&self, schema: &Schema) -> Result<FieldRef> {
        self.whole.return_field(schema)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        let texts = batch.columns().get(self.column);
        let Some(texts) = texts.and_then(|texts| texts.as_string_view_opt()) else {
            return self.whole.evaluate(batch);
        };
        let Some(found) = distinct(texts) else {
            return self.whole.evaluate(batch);
        };
        let answers = self.of_values(texts, &found)?;
        match answers.as_boolean_opt() {
            Some(answers) => Ok(ColumnarValue::Array(Arc::new(spread(answers, &found.codes)))),
            None => self.whole.evaluate(batch),
        }
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.whole]
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        let whole = children.swap_remove(0);
        let again = only_column(&whole).and_then(|column| Self::over(Arc::clone(&whole), &column));
        Ok(match again {
            Some(again) => Arc::new(again),
            None => whole,
        })
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.whole.fmt_sql(f)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, RecordBatch, StringViewArray};
    use datafusion::physical_expr::PhysicalExpr;
    use datafusion::physical_expr::expressions::{col, in_list, lit};
    use proptest::prelude::*;

    use super::PerValue;

    fn text() -> impl Strategy<Value = Option<String>> {
        let values = prop_oneof![Just("a"), Just("bb"), Just(""), Just("a text longer than a view")];
        prop_oneof![4 => values.prop_map(str::to_owned).prop_map(Some), 1 => Just(None), 1 => "[a-z]{0,14}".prop_map(Some)]
    }

    proptest! {
        #[test]
        fn once_a_value_is_the_same(texts in prop::collection::vec(text(), 0..300), negated: bool) {
            let texts: ArrayRef = Arc::new(texts.into_iter().collect::<StringViewArray>());
            let batch = RecordBatch::try_from_iter_with_nullable([("other", Arc::clone(&texts), true), ("s", texts, true)]).unwrap();
            let schema = batch.schema();
            let listed = ["a", "a text longer than a view", "q"].map(|text| lit(datafusion::common::ScalarValue::Utf8View(Some(text.to_owned()))));
            let whole = in_list(col("s", &schema).unwrap(), listed.to_vec(), &negated, &schema).unwrap();
            let once = PerValue::new(Arc::clone(&whole), &schema).unwrap();
            let rows = batch.num_rows();
            let (a, b) = (whole.evaluate(&batch).unwrap(), once.evaluate(&batch).unwrap());
            prop_assert_eq!(&a.into_array(rows).unwrap(), &b.into_array(rows).unwrap());
        }
    }
}
