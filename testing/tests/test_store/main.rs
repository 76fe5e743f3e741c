//! The test store: what it lets pass, what it does not, and what it says then.

#![expect(clippy::unwrap_used, reason = "helper functions of tests")]

mod absent;
mod clocks;
mod ending;
mod event_sourced;
mod hidden;
mod live;
mod messages;
mod outside;
mod program;
#[path = "../said/mod.rs"]
mod said;
mod shop;
mod steps;
