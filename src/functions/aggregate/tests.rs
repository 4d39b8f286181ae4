//! Aggregates against exact numbers, and against naive references however the input is cut.

mod driver;
mod exact;
mod properties;
mod sql;
