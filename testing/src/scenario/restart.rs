//! What is left of a scenario's stream after a restart: the stored events, and a snapshot.

use std::fmt::Debug;

use composable_rust_core::Aggregate;

use super::stream::Stream;
use crate::failed::{causes, difference, failed};

const HELP: &str = "see the serde attributes of the state, in the encoding of snapshots (bincode)";

impl<A: Aggregate> Stream<A> {
    /// Fails unless the state after command `number` can be saved, if the aggregate has snapshots, and comes back.
    #[track_caller]
    pub(super) fn must_be_remembered(&self, number: usize) {
        let Some(saved) = A::SNAPSHOTS.save(self.version(), self.state()) else {
            return;
        };
        let what = |does: &str| format!("the state after command {number} {does}");
        match saved {
            Err(error) => failed(&what("can't be saved as a snapshot"), &causes(&error), HELP),
            Ok(snapshot) if A::SNAPSHOTS.restore(&snapshot).is_none() => {
                failed(&what("does not come back from its snapshot"), "", HELP);
            }
            Ok(_) => {}
        }
    }

    /// Fails unless the state after this is the same when it is replayed, and restored.
    #[track_caller]
    pub(super) fn must_be_the_same_after_a_restart(&self, what: &str)
    where
        A::State: PartialEq + Debug,
    {
        if self.loaded_state() != self.state() {
            failed(
                &format!("the state after {what} is another one after a restart (- before, + after)"),
                &difference(self.state(), self.loaded_state()),
                "decide only what can be stored, such as times in whole microseconds; `apply` must use nothing but the \
                 state and the event",
            );
        }
        let saved = A::SNAPSHOTS.save(self.version(), self.state());
        let restored = saved
            .and_then(Result::ok)
            .and_then(|saved| A::SNAPSHOTS.restore(&saved));
        if let Some(restored) = restored
            && restored != *self.state()
        {
            failed(
                &format!("the state after {what} is another one in its snapshot (- saved, + restored)"),
                &difference(self.state(), &restored),
                HELP,
            );
        }
    }
}
