//! `SUGGEST CONSTRAINTS FOR t`.

use super::cursor::Cursor;
use super::statement::Statement;
use crate::error::Result;

/// The statement, if it is one of these.
pub(super) fn statement(cursor: &mut Cursor<'_>) -> Result<Option<Statement>> {
    if !cursor.takes(&["SUGGEST"]) {
        return Ok(None);
    }
    cursor.expect(&["CONSTRAINTS"])?;
    cursor.expect(&["FOR"])?;
    let statement = Statement::SuggestConstraints(cursor.table_name()?);
    cursor.expect_end()?;
    Ok(Some(statement))
}
