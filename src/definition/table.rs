//! A table or view as a value: what its file in the catalog says.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use chrono::{DateTime, Utc};

use super::format::{Format, TextOptions};
use super::rule::Rule;

/// A table or view.
#[derive(Debug, Clone, PartialEq)]
pub struct TableDefinition {
    /// Its name, unique in its zone in any case.
    pub name: String,
    /// What it is.
    pub kind: TableKind,
    /// Who answers for it.
    pub owner: Option<String>,
    /// What it holds, in words.
    pub comment: Option<String>,
    /// Free labels.
    pub tags: BTreeMap<String, String>,
    /// What its rows are expected to be, in the order in which it was said.
    pub rules: Vec<Rule>,
    /// When it was first defined.
    pub created_at: Option<DateTime<Utc>>,
    /// When its definition was last changed by the engine.
    pub updated_at: Option<DateTime<Utc>>,
}

/// What a definition defines.
#[derive(Debug, Clone, PartialEq)]
pub enum TableKind {
    /// Files that lie in the zone's folder.
    External(ExternalTable),
    /// Parquet files under a Delta log, which says what they are.
    Managed(ManagedTable),
    /// A stored query.
    View(View),
}

/// Files in a folder, or one file.
#[derive(Debug, Clone, PartialEq)]
pub struct ExternalTable {
    /// The format of every file.
    pub format: Format,
    /// How the files are read, as written.
    pub options: BTreeMap<String, String>,
    /// The same, checked.
    pub text: TextOptions,
    /// The folder (or file), relative to the zone's.
    pub location: String,
    /// The columns in the files; none means that they are inferred from the files each time.
    pub columns: Vec<Column>,
    /// The columns in the folders' names (`dt=2026-01-31`), outermost first.
    pub partition_columns: Vec<Column>,
}

/// What the catalog knows of a managed table; the rest is in its log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagedTable {
    /// The folder, relative to the zone's.
    pub location: String,
    /// The columns by which each new file is sorted, ascending, NULL last.
    pub sorted_by: Vec<String>,
    /// Whether rows with a value that does not convert to its column's type are quarantined; else they
    /// abort their load.
    pub quarantines_cast_errors: bool,
}

/// A column.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type.
    pub data_type: DataType,
    /// Whether it may be NULL.
    pub nullable: bool,
    /// What it holds, in words.
    pub comment: Option<String>,
    /// What the files (or, of a partition column, the folders) call it, if not by its name.
    pub source: Option<String>,
}

/// A stored query.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct View {
    /// The query.
    pub query: String,
    /// Where names without a zone in the query are looked up, if not in the view's own zone.
    pub default_zone: Option<String>,
}

impl TableDefinition {
    /// A definition that says only what the thing is.
    pub fn new(name: impl Into<String>, kind: TableKind) -> Self {
        Self {
            name: name.into(),
            kind,
            owner: None,
            comment: None,
            tags: BTreeMap::new(),
            rules: Vec::new(),
            created_at: None,
            updated_at: None,
        }
    }
}

impl ExternalTable {
    /// Files of a format at `location`, whose columns they themselves say.
    pub fn of_files(format: Format, location: &str) -> Self {
        Self {
            format,
            options: BTreeMap::new(),
            text: TextOptions::default(),
            location: location.to_owned(),
            columns: Vec::new(),
            partition_columns: Vec::new(),
        }
    }

    /// The columns of the files.
    pub fn file_schema(&self) -> SchemaRef {
        schema(&self.columns)
    }

    /// The columns of the folders' names.
    pub fn partition_schema(&self) -> SchemaRef {
        schema(&self.partition_columns)
    }

    /// Columns and partition columns, in the order in which a query sees them.
    pub fn all_columns(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().chain(&self.partition_columns)
    }
}

impl Column {
    /// A column that may be NULL.
    pub fn new(name: impl Into<String>, data_type: DataType) -> Self {
        Self {
            name: name.into(),
            data_type,
            nullable: true,
            comment: None,
            source: None,
        }
    }

    /// What the files call it.
    pub fn name_in_files(&self) -> &str {
        self.source.as_deref().unwrap_or(&self.name)
    }

    /// The column as an Arrow field.
    pub fn field(&self) -> Field {
        Field::new(&self.name, self.data_type.clone(), self.nullable)
    }
}

fn schema(columns: &[Column]) -> SchemaRef {
    Arc::new(Schema::new(columns.iter().map(Column::field).collect::<Vec<_>>()))
}
