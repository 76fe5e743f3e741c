//! The store in use: the contract, and what a file, a disk and another process can do to it.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails where it stands, its helpers too"
)]

mod backups;
mod basics;
mod bounds;
mod conformance;
mod crash;
mod failures;
mod files;
mod groups;
mod guide;
mod histories;
mod migrations;
mod opening;
mod plans;
mod processes;
mod read_only;
mod reading;
mod runtimes;
mod snapshots;
mod support;
mod tampered;
mod waiting;
