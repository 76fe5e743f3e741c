//! The order application, from its rules to the built program run as a process.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helper functions of tests"
)]

mod apply;
mod commands;
mod demo;
mod every_store;
mod evolution;
mod golden;
mod in_the_loop;
mod kill;
mod properties;
mod readme;
mod rules;
mod simulation;
mod stores;
mod support;
