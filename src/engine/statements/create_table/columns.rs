//! Which columns the new table has, and whether a table can have them.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::Column as ColumnName;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast};

use super::Creation;
use crate::definition::{Column, ExternalTable, Format, arrow_type, column_type, type_text};
use crate::error::{Code, Error, Result, did_you_mean};
use crate::syntax::{ColumnSpec, CreateTable};
use crate::table::managed::refused;

/// What a list of columns beside a query says of them besides name and type.
pub(super) fn declare<'a>(specs: &[ColumnSpec], columns: impl Iterator<Item = &'a mut Column>) {
    for column in columns {
        if let Some(spec) = specs.iter().find(|spec| spec.name == column.name) {
            column.nullable = !spec.not_null;
            column.comment.clone_from(&spec.comment);
        }
    }
}

impl Creation<'_> {
    /// The query with its columns named and typed as they are declared, if they are.
    pub(super) fn as_declared(&self, plan: LogicalPlan, specs: &[ColumnSpec]) -> Result<LogicalPlan> {
        let Some(first) = specs.first() else {
            return Ok(plan);
        };
        let schema = Arc::clone(plan.schema());
        let (declared, given) = (specs.len(), schema.fields().len());
        if declared != given {
            let message = format!("{declared} columns are declared, and the query gives {given}");
            return Err(Error::new(Code::InvalidStatement, message).at(self.piece.locate(first.span)));
        }
        let columns = specs.iter().zip(schema.iter()).map(|(spec, given)| {
            let column = Expr::Column(ColumnName::from(given));
            let column = match &spec.data_type {
                Some(_) => cast(column, self.column(spec)?.data_type),
                None => column,
            };
            Ok(column.alias(&spec.name))
        });
        LogicalPlanBuilder::from(plan)
            .project(columns.collect::<Result<Vec<Expr>>>()?)
            .and_then(LogicalPlanBuilder::build)
            .map_err(|e: DataFusionError| self.session.translated(e, self.piece))
    }

    /// The query's columns as a table's, and the plan with the partition columns moved last.
    pub(super) fn arrange(
        &self,
        plan: LogicalPlan,
        partitioned_by: &[ColumnSpec],
    ) -> Result<(LogicalPlan, Vec<Column>, Vec<Column>)> {
        let schema = Arc::clone(plan.schema());
        let mut order: Vec<usize> = (0..schema.fields().len()).collect();
        let mut partitions = Vec::new();
        for spec in partitioned_by {
            if spec.data_type.is_some() {
                return Err(Error::new(
                    Code::Syntax,
                    format!("partition column '{}' has its query's type", spec.name),
                )
                .with_hint("leave the type out")
                .at(self.piece.locate(spec.span)));
            }
            let exact = order.iter().position(|i| *schema.field(*i).name() == spec.name);
            let found = exact.or_else(|| {
                let mut fields = order.iter();
                fields.position(|i| schema.field(*i).name().eq_ignore_ascii_case(&spec.name))
            });
            let Some(found) = found else {
                let names = schema.fields().iter().map(|field| field.name().as_str());
                return Err(Error::new(
                    Code::UndefinedColumn,
                    format!("column '{}' not found in the query", spec.name),
                )
                .with_hint_if(did_you_mean(&spec.name, names))
                .at(self.piece.locate(spec.span)));
            };
            partitions.push(order.remove(found));
        }
        let column = |i: &usize| {
            let field = schema.field(*i);
            Column::new(field.name(), column_type(field.data_type()))
        };
        let (columns, partition_columns) = (
            order.iter().map(column).collect(),
            partitions.iter().map(column).collect(),
        );
        order.extend(partitions);
        // What a cast was given must stay within sight of who keeps values that do not convert.
        let (input, given): (_, Vec<Expr>) = match plan {
            LogicalPlan::Projection(projection) => (projection.input.as_ref().clone(), projection.expr),
            other => {
                let fields = schema.iter().map(|field| Expr::Column(ColumnName::from(field)));
                (other, fields.collect())
            }
        };
        let arranged = LogicalPlanBuilder::from(input)
            .project(order.iter().map(|i| given[*i].clone()))
            .and_then(LogicalPlanBuilder::build)
            .map_err(|e: DataFusionError| self.session.translated(e, self.piece))?;
        Ok((arranged, columns, partition_columns))
    }

    pub(super) fn columns(&self, specs: &[ColumnSpec]) -> Result<Vec<Column>> {
        specs.iter().map(|spec| self.column(spec)).collect()
    }

    pub(super) fn column(&self, spec: &ColumnSpec) -> Result<Column> {
        let data_type = match &spec.data_type {
            Some(data_type) => arrow_type(data_type).map_err(|e| e.at(self.piece.locate(spec.span)))?,
            None => DataType::Utf8View,
        };
        Ok(Column {
            name: spec.name.clone(),
            data_type,
            nullable: !spec.not_null,
            comment: spec.comment.clone(),
            source: spec.source.clone(),
        })
    }

    /// `PARTITIONED BY`: a column with its type, or one of `columns`, which then moves.
    pub(super) fn partition_specs(
        &self,
        table: &CreateTable,
        columns: &mut Vec<Column>,
    ) -> Result<Vec<Column>> {
        let partition = |spec: &ColumnSpec| {
            let exact = columns.iter().position(|column| column.name == spec.name);
            let alike = |column: &Column| column.name.to_lowercase() == spec.name.to_lowercase();
            match exact.or_else(|| columns.iter().position(alike)) {
                Some(known) if spec.data_type.is_none() => Ok(columns.remove(known)),
                None if spec.data_type.is_none() && table.external.is_none() => {
                    let names = columns.iter().map(|column| column.name.as_str());
                    let message = format!("column '{}' not found in the table", spec.name);
                    Err(Error::new(Code::UndefinedColumn, message)
                        .with_hint_if(did_you_mean(&spec.name, names))
                        .at(self.piece.locate(spec.span)))
                }
                _ => self.column(spec),
            }
        };
        table.partitioned_by.iter().map(partition).collect()
    }

    /// Whether a managed table can have these columns, the last `partitions` of them in folders' names.
    pub(super) fn check_managed(&self, columns: &[Column], partitions: usize) -> Result<()> {
        let split = columns.len() - partitions;
        self.check_columns(&ExternalTable {
            columns: columns[..split].to_vec(),
            partition_columns: columns[split..].to_vec(),
            ..super::parquet(String::new(), Vec::new(), Vec::new())
        })?;
        columns.iter().try_for_each(refused)
    }

    pub(super) fn check_columns(&self, table: &ExternalTable) -> Result<()> {
        if table.columns.is_empty() {
            let message = match table.partition_columns.as_slice() {
                [] => "a table needs a column, and these files have none",
                _ => "a table needs a column besides its partition columns",
            };
            return Err(Error::new(Code::InvalidStatement, message));
        }
        if let Some(column) = table.all_columns().position(|column| column.name.is_empty()) {
            let message = format!("column {} has no name", column + 1);
            return Err(Error::new(Code::InvalidStatement, message)
                .with_hint("give the table's columns: (a BIGINT, b VARCHAR, …)"));
        }
        let wrong = |column: &Column, why: &str| {
            let name = type_text(&column.data_type);
            let message = format!("column '{}' of type {name} {why}", column.name);
            Error::new(Code::Unsupported, message)
        };
        let mut partitions = table.partition_columns.iter();
        if let Some(column) = partitions.find(|column| !has_partition_text(&column.data_type)) {
            return Err(wrong(column, "cannot be a partition column"));
        }
        let mut columns = table.columns.iter();
        if let Some(column) =
            columns.find(|column| table.format == Format::Parquet && has_interval(&column.data_type))
        {
            return Err(wrong(column, "cannot be stored in Parquet files"));
        }
        self.check_distinct(table)
    }

    pub(super) fn check_distinct(&self, table: &ExternalTable) -> Result<()> {
        let mut seen: Vec<(String, &str)> = Vec::new();
        for column in table.all_columns() {
            let lower = column.name.to_lowercase();
            if let Some((_, first)) = seen.iter().find(|(known, _)| *known == lower) {
                let error = Error::new(
                    Code::DuplicateColumn,
                    format!("columns '{first}' and '{}' have one name", column.name),
                );
                return Err(error.with_hint("names are distinct in any case: give one another name"));
            }
            seen.push((lower, &column.name));
        }
        Ok(())
    }
}

/// Whether values are told apart by a text that reads back as the same value.
fn has_partition_text(data_type: &DataType) -> bool {
    !data_type.is_nested()
        && !matches!(
            data_type,
            DataType::Binary | DataType::Interval(_) | DataType::Duration(_)
        )
}

fn has_interval(data_type: &DataType) -> bool {
    match data_type {
        DataType::Interval(_) => true,
        DataType::List(item) => has_interval(item.data_type()),
        DataType::Struct(fields) => fields.iter().any(|field| has_interval(field.data_type())),
        DataType::Map(entries, _) => has_interval(entries.data_type()),
        _ => false,
    }
}
