//! A store that remembers what it was asked.

mod call;
mod store;

pub use call::{Answer, RecordedCall, Request};
pub use store::RecordingEventStore;
