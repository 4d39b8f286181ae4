//! Frames that slide: `sum(x) OVER (PARTITION BY k ORDER BY t RANGE BETWEEN INTERVAL '1 second' PRECEDING
//! AND CURRENT ROW)`.
//!
//! A row's frame are the rows of its partition whose key of order lies within a distance before and after
//! its own, both inclusive; rows without such a key are the frame of each other. `sum`, `avg`, `count`,
//! `min` and `max` over such frames are taken out of DataFusion's window operator, which looks at a row at
//! a time ([`super::calls`]); every other call stays there.
//!
//! A row costs the same however long its frame is: counts and sums of integers and decimals take rows out
//! again, exactly ([`running`]); others keep the sums of everything from a row up to a turning point, and add what came
//! after it ([`fold`]), so that nothing is ever subtracted from a sum of doubles.
//!
//! Input: the rows of a partition together and in order (`keyed`). Output: the same rows in the same
//! order. Memory: the rows of the longest frame and a batch, counted.

mod bounds;
mod call;
mod exec;
mod fold;
mod running;
mod slide;
mod values;

pub(super) use exec::Sliding;
