//! The latest of what a selector picks from the state.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use futures::Stream;

use super::StopReason;
use crate::{engine::Subscriber, panics::caught};

/// Why a subscription has no more values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubscriptionEnd {
    /// The store was shut down or dropped.
    #[error("the store is closed")]
    Closed,
    /// A reducer of the store has panicked.
    #[error("the store is faulted")]
    Faulted(#[source] super::ReducerPanic),
    /// The selector, or the comparison of its values, has panicked with this message. The store is fine.
    #[error("the selector panicked: {0}")]
    SelectorPanicked(String),
}

impl From<StopReason> for SubscriptionEnd {
    fn from(reason: StopReason) -> Self {
        match reason {
            StopReason::Closed => Self::Closed,
            StopReason::Faulted(fault) => Self::Faulted(fault),
        }
    }
}

/// A stream of what a selector picks from the state: first what it is now, then the latest, once for each drain of the
/// store and only when it has changed. What was not taken in time is replaced by what is newer.
///
/// It does not keep the store alive. See [`Store::subscribe`](crate::Store::subscribe).
#[must_use = "a subscription ends when it is dropped"]
pub struct Subscription<T> {
    slot: Arc<Slot<T>>,
}

impl<T> Subscription<T> {
    /// Why there are no more values, once the stream has ended.
    #[must_use]
    pub fn ended(&self) -> Option<SubscriptionEnd> {
        self.slot.lock().end.clone()
    }
}

impl<T> Stream for Subscription<T> {
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let mut latest = self.slot.lock();
        if let Some(value) = latest.value.take() {
            return Poll::Ready(Some(value));
        }
        if latest.end.is_some() {
            return Poll::Ready(None);
        }
        latest.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

struct Slot<T>(Mutex<Latest<T>>);

struct Latest<T> {
    value: Option<T>,
    end: Option<SubscriptionEnd>,
    waker: Option<Waker>,
}

impl<T> Slot<T> {
    fn lock(&self) -> MutexGuard<'_, Latest<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Latest<T>)) {
        let mut latest = self.lock();
        change(&mut latest);
        let waker = latest.waker.take();
        drop(latest);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// The store's side of a subscription.
struct Selector<F, T> {
    select: F,
    shown: Option<T>,
    slot: Arc<Slot<T>>,
}

impl<F, T> Selector<F, T> {
    fn finish(&self, end: SubscriptionEnd) {
        self.slot.change(|latest| {
            latest.end.get_or_insert(end);
        });
    }
}

impl<S, F, T> Subscriber<S> for Selector<F, T>
where
    F: Fn(&S) -> T + Send,
    T: Clone + PartialEq + Send,
{
    fn show(&mut self, state: &S) -> bool {
        if Arc::strong_count(&self.slot) == 1 {
            return false;
        }
        let changed = caught(|| {
            let value = (self.select)(state);
            (self.shown.as_ref() != Some(&value)).then(|| (value.clone(), value))
        });
        match changed {
            Ok(None) => true,
            Ok(Some((value, shown))) => {
                self.shown = Some(shown);
                self.slot.change(|latest| latest.value = Some(value));
                true
            }
            Err(message) => {
                tracing::error!(panic = message, "a selector panicked: its subscription ends");
                self.finish(SubscriptionEnd::SelectorPanicked(message));
                false
            }
        }
    }

    fn end(&mut self, reason: StopReason) {
        self.finish(reason.into());
    }
}

impl<F, T> Drop for Selector<F, T> {
    fn drop(&mut self) {
        self.finish(SubscriptionEnd::Closed);
    }
}

/// The two sides of a subscription.
pub(super) fn subscription<S, T, F>(select: F) -> (Box<dyn Subscriber<S>>, Subscription<T>)
where
    F: Fn(&S) -> T + Send + 'static,
    T: Clone + PartialEq + Send + 'static,
{
    let slot = Arc::new(Slot(Mutex::new(Latest {
        value: None,
        end: None,
        waker: None,
    })));
    let selector = Selector {
        select,
        shown: None,
        slot: Arc::clone(&slot),
    };
    (Box::new(selector), Subscription { slot })
}
