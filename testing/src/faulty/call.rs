//! One call of a store, and what happens to it on its way.

use std::{
    io,
    sync::{Arc, PoisonError},
};

use composable_rust_core::{
    AppendError, EventStore, SharedError, StreamAppend, StreamId, Unavailable, UnavailableReason,
};

use super::{
    fault::{FaultKind, Operation},
    plan::Step,
    store::FaultyEventStore,
};

/// One call of a store, and what happens to it on its way.
pub(super) struct Call<S> {
    store: FaultyEventStore<S>,
    operation: Operation,
    nth: u64,
    streams: Vec<StreamId>,
    steps: Vec<Step>,
}

impl<S: EventStore> Call<S> {
    pub(super) fn begin(store: &FaultyEventStore<S>, operation: Operation, streams: Vec<StreamId>) -> Self {
        Self::begin_with(store, operation, streams, &[])
    }

    pub(super) fn append(store: &FaultyEventStore<S>, appends: &[StreamAppend]) -> Self {
        let streams = appends.iter().map(|append| append.stream_id.clone()).collect();
        Self::begin_with(store, Operation::Append, streams, appends)
    }

    fn begin_with(
        store: &FaultyEventStore<S>,
        operation: Operation,
        streams: Vec<StreamId>,
        appends: &[StreamAppend],
    ) -> Self {
        let (nth, scripted) = store.plan().begin(operation);
        let steps = scripted.unwrap_or_else(|| store.seeded_steps(operation, nth, appends));
        let store = store.clone();
        Self {
            store,
            operation,
            nth,
            streams,
            steps,
        }
    }

    pub(super) fn nth(&self) -> u64 {
        self.nth
    }

    pub(super) fn note(&self, kind: FaultKind) {
        let mut plan = self.store.plan();
        plan.note(self.operation, self.nth, &self.streams, kind);
    }

    /// Notes it, and makes of it the cause of the error that the caller is given: a test that fails by returning the error
    /// prints the seed as well as one that panics.
    pub(super) fn inject(&self, kind: FaultKind) -> SharedError {
        let mut plan = self.store.plan();
        let cause = plan.note(self.operation, self.nth, &self.streams, kind).to_string();
        let store = match plan.seed {
            Some(seed) => format!("FaultyEventStore::seeded(store, {seed})"),
            None => "FaultyEventStore".to_owned(),
        };
        Arc::new(io::Error::other(format!("{cause}, injected by {store}")))
    }

    pub(super) fn unavailable(&self, kind: FaultKind) -> Unavailable {
        let reason = match kind {
            FaultKind::Unavailable(reason) => reason,
            _ => UnavailableReason::Unreachable,
        };
        Unavailable::new(reason, self.inject(kind))
    }

    fn miss(&self, step: &str, why: &str) {
        let missed = format!("{} {} {step}: {why}", self.operation, self.nth);
        self.store.plan().missed.push(missed);
    }

    /// Goes through everything that comes before the call itself, and says how it is to end.
    pub(super) async fn meet(&mut self) -> Option<FaultKind> {
        let mut end = None;
        for step in std::mem::take(&mut self.steps) {
            match step {
                Step::Hold(until) => {
                    self.note(FaultKind::Held);
                    until.into_inner().unwrap_or_else(PoisonError::into_inner).await;
                }
                Step::Delay(by, clock) => {
                    self.note(FaultKind::Delayed(by));
                    clock.sleep(by).await;
                }
                Step::Race(rival) => self.lose_race(rival).await,
                Step::End(kind) => end = Some(kind),
            }
        }
        match &end {
            Some(kind @ FaultKind::Silent) => {
                self.note(kind.clone());
                std::future::pending().await
            }
            Some(kind @ FaultKind::Panics) => self.panic(kind),
            _ => end,
        }
    }

    #[expect(clippy::panic, reason = "the test asked for a store that panics")]
    fn panic(&self, kind: &FaultKind) -> ! {
        self.note(kind.clone());
        panic!("{} {} {kind}: injected by the test", self.operation, self.nth)
    }

    async fn lose_race(&self, rival: StreamAppend) {
        let stream_id = rival.stream_id.clone();
        match self.store.inner().append(rival).await {
            Ok(appended) => self.note(FaultKind::RaceLost {
                stream_id,
                version: appended.version,
            }),
            Err(refused) => self.miss(
                &format!("loses a race in {stream_id}"),
                &format!("the other writer was refused: {refused}"),
            ),
        }
    }

    /// Carries the append out, unless its end comes before.
    pub(super) async fn commit<T>(
        mut self,
        commit: impl Future<Output = Result<T, AppendError>>,
    ) -> Result<T, AppendError> {
        match self.meet().await {
            None => commit.await,
            Some(kind @ (FaultKind::FailsBeforeCommit | FaultKind::Unavailable(_))) => {
                Err(self.unavailable(kind).into())
            }
            Some(kind @ FaultKind::RequestLost) => Err(AppendError::OutcomeUnknown(self.inject(kind))),
            Some(kind @ FaultKind::Refused) => Err(AppendError::Backend(self.inject(kind))),
            Some(kind) => self.lose(kind, commit.await).await,
        }
    }

    /// The commit came to pass, or there was none to fail after.
    async fn lose<T>(self, kind: FaultKind, outcome: Result<T, AppendError>) -> Result<T, AppendError> {
        if let Err(refused) = outcome {
            self.miss(&kind.to_string(), &format!("the store itself refused it: {refused}"));
            return Err(refused);
        }
        let is_answered = kind != FaultKind::AnswerLost;
        let cause = self.inject(kind);
        if is_answered {
            return Err(AppendError::OutcomeUnknown(cause));
        }
        std::future::pending().await
    }

    /// Asks for something, unless that is to fail.
    pub(super) async fn ask<T, E: From<Unavailable>>(
        mut self,
        asked: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        if let Some(kind) = self.meet().await {
            return Err(self.unavailable(kind).into());
        }
        asked.await
    }
}
