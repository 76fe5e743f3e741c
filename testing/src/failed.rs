//! How an assertion of the kit fails: what happened, the details, what to do.
#![expect(clippy::panic, reason = "an assertion fails by panicking")]

use std::{error::Error, fmt::Debug, iter};

use crate::diff::diff;

/// Fails the test: what happened, the details if there are any, and what to do about it.
#[track_caller]
pub(crate) fn failed(what: &str, details: &str, help: &str) -> ! {
    stop(&text(what, details, help));
}

/// Fails the test with a text that is complete.
#[track_caller]
pub(crate) fn stop(text: &str) -> ! {
    panic!("{text}");
}

pub(crate) fn text(what: &str, details: &str, help: &str) -> String {
    let parts = [what, details.trim_end(), &format!("help: {help}")];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("\n\n")
}

/// What differs between two values, as `{:#?}` shows them. Values that are shown alike and differ all the same are said
/// to be so: an empty diff would explain nothing.
pub(crate) fn difference<T: Debug + ?Sized>(expected: &T, actual: &T) -> String {
    let (expected, actual) = (format!("{expected:#?}"), format!("{actual:#?}"));
    if expected == actual {
        return format!(
            "both are shown as:\n{actual}\nbut `==` says that they differ: look at their `PartialEq` and `Debug`"
        );
    }
    diff(&expected, &actual)
}

/// An error with what has caused it.
pub(crate) fn causes(error: &(dyn Error + 'static)) -> String {
    let causes = iter::successors(Some(error), |&error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// So many of something, in words.
pub(crate) fn count(number: usize, one: &str) -> String {
    match number {
        0 => format!("no {one}s"),
        1 => format!("1 {one}"),
        number => format!("{number} {one}s"),
    }
}
