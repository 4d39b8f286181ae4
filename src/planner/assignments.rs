//! What an `UPDATE` sets: each column once, and columns of its own table.

use sqlparser::ast::{AssignmentTarget, Ident, ObjectName, Spanned, TableFactor, Update};

use crate::error::{Code, Error, Result};
use crate::syntax::Piece;

/// Checks the assignments of an `UPDATE`.
///
/// # Errors
/// [`Code::DuplicateColumn`], and [`Code::UndefinedTable`] for another table's column.
pub(super) fn check(update: &Update, piece: &Piece) -> Result<()> {
    let mut seen: Vec<String> = Vec::new();
    for assignment in &update.assignments {
        let targets = match &assignment.target {
            AssignmentTarget::ColumnName(name) => std::slice::from_ref(name),
            AssignmentTarget::Tuple(names) => names.as_slice(),
        };
        for target in targets {
            let parts = idents(target);
            let Some((column, table)) = parts.split_last() else {
                continue;
            };
            if !table.is_empty() && !names(&update.table.relation, table) {
                let called: Vec<&str> = table.iter().map(|part| part.value.as_str()).collect();
                let message = format!("'{}' is not the table that is updated", called.join("."));
                let error = Error::new(Code::UndefinedTable, message)
                    .with_hint("name the columns to set without a table");
                return Err(error.at(piece.locate(target.span())));
            }
            let column = match column.quote_style {
                Some(_) => format!("\"{}\"", column.value),
                None => column.value.to_lowercase(),
            };
            if seen.contains(&column) {
                let error = Error::new(Code::DuplicateColumn, format!("column '{column}' is set twice"));
                return Err(error.at(piece.locate(target.span())));
            }
            seen.push(column);
        }
    }
    Ok(())
}

/// Whether `relation` is called `table`, or ends so.
fn names(relation: &TableFactor, table: &[Ident]) -> bool {
    let TableFactor::Table { name, alias, .. } = relation else {
        return false;
    };
    let known = match alias {
        Some(alias) => vec![alias.name.clone()],
        None => idents(name),
    };
    let same = |known: &Ident, part: &Ident| known.value.eq_ignore_ascii_case(&part.value);
    known.len() >= table.len()
        && known
            .iter()
            .rev()
            .zip(table.iter().rev())
            .all(|(known, part)| same(known, part))
}

fn idents(name: &ObjectName) -> Vec<Ident> {
    name.0
        .iter()
        .filter_map(|part| part.as_ident().cloned())
        .collect()
}
