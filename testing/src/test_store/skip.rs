//! What a test passes over.

use std::fmt::Debug;

use composable_rust_core::Reducer;

use super::{Exhaustivity, TestStore, message::Message};
use crate::failed::difference;

impl<R, V> TestStore<R, V>
where
    R: Reducer,
    R::Action: Clone + Debug,
    V: Clone + PartialEq + Debug + Send + 'static,
{
    /// Passes over the actions that were received so far, and the changes they made. Fails when there are none.
    #[track_caller]
    pub fn skip_received(&mut self) {
        self.run_ready();
        let received = self.received().len();
        if received == 0 {
            let message = Message::new("skip_received(): nothing was received that could be skipped")
                .part("effects that run", self.in_flight_lines())
                .advice("leave this out, or let the effects run that bring something before it");
            self.fail(&message);
        }
        for _ in 0..received {
            self.pass_over("skip_received()");
        }
    }

    /// Lets the effects that run now run on at the end of the test. They are not ended: actions they bring meanwhile
    /// have to be received. Fails when none runs.
    #[track_caller]
    pub fn skip_in_flight(&mut self) {
        self.run_ready();
        let running = self.in_flight();
        if running.is_empty() {
            let message = Message::new("skip_in_flight(): no effect is running that could be skipped")
                .advice("leave this out: every effect has come to its end");
            self.fail(&message);
        }
        for line in self.in_flight_lines() {
            self.note(|| format!("skip_in_flight(): {line}"));
        }
        self.let_run.extend(running.iter().map(|effect| effect.number));
    }

    /// What was passed over, as long as the exhaustivity was [`Exhaustivity::OffShowingSkipped`].
    pub fn skipped(&self) -> &[String] {
        &self.skipped
    }

    /// Takes the next action as received, and its change as asserted.
    pub(super) fn pass_over(&mut self, call: &str) {
        let next = self.next_received();
        let Some(after) = self.journal.lock().next() else {
            return;
        };
        self.note(|| format!("{call}: {next} was not received"));
        self.note_change(&next, &after);
        self.asserted = after;
    }

    pub(super) fn note_change(&mut self, by: &str, after: &V) {
        if self.asserted != *after {
            let before = self.asserted.clone();
            self.note(|| {
                let changes = difference(&before, after);
                format!("{by} changed the state:\n{changes}")
            });
        }
    }

    #[expect(clippy::print_stderr, reason = "shown to who reads the output of the test")]
    pub(super) fn note(&mut self, text: impl FnOnce() -> String) {
        if self.exhaustivity == Exhaustivity::OffShowingSkipped {
            let text = text();
            eprintln!("skipped: {text}");
            self.skipped.push(text);
        }
    }
}
