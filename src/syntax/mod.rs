//! Text → tokens → [`Statement`], with every token's place in the text kept.
//!
//! Owns: splitting a text into statements ([`Script`]), the statements this engine has beside
//! DataFusion's ([`Statement`]), parameters ([`Parameters`]), and how names and text literals are
//! written back as SQL ([`quote`]). It plans nothing and knows no table.

mod alter;
mod asof;
mod change_rows;
mod copy;
mod create;
mod cursor;
mod dialect;
mod elsewhere;
mod from_first;
mod maintain;
mod misspelled;
mod parameters;
mod parse;
mod pivot;
mod prepare;
mod quality;
pub mod quote;
mod reject;
mod row_insert;
mod rule;
mod script;
mod show;
mod star_modifiers;
mod statement;
mod summarize;
mod tokens;
mod versions;

pub use asof::{INNER, LEFT};
pub use cursor::parse_type;
pub use parameters::{Parameters, parameter_names};
pub use pivot::GROUP_BY;
pub use reject::RejectLimit;
pub use row_insert::insert_from;
pub use rule::{Check, Constraint, Expectation, Fragment, Keep, Reference, Statistic, parse_expression};
pub use script::{Piece, Script};
pub use statement::{
    Alter, AlterAction, ChangeRows, CheckTable, ColumnSpec, Comment, CommentTarget, CopyInto, CopyTo,
    CreateTable, CreateView, DeleteFiles, DropObject, ExternalSource, Insert, ObjectKind, Optimize, Prepare,
    Property, Replay, Restore, Statement, TableName, Vacuum,
};
pub use versions::AsOf;

#[cfg(test)]
mod tests;
