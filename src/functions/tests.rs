//! What holds for every function, and each scalar family.

mod conversion;
mod dates;
mod documentation;
mod regexp_and_models;
mod session;
mod sketches;
mod texts;
