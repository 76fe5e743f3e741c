//! What a decision has answered.

use composable_rust_core::{Aggregate, Event};

use super::Fixed;
use crate::failed::{count, failed};

type Decision<A> = Result<Vec<<A as Aggregate>::Event>, <A as Aggregate>::Rejection>;

/// What a decision has answered, and what it has answered when it was asked again.
pub(super) struct Answer<A: Aggregate> {
    pub(super) first: Decision<A>,
    pub(super) again: Option<Decision<A>>,
}

const HELP: &str = "after a conflict a command is decided again: `decide` must be a function of state, command and \
                    environment, and take time and ids from the environment; if it is the test's own environment that \
                    counts, see `Setting::asked_once`";

impl<A: Aggregate> Answer<A> {
    pub(super) fn ask(decide: impl Fn() -> Decision<A>, fixed: &Fixed, once: bool) -> Self {
        if once {
            return Self {
                first: decide(),
                again: None,
            };
        }
        let (first, again) = fixed.twice(decide);
        Self {
            first,
            again: Some(again),
        }
    }

    /// Fails unless both answers are alike, as far as can be told of any type: by the names of the events, or the words
    /// of the rejection. Bytes would say more than is true: a hash map may be written in another order.
    #[track_caller]
    pub(super) fn must_be_alike(&self, command: usize) {
        let Some(again) = &self.again else { return };
        let (first, again) = (summary::<A>(&self.first), summary::<A>(again));
        if first != again {
            asked_again(command, &format!("first: {first}\nagain: {again}"));
        }
    }
}

#[track_caller]
pub(super) fn asked_again(command: usize, details: &str) -> ! {
    failed(
        &format!("command {command} is decided otherwise when it is asked for again"),
        details,
        HELP,
    )
}

fn summary<A: Aggregate>(decision: &Decision<A>) -> String {
    match decision {
        Err(rejection) => format!("rejected, since {rejection}"),
        Ok(events) => {
            let names: Vec<&str> = events.iter().map(Event::event_type).collect();
            [count(events.len(), "event"), names.join(", ")]
                .join(" ")
                .trim_end()
                .to_owned()
        }
    }
}
