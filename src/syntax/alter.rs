//! `ALTER TABLE` and `COMMENT ON`.

use sqlparser::tokenizer::Token;

use super::create::column_spec;
use super::cursor::{Cursor, in_parentheses, table_name};
use super::rule::{self, Listed};
use super::statement::{Alter, AlterAction, Comment, CommentTarget, Property, Statement};
use crate::error::{Code, Error, Result};

/// The statement, if it is one of these.
pub(super) fn statement(cursor: &mut Cursor<'_>) -> Result<Option<Statement>> {
    let statement = if cursor.takes(&["ALTER", "TABLE"]) {
        let table = cursor.table_name()?;
        let action = action(cursor)?;
        Statement::Alter(Box::new(Alter { table, action }))
    } else if cursor.takes(&["COMMENT", "ON"]) {
        Statement::Comment(comment(cursor)?)
    } else {
        return Ok(None);
    };
    cursor.expect_end()?;
    Ok(Some(statement))
}

fn action(cursor: &mut Cursor<'_>) -> Result<AlterAction> {
    if cursor.takes(&["ADD", "COLUMN"]) {
        let if_not_exists = cursor.takes(&["IF", "NOT", "EXISTS"]);
        let column = column_spec(cursor)?;
        if column.data_type.is_none() {
            return cursor.expected("the column's type");
        }
        Ok(AlterAction::AddColumn {
            column,
            if_not_exists,
        })
    } else if cursor.takes(&["ADD"]) {
        match rule::listed(cursor)? {
            Listed::Rule(constraint) => Ok(AlterAction::AddRule(constraint)),
            Listed::Check(check) => Ok(AlterAction::AddCheck(Box::new(check))),
        }
    } else if cursor.takes(&["DROP", "CONSTRAINT"]) {
        let if_exists = cursor.takes(&["IF", "EXISTS"]);
        let name = cursor.identifier()?;
        Ok(AlterAction::DropConstraint { name, if_exists })
    } else if cursor.takes(&["RENAME", "TO"]) {
        Ok(AlterAction::RenameTo(cursor.table_name()?))
    } else if cursor.takes(&["RENAME", "COLUMN"]) {
        let from = cursor.identifier()?;
        cursor.expect(&["TO"])?;
        let to = cursor.identifier()?;
        Ok(AlterAction::RenameColumn { from, to })
    } else if cursor.takes(&["SET"]) {
        cursor.takes(&["TBLPROPERTIES"]);
        Ok(AlterAction::Set(in_parentheses(cursor, property)?))
    } else {
        cursor.expected("ADD COLUMN, ADD CONSTRAINT, DROP CONSTRAINT, RENAME TO, RENAME COLUMN or SET")
    }
}

/// `owner = 'x'`.
pub(super) fn property(cursor: &mut Cursor<'_>) -> Result<Property> {
    let (name, span) = cursor.word()?;
    cursor.expect_token(&Token::Eq)?;
    let (value, _) = cursor.text()?;
    Ok(Property { name, value, span })
}

/// `TABLE|VIEW t IS …` or `COLUMN t.c IS …`.
fn comment(cursor: &mut Cursor<'_>) -> Result<Comment> {
    let target = if cursor.takes(&["TABLE"]) || cursor.takes(&["VIEW"]) {
        CommentTarget::Table(cursor.table_name()?)
    } else if cursor.takes(&["COLUMN"]) {
        column_target(cursor)?
    } else {
        return cursor.expected("TABLE, VIEW or COLUMN");
    };
    cursor.expect(&["IS"])?;
    let text = if cursor.takes(&["NULL"]) {
        None
    } else {
        Some(cursor.text()?.0)
    };
    Ok(Comment { target, text })
}

fn column_target(cursor: &mut Cursor<'_>) -> Result<CommentTarget> {
    let place = cursor.place();
    let mut name = cursor.rule(|parser| parser.parse_object_name(false))?;
    let column = name.0.pop().and_then(|part| part.as_ident().cloned());
    match (table_name(&name), column) {
        (Some(table), Some(column)) => Ok(CommentTarget::Column { table, column }),
        _ => Err(Error::new(Code::Syntax, "expected a table's column")
            .with_hint("a column is named 'table.column' or 'zone.table.column'")
            .at(place)),
    }
}
