//! Promise 9: the log of all streams.

mod live;
mod quiet;
mod wait;

use super::{Fixture, subject::Subject};

/// Readers of the log meet every event exactly once, in an order that keeps each stream's, also while others write. A
/// filter moves on over what it leaves out; what was refused stalls nobody; waiting loses no wake-up.
///
/// # Panics
/// When the store does not keep the promise.
pub async fn the_log_shows_every_event_exactly_once(fixture: impl Fixture) {
    let store = Subject::of(&fixture);
    quiet::check(&store).await;
    live::check(&store).await;
    wait::check(&store).await;
}
