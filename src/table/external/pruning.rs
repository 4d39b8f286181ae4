//! Which folders of a partitioned table a query wants, decided by their names before they are opened.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{Field, Schema};
use datafusion::catalog::Session;
use datafusion::common::DFSchema;
use datafusion::logical_expr::{ColumnarValue, Expr};
use datafusion::physical_expr::PhysicalExpr;

use super::partitions::folder_text;
use crate::definition::Column;
use crate::error::{Code, Error, Result, without_layers};

/// Filters over partition columns, each asked at the level of the last column that it reads.
pub(super) struct FolderPruner<'a> {
    columns: &'a [Column],
    filters: Vec<(usize, Arc<dyn PhysicalExpr>)>,
}

impl<'a> FolderPruner<'a> {
    /// A pruner by `filters`, which read nothing but `columns`.
    pub(super) fn new(
        state: &dyn Session,
        columns: &'a [Column],
        filters: &[Expr],
    ) -> datafusion::error::Result<Self> {
        let fields: Vec<Field> = columns.iter().map(Column::field).collect();
        let schema = DFSchema::try_from(Schema::new(fields))?;
        let mut leveled = Vec::new();
        for filter in filters {
            let used = filter.column_refs();
            let level = columns
                .iter()
                .rposition(|column| used.iter().any(|used| used.name == column.name));
            if let Some(level) = level {
                leveled.push((level, state.create_physical_expr(filter.clone(), &schema)?));
            }
        }
        Ok(Self {
            columns,
            filters: leveled,
        })
    }

    pub(super) fn has_filters(&self) -> bool {
        !self.filters.is_empty()
    }

    /// An answer for each of `folders`, which are all of one depth.
    pub(super) fn wanted(&self, folders: &[Vec<String>]) -> Result<Vec<bool>> {
        let depth = folders.first().map_or(0, Vec::len);
        let mut asked = self
            .filters
            .iter()
            .filter(|(level, _)| level + 1 == depth)
            .peekable();
        if asked.peek().is_none() {
            return Ok(vec![true; folders.len()]);
        }
        // A folder that is no partition is looked into: what lies in it is an error that names it.
        let mut sound = vec![true; folders.len()];
        let mut values = Vec::new();
        for (level, column) in self.columns.iter().enumerate() {
            values.push(self.values(column, level, folders, &mut sound)?);
        }
        let schema = Schema::new(
            self.columns
                .iter()
                .map(|c| c.field().with_nullable(true))
                .collect::<Vec<_>>(),
        );
        let batch = RecordBatch::try_new(Arc::new(schema), values).map_err(|e| defect(&e))?;
        let mut wanted = vec![true; folders.len()];
        for (_, filter) in asked {
            let kept = filter
                .evaluate(&batch)
                .and_then(|kept| match kept {
                    ColumnarValue::Array(array) => Ok(array),
                    scalar @ ColumnarValue::Scalar(_) => scalar.into_array(folders.len()),
                })
                .map_err(|e| {
                    let why = without_layers(&e.find_root().strip_backtrace());
                    Error::new(Code::DataException, why).with_source(e)
                })?;
            let kept: &BooleanArray = kept.as_boolean();
            for ((wanted, kept), sound) in wanted.iter_mut().zip(kept).zip(&sound) {
                *wanted &= kept.unwrap_or(false) || !sound;
            }
        }
        Ok(wanted)
    }

    /// A column's values; NULL below the folders' depth.
    fn values(
        &self,
        column: &Column,
        level: usize,
        folders: &[Vec<String>],
        sound: &mut [bool],
    ) -> Result<ArrayRef> {
        let text = |(i, folder): (usize, &Vec<String>)| match folder.get(level) {
            None => None,
            Some(name) => folder_text(column, name).unwrap_or_else(|| {
                sound[i] = false;
                None
            }),
        };
        let texts: StringArray = folders.iter().enumerate().map(text).collect();
        let texts: ArrayRef = Arc::new(texts);
        let values = cast_with_options(&texts, &column.data_type, &CastOptions::default());
        let values = values.map_err(|e| defect(&e))?;
        for (i, sound) in sound.iter_mut().enumerate() {
            *sound &= values.is_valid(i) || texts.is_null(i);
        }
        Ok(values)
    }
}

fn defect(error: &arrow::error::ArrowError) -> Error {
    Error::new(Code::Internal, format!("cannot tell partitions apart: {error}"))
}
