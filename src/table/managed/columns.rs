//! Changes of a table's columns: entries of the log without files.

use deltalake_core::kernel::{MetadataExt, StructType};
use serde_json::{Value, json};

use super::commit::{Change, Reads};
use super::schema::{COMMENT, has_plain_timestamp, to_delta};
use super::snapshot::Snapshot;
use crate::definition::Column;
use crate::error::{Code, Error, Result, did_you_mean};

fn defect(error: impl std::fmt::Display) -> Error {
    Error::new(
        Code::Internal,
        format!("cannot describe the table in its log: {error}"),
    )
}

impl Snapshot {
    /// The change that gives the table a column more, NULL in the rows that it has.
    ///
    /// # Errors
    /// [`Code::Unsupported`] for a type that the format cannot keep, or that needs a newer protocol than
    /// the table's.
    pub fn with_column(&self, column: &Column) -> Result<Change> {
        let mut schema = self.schema_json()?;
        let new = serde_json::to_value(to_delta(std::slice::from_ref(column))?).map_err(defect)?;
        let (fields, new) = (schema["fields"].as_array_mut(), new["fields"].as_array().cloned());
        if let (Some(fields), Some(new)) = (fields, new) {
            fields.extend(new);
        }
        let mut change = self.with_schema(schema, "ADD COLUMN")?;
        change.parameters.push(("column", column.name.clone()));
        let has = self
            .schema()
            .fields()
            .iter()
            .any(|field| has_plain_timestamp(field.data_type()));
        if has_plain_timestamp(&column.data_type) && !has {
            change.protocol = Some(self.protocol_with_plain_timestamps()?);
        }
        Ok(change)
    }

    /// The change that describes a column in other words.
    ///
    /// # Errors
    /// [`Code::UndefinedColumn`].
    pub fn with_comment(&self, name: &str, text: Option<String>) -> Result<Change> {
        let mut schema = self.schema_json()?;
        let lower = name.to_lowercase();
        let fields = schema["fields"].as_array_mut();
        let mut fields: Vec<&mut Value> = fields.into_iter().flatten().collect();
        let called = |field: &Value| field["name"].as_str().unwrap_or_default().to_owned();
        let found = fields.iter().position(|field| called(field) == name);
        let found = found.or_else(|| {
            fields
                .iter()
                .position(|field| called(field).to_lowercase() == lower)
        });
        let Some(found) = found else {
            let known: Vec<String> = fields.iter().map(|field| called(field)).collect();
            return Err(
                Error::new(Code::UndefinedColumn, format!("column '{name}' not found"))
                    .with_hint_if(did_you_mean(name, &known)),
            );
        };
        if let Some(metadata) = fields[found]["metadata"].as_object_mut() {
            match text {
                Some(text) => drop(metadata.insert(COMMENT.to_owned(), Value::from(text))),
                None => drop(metadata.remove(COMMENT)),
            }
        }
        self.with_schema(schema, "CHANGE COLUMN")
    }

    fn schema_json(&self) -> Result<Value> {
        let schema: &StructType = &self.state.schema();
        serde_json::to_value(schema).map_err(defect)
    }

    fn with_schema(&self, schema: Value, operation: &'static str) -> Result<Change> {
        let schema: StructType = serde_json::from_value(schema).map_err(defect)?;
        let metadata = self
            .state
            .metadata()
            .clone()
            .with_schema(&schema)
            .map_err(defect)?;
        let mut change = Change::new(operation, Reads::Nothing);
        change.metadata = Some(metadata);
        change.data_change = false;
        Ok(change)
    }

    /// The oldest protocol that has timestamps without a zone beside what the table has.
    fn protocol_with_plain_timestamps(&self) -> Result<deltalake_core::kernel::Protocol> {
        let current = serde_json::to_value(self.state.protocol()).map_err(defect)?;
        let writer = current["minWriterVersion"].as_i64().unwrap_or_default();
        let mut features = match writer {
            7 => current["writerFeatures"].as_array().cloned().unwrap_or_default(),
            0..=2 => vec![json!("appendOnly"), json!("invariants")],
            3 => vec![
                json!("appendOnly"),
                json!("invariants"),
                json!("checkConstraints"),
            ],
            _ => {
                let message = "the table's protocol knows no timestamps without a zone";
                return Err(Error::new(Code::Unsupported, message)
                    .with_hint("take TIMESTAMP WITH TIME ZONE, or let the program that made it upgrade it"));
            }
        };
        let mut readers = current["readerFeatures"].as_array().cloned().unwrap_or_default();
        for list in [&mut features, &mut readers] {
            if !list.contains(&json!("timestampNtz")) {
                list.push(json!("timestampNtz"));
            }
        }
        serde_json::from_value(json!({
            "minReaderVersion": 3,
            "minWriterVersion": 7,
            "readerFeatures": readers,
            "writerFeatures": features,
        }))
        .map_err(defect)
    }
}
