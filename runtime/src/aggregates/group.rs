//! Commands that share an append.

use composable_rust_core::{Aggregate, Appended, EventId, SerializedEvent, Session, Version};

use super::{
    Committed,
    request::{Outcome, Ticket},
};

/// What one append takes at most, unless a single command has more.
const MOST_EVENTS: usize = 1000;
const MOST_BYTES: usize = 4 << 20;

/// A command whose place in the append is known.
pub(super) struct Member<A: Aggregate> {
    pub(super) ticket: Ticket<A>,
    pub(super) decided: Decided<A>,
}

pub(super) enum Decided<A: Aggregate> {
    /// So many events, the last of which has this id.
    Events(usize, Option<EventId>),
    /// Held until what it stands on is acknowledged.
    Held(Outcome<A>),
}

/// Commands that share an append.
pub(super) struct Group<A: Aggregate> {
    pub(super) members: Vec<Member<A>>,
    pub(super) events: Vec<SerializedEvent>,
    bytes: usize,
}

/// What became of looking at the next command.
pub(super) enum Fits<A: Aggregate> {
    Yes(Decided<A>),
    /// To be begun with, or carried out alone, after what is there already.
    Later,
}

impl<A: Aggregate> Member<A> {
    pub(super) fn begin(&self) -> bool {
        match self.decided {
            Decided::Events(..) => self.ticket.request.progress.begin(),
            Decided::Held(_) => true,
        }
    }
}

impl<A: Aggregate> Group<A> {
    pub(super) const fn new() -> Self {
        Self {
            members: Vec::new(),
            events: Vec::new(),
            bytes: 0,
        }
    }

    pub(super) fn version(&self, session: &Session<A>) -> Version {
        let version = session.version().get().saturating_add(self.events.len() as u64);
        Version::try_from(version).unwrap_or(session.version())
    }

    /// An answer that may stand on what is not stored yet.
    pub(super) fn held(&self, repeatable: bool, outcome: Outcome<A>) -> Fits<A> {
        if repeatable || self.members.is_empty() {
            return Fits::Later;
        }
        Fits::Yes(Decided::Held(outcome))
    }

    pub(super) fn holds_command(&self, ticket: &Ticket<A>) -> bool {
        let id = ticket.request.context.command_id;
        self.members
            .iter()
            .any(|member| member.ticket.request.context.command_id == id)
    }

    pub(super) const fn is_full(&self) -> bool {
        self.events.len() >= MOST_EVENTS || self.bytes >= MOST_BYTES
    }

    pub(super) fn has_room_for(&self, events: &[SerializedEvent]) -> bool {
        self.events.len() + events.len() <= MOST_EVENTS && self.bytes + bytes(events) <= MOST_BYTES
    }

    pub(super) fn take(&mut self, events: Vec<SerializedEvent>) {
        self.bytes += bytes(&events);
        self.events.extend(events);
    }
}

fn bytes(events: &[SerializedEvent]) -> usize {
    events.iter().map(|event| event.data.len()).sum()
}

pub(super) fn answer<A: Aggregate>(
    members: Vec<Member<A>>,
    events: Vec<A::Event>,
    before: Version,
    appended: Appended,
) {
    let (mut events, mut version) = (events.into_iter(), before.get());
    for Member { ticket, decided } in members {
        let outcome = match decided {
            Decided::Held(outcome) => outcome,
            Decided::Events(count, event_id) => {
                version = version.saturating_add(count as u64);
                Ok(Committed {
                    events: events.by_ref().take(count).collect(),
                    version: Version::try_from(version).unwrap_or(appended.version),
                    position: Some(appended.position),
                    event_id,
                })
            }
        };
        ticket.answer(outcome);
    }
}
