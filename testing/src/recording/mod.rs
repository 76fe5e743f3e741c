//! A store that records its calls.

mod call;
mod store;

pub use call::{Answer, RecordedCall, Request};
pub use store::RecordingEventStore;
