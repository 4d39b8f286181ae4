//! `ASOF JOIN`: each left row with the one right row of its key that is nearest in time.
//!
//! `a ASOF JOIN b ON a.k = b.k AND a.t >= b.t` takes, of the rows of `b` with the key and a time not later than the
//! row's own, the latest; `>` the latest that is earlier, `<=` the earliest that is not earlier, `<` the earliest
//! that is later. A left row without a match is left out, or with `ASOF LEFT JOIN` kept, with NULLs. NULL in a
//! time matches nothing, nor does NULL in a key unless it is compared by `IS NOT DISTINCT FROM`. NaN is a time
//! like any other, later than all.
//!
//! Of several right rows with one key and time the first is taken (DuckDB): the first in the input's order where
//! it is read in one sequence, else the one whose columns sort first, so that the answer does not depend on how
//! the rows are spread.
//!
//! Input: the rows of a key in one partition, both sides sorted by key and time, ascending; what is sorted so
//! already is not sorted again. Output: the left rows in their order, with the right columns behind. Memory: a
//! batch of either side and those batches in which matches of the left one lie, at most some dozens, counted; the
//! sorts below spill.

mod exec;
mod kernel;
mod logical;

pub use logical::{AsofNode, Match};

/// How the time of the match must compare with a left row's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `left >= right`.
    AtOrBefore,
    /// `left > right`.
    Before,
    /// `left <= right`.
    AtOrAfter,
    /// `left < right`.
    After,
}

impl Comparison {
    fn sign(self) -> &'static str {
        match self {
            Self::AtOrBefore => ">=",
            Self::Before => ">",
            Self::AtOrAfter => "<=",
            Self::After => "<",
        }
    }
}
