//! Rules said of rows that are there: counted, or the rows shown with what is wrong with them.
//!
//! Beside the rows' own columns stands a Boolean one for each rule ([`flagged`]); [`JudgeNode`] reads
//! them as the gate of a load does. A condition is computed in the scan's own pass. `UNIQUE` is looked up
//! among the keys that occur more than once, `FOREIGN KEY` among the reference's keys, both by joins, so
//! that rows come one after the other and a LIMIT ends the pass; `KEEP` needs the rows sorted. Where
//! only numbers are asked for, those of keys come from an aggregation instead ([`broken_keys`]), of the few
//! keys that hashes have not told apart.
//!
//! Memory: a batch; the joins' and aggregations' is counted, and spills where they do.

mod exec;
mod files;
mod flags;
mod logical;
mod once;
mod preview;

pub use files::FileTally;
pub use flags::{Sets, broken_keys, flagged, more_broken_keys, plain, present_keys};
pub use logical::{JudgeNode, Purpose};
pub use once::{Once, at_once};
pub use preview::previewed;
