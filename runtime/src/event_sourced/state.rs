//! The state of an event-sourced aggregate in a store.

use std::{collections::VecDeque, convert::Infallible, sync::Arc};

use composable_rust_core::{Aggregate, AggregateSession, CommandBatch, StreamId, Version};
use futures::channel::oneshot;

use super::decide::SentCommand;
use crate::{ExecuteError, snapshot::Restored, snapshot_queue::SnapshotQueue};

/// The state of [`EventSourced`](super::EventSourced): the aggregate's own, and what waits to become part of it.
pub struct EventSourcedState<A: Aggregate> {
    pub(super) stream_id: StreamId,
    pub(super) session: AggregateSession<A>,
    pub(super) phase: Phase<A>,
    /// The commands of the append in flight.
    pub(super) batch: CommandBatch<A, SentCommand<A>>,
    pub(super) waiting: VecDeque<SentCommand<A>>,
    /// The senders that wait for a load that has not begun, and for the one that has.
    pub(super) loads: Vec<Turn>,
    pub(super) loading: Vec<Turn>,
    /// How often the commands that are worked on have met a conflict.
    pub(super) conflicts: u32,
    pub(super) snapshots: Arc<SnapshotQueue>,
    pub(super) last_rejection: Option<Arc<A::Rejection>>,
    pub(super) last_failure: Option<ExecuteError<Infallible>>,
}

/// Ends the effect by which the sender of an action can wait for it: never sent to, only dropped.
pub(super) type Turn = oneshot::Sender<Infallible>;

pub(super) enum Phase<A: Aggregate> {
    /// What is known may be old: load before deciding.
    Cold,
    /// The snapshot is asked for.
    Restoring,
    /// The events are, from here on. The snapshot's state is not the aggregate's until the stream is known to reach it.
    Loading(Restored<A>),
    Ready,
    Appending,
}

impl<A: Aggregate> EventSourcedState<A> {
    /// A stream of which nothing is known yet.
    #[must_use]
    pub fn new(stream_id: StreamId) -> Self {
        Self {
            batch: CommandBatch::new(stream_id.clone()),
            stream_id,
            session: AggregateSession::new(),
            phase: Phase::Cold,
            waiting: VecDeque::new(),
            loads: Vec::new(),
            loading: Vec::new(),
            conflicts: 0,
            snapshots: Arc::default(),
            last_rejection: None,
            last_failure: None,
        }
    }

    /// The stream.
    #[must_use]
    pub const fn stream_id(&self) -> &StreamId {
        &self.stream_id
    }

    /// The aggregate's state, as the stored events make it.
    #[must_use]
    pub const fn state(&self) -> &Arc<A::State> {
        self.session.state()
    }

    /// The version of the last event that is part of the state.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.session.version()
    }

    /// Whether the stream was loaded and nothing is in progress.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        matches!(self.phase, Phase::Ready)
    }

    /// Why the last command was refused; `None` once a later one was accepted.
    #[must_use]
    pub const fn last_rejection(&self) -> Option<&Arc<A::Rejection>> {
        self.last_rejection.as_ref()
    }

    /// Why the last commands could not be carried out, for a reason other than a rejection; `None` once a later append
    /// was acknowledged.
    #[must_use]
    pub const fn last_failure(&self) -> Option<&ExecuteError<Infallible>> {
        self.last_failure.as_ref()
    }
}
