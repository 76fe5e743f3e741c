//! A script: what is to happen to which call.

use std::sync::Mutex;

use composable_rust_core::{StreamAppend, UnavailableReason};
use futures::FutureExt;

use super::{
    fault::{FaultKind, Operation},
    plan::Step,
    store::FaultyEventStore,
};
use crate::failed::failed;

/// The nth append of a [`FaultyEventStore`], batches counted in; say what is to happen to it.
///
/// It may be held and lose races before it comes to its end; two ends fail the test.
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
    #[track_caller]
    fn ends(self, kind: FaultKind) -> FaultyEventStore<S> {
        self.0.step(Step::End(kind))
    }

    /// Nothing is written, and the caller is told so: [`AppendError::Unavailable`].
    ///
    /// [`AppendError::Unavailable`]: composable_rust_core::AppendError::Unavailable
    #[track_caller]
    pub fn fails_before_commit(self) -> FaultyEventStore<S> {
        self.ends(FaultKind::FailsBeforeCommit)
    }

    /// Nothing is written, and [`AppendError::Unavailable`] says so with this reason.
    ///
    /// [`AppendError::Unavailable`]: composable_rust_core::AppendError::Unavailable
    #[track_caller]
    pub fn is_unavailable(self, reason: UnavailableReason) -> FaultyEventStore<S> {
        self.ends(FaultKind::Unavailable(reason))
    }

    /// It is written, and answered with [`AppendError::OutcomeUnknown`].
    ///
    /// [`AppendError::OutcomeUnknown`]: composable_rust_core::AppendError::OutcomeUnknown
    #[track_caller]
    pub fn fails_after_commit(self) -> FaultyEventStore<S> {
        self.ends(FaultKind::FailsAfterCommit)
    }

    /// Nothing is written, which nobody knows: [`AppendError::OutcomeUnknown`].
    ///
    /// [`AppendError::OutcomeUnknown`]: composable_rust_core::AppendError::OutcomeUnknown
    #[track_caller]
    pub fn loses_its_request(self) -> FaultyEventStore<S> {
        self.ends(FaultKind::RequestLost)
    }

    /// It is written, and no answer ever comes: the caller's own patience has to end it.
    #[track_caller]
    pub fn loses_its_answer(self) -> FaultyEventStore<S> {
        self.ends(FaultKind::AnswerLost)
    }

    /// Nothing is written, for a reason of the store's own: [`AppendError::Backend`].
    ///
    /// [`AppendError::Backend`]: composable_rust_core::AppendError::Backend
    #[track_caller]
    pub fn is_refused(self) -> FaultyEventStore<S> {
        self.ends(FaultKind::Refused)
    }

    /// Nothing is written, and no answer ever comes.
    #[track_caller]
    pub fn is_never_answered(self) -> FaultyEventStore<S> {
        self.ends(FaultKind::Silent)
    }

    /// The store's future panics before anything is written.
    #[track_caller]
    pub fn panics(self) -> FaultyEventStore<S> {
        self.ends(FaultKind::Panics)
    }

    /// Another writer is faster: `rival` is written right before it. A race with a known end, so that a conflict is a
    /// test and not luck.
    ///
    /// The store judges both as it always does, so that a conflict carries the truth. Mostly `rival` is a [`History`]:
    /// events in the same stream, whatever version it has by then, with ids of a series of their own.
    ///
    /// [`History`]: crate::History
    ///
    /// ```
    /// use composable_rust_core::{
    ///     AppendError, Encoding, EventStore, ExpectedVersion, IdGenerator, SerializedEvent, Version,
    /// };
    /// use composable_rust_testing::{FaultyEventStore, History, InMemoryEventStore, SequentialIds};
    ///
    /// # futures::executor::block_on(async {
    /// let ids = SequentialIds::new();
    /// let event = |event_type| SerializedEvent::new(ids.event_id(), event_type, Encoding::BINCODE, vec![]);
    /// let rival = History::new("door-1".parse()?).serialized(event("DoorLocked.v1"));
    /// let store = FaultyEventStore::new(InMemoryEventStore::new()).nth_append(1).loses_race_to(rival);
    ///
    /// let late = store.append_events("door-1".parse()?, ExpectedVersion::NoStream, vec![event("DoorOpened.v1")]).await;
    /// assert!(matches!(late, Err(AppendError::Conflict(conflict)) if conflict.actual == Version::from(1)));
    /// # Ok::<(), composable_rust_core::StreamIdError>(())
    /// # }).unwrap();
    /// ```
    #[track_caller]
    pub fn loses_race_to(self, rival: impl Into<StreamAppend>) -> FaultyEventStore<S> {
        let rival = rival.into();
        if rival.events.is_empty() {
            let what = format!("{} {} can't lose a race to nothing", self.0.operation, self.0.nth);
            failed(&what, "", "give the other writer an event to append");
        }
        self.0.step(Step::Race(rival))
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
    #[track_caller]
    pub fn is_held_until(self, gate: impl Future<Output = ()> + Send + 'static) -> FaultyEventStore<S> {
        self.0.is_held_until(gate)
    }
}

#[expect(
    clippy::must_use_candidate,
    reason = "the script is the point; the handle is for whoever has none yet"
)]
impl<S> NthCall<S> {
    #[track_caller]
    pub(super) fn step(self, step: Step) -> FaultyEventStore<S> {
        let scripted = self.store.plan().script(self.operation, self.nth, step);
        if let Err(end) = scripted {
            let (operation, nth) = (self.operation, self.nth);
            failed(
                &format!("{operation} {nth} has an end already: it {end}"),
                "",
                "let one of the two happen to another call",
            );
        }
        self.store
    }

    /// It is answered with `Unavailable`.
    #[track_caller]
    pub fn fails(self) -> FaultyEventStore<S> {
        self.fails_after(0)
    }

    /// It is answered with `Unavailable` for this reason, at once.
    #[track_caller]
    pub fn is_unavailable(self, reason: UnavailableReason) -> FaultyEventStore<S> {
        self.step(Step::End(FaultKind::Unavailable(reason)))
    }

    /// A read of a stream gives so many events, and ends with `Unavailable`; fewer, where the stream has no more. Every
    /// other call fails at once.
    #[track_caller]
    pub fn fails_after(self, events: u64) -> FaultyEventStore<S> {
        self.step(Step::End(FaultKind::Fails { after: events }))
    }

    /// No answer ever comes.
    #[track_caller]
    pub fn is_never_answered(self) -> FaultyEventStore<S> {
        self.step(Step::End(FaultKind::Silent))
    }

    /// The store's future panics.
    #[track_caller]
    pub fn panics(self) -> FaultyEventStore<S> {
        self.step(Step::End(FaultKind::Panics))
    }

    /// It waits for `gate`, and goes on then.
    #[track_caller]
    pub fn is_held_until(self, gate: impl Future<Output = ()> + Send + 'static) -> FaultyEventStore<S> {
        self.step(Step::Hold(Mutex::new(gate.boxed())))
    }
}
