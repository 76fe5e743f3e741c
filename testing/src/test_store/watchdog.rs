//! A deadline in real time, for what happens outside of the test.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    task::Waker,
    thread,
    time::Duration,
};

/// Rings once, unless it is dropped before.
///
/// A thread and not a timer of tokio: there may be no runtime here, and one whose time is paused would ring at once.
pub(super) struct Watchdog(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    rung: bool,
    dropped: bool,
    waker: Option<Waker>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watchdog {
    pub(super) fn after(duration: Duration) -> Self {
        let shared = Arc::<Shared>::default();
        let bell = Arc::clone(&shared);
        thread::spawn(move || {
            let waiting = bell
                .changed
                .wait_timeout_while(bell.lock(), duration, |state| !state.dropped);
            let (mut state, _) = waiting.unwrap_or_else(PoisonError::into_inner);
            state.rung = true;
            let waker = state.waker.take();
            drop(state);
            waker.into_iter().for_each(Waker::wake);
        });
        Self(shared)
    }

    /// Whether it has rung; wakes `waker` when it does.
    pub(super) fn has_rung(&self, waker: &Waker) -> bool {
        let mut state = self.0.lock();
        state.waker = Some(waker.clone());
        state.rung
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.0.lock().dropped = true;
        self.0.changed.notify_one();
    }
}
