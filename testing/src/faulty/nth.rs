//! A script: what is to happen to which call.

use std::sync::Mutex;

use composable_rust_core::StreamAppend;
use futures::FutureExt;

use super::{
    fault::{FaultKind, Operation},
    plan::Step,
    store::FaultyEventStore,
};

/// The nth append of a [`FaultyEventStore`], batches counted in; say what is to happen to it.
#[must_use = "say what is to happen to the append"]
pub struct NthAppend<S>(pub(super) NthCall<S>);

/// The nth call of another kind; say what is to happen to it.
#[must_use = "say what is to happen to the call"]
pub struct NthCall<S> {
    pub(super) store: FaultyEventStore<S>,
    pub(super) operation: Operation,
    pub(super) nth: u64,
}

#[expect(
    clippy::must_use_candidate,
    reason = "the script is the point; the handle is for whoever has none yet"
)]
impl<S> NthAppend<S> {
    fn ends(self, kind: FaultKind) -> FaultyEventStore<S> {
        self.0.step(Step::End(kind))
    }

    /// Nothing is written, and the caller is told so: [`AppendError::Unavailable`].
    ///
    /// [`AppendError::Unavailable`]: composable_rust_core::AppendError::Unavailable
    pub fn fails_before_commit(self) -> FaultyEventStore<S> {
        self.ends(FaultKind::FailsBeforeCommit)
    }

    /// It is written, and answered with [`AppendError::OutcomeUnknown`].
    ///
    /// [`AppendError::OutcomeUnknown`]: composable_rust_core::AppendError::OutcomeUnknown
    pub fn fails_after_commit(self) -> FaultyEventStore<S> {
        self.ends(FaultKind::FailsAfterCommit)
    }

    /// Nothing is written, which nobody knows: [`AppendError::OutcomeUnknown`].
    ///
    /// [`AppendError::OutcomeUnknown`]: composable_rust_core::AppendError::OutcomeUnknown
    pub fn loses_its_request(self) -> FaultyEventStore<S> {
        self.ends(FaultKind::RequestLost)
    }

    /// It is written, and no answer ever comes: the caller's own patience has to end it.
    pub fn loses_its_answer(self) -> FaultyEventStore<S> {
        self.ends(FaultKind::AnswerLost)
    }

    /// Nothing is written, for a reason of the store's own: [`AppendError::Backend`].
    ///
    /// [`AppendError::Backend`]: composable_rust_core::AppendError::Backend
    pub fn is_refused(self) -> FaultyEventStore<S> {
        self.ends(FaultKind::Refused)
    }

    /// Nothing is written, and no answer ever comes.
    pub fn is_never_answered(self) -> FaultyEventStore<S> {
        self.ends(FaultKind::Silent)
    }

    /// The store's future panics before anything is written.
    pub fn panics(self) -> FaultyEventStore<S> {
        self.ends(FaultKind::Panics)
    }

    /// Another writer's append is written right before it: a race with a known end.
    ///
    /// The store judges both as it always does, so that a conflict carries the truth. Mostly `rival` is
    /// an append to the same stream that expects any version.
    ///
    /// ```
    /// use composable_rust_core::{
    ///     AppendError, Encoding, EventStore, ExpectedVersion, IdGenerator, SerializedEvent, StreamAppend, Version,
    /// };
    /// use composable_rust_testing::{FaultyEventStore, InMemoryEventStore, SequentialIds};
    ///
    /// # futures::executor::block_on(async {
    /// let ids = SequentialIds::new();
    /// let event = || SerializedEvent::new(ids.event_id(), "DoorOpened.v1", Encoding::BINCODE, vec![]);
    /// let rival = StreamAppend::new("door-1".parse()?, ExpectedVersion::Any, vec![event()]);
    /// let store = FaultyEventStore::new(InMemoryEventStore::new()).nth_append(1).is_overtaken_by(rival);
    ///
    /// let late = store.append_events("door-1".parse()?, ExpectedVersion::NoStream, vec![event()]).await;
    /// assert!(matches!(late, Err(AppendError::Conflict(conflict)) if conflict.actual == Version::from(1)));
    /// # Ok::<(), composable_rust_core::StreamIdError>(())
    /// # }).unwrap();
    /// ```
    pub fn is_overtaken_by(self, rival: StreamAppend) -> FaultyEventStore<S> {
        self.0.step(Step::Overtake(rival))
    }

    /// It waits for `gate`, and goes on then: to look at the world while an append is under way.
    ///
    /// ```
    /// use composable_rust_core::{Encoding, EventStore, ExpectedVersion, IdGenerator, SerializedEvent};
    /// use composable_rust_testing::{FaultyEventStore, InMemoryEventStore, SequentialIds};
    /// use futures::{FutureExt, channel::oneshot};
    ///
    /// let (open, gate) = oneshot::channel();
    /// let store = FaultyEventStore::new(InMemoryEventStore::new())
    ///     .nth_append(1)
    ///     .is_held_until(gate.map(|_| ()));
    /// let event = SerializedEvent::new(SequentialIds::new().event_id(), "DoorOpened.v1", Encoding::BINCODE, vec![]);
    /// let mut append = store.append_events("door-1".parse()?, ExpectedVersion::NoStream, vec![event]);
    ///
    /// assert!((&mut append).now_or_never().is_none(), "under way");
    /// open.send(()).ok();
    /// assert!(matches!(append.now_or_never(), Some(Ok(_))));
    /// # Ok::<(), composable_rust_core::StreamIdError>(())
    /// ```
    pub fn is_held_until(self, gate: impl Future<Output = ()> + Send + 'static) -> FaultyEventStore<S> {
        self.0.is_held_until(gate)
    }
}

#[expect(
    clippy::must_use_candidate,
    reason = "the script is the point; the handle is for whoever has none yet"
)]
impl<S> NthCall<S> {
    pub(super) fn step(self, step: Step) -> FaultyEventStore<S> {
        self.store.plan().script(self.operation, self.nth, step);
        self.store
    }

    /// It is answered with `Unavailable`.
    pub fn fails(self) -> FaultyEventStore<S> {
        self.fails_after(0)
    }

    /// A read of a stream gives so many events, and ends with `Unavailable`; fewer, where the stream has no more. Every
    /// other call fails at once.
    pub fn fails_after(self, events: u64) -> FaultyEventStore<S> {
        self.step(Step::End(FaultKind::Fails { after: events }))
    }

    /// No answer ever comes.
    pub fn is_never_answered(self) -> FaultyEventStore<S> {
        self.step(Step::End(FaultKind::Silent))
    }

    /// The store's future panics.
    pub fn panics(self) -> FaultyEventStore<S> {
        self.step(Step::End(FaultKind::Panics))
    }

    /// It waits for `gate`, and goes on then.
    pub fn is_held_until(self, gate: impl Future<Output = ()> + Send + 'static) -> FaultyEventStore<S> {
        self.step(Step::Hold(Mutex::new(gate.boxed())))
    }
}
