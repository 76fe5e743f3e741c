//! What a store knows of an event-sourced aggregate.

use std::{collections::VecDeque, convert::Infallible, sync::Arc};

use composable_rust_core::{Aggregate, Session, StreamId, Version};

use futures::channel::oneshot;

use super::saving::Saves;
use crate::{ExecuteError, envelope::Carried, snapshot::Restored};

/// The state of [`EventSourced`](super::EventSourced): the aggregate's own, and what waits to become part of it.
pub struct EventSourcedState<A: Aggregate> {
    pub(super) stream_id: StreamId,
    pub(super) session: Session<A>,
    pub(super) phase: Phase<A>,
    pub(super) waiting: VecDeque<Waiting<A>>,
    /// Who waits for a load that has not begun, and for the one that has.
    pub(super) loads: Vec<Turn>,
    pub(super) loading: Vec<Turn>,
    /// How often the commands that are worked on have met a conflict.
    pub(super) conflicts: u32,
    pub(super) saves: Arc<Saves>,
    pub(super) last_rejection: Option<Arc<A::Rejection>>,
    pub(super) last_failure: Option<ExecuteError<Infallible>>,
}

/// Ends the effect by which whoever sent an action can wait for it: never sent to, only dropped.
pub(super) type Turn = oneshot::Sender<Infallible>;

/// A command that is not carried out yet. Dropped when it is, or when it is known that it will not be.
pub(super) struct Waiting<A: Aggregate> {
    pub(super) command: Arc<A::Command>,
    /// That of the action which brought the command; by the time it is decided, another one is reduced.
    pub(super) envelope: Carried,
    /// Shares its append with no other: the store refused one that it had shared.
    pub(super) is_alone: bool,
    /// Held, not read.
    pub(super) turn: Option<Turn>,
}

pub(super) enum Phase<A: Aggregate> {
    /// What is known may be old: load before deciding.
    Cold,
    /// The snapshot is asked for.
    Restoring,
    /// The events are, from here on. The snapshot's state is not the aggregate's until the stream is known to reach it.
    Loading(Restored<A>),
    Ready,
    Appending(InFlight<A>),
}

/// An append, and all that becomes true when it is acknowledged.
pub(super) struct InFlight<A: Aggregate> {
    pub(super) members: Vec<Member<A>>,
    /// Said by the last of them against tentative state: held until that is stored.
    pub(super) rejection: Option<Arc<A::Rejection>>,
}

/// A command of an append, to be decided again after a conflict.
pub(super) struct Member<A: Aggregate> {
    pub(super) waiting: Waiting<A>,
    /// Whether the append holds events of it. If not, it was refused, or nothing followed from it: which may be so only
    /// because of the events before it.
    pub(super) has_events: bool,
}

impl<A: Aggregate> EventSourcedState<A> {
    /// A stream of which nothing is known yet.
    #[must_use]
    pub fn new(stream_id: StreamId) -> Self {
        Self {
            stream_id,
            session: Session::new(),
            phase: Phase::Cold,
            waiting: VecDeque::new(),
            loads: Vec::new(),
            loading: Vec::new(),
            conflicts: 0,
            saves: Arc::default(),
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
