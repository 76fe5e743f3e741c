//! One command on its way from its caller to the log.

use std::sync::Arc;

use composable_rust_core::{
    Aggregate, AppendError, Appended, Conflict, EventId, RecordedEvent, Session, StreamAppend, StreamId, Version,
};
use tracing::{Instrument, debug, debug_span, error, warn};

use super::{
    Committed, ExecuteError, Host, LoadError,
    request::{Outcome, Request},
};
use crate::{caught::caught, decided::serialize};

/// One command on one stream; it alone works on the stream's session until it is done.
pub(super) struct Execution<'a, A: Aggregate> {
    host: &'a Arc<Host<A>>,
    stream_id: &'a StreamId,
    request: &'a Request<A>,
}

/// What one round of decide and append has come to.
enum Round<A: Aggregate> {
    Done(Outcome<A>),
    /// Nothing to append: no store has confirmed what this was decided on.
    Unconfirmed(Outcome<A>),
    /// Somebody else was first.
    Again(Conflict),
    /// Done, but what is in memory can't be trusted any more.
    Torn(Outcome<A>),
}

impl<'a, A: Aggregate> Execution<'a, A> {
    pub(super) fn new(host: &'a Arc<Host<A>>, stream_id: &'a StreamId, request: &'a Request<A>) -> Self {
        Self {
            host,
            stream_id,
            request,
        }
    }

    pub(super) async fn run(&self, hot: &mut Option<Session<A>>) -> Outcome<A> {
        let correlation_id = &self.request.context.metadata.correlation_id;
        let span = debug_span!(parent: &self.request.span, "execute", stream_id = %self.stream_id, ?correlation_id);
        self.rounds(hot).instrument(span).await
    }

    async fn rounds(&self, hot: &mut Option<Session<A>>) -> Outcome<A> {
        let (mut conflicts, mut is_new) = (0, hot.is_none());
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
                Round::Unconfirmed(outcome) => {
                    let decided_at = session.version();
                    if !is_new {
                        session = self.host.catch_up(self.stream_id, session).await?;
                        is_new = true;
                    }
                    let is_so = session.version() == decided_at;
                    *hot = Some(session);
                    if is_so {
                        return self.unless_stored(outcome).await;
                    }
                }
                Round::Torn(outcome) => return outcome,
                Round::Again(conflict) => {
                    conflicts += 1;
                    if let Err(error) = self.pause(conflicts, &conflict).await {
                        *hot = Some(session);
                        return Err(error);
                    }
                    *hot = self.host.renewed(self.stream_id, session, conflict.actual).await?;
                    is_new = true;
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

    async fn round(&self, session: &mut Session<A>) -> Round<A> {
        let version = session.version();
        if let Some(contradicted) = self.request.contradicted(self.stream_id, version) {
            return Round::Unconfirmed(Err(contradicted));
        }
        let events = match caught(|| session.decide(&self.request.command, &self.host.environment)) {
            Ok(Ok(events)) => events,
            Ok(Err(rejection)) => return Round::Unconfirmed(Err(ExecuteError::Rejected(rejection))),
            Err(message) => return Round::Done(Err(ExecuteError::Panicked { message })),
        };
        if events.is_empty() {
            return Round::Unconfirmed(Ok(Committed {
                events,
                version,
                position: None,
                event_id: None,
            }));
        }
        let context = &self.request.context;
        let serialized = caught(|| serialize(&events, &*self.host.store.ids, &context.metadata, context.command_id));
        let serialized = match serialized {
            Ok(Ok(serialized)) => serialized,
            Ok(Err(error)) => return Round::Done(Err(ExecuteError::Unencodable(error))),
            Err(message) => return Round::Done(Err(ExecuteError::Panicked { message })),
        };
        if !self.request.progress.begin() {
            return Round::Done(Err(ExecuteError::Expired));
        }
        session.stage(events);
        let last = serialized.last().map(|event| event.id);
        // Exact even at version 0: an empty history is a belief like any other.
        let append = StreamAppend::new(self.stream_id.clone(), version, serialized);
        match self.host.store.append(append).await {
            Ok(appended) => self.committed(session, appended, last),
            Err(error) => self.failed(session, error).await,
        }
    }

    async fn failed(&self, session: &mut Session<A>, error: AppendError) -> Round<A> {
        session.failed();
        match error {
            // The stream may have moved on without us.
            AppendError::OutcomeUnknown(_) => return Round::Torn(Err(error.into())),
            AppendError::DuplicateCommand { .. } => return Round::Done(self.first_result(error).await),
            _ => self.request.progress.undo(),
        }
        match error {
            AppendError::Conflict(conflict) => Round::Again(conflict),
            certain => Round::Done(Err(certain.into())),
        }
    }

    /// What the command led to when it was sent before. The store says that this is stored: if it can't be read, the
    /// caller must not hear that nothing is.
    async fn first_result(&self, duplicate: AppendError) -> Outcome<A> {
        match self.stored().await {
            Ok(Some(committed)) => Ok(committed),
            Ok(None) => Err(ExecuteError::OutcomeUnknown(Arc::new(duplicate))),
            Err(error) => Err(ExecuteError::OutcomeUnknown(Arc::new(error))),
        }
    }

    /// The answer, unless the command's events are stored already: then theirs. Asked only here, so that a command that
    /// is carried out pays no extra trip.
    async fn unless_stored(&self, answer: Outcome<A>) -> Outcome<A> {
        match self.stored().await {
            Ok(Some(committed)) => Ok(committed),
            Ok(None) => answer,
            Err(error) => Err(error.into()),
        }
    }

    /// What the command has led to, if it was carried out before.
    async fn stored(&self) -> Result<Option<Committed<A::Event>>, LoadError> {
        let Some(command_id) = self.request.context.command_id else {
            return Ok(None);
        };
        let recorded = self.host.store.load_command(self.stream_id, command_id).await?;
        let Some(last) = recorded.last() else { return Ok(None) };
        self.request.progress.repeats(last.metadata.clone().unwrap_or_default());
        Ok(Some(Committed {
            events: self.decoded(&recorded)?,
            version: last.version,
            position: Some(last.position),
            event_id: Some(last.id),
        }))
    }

    fn decoded(&self, recorded: &[RecordedEvent]) -> Result<Vec<A::Event>, LoadError> {
        let mut events = Vec::with_capacity(recorded.len());
        for record in recorded {
            let decoded = caught(|| record.decode::<A::Event>()).map_err(|message| LoadError::Panicked { message })?;
            let decoded = decoded.map_err(|source| LoadError::Undecodable {
                stream_id: self.stream_id.clone(),
                version: record.version,
                source,
            })?;
            events.extend(decoded.into_vec());
        }
        Ok(events)
    }

    fn committed(&self, session: &mut Session<A>, appended: Appended, event_id: Option<EventId>) -> Round<A> {
        let Appended { version, position, .. } = appended;
        let before = session.version();
        match caught(|| session.acknowledged(version)) {
            Ok(events) => {
                self.host.snapshot_if_due(self.stream_id, before, session);
                Round::Done(Ok(Committed {
                    events,
                    version,
                    position: Some(position),
                    event_id,
                }))
            }
            Err(panic) => {
                // The events are stored, and that is what the caller is told. Whoever loads the stream meets the panic.
                error!(%panic, %version, "apply panicked: the stream is loaded anew for the next command");
                Round::Torn(Ok(Committed {
                    events: session.failed(),
                    version,
                    position: Some(position),
                    event_id,
                }))
            }
        }
    }
}

impl<A: Aggregate> Host<A> {
    /// The session with what the winner wrote. One that is ahead of the store can only be loaded anew: the store has
    /// lost events, or has been replaced.
    pub(super) async fn renewed(
        &self,
        stream_id: &StreamId,
        session: Session<A>,
        actual: Version,
    ) -> Result<Option<Session<A>>, LoadError> {
        if actual < session.version() {
            warn!(version = %session.version(), %actual, "the stream is shorter than it was: loading it anew");
            return Ok(None);
        }
        Ok(Some(self.catch_up(stream_id, session).await?))
    }
}
