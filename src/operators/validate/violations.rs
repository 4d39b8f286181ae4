//! What is wrong with rows, as a column: `LIST<STRUCT<rule, severity, columns, value, message>>`.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, ListArray, ListBuilder, RecordBatch, StringBuilder, StringViewBuilder,
    StructArray,
};
use arrow::buffer::{BooleanBuffer, OffsetBuffer};
use arrow::compute::FilterBuilder;
use arrow::datatypes::{DataType, Field, Fields};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::gate::{Gate, GateRule, Reading};
use super::kernel::Judged;
use crate::definition::type_text;

/// The name of the column.
pub const VIOLATIONS: &str = "_violations";

/// What one violation says.
pub fn violation_fields() -> Fields {
    let text = |name: &str| Field::new(name, DataType::Utf8View, true);
    Fields::from(vec![
        text("rule"),
        text("severity"),
        Field::new(
            "columns",
            list_of(Field::new_list_field(DataType::Utf8View, true)),
            true,
        ),
        text("value"),
        text("message"),
    ])
}

fn list_of(item: Field) -> DataType {
    DataType::List(Arc::new(item))
}

/// The type of the column.
pub fn violations_type() -> DataType {
    list_of(Field::new_list_field(DataType::Struct(violation_fields()), true))
}

/// The violations of the rows that `picked` picks of `batch`, which was judged so.
///
/// # Errors
/// Arrow's own, as for a value that has no text.
pub fn violations(
    gate: &Gate,
    batch: &RecordBatch,
    judged: &Judged,
    picked: &BooleanBuffer,
) -> Result<ListArray, ArrowError> {
    let some = FilterBuilder::new(&BooleanArray::new(picked.clone(), None));
    let some = some.optimize().build();
    let positions: Vec<usize> = picked.set_indices().collect();
    let options = FormatOptions::default().with_null("NULL");
    let mut columns_of = Vec::new();
    for (rule, bits) in gate.rules.iter().zip(&judged.broken) {
        if let Some(bits) = bits {
            let columns = rule.shown().iter();
            let columns = columns.map(|i| some.filter(batch.column(*i)));
            columns_of.push((rule, bits, columns.collect::<Result<Vec<_>, _>>()?));
        }
    }
    let mut broken = Vec::with_capacity(columns_of.len());
    for (rule, bits, columns) in &columns_of {
        broken.push((*rule, *bits, Values::new(rule, columns, &options)?));
    }
    let mut texts: [StringViewBuilder; 4] = std::array::from_fn(|_| StringViewBuilder::new());
    let mut columns = ListBuilder::new(StringViewBuilder::new());
    let mut lengths = Vec::with_capacity(positions.len());
    let schema = batch.schema();
    for (row, position) in positions.into_iter().enumerate() {
        let mut count = 0;
        for (rule, bits, values) in &broken {
            if !bits.value(position) {
                continue;
            }
            count += 1;
            texts[0].append_value(&rule.rule.name);
            texts[1].append_value(rule.rule.severity.name());
            texts[2].append_option(values.text(row)?);
            texts[3].append_value(values.message(&schema));
            for column in &rule.columns {
                columns.values().append_value(schema.field(*column).name());
            }
            columns.append(true);
        }
        lengths.push(count);
    }
    let [mut rule, mut severity, mut value, mut message] = texts;
    let arrays: Vec<ArrayRef> = vec![
        Arc::new(rule.finish()),
        Arc::new(severity.finish()),
        Arc::new(columns.finish()),
        Arc::new(value.finish()),
        Arc::new(message.finish()),
    ];
    let items = StructArray::try_new(violation_fields(), arrays, None)?;
    let item = Arc::new(Field::new_list_field(DataType::Struct(violation_fields()), true));
    ListArray::try_new(item, OffsetBuffer::from_lengths(lengths), Arc::new(items), None)
}

/// The values of a rule's columns, as text.
struct Values<'a> {
    rule: &'a GateRule,
    formatters: Vec<ArrayFormatter<'a>>,
    words: String,
}

impl<'a> Values<'a> {
    fn new(
        rule: &'a GateRule,
        columns: &'a [ArrayRef],
        options: &'a FormatOptions<'a>,
    ) -> Result<Self, ArrowError> {
        let formatters = columns.iter();
        let formatters = formatters.map(|column| ArrayFormatter::try_new(column, options));
        Ok(Self {
            rule,
            formatters: formatters.collect::<Result<_, _>>()?,
            words: rule.rule.words(),
        })
    }

    /// A value as it is; several as a row. NULL alone is none.
    fn text(&self, row: usize) -> Result<Option<String>, ArrowError> {
        let texts = self
            .formatters
            .iter()
            .map(|formatter| formatter.value(row).try_to_string());
        let mut texts: Vec<String> = texts.collect::<Result<_, _>>()?;
        Ok(match texts.len() {
            0 => None,
            1 => texts.pop().filter(|text| text != "NULL"),
            _ => Some(format!("({})", texts.join(", "))),
        })
    }

    fn message(&self, schema: &arrow::datatypes::Schema) -> String {
        match self.rule.reading {
            Reading::Converted => {
                let field = schema.field(self.rule.columns[0]);
                format!("does not convert to {}", type_text(field.data_type()))
            }
            _ => self.words.clone(),
        }
    }
}

/// The name of the column with the texts that did not convert.
pub const RAW: &str = "_raw";

/// The texts that did not convert, of the picked rows: a JSON object by column; NULL where all did.
///
/// # Errors
/// As [`violations`].
pub fn raw_texts(
    gate: &Gate,
    batch: &RecordBatch,
    judged: &Judged,
    picked: &BooleanBuffer,
) -> Result<ArrayRef, ArrowError> {
    let options = FormatOptions::default();
    let schema = batch.schema();
    let mut failed = Vec::new();
    for (rule, bits) in gate.rules.iter().zip(&judged.broken) {
        if let (Reading::Converted, Some(bits)) = (rule.reading, bits) {
            let formatter = ArrayFormatter::try_new(batch.column(rule.flag), &options)?;
            failed.push((schema.field(rule.columns[0]).name().as_str(), bits, formatter));
        }
    }
    let mut texts = StringBuilder::new();
    for row in picked.set_indices() {
        let mut object = serde_json::Map::new();
        for (name, bits, formatter) in &failed {
            if bits.value(row) {
                let text = formatter.value(row).try_to_string()?;
                object.insert((*name).to_owned(), serde_json::Value::from(text));
            }
        }
        texts.append_option((!object.is_empty()).then(|| serde_json::Value::Object(object).to_string()));
    }
    arrow::compute::cast(&texts.finish(), &DataType::Utf8View)
}
