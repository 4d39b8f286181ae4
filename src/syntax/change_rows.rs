//! The table that a `DELETE`, `UPDATE`, `MERGE INTO` or `TRUNCATE` changes, and what of these statements
//! would be ignored.

use sqlparser::ast::{FromTable, ObjectName, Statement as Ast, TableFactor};

use super::cursor::table_name;
use super::statement::TableName;
use crate::error::{Code, Error, Result};

/// The statement's first word, its table, and whether it has to be planned; nothing for others.
pub(super) fn target(statement: &Ast) -> Result<Option<(&'static str, TableName, bool)>> {
    Ok(Some(match statement {
        Ast::Delete(delete) => {
            let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
            let [only] = from.as_slice() else {
                return Err(unsupported("DELETE from several tables"));
            };
            if delete.using.is_some() || !only.joins.is_empty() {
                return Err(unsupported("DELETE … USING")
                    .with_hint("pick the rows with WHERE … IN (SELECT …), or use MERGE"));
            }
            if !delete.tables.is_empty()
                || delete.limit.is_some()
                || !delete.order_by.is_empty()
                || delete.returning.is_some()
                || delete.output.is_some()
            {
                return Err(unsupported("a clause of this DELETE"));
            }
            ("DELETE", factor(&only.relation)?, true)
        }
        Ast::Update(update) => {
            if !update.table.joins.is_empty() || update.from.is_some() {
                return Err(unsupported("UPDATE … FROM").with_hint("MERGE INTO joins tables"));
            }
            let ignored = update.returning.is_some() || update.output.is_some() || update.or.is_some();
            if ignored || update.limit.is_some() || !update.order_by.is_empty() {
                return Err(unsupported("a clause of this UPDATE"));
            }
            ("UPDATE", factor(&update.table.relation)?, true)
        }
        Ast::Merge(merge) => ("MERGE", factor(&merge.table)?, true),
        Ast::Truncate(truncate) => {
            let [only] = truncate.table_names.as_slice() else {
                return Err(unsupported("TRUNCATE of several tables"));
            };
            if truncate.if_exists
                || truncate.partitions.is_some()
                || truncate.identity.is_some()
                || truncate.cascade.is_some()
            {
                return Err(unsupported("a clause of this TRUNCATE"));
            }
            ("TRUNCATE", named(&only.name)?, false)
        }
        _ => return Ok(None),
    }))
}

fn factor(factor: &TableFactor) -> Result<TableName> {
    match factor {
        TableFactor::Table { name, .. } => named(name),
        other => Err(unsupported(&format!("writing '{other}'"))),
    }
}

fn named(name: &ObjectName) -> Result<TableName> {
    table_name(name).ok_or_else(|| {
        Error::new(Code::Syntax, format!("'{name}' is not a table's name"))
            .with_hint("a table is named 'table', 'zone.table' or 'lake.zone.table'")
    })
}

fn unsupported(what: &str) -> Error {
    Error::new(Code::Unsupported, format!("{what} is not supported"))
}
