//! How a test fails.

use std::fmt::Debug;

use composable_rust_core::Reducer;
use composable_rust_runtime::EffectPanic;

use super::{TestStore, message::Message};

impl<R, V> TestStore<R, V>
where
    R: Reducer,
    R::Action: Clone + Debug,
    V: Clone + PartialEq + Debug + Send + 'static,
{
    /// Fails the test. What else is not as it should be is no news any more.
    #[track_caller]
    #[expect(clippy::panic, reason = "failing the test is what a test store is for")]
    pub(super) fn fail(&mut self, message: &Message) -> ! {
        self.over = true;
        panic!("{message}")
    }

    /// Runs what is ready. A panic, and what has no end, fail the test.
    #[track_caller]
    pub(super) fn run_ready(&mut self) {
        let ended = self.tasks.0.run();
        if let Some(message) = self.trouble() {
            self.fail(&message);
        }
        if !ended {
            let message = Message::new("an effect is woken again and again, and never comes to rest")
                .part("effects that run", self.in_flight_names())
                .advice("look for a future that wakes itself while it waits for something");
            self.fail(&message);
        }
    }

    /// What has panicked.
    fn trouble(&self) -> Option<Message> {
        if let Some(fault) = self.store.fault() {
            let journal = self.journal.lock();
            let action = journal.last().map(|action| format!("{action:?}")).unwrap_or_default();
            let message = Message::new(format!("the reducer panicked on {action}"))
                .part("it said", [fault.message().to_owned()])
                .advice("let the reducer handle this action; in production its store would have stopped here");
            return Some(message);
        }
        let panics = self.tasks.0.take_panics();
        if panics.is_empty() {
            return self.absent_children();
        }
        let lines = panics.iter().map(|panic| self.panic_line(panic)).collect::<Vec<_>>();
        let message = Message::new("an effect panicked")
            .part("it said", lines)
            .advice("turn what can fail into an action; in production this effect would have ended without one");
        Some(message)
    }

    /// Actions that no child was there for.
    fn absent_children(&self) -> Option<Message> {
        let absent = self.tasks.0.take_absent();
        if absent.is_empty() || self.absent_children_allowed {
            return None;
        }
        let lines = absent
            .iter()
            .map(|child| format!("`{}`, by {}", child.path, self.cause(child.cause)));
        let message = Message::new("an action is for a child that does not exist: it was not reduced there")
            .part("which child", lines)
            .advice(
                "create the child before its actions come, or cancel what brings them; or build the store with \
                 allow_absent_children()",
            );
        Some(message)
    }

    fn panic_line(&self, panic: &EffectPanic) -> String {
        let label = panic
            .label
            .map_or("an effect".to_owned(), |label| format!("`{label}`,"));
        format!("{label} started by {}: {}", self.cause(panic.cause), panic.message)
    }

    /// The action whose reduce had this number.
    pub(super) fn cause(&self, cause: u64) -> String {
        let journal = self.journal.lock();
        journal
            .action(cause)
            .map(|action| format!("{action:?}"))
            .unwrap_or_default()
    }
}
