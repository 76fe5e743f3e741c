//! Scenarios: what they prove, and what they say when they fail.

#![expect(clippy::unwrap_used, reason = "helper functions of tests")]

mod domain;
mod failures;
mod odd;
mod odd_failures;
mod passing;
#[path = "../said/mod.rs"]
mod said;
mod snapshots;
