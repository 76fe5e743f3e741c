//! Work that whoever wants its result polls, until others need it to be done: then a task takes it over.
//!
//! It changes hands rather than being polled by both, as a `futures::Shared` would be: there, a wake-up that comes while
//! one of them is polling may be left to the other one, who might never poll again.

use std::{
    future::poll_fn,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::{Context, Poll, Waker},
};

use futures::{FutureExt, future::BoxFuture};
use tokio::sync::oneshot;

/// Work as its owner holds it.
pub(super) struct Alone(Arc<Shared>);

/// A way to the work, as long as somebody holds it.
pub(super) struct Remote(Weak<Shared>);

// A std Mutex: nothing is polled, and nothing of the user's dropped, while it is held.
type Shared = Mutex<State>;

enum State {
    Here(BoxFuture<'static, ()>),
    /// Its owner is polling it; those who want to take it over are woken afterwards.
    Polled(Vec<Waker>),
    /// Done, taken over, or lost to a panic.
    Gone,
}

impl Alone {
    pub(super) fn new(work: BoxFuture<'static, ()>) -> Self {
        Self(Arc::new(Mutex::new(State::Here(work))))
    }

    pub(super) fn remote(&self) -> Remote {
        Remote(Arc::downgrade(&self.0))
    }

    /// Goes on with the work, unless it has been taken over.
    pub(super) fn poll(&self, context: &mut Context<'_>) {
        let Some(mut polling) = self.begin() else { return };
        let polled = polling.work.as_mut().map(|work| work.poll_unpin(context));
        if polled == Some(Poll::Pending) {
            polling.goes_on = true;
        }
    }

    fn begin(&self) -> Option<Polling<'_>> {
        let mut state = lock(&self.0);
        match mem::replace(&mut *state, State::Polled(Vec::new())) {
            State::Here(work) => Some(Polling {
                shared: &self.0,
                work: Some(work),
                goes_on: false,
            }),
            other => {
                *state = other;
                None
            }
        }
    }

    /// The work, for a task.
    pub(super) async fn taken_over(self) {
        let work = poll_fn(|context| match &mut *lock(&self.0) {
            State::Polled(waiting) => {
                waiting.push(context.waker().clone());
                Poll::Pending
            }
            state => Poll::Ready(mem::replace(state, State::Gone)),
        });
        if let State::Here(work) = work.await {
            // Nobody else has a way to it any more.
            drop(self);
            work.await;
        }
    }
}

impl Remote {
    pub(super) fn upgrade(&self) -> Option<Alone> {
        self.0.upgrade().map(Alone)
    }
}

/// What comes back, once the work is done; by whomever, if its owner works at it.
pub(super) async fn answered<T>(
    alone: Option<Alone>,
    mut answer: oneshot::Receiver<T>,
) -> Result<T, oneshot::error::RecvError> {
    poll_fn(move |context| {
        if let Some(alone) = &alone {
            alone.poll(context);
        }
        answer.poll_unpin(context)
    })
    .await
}

/// Puts the work back if it goes on. If it is done, or has panicked, there is nothing left of it.
struct Polling<'a> {
    shared: &'a Shared,
    work: Option<BoxFuture<'static, ()>>,
    goes_on: bool,
}

impl Drop for Polling<'_> {
    fn drop(&mut self) {
        let work = self.work.take().filter(|_| self.goes_on);
        let before = mem::replace(&mut *lock(self.shared), work.map_or(State::Gone, State::Here));
        if let State::Polled(waiting) = before {
            waiting.into_iter().for_each(Waker::wake);
        }
    }
}

fn lock(shared: &Shared) -> MutexGuard<'_, State> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
