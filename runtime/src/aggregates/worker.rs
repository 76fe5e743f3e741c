//! The task of one stream with work: carries out the commands and reads of its queue, and ends when the queue is empty.

use std::{mem, panic::AssertUnwindSafe, sync::Arc};

use composable_rust_core::{Aggregate, AggregateSession, CommandBatch};
use futures::FutureExt;
use tracing::error;

use super::{
    ExecuteError, Host, LoadError, Versioned,
    request::{PendingCommand, ReadReply, Request},
    stream::{CachedState, CachedStream},
};
use crate::panics::panic_message;

/// The work on one stream.
pub(super) struct StreamWorker<A: Aggregate> {
    pub(super) host: Arc<Host<A>>,
    pub(super) stream: Arc<CachedStream<A>>,
    /// Its session is taken out while events are read into it: if that is dropped or panics, the stream is loaded again.
    pub(super) state: CachedState<A>,
    /// Whether the session is as new as every request that was taken from the queue.
    pub(super) is_fresh: bool,
    pub(super) batch: CommandBatch<A, Box<PendingCommand<A>>>,
    /// How many conflicts the commands in front have met.
    pub(super) conflicts: u32,
    /// How many requests were answered together last.
    pub(super) answered: usize,
    is_done: bool,
}

impl<A: Aggregate> StreamWorker<A> {
    pub(super) fn new(host: Arc<Host<A>>, stream: Arc<CachedStream<A>>, state: CachedState<A>) -> Self {
        let batch = CommandBatch::new(stream.stream_id.clone());
        Self {
            host,
            stream,
            state,
            is_fresh: false,
            batch,
            conflicts: 0,
            answered: 0,
            is_done: false,
        }
    }

    pub(super) async fn run(mut self) {
        // The first poll is the caller's: it does its own command, and a task those behind it.
        let mut has_yielded = true;
        while self.take_requests() {
            if !has_yielded {
                tokio::task::yield_now().await;
            }
            self.answered = 0;
            // What panics is the user's (a command that is dropped, a clock): it ends no request but its own.
            if let Err(panic) = AssertUnwindSafe(self.serve()).catch_unwind().await {
                let (stream_id, panic) = (&self.stream.stream_id, panic_message(&*panic));
                error!(%stream_id, %panic, "a panic while commands were carried out: those behind them go on");
                self.reset_after_panic();
            }
            // Callers that were answered together may have more commands, which then share the next append. A single caller is
            // not waited for.
            has_yielded = self.answered > 1;
            if has_yielded {
                tokio::task::yield_now().await;
            }
        }
    }

    fn take_requests(&mut self) -> bool {
        let known = self.state.requests.len();
        self.is_done = !self.stream.take_requests(&mut self.state);
        self.is_fresh &= self.state.requests.len() == known;
        !self.is_done
    }

    async fn serve(&mut self) {
        match self.state.requests.front() {
            Some(Request::Command(_)) => self.run_batch().await,
            // Boxed, as all that is rare is: the future of a command stays small.
            Some(Request::Read(_)) => self.answer_reads().boxed().await,
            None => {}
        }
    }

    /// The next command, if a command is next. Those whose callers have gone are dropped.
    pub(super) fn next_command(&mut self) -> Option<Box<PendingCommand<A>>> {
        while let Some(Request::Command(command)) = self
            .state
            .requests
            .pop_front_if(|request| matches!(request, Request::Command(_)))
        {
            if command.is_wanted() {
                return Some(command);
            }
        }
        None
    }

    /// Puts commands back before all others. They are certainly not stored.
    pub(super) fn requeue(&mut self, commands: Vec<Box<PendingCommand<A>>>) {
        for command in commands.into_iter().rev() {
            command.status.undo();
            self.state.requests.push_front(Request::Command(command));
        }
    }

    /// The stream can't be loaded: the commands up to the next read are told so.
    pub(super) fn fail_commands(&mut self, error: &LoadError) {
        while let Some(command) = self.next_command() {
            command.reply(Err(ExecuteError::from(error.clone())));
        }
    }

    pub(super) fn session(&mut self) -> &mut AggregateSession<A> {
        self.state.session.get_or_insert_default()
    }

    /// Whether there is no session to decide on, or the stream may have moved on.
    pub(super) const fn needs_refresh(&self) -> bool {
        self.state.session.is_none() || self.state.is_stale
    }

    /// Loads the stream, or what was recorded since.
    pub(super) async fn refresh_session(&mut self) -> Result<(), LoadError> {
        let session = match self.state.session.take() {
            Some(session) => self.host.catch_up(&self.stream.stream_id, session).await?,
            None => self.host.load(&self.stream).await?,
        };
        self.state.session = Some(session);
        (self.state.is_stale, self.is_fresh) = (false, true);
        Ok(())
    }

    /// Answers all reads up to the next command with one state: all of them were sent before it is read.
    async fn answer_reads(&mut self) {
        let mut reads = Vec::new();
        while let Some(Request::Read(read)) = self
            .state
            .requests
            .pop_front_if(|request| matches!(request, Request::Read(_)))
        {
            reads.push(read);
        }
        reads.retain(|read| !read.is_closed());
        if reads.is_empty() {
            return;
        }
        let reply = self.read_state().await;
        self.answered = reads.len();
        for read in reads {
            // A caller that has gone needs no reply.
            let _ = read.send(reply.clone());
        }
    }

    async fn read_state(&mut self) -> ReadReply<A> {
        self.refresh_session().await?;
        let session = self.session();
        Ok(Versioned {
            version: session.version(),
            state: Arc::clone(session.state()),
        })
    }

    fn reset_after_panic(&mut self) {
        self.state.session = None;
        self.conflicts = 0;
        self.batch = CommandBatch::new(self.stream.stream_id.clone());
    }
}

impl<A: Aggregate> Drop for StreamWorker<A> {
    /// The runtime may end in the middle, or the caller that polls this outside of a runtime may be dropped: the next request
    /// starts another worker, with the state that is known. An append in flight may be stored.
    fn drop(&mut self) {
        if self.is_done {
            self.host.cache.release(&self.stream);
            return;
        }
        let mut state = mem::take(&mut self.state);
        if let Some(session) = &mut state.session {
            session.discard_staged();
        }
        state.is_stale = true;
        self.stream.abandon(state);
    }
}
