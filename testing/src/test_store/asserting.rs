//! Sending, receiving, and what the test says about the state.

use std::fmt::Debug;

use composable_rust_core::Reducer;

use super::{TestStore, message::Message};
use crate::failed::count;

impl<R, V> TestStore<R, V>
where
    R: Reducer,
    R::Action: Clone + Debug,
    V: Clone + PartialEq + Debug + Send + 'static,
{
    /// Sends `action`, runs everything that it makes ready, and asserts that it changes the state as `change` does.
    ///
    /// `change` is given the state as it was, and makes of it what it is expected to be; with exhaustivity off it is
    /// given the state as it is, and must leave it as it is.
    #[track_caller]
    pub fn send(&mut self, action: R::Action, change: impl FnOnce(&mut V)) {
        let call = format!("send({action:?})");
        self.run_ready();
        self.pass_over_received(&call);
        if let Err(refused) = self.store.try_dispatch(action) {
            let message = Message::new(format!("{call}: {refused}")).advice(
                "let the commands that wait in the state be carried out first: advance the clock, or await settle()",
            );
            self.fail(&message);
        }
        self.run_ready();
        self.assert_next(&call, change);
    }

    /// Asserts that `action` came from an effect, next of all, and changed the state as `change` does.
    #[track_caller]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "written as it is for `send`, mostly in place"
    )]
    pub fn receive(&mut self, action: R::Action, change: impl FnOnce(&mut V))
    where
        R::Action: PartialEq,
    {
        let call = format!("receive({action:?})");
        self.run_ready();
        let place = self.place(|received| *received == action);
        if place.is_none() {
            self.fail_if_nothing_came(&call);
            let message = self.another_came(&call, &action);
            self.fail(&message);
        }
        self.receive_at(&call, place.unwrap_or_default(), change);
    }

    /// Asserts that an action that `matches` came from an effect, next of all, and changed the state as `change` does.
    ///
    /// ```
    /// # use composable_rust_core::{Effect, Reducer};
    /// # use composable_rust_testing::TestStore;
    /// # #[derive(Clone, Debug)]
    /// # enum Action { Ask, Answered(Result<u32, String>) }
    /// # struct Asking;
    /// # impl Reducer for Asking {
    /// #     type State = u32; type Action = Action; type Environment = ();
    /// #     fn reduce(&self, sum: &mut u32, action: &Action, _: &()) -> Effect<Action> {
    /// #         match action {
    /// #             Action::Ask => Effect::task(async { Action::Answered(Ok(42)) }),
    /// #             Action::Answered(answer) => { *sum += answer.as_ref().unwrap_or(&0); Effect::none() }
    /// #         }
    /// #     }
    /// # }
    /// # let mut store = TestStore::new(Asking, 0, ());
    /// store.send(Action::Ask, |_| {});
    /// store.receive_matching(|action| matches!(action, Action::Answered(Ok(_))), |sum| *sum = 42);
    /// store.finish();
    /// ```
    #[track_caller]
    pub fn receive_matching(&mut self, matches: impl Fn(&R::Action) -> bool, change: impl FnOnce(&mut V)) {
        let call = "receive_matching(…)";
        self.run_ready();
        let Some(place) = self.place(matches) else {
            self.fail_if_nothing_came(call);
            let message = Message::new(format!("{call}: none of the actions received matches"))
                .part("received, in this order", self.received())
                .advice(format!("receive {} before this one", self.next_received()));
            self.fail(&message);
        };
        self.receive_at(call, place, change);
    }

    /// The actions that wait for being received.
    pub(super) fn received(&self) -> Vec<String> {
        self.journal
            .lock()
            .received()
            .map(|action| format!("{action:?}"))
            .collect()
    }

    pub(super) fn next_received(&self) -> String {
        self.received().into_iter().next().unwrap_or_default()
    }

    fn place(&self, matches: impl Fn(&R::Action) -> bool) -> Option<usize> {
        self.journal.lock().received().position(matches)
    }

    #[track_caller]
    fn receive_at(&mut self, call: &str, place: usize, change: impl FnOnce(&mut V)) {
        if place > 0 && self.exhaustivity.is_on() {
            let next = self.next_received();
            let message = Message::new(format!("{call}: {next} came first"))
                .part("received, in this order", self.received())
                .advice(format!("receive {next} before this one"));
            self.fail(&message);
        }
        for _ in 0..place {
            self.pass_over(call);
        }
        self.assert_next(call, change);
    }

    #[track_caller]
    fn fail_if_nothing_came(&mut self, call: &str) {
        if !self.received().is_empty() {
            return;
        }
        let lines = self.in_flight_lines();
        let message = Message::new(format!("{call}: nothing was received"));
        let message = if lines.is_empty() {
            message.advice("look at what the reducer returns: no effect is running that could bring an action")
        } else {
            let ways = self.ways_on().join("; or ");
            message.part("effects that run", lines).advice(if ways.is_empty() {
                "bring about what the effects wait for".to_owned()
            } else {
                format!("{ways}, before this")
            })
        };
        self.fail(&message);
    }

    fn another_came(&self, call: &str, expected: &R::Action) -> Message {
        let next = self.next_received();
        let message = Message::new(format!("{call}: {next} was received instead"));
        let journal = self.journal.lock();
        let message = match journal.received().next() {
            Some(actual) => message.differing(expected, actual),
            None => message,
        };
        message.advice(format!("receive {next} before this one, or expect it in its place"))
    }

    #[track_caller]
    fn pass_over_received(&mut self, call: &str) {
        let received = self.received();
        let Some(next) = received.first() else { return };
        if self.exhaustivity.is_on() {
            let message = Message::new(format!(
                "{call}: {} came before it and must be received first",
                count(received.len(), "action")
            ))
            .part("received, in this order", received.clone())
            .advice(format!("receive {next} before this one, or skip_received()"));
            self.fail(&message);
        }
        for _ in received {
            self.pass_over(call);
        }
    }

    #[track_caller]
    fn assert_next(&mut self, call: &str, change: impl FnOnce(&mut V)) {
        let Some(after) = self.journal.lock().next() else {
            return;
        };
        let exhaustive = self.exhaustivity.is_on();
        let mut expected = if exhaustive {
            self.asserted.clone()
        } else {
            after.clone()
        };
        change(&mut expected);
        if expected != after {
            let message = self.not_as_asserted(call, &expected, &after);
            self.fail(&message);
        }
        if !exhaustive {
            self.note_change(call, &after);
        }
        self.asserted = after;
    }

    fn not_as_asserted(&self, call: &str, expected: &V, after: &V) -> Message {
        let (headline, advice) = if !self.exhaustivity.is_on() {
            (
                "the state is not as asserted",
                "assert the values that the state has after this action",
            )
        } else if *expected == self.asserted {
            (
                "it changed the state, which was not asserted",
                "assert the change in the closure, or prevent it",
            )
        } else if *after == self.asserted {
            (
                "it did not change the state, which was asserted",
                "assert nothing, or let the reducer change the state",
            )
        } else {
            (
                "it changed the state in another way than asserted",
                "assert what differs, or let the reducer do so",
            )
        };
        Message::new(format!("{call}: {headline}"))
            .differing(expected, after)
            .advice(advice)
    }
}
