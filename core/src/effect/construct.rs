//! Constructors that read as sentences.

use std::{future::Future, sync::Arc, time::Duration};

use futures::{FutureExt, Stream, StreamExt};

use super::{
    Backoff, CancelId, Cancellable, Delay, Edge, Effect, EventStoreOperation, InFlight, Labelled, Retry, Scoped,
    Segment, Throttle,
};
use crate::{
    AppendError, Appended, EventStore, ReadError, RecordedEvent, Snapshot, SnapshotError, SnapshotOutcome,
    StreamAppend, StreamId, Version,
};

impl<A> Effect<A> {
    /// Whether this is [`Effect::None`].
    #[must_use]
    pub const fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// Reduce `action` next, after those that wait already.
    pub const fn emit(action: A) -> Self {
        Self::Emit(action)
    }

    /// Both, started in this order. Nothing merged with an effect is that effect.
    ///
    /// ```
    /// use composable_rust_core::Effect;
    /// let both = Effect::emit(1).merge(Effect::None).merge(Effect::emit(2));
    /// assert_eq!(both.describe().to_string(), "parallel [emit, emit]");
    /// ```
    pub fn merge(self, other: Self) -> Self {
        match (self, other) {
            (Self::None, effect) | (effect, Self::None) => effect,
            (Self::Parallel(mut all), Self::Parallel(others)) => {
                all.extend(others);
                Self::Parallel(all)
            }
            (Self::Parallel(mut all), effect) => {
                all.push(effect);
                Self::Parallel(all)
            }
            (first, second) => Self::Parallel(vec![first, second]),
        }
    }

    /// All of them, started in this order.
    pub fn all(effects: impl IntoIterator<Item = Self>) -> Self {
        effects.into_iter().fold(Self::None, Self::merge)
    }

    /// `next` starts after the whole of this effect's own work is done (not that of effects its actions cause).
    ///
    /// ```
    /// use composable_rust_core::Effect;
    /// let steps = Effect::emit(1).then(Effect::emit(2)).then(Effect::emit(3));
    /// assert_eq!(steps.describe().to_string(), "sequential [emit, emit, emit]");
    /// ```
    pub fn then(self, next: Self) -> Self {
        match (self, next) {
            (Self::None, effect) | (effect, Self::None) => effect,
            (Self::Sequential(mut steps), step) => {
                steps.push(step);
                Self::Sequential(steps)
            }
            (first, second) => Self::Sequential(vec![first, second]),
        }
    }

    /// The first to complete ends the others, the leftmost on a tie. Event-store operations are not ended: their
    /// answers are still reduced.
    pub fn race(effects: impl IntoIterator<Item = Self>) -> Self {
        Self::Race(effects.into_iter().collect())
    }

    /// Starts after `duration` on the store's clock.
    pub fn delay(self, duration: Duration) -> Self {
        Self::Delay(Box::new(Delay { duration, effect: self }))
    }

    /// Reduces `action` and ends the effect, unless it completes within `duration`: a race with a delay.
    ///
    /// ```
    /// use composable_rust_core::Effect;
    /// use std::time::Duration;
    /// let effect = Effect::task(async { "answer" }).timeout(Duration::from_secs(5), "too late");
    /// assert_eq!(effect.describe().to_string(), "race [future, delay 5s: emit]");
    /// ```
    pub fn timeout(self, duration: Duration, action: A) -> Self {
        Self::race([self, Self::emit(action).delay(duration)])
    }

    /// Gives the effect a name by which [`Effect::cancel`] ends it.
    pub fn cancellable(self, id: impl Into<CancelId>, in_flight: InFlight) -> Self {
        Self::Cancellable(Box::new(Cancellable {
            id: id.into(),
            in_flight,
            effect: self,
        }))
    }

    /// Ends what runs under `id`. No action of it is reduced afterwards, even if one is queued already.
    pub fn cancel(id: impl Into<CancelId>) -> Self {
        Self::Cancel(Box::new(id.into()))
    }

    /// Starts only after `duration` has passed without another effect of this id: a delay that replaces.
    pub fn debounce(self, id: impl Into<CancelId>, duration: Duration) -> Self {
        self.delay(duration).cancellable(id, InFlight::Replace)
    }

    /// At most one effect of this id in an `interval`; `edge` says which.
    pub fn throttle(self, id: impl Into<CancelId>, interval: Duration, edge: Edge) -> Self {
        Self::Throttle(Box::new(Throttle {
            id: id.into(),
            interval,
            edge,
            effect: self,
        }))
    }

    /// Names the effect in reports and traces.
    pub fn label(self, label: &'static str) -> Self {
        match self {
            Self::None => Self::None,
            effect => Self::Labelled(Box::new(Labelled { label, effect })),
        }
    }

    /// Makes the effect a child's: composition does this. An emitted action needs no scope, it is reduced at once.
    pub fn scoped(self, segment: Segment) -> Self {
        match self {
            effect @ (Self::None | Self::Emit(_)) => effect,
            effect => Self::Scoped(Box::new(Scoped { segment, effect })),
        }
    }
}

impl<A: Send + 'static> Effect<A> {
    /// Awaits `future` and reduces its action.
    pub fn task(future: impl Future<Output = A> + Send + 'static) -> Self {
        Self::Future(future.map(Some).boxed())
    }

    /// Awaits a `future` that can fail; `then` turns either outcome into an action, so that no failure is lost.
    ///
    /// ```
    /// use composable_rust_core::Effect;
    /// enum Action { Parsed(u32), Refused }
    /// let effect = Effect::try_task(async { "7".parse() }, |result: Result<u32, _>| match result {
    ///     Ok(number) => Action::Parsed(number),
    ///     Err(_) => Action::Refused,
    /// });
    /// assert_eq!(effect.describe().to_string(), "future");
    /// ```
    pub fn try_task<T, E>(
        future: impl Future<Output = Result<T, E>> + Send + 'static,
        then: impl FnOnce(Result<T, E>) -> A + Send + 'static,
    ) -> Self {
        Self::Future(future.map(|result| Some(then(result))).boxed())
    }

    /// Awaits `future` for what it does; there is nothing to reduce afterwards.
    pub fn fire_and_forget(future: impl Future<Output = ()> + Send + 'static) -> Self {
        Self::Future(future.map(|()| None).boxed())
    }

    /// Reduces every item of `stream`.
    pub fn stream(stream: impl Stream<Item = A> + Send + 'static) -> Self {
        Self::Stream(stream.boxed())
    }

    /// Attempts until a success or the last failure, and reduces what `then` makes of that.
    ///
    /// ```
    /// use composable_rust_core::{Backoff, Effect};
    /// use std::time::Duration;
    /// let effect = Effect::retry(
    ///     Backoff::exponential(3, Duration::from_secs(1)),
    ///     || async { Err::<u32, _>("unreachable") },
    ///     |result| result.is_ok(),
    /// );
    /// assert_eq!(effect.describe().to_string(), "retry (3 attempts)");
    /// ```
    pub fn retry<T, E, F>(
        backoff: Backoff,
        mut attempt: impl FnMut() -> F + Send + 'static,
        then: impl Fn(Result<T, E>) -> A + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send,
        E: Send,
    {
        let then = Arc::new(then);
        let attempt = Box::new(move || {
            let then = Arc::clone(&then);
            attempt()
                .map(move |result| {
                    if result.is_ok() {
                        Ok(then(result))
                    } else {
                        Err(then(result))
                    }
                })
                .boxed()
        });
        Self::Retry(Box::new(Retry { backoff, attempt }))
    }

    fn operation(operation: EventStoreOperation<A>) -> Self {
        Self::EventStore(Box::new(operation))
    }

    /// Appends to a stream and reduces what `then` makes of the answer.
    pub fn append(
        store: Arc<dyn EventStore>,
        append: StreamAppend,
        then: impl FnOnce(Result<Appended, AppendError>) -> A + Send + 'static,
    ) -> Self {
        Self::operation(EventStoreOperation::AppendEvents {
            store,
            append,
            then: Box::new(then),
        })
    }

    /// Appends to several streams, all or nothing.
    pub fn append_batch(
        store: Arc<dyn EventStore>,
        appends: Vec<StreamAppend>,
        then: impl FnOnce(Result<Vec<Appended>, AppendError>) -> A + Send + 'static,
    ) -> Self {
        Self::operation(EventStoreOperation::AppendBatch {
            store,
            appends,
            then: Box::new(then),
        })
    }

    /// Loads the events of a stream from a version on, itself included.
    pub fn load_events(
        store: Arc<dyn EventStore>,
        stream_id: StreamId,
        from: Option<Version>,
        then: impl FnOnce(Result<Vec<RecordedEvent>, ReadError>) -> A + Send + 'static,
    ) -> Self {
        Self::operation(EventStoreOperation::LoadEvents {
            store,
            stream_id,
            from,
            then: Box::new(then),
        })
    }

    /// Offers a snapshot.
    pub fn save_snapshot(
        store: Arc<dyn EventStore>,
        stream_id: StreamId,
        snapshot: Snapshot,
        then: impl FnOnce(Result<SnapshotOutcome, SnapshotError>) -> A + Send + 'static,
    ) -> Self {
        Self::operation(EventStoreOperation::SaveSnapshot {
            store,
            stream_id,
            snapshot,
            then: Box::new(then),
        })
    }

    /// Loads a stream's snapshot.
    pub fn load_snapshot(
        store: Arc<dyn EventStore>,
        stream_id: StreamId,
        then: impl FnOnce(Result<Option<Snapshot>, SnapshotError>) -> A + Send + 'static,
    ) -> Self {
        Self::operation(EventStoreOperation::LoadSnapshot {
            store,
            stream_id,
            then: Box::new(then),
        })
    }
}
