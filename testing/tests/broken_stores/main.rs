//! The conformance suite notices a store that breaks a promise: for every promise stores broken in just that way.

mod appending;
mod batching;
mod broken;
mod content;
mod dropping;
mod limiting;
mod logging;
mod racing;
mod reading;
mod remembering;
mod repeating;
