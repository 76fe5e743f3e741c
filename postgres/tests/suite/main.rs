//! The store in use, on a real server: the contract, and what other writers, readers and faults can do to it.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails where it stands, its helpers too"
)]

mod appends;
mod conformance;
mod settled;
mod support;

#[path = "../support/guide.rs"]
mod guide;
