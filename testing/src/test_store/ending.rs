//! The end of a test.

use std::{fmt::Debug, thread};

use composable_rust_core::Reducer;

use super::{TestStore, message::Message};
use crate::failed::count;

impl<R, V> TestStore<R, V>
where
    R: Reducer,
    R::Action: Clone + Debug,
    V: Clone + PartialEq + Debug + Send + 'static,
{
    /// Ends the test: fails when an action was not received, or an effect still runs. A store that is dropped does the
    /// same, but can't say where in the test that was.
    #[track_caller]
    pub fn finish(mut self) {
        self.end("finish()");
    }

    #[track_caller]
    fn end(&mut self, call: &str) {
        self.run_ready();
        let received = self.received();
        if !received.is_empty() && self.exhaustivity.is_on() {
            let message = Message::new(format!("{call}: {} not received", was(received.len(), "action")))
                .advice(format!("receive {}, or skip_received()", self.next_received()))
                .part("not received, in this order", received);
            self.fail(&message);
        }
        for _ in received {
            self.pass_over(call);
        }
        let running = self.in_flight_lines();
        if !running.is_empty() && self.exhaustivity.is_on() {
            let ways = self.ways_on().into_iter();
            let ways: Vec<_> = ways
                .chain(["cancel it".to_owned(), "skip_in_flight()".to_owned()])
                .collect();
            let message = Message::new(format!("{call}: {} still running", is(running.len(), "effect")))
                .part("effects that run", running)
                .advice(ways.join("; or "));
            self.fail(&message);
        }
        for line in running {
            self.note(|| format!("{call}: {line}"));
        }
        self.over = true;
    }
}

fn was(number: usize, what: &str) -> String {
    format!("{} {}", count(number, what), if number == 1 { "was" } else { "were" })
}

fn is(number: usize, what: &str) -> String {
    format!("{} {}", count(number, what), if number == 1 { "is" } else { "are" })
}

impl<R, V> Drop for TestStore<R, V>
where
    R: Reducer,
    R::Action: Clone + Debug,
    V: Clone + PartialEq + Debug + Send + 'static,
{
    fn drop(&mut self) {
        // A test that fails already fails for a reason that this would hide.
        if !self.over && !thread::panicking() {
            let built_at = self.built_at;
            self.end(&format!("end of the store built at {built_at}"));
        }
    }
}
