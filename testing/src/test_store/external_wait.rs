//! Where an effect waits for something that is not the store's: the user's futures and streams.

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
};

use futures::Stream;

use crate::clock::polled::{Polled, Wait};

/// Every part of an effect that is user code and waits.
#[derive(Default)]
pub(super) struct ExternalWaits {
    waiting: Mutex<BTreeMap<u64, Waiting>>,
    numbers: AtomicU64,
}

struct Waiting {
    effect: Option<u64>,
    wait: Arc<Wait>,
}

impl ExternalWaits {
    /// The effects that wait for something other than a clock of the test: what only happens elsewhere.
    pub(super) fn elsewhere(&self) -> Vec<u64> {
        self.effects(Wait::is_held_elsewhere)
    }

    /// The effects of which a part waits for nothing at all: nobody can wake it.
    pub(super) fn forgotten(&self) -> Vec<u64> {
        self.effects(Wait::is_forgotten)
    }

    fn effects(&self, which: fn(&Arc<Wait>) -> bool) -> Vec<u64> {
        let waiting = self.lock();
        let those = waiting.values().filter(|waiting| which(&waiting.wait));
        those.filter_map(|waiting| waiting.effect).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// User code, polled so that it is known what it waits for.
pub(super) struct ExternalWait<T> {
    inner: T,
    number: u64,
    waits: Arc<ExternalWaits>,
}

impl<T> ExternalWait<T> {
    pub(super) fn new(inner: T, waits: &Arc<ExternalWaits>) -> Self {
        Self {
            inner,
            number: waits.numbers.fetch_add(1, Ordering::Relaxed),
            waits: Arc::clone(waits),
        }
    }

    fn watched<O>(&mut self, context: &Context<'_>, poll: impl FnOnce(&mut T, &mut Context<'_>) -> Poll<O>) -> Poll<O> {
        // A new waker for every poll: what an earlier poll left behind somewhere is no longer waited for.
        let wait = Wait::new(context.waker());
        let effect = Polled::now().effect;
        let entered = Polled {
            effect,
            wait: Some(Arc::clone(&wait)),
        }
        .enter();
        let polled = poll(
            &mut self.inner,
            &mut Context::from_waker(&Waker::from(Arc::clone(&wait))),
        );
        drop(entered);
        let mut waiting = self.waits.lock();
        let before = if polled.is_pending() {
            waiting.insert(self.number, Waiting { effect, wait })
        } else {
            waiting.remove(&self.number)
        };
        drop(waiting);
        drop(before);
        polled
    }
}

impl<T> Drop for ExternalWait<T> {
    fn drop(&mut self) {
        let waiting = self.waits.lock().remove(&self.number);
        drop(waiting);
    }
}

impl<F: Future + Unpin> Future for ExternalWait<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        self.watched(context, |inner, context| Pin::new(inner).poll(context))
    }
}

impl<S: Stream + Unpin> Stream for ExternalWait<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<S::Item>> {
        self.watched(context, |inner, context| Pin::new(inner).poll_next(context))
    }
}
