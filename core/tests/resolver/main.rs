//! The resolver: a table of its answers, and a property that compares it with a model.

#![expect(clippy::unwrap_used, reason = "helper functions of tests")]

mod log;
mod model;
mod property;
mod table;
