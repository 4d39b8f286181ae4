//! Rules of tables in the engine: checked when they are made ([`making`]) and fitted to their table's
//! columns when they are used ([`bind`]). CHECK constraints ([`checks`]) are the standard's, and stand beside them.

mod bind;
mod checks;
mod making;
pub(super) mod once;
mod recorded;
mod table;

pub(super) use bind::Binding;
pub(super) use checks::{made_check, made_checks, row_checks};
pub(super) use making::{add, made};
pub(super) use recorded::{finding, loads_in_logs};
pub(super) use table::rules_table;
