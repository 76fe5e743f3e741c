//! From commands that wait to one append.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use composable_rust_core::{
    Aggregate, BatchCommand, Clock, CommandId, CommandOutcome, Effect, EventMetadata, StreamAppend, Version,
};

use super::{
    EventSourced, EventSourcedAction, EventSourcedState,
    reduce::{Action, Environment},
    state::{Phase, Turn},
};
use crate::{CommandContext, ExecuteError, envelope};

/// A command that is not carried out yet. Dropped when it is, or when it is known that it will not be.
pub(super) struct SentCommand<A: Aggregate> {
    command: Arc<A::Command>,
    context: Arc<CommandContext>,
    metadata: EventMetadata,
    /// Not decided any more after this.
    deadline: Option<DateTime<Utc>>,
    /// Held, not read.
    pub(super) turn: Option<Turn>,
}

impl<A: Aggregate> SentCommand<A> {
    /// Its envelope is that of the action which is reduced now: by the time it is decided, another one is.
    pub(super) fn new(command: &Arc<A::Command>, context: &Arc<CommandContext>, clock: &dyn Clock) -> Self {
        let mut metadata = context.metadata.clone();
        if let Some(envelope) = envelope::current() {
            envelope.complete(&mut metadata);
        }
        // A timeout beyond what the clock can count is none.
        let timeout = context.timeout.and_then(|timeout| TimeDelta::from_std(timeout).ok());
        let deadline = timeout.and_then(|timeout| clock.now().checked_add_signed(timeout));
        Self {
            command: Arc::clone(command),
            context: Arc::clone(context),
            metadata,
            deadline,
            turn: None,
        }
    }

    fn is_late(&self, clock: &dyn Clock) -> bool {
        self.deadline.is_some_and(|deadline| clock.now() >= deadline)
    }
}

impl<A: Aggregate> BatchCommand<A> for SentCommand<A> {
    fn command(&self) -> &A::Command {
        &self.command
    }

    fn command_id(&self) -> Option<CommandId> {
        self.context.command_id
    }

    fn expected_version(&self) -> Option<Version> {
        self.context.expected_version
    }

    fn metadata(&self) -> &EventMetadata {
        &self.metadata
    }
}

impl<A: Aggregate> EventSourced<A> {
    /// Decides the commands that wait, one on top of the other, into one append.
    pub(super) fn decide_waiting(
        &self,
        state: &mut EventSourcedState<A>,
        environment: &Environment<A>,
    ) -> Effect<Action<A>> {
        while !state.waiting.is_empty() {
            state.fill_batch(environment);
            // What is reduced by now may be the answer to another append, whose metadata is not theirs.
            let append = state.batch.append(&state.session);
            if let Some(append) = append.map(StreamAppend::with_all_metadata) {
                state.phase = Phase::Appending;
                let store = environment.retrying(self.policy, 0);
                return Effect::append(store, append, EventSourcedAction::Appended);
            }
            let outcomes = state.batch.confirmed();
            state.note(outcomes);
        }
        Effect::none()
    }
}

impl<A: Aggregate> EventSourcedState<A> {
    fn fill_batch(&mut self, environment: &Environment<A>) {
        while let Some(command) = self.waiting.pop_front() {
            if command.is_late(&*environment.clock) {
                self.last_failure = Some(ExecuteError::NotStarted);
                continue;
            }
            let (session, ids) = (&mut self.session, &*environment.ids);
            if let Err(command) = self.batch.try_add(session, command, &environment.aggregate, ids) {
                return self.waiting.push_front(command);
            }
        }
    }

    /// Shows what commands have come to, in their order.
    pub(super) fn note(&mut self, outcomes: Vec<(SentCommand<A>, CommandOutcome<A>)>) {
        for (_, outcome) in outcomes {
            match outcome {
                CommandOutcome::Stored { .. } | CommandOutcome::NoEvents { .. } => self.last_rejection = None,
                CommandOutcome::Rejected(rejection) => self.last_rejection = Some(Arc::new(rejection)),
                CommandOutcome::VersionMismatch(conflict) => {
                    self.last_failure = Some(ExecuteError::Conflict(conflict));
                }
                CommandOutcome::Encode(error) => self.last_failure = Some(ExecuteError::Encode(error)),
                CommandOutcome::Panicked { message } => self.last_failure = Some(ExecuteError::Panicked { message }),
            }
        }
    }
}
