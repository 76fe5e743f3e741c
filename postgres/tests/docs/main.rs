//! `docs/database-setup.md` does what it says.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helper functions of tests")]

mod application;
mod claims;
mod guide;
mod partitions;
mod reader;
#[path = "../support/guide.rs"]
mod support;
mod text;
mod upgrade;
