//! Rules over rows, as plans and operators.
//!
//! A rule of a single row ([`Expected::Condition`]) is a Boolean column beside the table's own: all of
//! them are computed by one projection, in which the optimiser shares what they have in common. A rule
//! that is decided when all rows are known ([`Keys`]) needs them kept ([`Spool`]) and becomes a bit a row,
//! which is a Boolean column too when the rows are read again. [`ValidateExec`] reads these columns: it
//! counts ([`Tally`]), keeps bad rows aside with what is wrong with them, and lets the others through.
//!
//! CHECK constraints come after the gate ([`ChecksExec`]), over the rows that passed.
//!
//! A condition is broken where it is false, not where it is NULL, unless the rule says so; NaN is what
//! comparisons make of it. Of several rules that a row breaks the strongest action is taken, and all are
//! listed.

mod bound;
mod checks;
mod drift;
mod exec;
mod gate;
mod kernel;
mod named;
mod plans;
mod screen;
mod sets;
mod shown;
mod spool;
mod suspect;
mod tally;
mod violations;

pub use bound::{BoundRule, Expected};
pub use checks::{ChecksExec, RowCheck};
pub use drift::{Drift, in_order};
pub use exec::{Aside, ValidateExec, aside_schema};
pub use gate::{Gate, GateRule, REMOVED, Reading};
pub use kernel::Judged;
pub(in crate::operators) use named::named;
pub use named::{NamedNode, RuleFailed, not_evaluated};
pub use plans::{aggregated, compared, empty_rows};
pub use screen::{Screen, Screened};
pub use sets::{Keys, TIE};
pub use shown::{ShownExec, Step};
pub use spool::{Bits, FillExec, Filled, Marked, NUMBER, Spool, SpoolExec, SpoolTable};
pub use suspect::may_repeat;
pub use tally::{Counts, Tally};
pub use violations::{RAW, VIOLATIONS, raw_texts, violation_fields, violations, violations_type};
