//! The store in use, on a real server: the contract, and what other writers, readers and faults can do to it.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails where it stands, its helpers too"
)]

mod acknowledged;
mod adopting;
mod appends;
mod appends_deadlines;
mod appends_faults;
mod appends_groups;
mod appends_in_transactions;
mod appends_races;
mod appends_statements;
mod basics;
mod conformance;
mod crashes;
mod last_words;
mod limits;
mod log;
mod migrations;
mod opening;
mod plans;
mod reading;
mod roles;
mod round_trips;
mod runtimes;
mod schemas;
mod secrets;
mod silence;
mod silence_appends;
mod strangers;
mod support;

#[path = "../support/guide.rs"]
mod guide;
