//! A plan that has run, on a screen too narrow for it: what a node read, left out and spilled stands in a
//! line below the node instead of beside it.
//!
//! Owns that change of shape and nothing else: which columns a plan has is the engine's to say.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use indicatif::HumanCount;
use unicode_width::UnicodeWidthStr;

use crate::engine::KEEP_WHOLE;
use crate::error::{Code, Error, Result};

/// The columns of a plan that has run.
const COLUMNS: [&str; 5] = ["plan", "time", "rows", "read_and_spilled", "detail"];
/// What a table draws around each of its columns, and after the last.
const AROUND: usize = 3;
const EDGE: usize = 1;
/// What stands for the columns that are not shown.
const MORE: usize = 4;
/// `VARCHAR`, the longest type of a plan's columns.
const TYPE: usize = 7;

/// The plan as it fits on `screen`; `None` for what is no plan, or fits as it is.
///
/// # Errors
/// [`Code::Internal`] for batches of another schema.
pub(super) fn folded(
    schema: &SchemaRef,
    batches: &[RecordBatch],
    screen: usize,
) -> Result<Option<(SchemaRef, RecordBatch)>> {
    let names = schema.fields().iter().map(|field| field.name().as_str());
    if !names.eq(COLUMNS) || !schema.field(0).metadata().contains_key(KEEP_WHOLE) {
        return Ok(None);
    }
    let batch = concat_batches(schema, batches).map_err(broken)?;
    let plan = Plan::of(&batch).filter(|plan| plan.width() > screen);
    plan.map(|plan| plan.folded(schema.field(0))).transpose()
}

/// The columns of a plan, row by row.
struct Plan<'b> {
    node: &'b StringArray,
    time: &'b StringArray,
    /// Written, none if they were not counted.
    rows: Vec<String>,
    used: &'b StringArray,
    detail: &'b StringArray,
}

impl<'b> Plan<'b> {
    fn of(batch: &'b RecordBatch) -> Option<Self> {
        let text = |column: usize| batch.column(column).as_string_opt::<i32>();
        let rows = batch.column(2).as_primitive_opt::<Int64Type>()?.iter();
        let written = |rows: i64| HumanCount(rows.unsigned_abs()).to_string();
        Some(Self {
            node: text(0)?,
            time: text(1)?,
            rows: rows.map(|rows| rows.map(written).unwrap_or_default()).collect(),
            used: text(3)?,
            detail: text(4)?,
        })
    }

    /// How wide a table is that has all but the detail.
    fn width(&self) -> usize {
        let of_texts = |texts: &StringArray| texts.iter().flatten().map(UnicodeWidthStr::width).max();
        let rows = self.rows.iter().map(|rows| rows.width()).max();
        let widths = [
            of_texts(self.node),
            of_texts(self.time),
            rows,
            of_texts(self.used),
        ];
        let columns = widths.into_iter().zip(COLUMNS);
        let each = columns.map(|(width, name)| width.unwrap_or(0).max(name.len()).max(TYPE) + AROUND);
        each.sum::<usize>() + EDGE + MORE
    }

    /// With a line below each node that read, left out or spilled something.
    fn folded(&self, node: &Field) -> Result<(SchemaRef, RecordBatch)> {
        let widest = self.rows.iter().map(String::len).max().unwrap_or_default();
        let mut lines: [Vec<String>; 4] = Default::default();
        let mut add = |line: [String; 4]| {
            for (column, text) in lines.iter_mut().zip(line) {
                column.push(text);
            }
        };
        for i in 0..self.node.len() {
            let node = self.node.value(i);
            let rows = format!("{:>widest$}", self.rows[i]);
            let (time, detail) = (self.time.value(i).to_owned(), self.detail.value(i).to_owned());
            add([node.to_owned(), time, rows, detail]);
            let used = self.used.value(i);
            if !used.is_empty() {
                let next = (i + 1 < self.node.len()).then(|| self.node.value(i + 1));
                let below = format!("{}{used}", trunk(node, next.unwrap_or_default()));
                add([below, String::new(), String::new(), String::new()]);
            }
        }
        let text = |name: &str| Field::new(name, DataType::Utf8, false);
        let [_, time, rows, _, detail] = COLUMNS.map(text);
        let schema = Arc::new(Schema::new(vec![node.clone(), time, rows, detail]));
        let columns = lines.map(|lines| Arc::new(StringArray::from(lines)) as ArrayRef);
        let plan = RecordBatch::try_new(Arc::clone(&schema), columns.into()).map_err(broken)?;
        Ok((schema, plan))
    }
}

/// The branches that pass by below a node, before the line of the `next`.
fn trunk(node: &str, next: &str) -> String {
    let branches = |text: &str| text.chars().take_while(|c| "│├└─ ".contains(*c)).count();
    let own = branches(node);
    let passing = node.chars().take(own).map(|c| match c {
        '│' | '├' => '│',
        _ => ' ',
    });
    let has_child = branches(next) > own;
    let stem = if has_child { "│ " } else { "  " };
    passing.chain(stem.chars()).collect()
}

fn broken(error: arrow::error::ArrowError) -> Error {
    Error::new(Code::Internal, format!("a plan has another shape: {error}")).with_source(error)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use arrow::array::Int64Array;

    use super::*;

    #[test]
    fn what_a_node_read_stands_below_it() {
        let keep = HashMap::from([(KEEP_WHOLE.to_owned(), String::new())]);
        let mut fields: Vec<Field> = COLUMNS
            .iter()
            .map(|name| Field::new(*name, DataType::Utf8, false))
            .collect();
        fields[0] = fields[0].clone().with_metadata(keep);
        fields[2] = Field::new("rows", DataType::Int64, true);
        let schema = Arc::new(Schema::new(fields));
        let text = |texts: [&str; 4]| Arc::new(StringArray::from(texts.to_vec())) as ArrayRef;
        let columns = vec![
            text(["Sort", "└─Join", "  ├─Scan a", "  └─Scan b"]),
            text(["1 ms", "2 ms", "3 ms", "4 ms"]),
            Arc::new(Int64Array::from(vec![Some(1), None, Some(12_345), Some(7)])) as ArrayRef,
            text(["spilled 1 B", "", "2 B", "3 B"]),
            text(["", "on", "", ""]),
        ];
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns).unwrap();
        assert!(
            folded(&schema, std::slice::from_ref(&batch), 80)
                .unwrap()
                .is_none()
        );
        let (schema, plan) = folded(&schema, &[batch], 50).unwrap().unwrap();
        let shown = |column: usize| {
            let column = plan.column(column).as_string::<i32>();
            column.iter().flatten().collect::<Vec<_>>()
        };
        assert_eq!(
            shown(0),
            [
                "Sort",
                "│ spilled 1 B",
                "└─Join",
                "  ├─Scan a",
                "  │   2 B",
                "  └─Scan b",
                "      3 B"
            ]
        );
        assert_eq!(shown(2), ["     1", "", "      ", "12,345", "", "     7", ""]);
        assert!(schema.field(0).metadata().contains_key(KEEP_WHOLE));
    }
}
