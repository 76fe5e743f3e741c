//! The time of a test.

use std::{fmt::Debug, time::Duration};

use composable_rust_core::Reducer;

use super::{TestStore, message::Message};

/// So many deadlines in a row are somebody who falls asleep for ever.
const TOO_MANY: u32 = 10_000;

impl<R, V> TestStore<R, V>
where
    R: Reducer,
    R::Action: Clone + Debug,
    V: Clone + PartialEq + Debug + Send + 'static,
{
    /// Moves the clock on by `duration`, deadline by deadline: what wakes at one runs, with all that follows from it,
    /// before the clock moves on to the next.
    #[track_caller]
    pub fn advance(&mut self, duration: Duration) {
        self.run_ready();
        let tasks = &self.tasks.0;
        let moved = self.time.advance(duration, || {
            // What has no end is found right afterwards.
            let _ = tasks.run();
        });
        if !moved {
            self.fail_to_move(&format!("advance({duration:?})"));
        }
        self.run_ready();
    }

    /// Moves the clock on, deadline by deadline, until nobody sleeps on it any more.
    #[track_caller]
    pub fn run(&mut self) {
        self.run_ready();
        for _ in 0..TOO_MANY {
            match self.time.advance_to_next() {
                Some(true) => self.run_ready(),
                Some(false) => return,
                None => self.fail_to_move("run()"),
            }
        }
        let message = Message::new(format!("run(): after {TOO_MANY} deadlines somebody still falls asleep"))
            .part("effects that run", self.in_flight_lines())
            .advice("advance the clock by as much as the test needs: this effect never ends");
        self.fail(&message);
    }

    #[track_caller]
    fn fail_to_move(&mut self, call: &str) -> ! {
        let message = Message::new(format!("{call}: the clock of this store can't be moved"))
            .advice("build the store with a TestClock; on tokio's paused time, await elapse() instead");
        self.fail(&message);
    }
}
