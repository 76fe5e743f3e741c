//! How a command gets in, and how those who wait outside are let in.

use std::sync::Arc;

use composable_rust_core::{Aggregate, StreamIdError};
use tokio::runtime::Handle;

use super::{
    ExecuteError, Host,
    gate::{Entry, Leave, Place},
    line::{Slot, Waiting},
    queue::Waits,
    request::{Ticket, Unanswered},
    work::Alone,
};

/// A command that waits outside.
pub(super) struct Knock<A: Aggregate> {
    id: Box<str>,
    /// On which it is begun, should its stream be idle: its caller may not poll it.
    runtime: Handle,
    ticket: Ticket<A>,
}

impl<A: Aggregate> Waits for Knock<A> {
    fn is_wanted(&self) -> bool {
        self.ticket.is_wanted()
    }
}

pub(super) fn runtime() -> Result<Handle, Unanswered> {
    Handle::try_current().map_err(|_| Unanswered::NoRuntime)
}

impl<A: Aggregate> Host<A> {
    /// Gives a command its place, or has it wait for one. What comes back is to be polled.
    pub(super) fn enter(
        self: &Arc<Self>,
        id: &str,
        ticket: Ticket<A>,
    ) -> Result<Option<Alone>, ExecuteError<A::Rejection>> {
        let unavailable = |why: Unanswered| ExecuteError::Unavailable(why.unavailable());
        match self.gate.enter() {
            Entry::Inside => {}
            Entry::Full => {
                self.wait(id, &runtime().map_err(unavailable)?, ticket)?;
                return Ok(None);
            }
            Entry::Closed => return Err(ExecuteError::Closed),
        }
        ticket.request.progress.take(Place(Arc::clone(self) as _));
        let slot = self.slot(id)?;
        let alone = slot.join(self, Waiting::Command(Box::new(ticket)), runtime);
        if self.gate.is_waited_for()
            && let Ok(runtime) = runtime()
        {
            slot.attend(&runtime);
        }
        alone.map_err(unavailable)
    }

    fn wait(self: &Arc<Self>, id: &str, runtime: &Handle, ticket: Ticket<A>) -> Result<(), ExecuteError<A::Rejection>> {
        let knock = Knock {
            id: id.into(),
            runtime: runtime.clone(),
            ticket,
        };
        let is_first = self.gate.wait(knock, runtime.id());
        if is_first.map_err(|_| ExecuteError::Closed)? {
            self.attend(runtime);
        }
        // A place may have become free meanwhile.
        self.let_in();
        Ok(())
    }

    /// Has tasks take over all that is left to callers alone.
    fn attend(&self, runtime: &Handle) {
        for slot in self.hot.slots() {
            slot.attend(runtime);
        }
    }

    fn let_in(self: &Arc<Self>) {
        self.gate.let_in(|Knock { id, runtime, ticket }| {
            ticket.request.progress.take(Place(Arc::clone(self) as _));
            if !ticket.is_wanted() {
                return;
            }
            let slot = match self.slot(&id) {
                Ok(slot) => slot,
                Err(error) => return ticket.answer(Err(error.into())),
            };
            let command = Waiting::Command(Box::new(ticket));
            if let Ok(Some(alone)) = slot.join(self, command, || Ok(runtime.clone())) {
                runtime.spawn(alone.taken_over());
            }
        });
    }

    pub(super) fn close(&self) {
        self.gate.close();
        if let Ok(runtime) = runtime() {
            self.attend(&runtime);
        }
    }

    /// Refuses those who still wait outside.
    pub(super) fn turn_away(&self) {
        for Knock { ticket, .. } in self.gate.turned_away() {
            ticket.answer(Err(ExecuteError::Closed));
        }
    }

    pub(super) fn slot(&self, id: &str) -> Result<Arc<Slot<A>>, StreamIdError> {
        self.hot.slot(id, self.store.clock.now())
    }
}

impl<A: Aggregate> Leave for Host<A> {
    fn leave(self: Arc<Self>) {
        self.gate.leave();
        self.let_in();
    }
}
