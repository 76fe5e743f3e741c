//! Work that whoever wants its result polls, until others need it to be done: then a task takes it over.
//!
//! It changes hands rather than being polled by both, as a `futures::Shared` would be: there, a wake-up that comes while
//! one of them is polling may be left to the other one, who might never poll again.

use std::{
    future::poll_fn,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::{Context, Poll, Waker, ready},
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
    /// With whom to tell when it is taken over.
    Here(BoxFuture<'static, ()>, Option<Waker>),
    /// Its owner is polling it; those who want to take it over are woken afterwards.
    Polled(Vec<Waker>),
    /// Done, taken over, or lost to a panic.
    Gone,
}

impl Alone {
    pub(super) fn new(work: BoxFuture<'static, ()>) -> Self {
        Self(Arc::new(Mutex::new(State::Here(work, None))))
    }

    pub(super) fn remote(&self) -> Remote {
        Remote(Arc::downgrade(&self.0))
    }

    /// Goes on with the work; ready once there is none left here, because it is done or was taken over.
    fn poll(&self, context: &mut Context<'_>) -> Poll<()> {
        let Some(mut polling) = self.begin() else {
            return Poll::Ready(());
        };
        let polled = polling
            .work
            .as_mut()
            .map_or(Poll::Ready(()), |work| work.poll_unpin(context));
        if polled.is_pending() {
            polling.goes_on = Some(context.waker().clone());
        }
        polled
    }

    fn begin(&self) -> Option<Polling<'_>> {
        let mut state = lock(&self.0);
        match mem::replace(&mut *state, State::Polled(Vec::new())) {
            State::Here(work, _) => Some(Polling {
                shared: &self.0,
                work: Some(work),
                goes_on: None,
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
        if let State::Here(work, owner) = work.await {
            // Nobody else has a way to it any more; its owner waits for the answer alone from now on.
            drop(self);
            owner.into_iter().for_each(Waker::wake);
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
            // The answer is not asked for before: given by the work itself, it would wake who is polling the work, and
            // have him polled once more, on another thread.
            ready!(alone.poll(context));
        }
        answer.poll_unpin(context)
    })
    .await
}

/// Puts the work back if it goes on. If it is done, or has panicked, there is nothing left of it.
struct Polling<'a> {
    shared: &'a Shared,
    work: Option<BoxFuture<'static, ()>>,
    goes_on: Option<Waker>,
}

impl Drop for Polling<'_> {
    fn drop(&mut self) {
        let goes_on = self.work.take().zip(self.goes_on.take());
        let after = goes_on.map_or(State::Gone, |(work, owner)| State::Here(work, Some(owner)));
        let before = mem::replace(&mut *lock(self.shared), after);
        if let State::Polled(waiting) = before {
            waiting.into_iter().for_each(Waker::wake);
        }
    }
}

fn lock(shared: &Shared) -> MutexGuard<'_, State> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
