//! What a command has led to.

use std::{fmt::Debug, time::Duration};

use composable_rust_core::{Aggregate, RecordedEvent, Version};

use super::{
    answer::{Answer, asked_again},
    stream::Stream,
};
use crate::failed::{count, difference, failed};

/// What a command has led to; assert it.
pub struct Outcome<A: Aggregate> {
    pub(super) stream: Stream<A>,
    /// Which command of the scenario this was, 1 for the first.
    command: usize,
    decision: Result<Decided<A>, A::Rejection>,
    again: Option<Result<Vec<A::Event>, A::Rejection>>,
    /// Whether a rejection was asked for: one that was not would let the rest of a chain prove something else.
    expected: bool,
}

struct Decided<A: Aggregate> {
    events: Vec<A::Event>,
    recorded: Vec<RecordedEvent>,
}

#[expect(clippy::return_self_not_must_use, reason = "an assertion may be the last word")]
impl<A: Aggregate> Outcome<A> {
    #[track_caller]
    pub(super) fn nth(mut stream: Stream<A>, command: &A::Command, number: usize) -> Self {
        let answer = stream.ask(command);
        answer.must_be_alike(number);
        let Answer { first, again } = answer;
        let decision = match first {
            Err(rejection) => Err(rejection),
            Ok(events) => {
                let (events, recorded) = stream.decided(events, number);
                Ok(Decided { events, recorded })
            }
        };
        let expected = decision.is_ok();
        stream.must_be_remembered(number);
        Self {
            stream,
            command: number,
            decision,
            again,
            expected,
        }
    }

    /// Exactly these events happen, in this order; and they come back from the store as they are.
    ///
    /// # Panics
    /// Otherwise.
    #[track_caller]
    pub fn then(self, expected: impl IntoIterator<Item = A::Event>) -> Self
    where
        A::Event: PartialEq + Debug,
    {
        let expected: Vec<A::Event> = expected.into_iter().collect();
        let Ok(decided) = &self.decision else {
            self.fail_rejected(&format!("expected {}:\n{expected:#?}", count(expected.len(), "event")));
        };
        // The cause first: a decision that can't be repeated, or not be stored, is rarely what a test expects.
        if is_equal_to_itself(&decided.events) {
            self.must_answer_again(&decided.events);
            self.must_come_back(decided);
        }
        if decided.events != expected {
            let number = self.command;
            failed(
                &format!("command {number} does not lead to the expected events (- expected, + actual)"),
                &difference(&expected, &decided.events),
                "if the rule is right, expect what it decides",
            );
        }
        self
    }

    /// Nothing happens: the command is carried out already, or there is nothing to do.
    ///
    /// # Panics
    /// Otherwise.
    #[track_caller]
    pub fn then_nothing(self) -> Self
    where
        A::Event: Debug,
    {
        match &self.decision {
            Ok(decided) if decided.events.is_empty() => self,
            Ok(decided) => {
                let (number, events) = (self.command, count(decided.events.len(), "event"));
                failed(
                    &format!("command {number} leads to {events}, where nothing was to happen"),
                    &format!("{:#?}", decided.events),
                    "decide `vec![]` where there is nothing to do, or expect the events with `.then(...)`",
                );
            }
            Err(_) => self.fail_rejected("expected that nothing happens, without a rejection"),
        }
    }

    /// The command is refused, and for this reason.
    ///
    /// # Panics
    /// Otherwise.
    #[track_caller]
    pub fn then_rejected(mut self, expected: &A::Rejection) -> Self
    where
        A::Event: Debug,
        A::Rejection: PartialEq,
    {
        let rejection = self.rejected(&format!("{expected:#?}"));
        if rejection != expected {
            let number = self.command;
            failed(
                &format!("command {number} is rejected for another reason (- expected, + actual)"),
                &difference(expected, rejection),
                "give the scenario the history in which the expected reason is the first that holds, or expect this one",
            );
        }
        self.expected = true;
        self
    }

    /// The command is refused in these words: what a rejection that can't be compared is known by.
    ///
    /// # Panics
    /// Otherwise.
    #[track_caller]
    pub fn then_rejected_saying(mut self, expected: &str) -> Self
    where
        A::Event: Debug,
    {
        let words = self.rejected(expected).to_string();
        if words != expected {
            let number = self.command;
            failed(
                &format!("command {number} is rejected in other words (- expected, + actual)"),
                &crate::diff::diff(expected, &words),
                "give the scenario the history in which the expected reason is the first that holds, or expect this one",
            );
        }
        self.expected = true;
        self
    }

    /// Looks at the state after the command.
    ///
    /// # Panics
    /// If the command was rejected, and nobody has said so.
    #[track_caller]
    pub fn state(self, look: impl FnOnce(&A::State)) -> Self {
        self.must_be_expected();
        look(self.stream.state());
        self
    }

    /// The state after the command is this one: in memory, replayed from what was stored, and restored from a snapshot
    /// if the aggregate has any.
    ///
    /// # Panics
    /// Otherwise.
    #[track_caller]
    pub fn then_state(self, expected: &A::State) -> Self
    where
        A::State: PartialEq + Debug,
    {
        self.must_be_expected();
        if self.stream.state() != expected {
            let number = self.command;
            failed(
                &format!("the state after command {number} is another one (- expected, + actual)"),
                &difference(expected, self.stream.state()),
                "see `apply`; `.then(...)` before this tells whether it is the events that are not as expected",
            );
        }
        self.stream
            .must_be_the_same_after_a_restart(&format!("command {}", self.command));
        self
    }

    /// Lets time pass before the next command comes.
    #[must_use = "time passes for the next command: `.and_when(...)`"]
    pub fn later(self, duration: Duration) -> Self {
        self.stream.pass(duration);
        self
    }

    /// Another command comes, after what this one has led to.
    ///
    /// # Panics
    /// As [`Scenario::when`](super::Scenario::when), and if this command was rejected, and nobody has said so.
    #[must_use = "a command proves nothing until it is said what it leads to: `.then(...)`"]
    #[track_caller]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a command in a sentence, not a reference to one"
    )]
    pub fn and_when(self, command: A::Command) -> Self {
        self.must_be_expected();
        Self::nth(self.stream, &command, self.command + 1)
    }

    /// The events that the command has led to, or why it was rejected: for assertions of one's own.
    ///
    /// # Errors
    /// The rejection.
    pub fn decision(&self) -> Result<&[A::Event], &A::Rejection> {
        self.decision.as_ref().map(|decided| decided.events.as_slice())
    }

    /// The version of the stream: the number of its events.
    #[must_use]
    pub fn version(&self) -> Version {
        self.stream.version()
    }

    #[track_caller]
    fn rejected(&self, expected: &str) -> &A::Rejection
    where
        A::Event: Debug,
    {
        let decided = match &self.decision {
            Err(rejection) => return rejection,
            Ok(decided) => decided,
        };
        let (number, events) = (self.command, count(decided.events.len(), "event"));
        failed(
            &format!("command {number} is not rejected: it leads to {events}"),
            &format!("expected the rejection:\n{expected}\nactual:\n{:#?}", decided.events),
            "give the scenario the history in which the command is refused, or expect the events with `.then(...)`",
        );
    }

    #[track_caller]
    fn fail_rejected(&self, expected: &str) -> ! {
        let reason = self.decision.as_ref().err().map(ToString::to_string);
        let number = self.command;
        failed(
            &format!("command {number} is rejected: {}", reason.unwrap_or_default()),
            expected,
            "give the scenario the history that lets the command through, or expect the rejection with \
             `.then_rejected(...)`",
        );
    }

    #[track_caller]
    fn must_be_expected(&self) {
        if !self.expected {
            self.fail_rejected("nothing was said about the rejection before the scenario goes on");
        }
    }

    #[track_caller]
    fn must_answer_again(&self, events: &[A::Event])
    where
        A::Event: PartialEq + Debug,
    {
        if let Some(Ok(again)) = &self.again
            && again != events
        {
            let details = difference(events, again);
            asked_again(self.command, &format!("(- first, + again)\n{details}"));
        }
    }

    #[track_caller]
    fn must_come_back(&self, decided: &Decided<A>)
    where
        A::Event: PartialEq + Debug,
    {
        for (event, record) in decided.events.iter().zip(&decided.recorded) {
            let Ok(read) = record.decode::<A::Event>() else {
                continue;
            };
            if !matches!(read.as_slice(), [read] if read == event) {
                let (number, event_type, version) = (self.command, &record.event_type, record.version);
                failed(
                    &format!(
                        "command {number}: the stored {event_type} (version {version}) is read as something else \
                         (- decided, + read)"
                    ),
                    &difference(&[event][..], &read.as_slice().iter().collect::<Vec<_>>()[..]),
                    "decide only what can be stored, such as times in whole microseconds; or fix the event's `encode` \
                     and `decode`",
                );
            }
        }
    }
}

/// Values that are not, such as a float that is no number, would be found to differ wherever they are compared.
#[expect(clippy::eq_op, reason = "not every `PartialEq` is reflexive")]
fn is_equal_to_itself<E: PartialEq>(events: &[E]) -> bool {
    events == events
}
