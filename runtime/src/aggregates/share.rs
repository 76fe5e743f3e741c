//! Commands that pile up on a busy stream share appends: decided one after another against tentative state, stored as one
//! append, and each answered for itself once that is acknowledged.

use std::{collections::VecDeque, sync::Arc};

use composable_rust_core::{Aggregate, AppendError, Appended, Conflict, Session, StreamAppend};
use tracing::{Instrument, debug_span, error};

use super::{
    Committed, ExecuteError,
    group::{Decided, Fits, Group, Member, answer},
    line::Turn,
    request::Ticket,
};
use crate::{caught::caught, decided::serialize};

/// Commands on their way to one append, or to as few as can be.
pub(super) struct Sharing<'a, A: Aggregate> {
    turn: &'a mut Turn<A>,
    tickets: VecDeque<Ticket<A>>,
    /// So many of the next ones are carried out alone: the store has refused what they shared.
    alone: usize,
    conflicts: u32,
}

impl<'a, A: Aggregate> Sharing<'a, A> {
    pub(super) const fn new(turn: &'a mut Turn<A>, tickets: VecDeque<Ticket<A>>) -> Self {
        Self {
            turn,
            tickets,
            alone: 0,
            conflicts: 0,
        }
    }

    /// Carries all of them out.
    pub(super) async fn carry_out(&mut self) {
        loop {
            self.tickets.retain(Ticket::is_wanted);
            if self.tickets.is_empty() {
                return;
            }
            if self.alone > 0 || self.tickets.len() == 1 {
                self.one().await;
                continue;
            }
            let Some(mut session) = self.session().await else {
                return;
            };
            let group = self.decide(&mut session);
            if group.members.is_empty() {
                self.turn.session = Some(session);
                self.one().await;
            } else {
                self.store(group, session).await;
            }
        }
    }

    async fn one(&mut self) {
        self.alone = self.alone.saturating_sub(1);
        if let Some(ticket) = self.tickets.pop_front() {
            self.turn.execute(ticket).await;
        }
    }

    /// Without one, everybody is told why.
    async fn session(&mut self) -> Option<Session<A>> {
        if let Some(session) = self.turn.session.take() {
            return Some(session);
        }
        match self.turn.host.load(&self.turn.slot.stream_id).await {
            Ok(session) => Some(session),
            Err(error) => {
                for ticket in self.tickets.drain(..) {
                    ticket.answer(Err(error.clone().into()));
                }
                None
            }
        }
    }

    /// Decides the commands at the front until one does not fit.
    fn decide(&mut self, session: &mut Session<A>) -> Group<A> {
        let mut group = Group::new();
        while let Some(ticket) = self.tickets.pop_front() {
            match self.fit(&mut group, session, &ticket) {
                Fits::Yes(decided) => group.members.push(Member { ticket, decided }),
                Fits::Later => {
                    self.tickets.push_front(ticket);
                    break;
                }
            }
        }
        group
    }

    /// Anything out of the ordinary (a panic, a rejection that has to be compared with what is stored, a repetition)
    /// waits for its own turn.
    fn fit(&self, group: &mut Group<A>, session: &mut Session<A>, ticket: &Ticket<A>) -> Fits<A> {
        let host = &self.turn.host;
        let request = &ticket.request;
        let context = &request.context;
        let version = group.version(session);
        let repeatable = context.command_id.is_some();
        if repeatable && group.holds_command(ticket) || group.is_full() {
            return Fits::Later;
        }
        if let Some(contradicted) = request.contradicted(&self.turn.slot.stream_id, version) {
            return group.held(repeatable, Err(contradicted));
        }
        let events = match caught(|| session.decide(&request.command, &host.environment)) {
            Ok(Ok(events)) if events.is_empty() => {
                let committed = Committed {
                    events,
                    version,
                    position: None,
                    event_id: None,
                };
                return group.held(repeatable, Ok(committed));
            }
            Ok(Ok(events)) => events,
            Ok(Err(rejection)) => return group.held(repeatable, Err(ExecuteError::Rejected(rejection))),
            Err(_) => return Fits::Later,
        };
        let count = events.len();
        let serialized = caught(|| {
            let serialized = serialize(&events, &*host.store.ids, &context.metadata, context.command_id);
            // Staged by the same closure: a panic of `apply` leaves neither the one nor the other behind.
            serialized.inspect(|serialized| {
                if group.has_room_for(serialized) {
                    session.stage(events);
                }
            })
        });
        match serialized {
            Ok(Ok(serialized)) if group.has_room_for(&serialized) => {
                let last = serialized.last().map(|event| event.id);
                group.take(serialized);
                Fits::Yes(Decided::Events(count, last))
            }
            _ => Fits::Later,
        }
    }

    async fn store(&mut self, mut group: Group<A>, mut session: Session<A>) {
        // Who has withdrawn meanwhile is left out, and all are decided again.
        if !group.members.iter().all(Member::begin) {
            session.failed();
            self.turn.session = Some(session);
            return self.put_back(group.members);
        }
        let (stream_id, version) = (self.turn.slot.stream_id.clone(), session.version());
        let events = std::mem::take(&mut group.events);
        let span = debug_span!("execute_shared", %stream_id, expected_version = %version, events = events.len(),
            commands = group.members.len());
        for member in &group.members {
            span.follows_from(&member.ticket.request.span);
        }
        let append = StreamAppend::new(stream_id, version, events);
        let stored = self.turn.host.store.append(append).instrument(span).await;
        match stored {
            Ok(appended) => self.acknowledge(group.members, session, appended),
            Err(error) => self.failed(group.members, session, error).await,
        }
    }

    fn acknowledge(&mut self, members: Vec<Member<A>>, mut session: Session<A>, appended: Appended) {
        self.conflicts = 0;
        let before = session.version();
        let events = match caught(|| session.acknowledged(appended.version)) {
            Ok(events) => {
                let Turn { host, slot, .. } = &*self.turn;
                host.snapshot_if_due(&slot.stream_id, before, &session);
                self.turn.session = Some(session);
                events
            }
            Err(panic) => {
                error!(%panic, version = %appended.version, "apply panicked: the stream is loaded anew");
                session.failed()
            }
        };
        answer(members, events, before, appended);
    }

    async fn failed(&mut self, members: Vec<Member<A>>, mut session: Session<A>, error: AppendError) {
        session.failed();
        match error {
            AppendError::Conflict(conflict) => self.again(members, session, conflict).await,
            AppendError::OutcomeUnknown(_) => self.answer_events(members, &error),
            AppendError::Unavailable(_) => {
                self.turn.session = Some(session);
                self.answer_events(members, &error);
            }
            // One of them is refused, or stored already: each finds out for itself.
            _ => {
                self.turn.session = Some(session);
                self.alone = members.len();
                self.put_back(members);
            }
        }
    }

    /// Somebody else was first: all are decided again, after what the winner wrote.
    async fn again(&mut self, members: Vec<Member<A>>, session: Session<A>, conflict: Conflict) {
        self.conflicts += 1;
        let host = Arc::clone(&self.turn.host);
        let Some(pause) = host.store.retries.conflicts.pause_after(self.conflicts) else {
            self.conflicts = 0;
            self.turn.session = Some(session);
            return self.answer_events(members, &AppendError::Conflict(conflict));
        };
        self.put_back(members);
        host.store.pause(pause).await;
        match host.renewed(&self.turn.slot.stream_id, session, conflict.actual).await {
            Ok(session) => self.turn.session = session,
            Err(error) => {
                for ticket in self.tickets.drain(..) {
                    ticket.answer(Err(error.clone().into()));
                }
            }
        }
    }

    /// Those whose events they were are told; what stood on them is decided again.
    fn answer_events(&mut self, members: Vec<Member<A>>, error: &AppendError) {
        let (events, held): (Vec<_>, Vec<_>) = members
            .into_iter()
            .partition(|member| matches!(member.decided, Decided::Events(..)));
        self.put_back(held);
        for Member { ticket, .. } in events {
            ticket.answer(Err(error.clone().into()));
        }
    }

    fn put_back(&mut self, members: Vec<Member<A>>) {
        for Member { ticket, .. } in members.into_iter().rev() {
            ticket.request.progress.undo();
            self.tickets.push_front(ticket);
        }
    }
}
