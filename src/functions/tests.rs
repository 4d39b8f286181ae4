//! What holds for every function.
