//! A reducer whose actions say what to do, and the waits that tests need.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use composable_rust_core::{Effect, Reducer};
use composable_rust_runtime::Store;
use composable_rust_testing::TestClock;

/// What an action does when it is reduced.
type Run = Box<dyn FnOnce(&mut Vec<String>) -> Effect<Do> + Send>;

/// An action: notes its name in the state, then does something.
pub(crate) struct Do {
    name: String,
    run: Mutex<Option<Run>>,
}

impl Do {
    /// Notes its name and returns `effect`.
    pub(crate) fn then(name: impl Into<String>, effect: impl FnOnce() -> Effect<Self> + Send + 'static) -> Self {
        Self::run(name, move |_| effect())
    }

    /// Notes its name, looks at the notes and returns an effect.
    pub(crate) fn run(
        name: impl Into<String>,
        run: impl FnOnce(&mut Vec<String>) -> Effect<Self> + Send + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            run: Mutex::new(Some(Box::new(run))),
        }
    }

    /// Only notes its name.
    pub(crate) fn note(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            run: Mutex::new(None),
        }
    }
}

/// Does what its actions say; the state is what was noted.
pub(crate) struct Scripted;

impl Reducer for Scripted {
    type State = Vec<String>;
    type Action = Do;
    type Environment = ();

    fn reduce(&self, notes: &mut Vec<String>, action: &Do, (): &()) -> Effect<Do> {
        notes.push(action.name.clone());
        let run = action
            .run
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .take();
        run.map_or(Effect::none(), |run| run(notes))
    }
}

pub(crate) type Scripts = Store<Scripted>;

/// A store of scripts, and the clock that its effects sleep on.
pub(crate) fn scripts() -> (Scripts, TestClock) {
    let clock = TestClock::new();
    let store = Store::builder(Scripted, ())
        .clock(Arc::new(clock.clone()))
        .build(vec![]);
    (store.unwrap(), clock)
}

pub(crate) fn notes(store: &Scripts) -> String {
    store.state(|notes| notes.join(" "))
}

/// Lets every other task of a current-thread runtime run until it waits: the queue of tasks is first in, first out, and
/// nothing here is woken from outside.
pub(crate) async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

/// Moves the clock, and lets what it wakes run at every deadline.
pub(crate) async fn advance(clock: &TestClock, duration: Duration) {
    use composable_rust_core::Clock;
    settle().await;
    let end = clock.now() + duration;
    while clock.next_deadline().is_some_and(|deadline| deadline <= end) {
        clock.advance_to_next();
        settle().await;
    }
    if let Ok(rest) = (end - clock.now()).to_std() {
        clock.advance(rest);
    }
    settle().await;
}

pub(crate) const SECOND: Duration = Duration::from_secs(1);
