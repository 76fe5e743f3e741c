//! Promise 5: appends and commands that are sent again.

mod batch;
mod command;
mod event;

use super::{Fixture, subject::Subject};

/// The identical append, sent again after a lost acknowledgement, returns the first result with `repeated` true. Its ids with
/// other content or at another place are a duplicate. A stream stores the events of a command once, whatever is expected.
///
/// # Panics
/// When the store does not keep the promise.
pub async fn repeated_appends_are_stored_once(fixture: impl Fixture) {
    let store = Subject::of(&fixture);
    event::check(&store).await;
    command::check(&store).await;
    batch::check(&store).await;
}
