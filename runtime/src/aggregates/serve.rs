//! Serves those who wait for a stream, until nobody does.
//!
//! In a task of its own: a caller may be dropped, or not be polled any more, and the others depend on what is under way.

use std::{collections::VecDeque, mem, panic::AssertUnwindSafe};

use composable_rust_core::Aggregate;
use futures::FutureExt;
use tokio::runtime;
use tracing::error;

use super::{
    line::{Turn, Waiter, Waiting},
    look::Look,
    request::Ticket,
    share::Sharing,
};
use crate::caught::panic_message;

/// How many commands are looked at together.
const TOGETHER: usize = 1000;

/// Serves those who wait for a stream.
pub(super) struct Server<A: Aggregate> {
    turn: Turn<A>,
    /// The runtime that it runs on.
    runtime: runtime::Id,
    waiting: VecDeque<Waiter<A>>,
}

impl<A: Aggregate> Server<A> {
    pub(super) const fn new(turn: Turn<A>, runtime: runtime::Id, waiting: VecDeque<Waiter<A>>) -> Self {
        Self { turn, runtime, waiting }
    }

    pub(super) async fn until_nobody_waits(mut self) {
        while self.somebody_waits() {
            // What panics is the user's (a command that is dropped, a clock): it ends nobody's waiting but its own.
            if let Err(panic) = AssertUnwindSafe(self.serve()).catch_unwind().await {
                let (stream_id, panic) = (&self.turn.slot.stream_id, panic_message(&*panic));
                error!(%stream_id, %panic, "a panic while commands were carried out: those behind them go on");
            }
            // Those who were answered may have more to say, and share the next append if they are let speak.
            tokio::task::yield_now().await;
        }
    }

    async fn serve(&mut self) {
        let commands = self.commands();
        if commands.is_empty() {
            let looks = self.looks();
            self.show(looks).await;
        } else {
            Sharing::new(&mut self.turn, commands).carry_out().await;
        }
    }

    fn somebody_waits(&mut self) -> bool {
        self.turn.slot.add_waiting(&mut self.waiting);
        !self.waiting.is_empty()
    }

    /// The commands at the head of the line, up to somebody who wants to look.
    fn commands(&mut self) -> VecDeque<Ticket<A>> {
        let mut commands = VecDeque::new();
        while commands.len() < TOGETHER
            && let Some((_, Waiting::Command(ticket))) = self
                .waiting
                .pop_front_if(|(_, waiting)| matches!(waiting, Waiting::Command(_)))
        {
            commands.push_back(*ticket);
        }
        commands
    }

    /// Those at the head of the line who want to look, up to a command.
    fn looks(&mut self) -> Vec<Look<A>> {
        let mut looks = Vec::new();
        while let Some((_, Waiting::Look(look))) = self
            .waiting
            .pop_front_if(|(_, waiting)| matches!(waiting, Waiting::Look(_)))
        {
            looks.push(look);
        }
        looks
    }

    /// Lets all of them see the same: all of them asked before.
    async fn show(&mut self, mut looks: Vec<Look<A>>) {
        looks.retain(Look::is_wanted);
        if looks.is_empty() {
            return;
        }
        let seen = self.turn.look().await;
        for look in looks {
            look.answer(seen.clone());
        }
    }
}

impl<A: Aggregate> Drop for Server<A> {
    /// Its runtime may end in the middle. Those who wait on another one are served there.
    fn drop(&mut self) {
        let mut waiting = mem::take(&mut self.waiting);
        waiting.retain(|(runtime, _)| runtime.id() != self.runtime);
        self.turn.slot.put_back(waiting);
    }
}
