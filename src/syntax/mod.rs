//! Text → tokens → [`Statement`], with every token's place in the text kept.
//!
//! Owns: splitting a text into statements ([`Script`]), the statements this engine has beside
//! DataFusion's ([`Statement`]), parameters ([`Parameters`]), and how names and text literals are
//! written back as SQL ([`quote`]). It plans nothing and knows no table.

mod change_rows;
mod create;
mod cursor;
mod parameters;
mod parse;
pub mod quote;
mod script;
mod show;
mod statement;

pub use cursor::parse_type;
pub use parameters::{Parameters, parameter_names};
pub use script::{Piece, Script};
pub use statement::{
    ChangeRows, ColumnSpec, CreateTable, CreateView, DropObject, ExternalSource, Insert, ObjectKind,
    Statement, TableName,
};

#[cfg(test)]
mod tests;
