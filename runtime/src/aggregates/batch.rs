//! Carries out the commands at the front of a stream's queue as one batch.

use std::sync::Arc;

use composable_rust_core::{
    Aggregate, AppendError, Appended, CommandOutcome, Conflict, EventMetadata, FailedBatch, Version,
};
use futures::FutureExt;
use tracing::{Instrument, Span, debug, debug_span, error, warn};

use super::{
    Committed, ExecuteError, LoadError,
    committed::answer,
    request::{Outcome, PendingCommand, Request},
    worker::StreamWorker,
};
use crate::panics::caught;

impl<A: Aggregate> StreamWorker<A> {
    /// Decides the commands at the front, appends their events and replies.
    pub(super) async fn run_batch(&mut self) {
        if self.needs_refresh()
            && let Err(error) = self.refresh_session().boxed().await
        {
            return self.fail_commands(&error);
        }
        self.fill_batch();
        if !self.batch.has_events() {
            return self.confirm().boxed().await;
        }
        let are_started = self.batch.commands_with_events().all(|command| command.status.start());
        if !are_started {
            // A caller has withdrawn its command: the others are decided without it.
            return self.take_back();
        }
        let (host, span) = (Arc::clone(&self.host), self.span());
        let session = self.state.session.get_or_insert_default();
        let Some(append) = self.batch.append(session) else {
            return;
        };
        match host.store.append_repeatedly(append).instrument(span).await {
            Ok(appended) => self.acknowledged(appended).await,
            Err(AppendError::Conflict(conflict)) => self.conflicted(conflict).boxed().await,
            Err(error) => self.append_failed(error).boxed().await,
        }
    }

    fn take_back(&mut self) {
        let session = self.state.session.get_or_insert_default();
        let commands = self.batch.take_back(session);
        self.requeue(commands);
    }

    fn fill_batch(&mut self) {
        while let Some(command) = self.next_command() {
            let (host, session) = (&self.host, self.state.session.get_or_insert_default());
            let added = self
                .batch
                .try_add(session, command, &host.environment, &*host.store.ids);
            if let Err(command) = added {
                return self.state.requests.push_front(Request::Command(command));
            }
        }
    }

    /// That of the caller, for a command that is alone. A shared append belongs to several: it follows from all of them.
    fn span(&self) -> Span {
        let stream_id = &self.stream.stream_id;
        if self.batch.len() == 1
            && let Some(command) = self.batch.commands_with_events().next()
        {
            let correlation_id = &command.context.metadata.correlation_id;
            return debug_span!(parent: &command.span, "execute", %stream_id, ?correlation_id);
        }
        let span = debug_span!("execute_batch", %stream_id, commands = self.batch.len());
        for command in self.batch.commands_with_events() {
            span.follows_from(&command.span);
        }
        span
    }

    /// No append confirms answers without events: reads what other processes have written, and decides again if there is
    /// something.
    async fn confirm(&mut self) {
        let decided_at = self.session().version();
        if !self.is_fresh
            && let Err(error) = self.refresh_session().await
        {
            for (command, _) in self.batch.confirmed() {
                command.reply(Err(error.clone().into()));
            }
            return;
        }
        if self.session().version() != decided_at {
            return self.take_back();
        }
        let outcomes = self.batch.confirmed();
        self.reply(outcomes).await;
    }

    async fn acknowledged(&mut self, appended: Appended) {
        let session = self.state.session.get_or_insert_default();
        let before = session.version();
        let batch = self.batch.acknowledged(session, appended);
        (self.conflicts, self.is_fresh) = (0, true);
        match batch.apply_panic {
            None => self.host.snapshot_if_due(&self.stream, before, session),
            Some(panic) => {
                // The events are stored, and the callers are told so. The next load meets the panic.
                error!(%panic, version = %appended.version, "apply panicked: the stream is loaded again");
                self.state.session = None;
            }
        }
        self.reply(batch.outcomes).await;
    }

    /// Another writer was first: all commands are decided again, after what the winner wrote.
    async fn conflicted(&mut self, conflict: Conflict) {
        self.conflicts += 1;
        let host = Arc::clone(&self.host);
        let Some(pause) = host.store.pause_after_conflict(self.conflicts) else {
            self.append_failed(AppendError::Conflict(conflict.clone())).await;
            return self.drop_if_ahead(conflict.actual);
        };
        debug!(expected_version = %conflict.expected, actual = %conflict.actual, "conflict: deciding again");
        self.take_back();
        self.state.is_stale = true;
        host.store.pause(pause).await;
        self.drop_if_ahead(conflict.actual);
        if let Err(error) = self.refresh_session().await {
            self.conflicts = 0;
            self.fail_commands(&error);
        }
    }

    /// A session that is ahead of the store: the store has lost events, or has been replaced.
    fn drop_if_ahead(&mut self, actual: Version) {
        let ahead = self.state.session.take_if(|session| actual < session.version());
        if let Some(session) = ahead {
            warn!(version = %session.version(), %actual, "the stream is shorter than it was: loading it again");
        }
    }

    async fn append_failed(&mut self, error: AppendError) {
        self.conflicts = 0;
        let session = self.state.session.get_or_insert_default();
        let FailedBatch { failed, again } = self.batch.failed(session, &error);
        self.answered = failed.len();
        let is_stored = matches!(error, AppendError::DuplicateCommand { .. });
        let has_moved_on = matches!(error, AppendError::Conflict(_) | AppendError::OutcomeUnknown(_));
        self.state.is_stale |= is_stored || has_moved_on;
        self.requeue(again);
        for command in failed {
            if is_stored {
                self.reply_first_result(command, &error).await;
            } else {
                command.reply(Err(error.clone().into()));
            }
        }
    }

    async fn reply(&mut self, outcomes: Vec<(Box<PendingCommand<A>>, CommandOutcome<A>)>) {
        self.answered = outcomes.len();
        for (command, outcome) in outcomes {
            let rests_on_state = matches!(
                outcome,
                CommandOutcome::NoEvents { .. } | CommandOutcome::Rejected(_) | CommandOutcome::VersionMismatch(_)
            );
            let outcome = answer(outcome);
            if rests_on_state && command.context.command_id.is_some() {
                self.reply_unless_recorded(command, outcome).boxed().await;
            } else {
                command.reply(outcome);
            }
        }
    }

    /// A repeatable command that would be rejected by now may be stored already: then its first result is the answer. Looked up
    /// only here and for [`Self::reply_first_result`], so that a command that is carried out pays for no look-up.
    async fn reply_unless_recorded(&self, command: Box<PendingCommand<A>>, outcome: Outcome<A>) {
        match self.recorded_result(&command).await {
            Ok(None) => command.reply(outcome),
            Ok(Some((committed, metadata))) => command.reply_as_stored(Ok(committed), Some(metadata)),
            Err(error) => command.reply(Err(error.into())),
        }
    }

    /// The store says that the command is stored: if it can't be read, its caller must not hear that nothing is.
    async fn reply_first_result(&self, command: Box<PendingCommand<A>>, duplicate: &AppendError) {
        match self.recorded_result(&command).await {
            Ok(Some((committed, metadata))) => command.reply_as_stored(Ok(committed), Some(metadata)),
            Ok(None) => command.reply(Err(ExecuteError::OutcomeUnknown(Arc::new(duplicate.clone())))),
            Err(error) => command.reply(Err(ExecuteError::OutcomeUnknown(Arc::new(error)))),
        }
    }
}

/// What a command has stored, and the metadata of its events.
type Recorded<A> = (Committed<<A as Aggregate>::Event>, EventMetadata);

impl<A: Aggregate> StreamWorker<A> {
    /// What the command has stored when it was sent before, if it was.
    async fn recorded_result(&self, command: &PendingCommand<A>) -> Result<Option<Recorded<A>>, LoadError> {
        let Some(command_id) = command.context.command_id else {
            return Ok(None);
        };
        let stream_id = &self.stream.stream_id;
        let recorded = self.host.store.recorded_command(stream_id, command_id).await?;
        let Some(last) = recorded.last() else { return Ok(None) };
        let mut events = Vec::with_capacity(recorded.len());
        for record in &recorded {
            let decoded = caught(|| record.decode::<A::Event>()).map_err(|message| LoadError::Panicked { message })?;
            let decoded = decoded.map_err(|source| LoadError::Decode {
                stream_id: stream_id.clone(),
                version: record.version,
                source,
            })?;
            events.extend(decoded.into_vec());
        }
        let committed = Committed {
            events,
            version: last.version,
            position: Some(last.position),
            event_id: Some(last.id),
        };
        Ok(Some((committed, last.metadata.clone().unwrap_or_default())))
    }
}
