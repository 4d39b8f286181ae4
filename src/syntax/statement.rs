//! The statements of the engine, as values.

use std::fmt;

use datafusion::common::TableReference;
use datafusion::sql::parser::Statement as Standard;
use sqlparser::ast::{CharacterLength, DataType, Expr, Ident, Query};
use sqlparser::tokenizer::Span;

use super::quote::identifier;
use super::reject::RejectLimit;
use super::rule::{Check, Constraint, Fragment};
use super::script::Piece;
use super::versions::AsOf;

/// One parsed statement.
#[derive(Debug, Clone)]
pub enum Statement {
    /// A query, or `EXPLAIN` of one: planned by DataFusion as it stands.
    Query(Box<Standard>),
    /// `INSERT INTO t …`.
    Insert(Insert),
    /// `OPTIMIZE t`.
    Optimize(Box<Optimize>),
    /// `VACUUM [t]`.
    Vacuum(Vacuum),
    /// `RESTORE TABLE t TO …`.
    Restore(Restore),
    /// `REPLAY QUARANTINE t`.
    Replay(Box<Replay>),
    /// `DELETE`, `UPDATE`, `MERGE INTO`, `TRUNCATE`.
    ChangeRows(ChangeRows),
    /// `CREATE [EXTERNAL] TABLE`.
    CreateTable(Box<CreateTable>),
    /// `CREATE VIEW`.
    CreateView(Box<CreateView>),
    /// `DROP TABLE` or `DROP VIEW`.
    Drop(DropObject),
    /// `ALTER TABLE`.
    Alter(Box<Alter>),
    /// `COMMENT ON TABLE|VIEW|COLUMN … IS …`.
    Comment(Comment),
    /// `CHECK TABLE t`.
    CheckTable(Box<CheckTable>),
    /// `SUGGEST CONSTRAINTS FOR t`.
    SuggestConstraints(TableName),
    /// `SHOW PARTITIONS t`.
    ShowPartitions(TableName),
    /// `SHOW TABLES [FROM zone]`.
    ShowTables {
        /// Only the tables of this zone.
        zone: Option<(String, Span)>,
    },
    /// `SHOW CREATE TABLE t`.
    ShowCreate(TableName),
    /// `SHOW FUNCTIONS [LIKE 'pattern']`.
    ShowFunctions {
        /// An SQL `LIKE` pattern for the names.
        like: Option<String>,
    },
    /// `DESCRIBE t`.
    Describe(TableName),
    /// `DESCRIBE SELECT …`.
    DescribeQuery(Box<Query>),
    /// `DESCRIBE 'file'`.
    DescribeFile {
        /// The file, folder, pattern or URL.
        path: String,
        /// Where it stands.
        span: Span,
    },
    /// `COPY (query)|t TO 'path'`.
    CopyTo(Box<CopyTo>),
    /// `COPY INTO t FROM 'path'`.
    CopyInto(Box<CopyInto>),
    /// `DELETE FROM t$files WHERE …`.
    DeleteFiles(Box<DeleteFiles>),
    /// `USE zone`.
    Use {
        /// The zone in which names without one are looked up from now on.
        zone: String,
        /// Where it is named.
        span: Span,
    },
    /// `SET setting = value`.
    Set {
        /// The setting.
        name: String,
        /// Its new value, as text.
        value: String,
        /// Where the setting is named.
        span: Span,
    },
    /// `SHOW setting`, or `SHOW ALL` for every one.
    Show {
        /// The setting; `None` for all.
        name: Option<(String, Span)>,
    },
    /// `KILL QUERY 'id'`.
    Kill {
        /// The statement's id, as `system.queries` shows it.
        id: String,
        /// Where the id stands.
        span: Span,
    },
    /// `PREPARE name [(types)] AS statement`.
    Prepare(Box<Prepare>),
    /// `EXECUTE name [(expression, …)]`.
    Execute {
        /// The prepared statement.
        name: String,
        /// Where it is named.
        span: Span,
        /// `SELECT` of the arguments, if there are any.
        arguments: Option<Piece>,
    },
    /// `DEALLOCATE [PREPARE] name|ALL`.
    Deallocate {
        /// The prepared statement and where it is named; `None` for all.
        name: Option<(String, Span)>,
    },
    /// `RESET setting`, or `RESET ALL`.
    Reset {
        /// The setting; `None` for all.
        name: Option<(String, Span)>,
    },
}

impl Statement {
    /// Whether another's change of the same table can come in its way.
    pub fn may_conflict(&self) -> bool {
        matches!(
            self,
            Self::Insert(_)
                | Self::CopyInto(_)
                | Self::ChangeRows(_)
                | Self::Optimize(_)
                | Self::Restore(_)
                | Self::Alter(_)
                | Self::Execute { .. }
        )
    }

    /// What of the statement DataFusion's planner plans: itself, or the query in it.
    pub fn into_planned(self) -> Option<Standard> {
        let query = match self {
            Self::Query(statement) => return Some(*statement),
            Self::Insert(insert) => return Some(*insert.statement),
            Self::ChangeRows(change) => return change.statement.map(|statement| *statement),
            Self::CreateTable(table) => table.query?,
            Self::CreateView(view) => view.query,
            Self::CopyTo(copy) => copy.query,
            Self::DescribeQuery(query) => query,
            Self::DeleteFiles(delete) => delete.query,
            Self::CheckTable(check) => check.query,
            _ => return None,
        };
        Some(Standard::Statement(Box::new(sqlparser::ast::Statement::Query(
            query,
        ))))
    }
}

/// A table's name as written: `t`, `zone.t` or `lake.zone.t`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableName {
    /// The catalog, where one is named.
    pub catalog: Option<String>,
    /// The zone, where one is named.
    pub zone: Option<String>,
    /// The table.
    pub table: String,
    /// Where the name stands.
    pub span: Span,
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in [&self.catalog, &self.zone].into_iter().flatten() {
            write!(f, "{part}.")?;
        }
        f.write_str(&self.table)
    }
}

impl From<&TableName> for TableReference {
    fn from(name: &TableName) -> Self {
        match (&name.catalog, &name.zone) {
            (Some(catalog), Some(zone)) => Self::full(catalog.as_str(), zone.as_str(), name.table.as_str()),
            (_, Some(zone)) => Self::partial(zone.as_str(), name.table.as_str()),
            _ => Self::bare(name.table.as_str()),
        }
    }
}

/// A column as written in `CREATE TABLE`.
#[derive(Debug, Clone)]
pub struct ColumnSpec {
    /// Its name.
    pub name: String,
    /// Its type; a partition column may leave it to the columns or the query.
    pub data_type: Option<DataType>,
    /// Whether NULL is refused.
    pub not_null: bool,
    /// `COMMENT '…'`.
    pub comment: Option<String>,
    /// `SOURCE '…'`: what an external table's files call it.
    pub source: Option<String>,
    /// Where it stands.
    pub span: Span,
}

impl ColumnSpec {
    /// The constraint that a declared length is, as of `VARCHAR(3)`: a text is stored alike whatever its length.
    pub fn length_check(&self) -> Option<Check> {
        let length = match self.data_type.as_ref()? {
            DataType::Varchar(length)
            | DataType::Char(length)
            | DataType::Character(length)
            | DataType::CharacterVarying(length)
            | DataType::CharVarying(length) => length.as_ref()?,
            _ => return None,
        };
        let CharacterLength::IntegerLength { length, .. } = length else {
            return None;
        };
        Some(Check {
            name: None,
            expression: Fragment {
                sql: format!("character_length({}) <= {length}", identifier(&self.name)),
                span: Span::empty(),
            },
        })
    }
}

/// Where an external table's files lie.
#[derive(Debug, Clone)]
pub struct ExternalSource {
    /// `STORED AS`, in lower case.
    pub format: String,
    /// `LOCATION`.
    pub location: String,
    /// Where the location stands.
    pub location_span: Span,
}

/// `CREATE [OR REPLACE] [EXTERNAL] TABLE [IF NOT EXISTS] …`.
#[derive(Debug, Clone)]
pub struct CreateTable {
    /// The table to make.
    pub name: TableName,
    /// Replace one of the same name.
    pub or_replace: bool,
    /// Do nothing if one of the same name exists.
    pub if_not_exists: bool,
    /// The columns, where they are given.
    pub columns: Vec<ColumnSpec>,
    /// `PARTITIONED BY`.
    pub partitioned_by: Vec<ColumnSpec>,
    /// `SORTED BY`, with the place of each column.
    pub sorted_by: Vec<(String, Span)>,
    /// For `EXTERNAL`: where and how the files lie.
    pub external: Option<ExternalSource>,
    /// `OPTIONS (…)`: how the format is read. With the place of each key.
    pub options: Vec<(String, String, Span)>,
    /// `WITH (owner = '…', …)`.
    pub properties: Vec<Property>,
    /// `CONSTRAINT … EXPECT …`.
    pub rules: Vec<Constraint>,
    /// `[CONSTRAINT …] CHECK (…)`.
    pub checks: Vec<Check>,
    /// `COMMENT '…'`.
    pub comment: Option<String>,
    /// `AS SELECT …`.
    pub query: Option<Box<Query>>,
}

/// `CREATE [OR REPLACE] VIEW [IF NOT EXISTS] v [(a, b)] [COMMENT '…'] AS SELECT …`.
#[derive(Debug, Clone)]
pub struct CreateView {
    /// The view to make.
    pub name: TableName,
    /// Replace one of the same name.
    pub or_replace: bool,
    /// Do nothing if one of the same name exists.
    pub if_not_exists: bool,
    /// `COMMENT '…'`.
    pub comment: Option<String>,
    /// The query, parsed.
    pub query: Box<Query>,
    /// The query as written.
    pub sql: String,
}

/// What `DROP` is told to drop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectKind {
    /// A table.
    Table,
    /// A view.
    View,
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Table => "table",
            Self::View => "view",
        })
    }
}

/// `DROP TABLE|VIEW [IF EXISTS] t`.
#[derive(Debug, Clone)]
pub struct DropObject {
    /// Table or view.
    pub kind: ObjectKind,
    /// What to drop.
    pub name: TableName,
    /// Do nothing if there is none.
    pub if_exists: bool,
}

/// `INSERT INTO t [(a, b)] query`.
#[derive(Debug, Clone)]
pub struct Insert {
    /// The table to write.
    pub table: TableName,
    /// `REJECT LIMIT …`.
    pub reject_limit: Option<RejectLimit>,
    /// The whole statement, for the planner.
    pub statement: Box<Standard>,
}

/// A statement that changes rows of a managed table.
#[derive(Debug, Clone)]
pub struct ChangeRows {
    /// Its first word.
    pub verb: &'static str,
    /// The table to write.
    pub table: TableName,
    /// The whole statement, for the planner; `TRUNCATE` needs none.
    pub statement: Option<Box<Standard>>,
}

/// `ALTER TABLE t …`.
#[derive(Debug, Clone)]
pub struct Alter {
    /// The table to change.
    pub table: TableName,
    /// What is changed of it.
    pub action: AlterAction,
}

/// What `ALTER TABLE` changes.
#[derive(Debug, Clone)]
pub enum AlterAction {
    /// `ADD COLUMN [IF NOT EXISTS] c TYPE [NOT NULL] [COMMENT '…']`.
    AddColumn {
        /// The new column; it has a type.
        column: ColumnSpec,
        /// Do nothing if the table has it.
        if_not_exists: bool,
    },
    /// `RENAME TO u`.
    RenameTo(TableName),
    /// `RENAME COLUMN a TO b`.
    RenameColumn {
        /// The column's name so far.
        from: Ident,
        /// Its new name.
        to: Ident,
    },
    /// `SET (owner = '…')`.
    Set(Vec<Property>),
    /// `ADD CONSTRAINT n EXPECT …`.
    AddRule(Box<Constraint>),
    /// `ADD [CONSTRAINT n] CHECK (…)`.
    AddCheck(Box<Check>),
    /// `DROP CONSTRAINT [IF EXISTS] n`.
    DropConstraint {
        /// Its name.
        name: Ident,
        /// Do nothing if there is none.
        if_exists: bool,
    },
}

/// `name = 'value'`.
#[derive(Debug, Clone)]
pub struct Property {
    /// Its name, in lower case unless quoted.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Where the name stands.
    pub span: Span,
}

/// `COMMENT ON … IS '…'`.
#[derive(Debug, Clone)]
pub struct Comment {
    /// What is described.
    pub target: CommentTarget,
    /// The words; `NULL` takes them away.
    pub text: Option<String>,
}

/// What `COMMENT ON` describes.
#[derive(Debug, Clone)]
pub enum CommentTarget {
    /// A table or view.
    Table(TableName),
    /// A column.
    Column {
        /// Its table.
        table: TableName,
        /// Its name.
        column: Ident,
    },
}

/// `COPY (query)|t TO 'path' [STORED AS …] [PARTITIONED BY (…)] [OPTIONS (…)]`.
#[derive(Debug, Clone)]
pub struct CopyTo {
    /// What is copied.
    pub query: Box<Query>,
    /// Where to.
    pub path: String,
    /// Where that stands.
    pub path_span: Span,
    /// `STORED AS`, in lower case; else the path's ending says it.
    pub format: Option<(String, Span)>,
    /// Columns that become folders.
    pub partitioned_by: Vec<Ident>,
    /// How the format is written. With the place of each key.
    pub options: Vec<(String, String, Span)>,
}

/// `COPY INTO t [(a, b)] [REJECT LIMIT …] FROM 'path' [STORED AS …] [OPTIONS (…)]`.
#[derive(Debug, Clone)]
pub struct CopyInto {
    /// The table to write.
    pub table: TableName,
    /// The table's columns that the files' go to, by position; by name, if there are none.
    pub columns: Vec<Ident>,
    /// `REJECT LIMIT …`.
    pub reject_limit: Option<RejectLimit>,
    /// The files: one, a folder or a pattern.
    pub path: String,
    /// Where that stands.
    pub path_span: Span,
    /// `STORED AS`, in lower case; else the files' names say it.
    pub format: Option<(String, Span)>,
    /// How the format is read. With the place of each key.
    pub options: Vec<(String, String, Span)>,
}

/// `DELETE FROM t$files WHERE …`.
#[derive(Debug, Clone)]
pub struct DeleteFiles {
    /// The table, without the suffix.
    pub table: TableName,
    /// The rows of `t$files` that are meant.
    pub query: Box<Query>,
}

/// `CHECK TABLE t [WHERE condition] [OR FAIL]`.
#[derive(Debug, Clone)]
pub struct CheckTable {
    /// The table.
    pub table: TableName,
    /// The rows that are checked.
    pub query: Box<Query>,
    /// Whether these are all that the table has.
    pub is_whole: bool,
    /// Whether a broken rule is an error.
    pub or_fail: bool,
}

/// A statement under a name, for later.
#[derive(Debug, Clone)]
pub struct Prepare {
    /// The name.
    pub name: String,
    /// Where it stands.
    pub span: Span,
    /// The types of `$1`, `$2`, …, where they are declared.
    pub types: Vec<DataType>,
    /// The statement.
    pub piece: Piece,
}

/// `OPTIMIZE t [WHERE condition] [ZORDER BY (a, b)]`.
#[derive(Debug, Clone)]
pub struct Optimize {
    /// The table.
    pub table: TableName,
    /// Over its partition columns.
    pub predicate: Option<Expr>,
    /// The columns whose near values come to lie near each other.
    pub zorder_by: Vec<Ident>,
}

/// `VACUUM [t] [RETAIN n HOURS] [DRY RUN]`.
#[derive(Debug, Clone)]
pub struct Vacuum {
    /// The table; all of the lake's, and what dropped ones left, if there is none.
    pub table: Option<TableName>,
    /// How long ago a file must have gone.
    pub retain_hours: Option<u64>,
    /// Show it, and do nothing.
    pub dry_run: bool,
}

/// `RESTORE TABLE t TO VERSION AS OF n`.
#[derive(Debug, Clone)]
pub struct Restore {
    /// The table.
    pub table: TableName,
    /// What it becomes again.
    pub to: AsOf,
}

/// `REPLAY QUARANTINE t [WHERE condition] [AS query]`.
#[derive(Debug, Clone)]
pub struct Replay {
    /// The table.
    pub table: TableName,
    /// Which of its quarantined rows.
    pub predicate: Option<Fragment>,
    /// What becomes of them first: a query over `quarantined`.
    pub query: Option<Fragment>,
}
