//! One command on its way from its caller to the log.

use std::sync::Arc;

use composable_rust_core::{Aggregate, AppendError, Appended, Conflict, Session, StreamAppend, StreamId, Version};
use tracing::{Instrument, debug, debug_span, error, warn};

use super::{CommandContext, Committed, ExecuteError, Host};
use crate::{caught::caught, decided::serialize};

type Outcome<A> = Result<Committed<<A as Aggregate>::Event>, ExecuteError<<A as Aggregate>::Rejection>>;

/// One command on one stream; it alone works on the stream's session until it is done.
pub(super) struct Execution<'a, A: Aggregate> {
    host: &'a Arc<Host<A>>,
    stream_id: &'a StreamId,
    command: &'a A::Command,
    context: CommandContext,
}

/// What one round of decide and append has come to.
enum Round<A: Aggregate> {
    Done(Outcome<A>),
    /// Somebody else was first.
    Again(Conflict),
    /// Done, but what is in memory can't be trusted any more.
    Torn(Outcome<A>),
}

impl<'a, A: Aggregate> Execution<'a, A> {
    pub(super) fn new(
        host: &'a Arc<Host<A>>,
        stream_id: &'a StreamId,
        command: &'a A::Command,
        context: CommandContext,
    ) -> Self {
        Self {
            host,
            stream_id,
            command,
            context,
        }
    }

    pub(super) async fn run(&self, hot: &mut Option<Session<A>>) -> Outcome<A> {
        let span =
            debug_span!("execute", stream_id = %self.stream_id, correlation_id = ?self.context.metadata.correlation_id);
        self.rounds(hot).instrument(span).await
    }

    async fn rounds(&self, hot: &mut Option<Session<A>>) -> Outcome<A> {
        let mut conflicts = 0;
        loop {
            // Taken out of its slot: if this future is dropped, or panics, the next command loads.
            let mut session = match hot.take() {
                Some(session) => session,
                None => self.host.load(self.stream_id).await?,
            };
            match self.round(&mut session).await {
                Round::Done(outcome) => {
                    *hot = Some(session);
                    return outcome;
                }
                Round::Torn(outcome) => return outcome,
                Round::Again(conflict) => {
                    conflicts += 1;
                    if let Err(error) = self.pause(conflicts, &conflict).await {
                        *hot = Some(session);
                        return Err(error);
                    }
                    *hot = self.renewed(session, conflict.actual).await?;
                }
            }
        }
    }

    async fn pause(&self, conflicts: u32, conflict: &Conflict) -> Result<(), ExecuteError<A::Rejection>> {
        let Some(pause) = self.host.store.retries.conflicts.pause_after(conflicts) else {
            return Err(ExecuteError::Conflict(conflict.clone()));
        };
        debug!(expected_version = %conflict.expected, actual = %conflict.actual, conflicts, "conflict: deciding again");
        self.host.store.pause(pause).await;
        Ok(())
    }

    /// The session with what the winner wrote. One that is ahead of the store can only be loaded anew: the store has
    /// lost events, or has been replaced.
    async fn renewed(
        &self,
        session: Session<A>,
        actual: Version,
    ) -> Result<Option<Session<A>>, ExecuteError<A::Rejection>> {
        if actual < session.version() {
            warn!(version = %session.version(), %actual, "the stream is shorter than it was: loading it anew");
            return Ok(None);
        }
        Ok(Some(self.host.catch_up(self.stream_id, session).await?))
    }

    async fn round(&self, session: &mut Session<A>) -> Round<A> {
        let events = match caught(|| session.decide(self.command, &self.host.environment)) {
            Ok(Ok(events)) => events,
            Ok(Err(rejection)) => return Round::Done(Err(ExecuteError::Rejected(rejection))),
            Err(message) => return Round::Done(Err(ExecuteError::Panicked { message })),
        };
        let version = session.version();
        if events.is_empty() {
            return Round::Done(Ok(Committed {
                events,
                version,
                position: None,
            }));
        }
        let serialized = caught(|| serialize(&events, &*self.host.store.ids, &self.context.metadata));
        let serialized = match serialized {
            Ok(Ok(serialized)) => serialized,
            Ok(Err(error)) => return Round::Done(Err(ExecuteError::Unencodable(error))),
            Err(message) => return Round::Done(Err(ExecuteError::Panicked { message })),
        };
        session.stage(events);
        // Exact even at version 0: an empty history is a belief like any other.
        match self
            .host
            .store
            .append(StreamAppend::new(self.stream_id.clone(), version, serialized))
            .await
        {
            Ok(appended) => self.committed(session, appended),
            Err(error) => failed(session, error),
        }
    }

    fn committed(&self, session: &mut Session<A>, appended: Appended) -> Round<A> {
        let Appended { version, position } = appended;
        let before = session.version();
        match caught(|| session.acknowledged(version)) {
            Ok(events) => {
                if A::SNAPSHOTS.is_due(before, version) {
                    self.host.offer_snapshot(self.stream_id, session);
                }
                Round::Done(Ok(Committed {
                    events,
                    version,
                    position: Some(position),
                }))
            }
            Err(panic) => {
                // The events are stored, and that is what the caller is told. Whoever loads the stream meets the panic.
                error!(%panic, %version, "apply panicked: the stream is loaded anew for the next command");
                Round::Torn(Ok(Committed {
                    events: session.failed(),
                    version,
                    position: Some(position),
                }))
            }
        }
    }
}

fn failed<A: Aggregate>(session: &mut Session<A>, error: AppendError) -> Round<A> {
    session.failed();
    match error {
        AppendError::Conflict(conflict) => Round::Again(conflict),
        // The stream may have moved on without us.
        AppendError::OutcomeUnknown(_) => Round::Torn(Err(error.into())),
        certain => Round::Done(Err(certain.into())),
    }
}
