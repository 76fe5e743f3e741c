//! The test store: what it lets pass, what it does not, and what it says then.

#![expect(clippy::unwrap_used, reason = "helper functions of tests")]

mod clocks;
mod ending;
mod event_sourced;
mod hidden;
mod live;
mod messages;
mod outside;
mod program;
mod shop;
mod steps;

use std::panic::{AssertUnwindSafe, catch_unwind};

/// What the test says when it fails; it has to.
fn failure(test: impl FnOnce()) -> String {
    let Err(panic) = catch_unwind(AssertUnwindSafe(test)) else {
        return "the test has not failed".to_owned();
    };
    let message = panic.downcast_ref::<String>().cloned();
    message
        .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_default()
}
