//! Serves those who wait for a stream, until nobody does.
//!
//! In a task of its own: a caller may be dropped, or not be polled any more, and the others depend on what is under way.

use std::{collections::VecDeque, mem};

use composable_rust_core::Aggregate;
use tokio::runtime;

use super::{
    line::{Queue, Turn, Waiting},
    look::Look,
    request::Ticket,
    share::Sharing,
};

/// How many commands are looked at together.
const TOGETHER: usize = 1000;

/// Serves those who wait for a stream.
pub(super) struct Server<A: Aggregate> {
    turn: Turn<A>,
    /// The runtime that it runs on.
    runtime: runtime::Id,
    waiting: Queue<A>,
}

impl<A: Aggregate> Server<A> {
    pub(super) const fn new(turn: Turn<A>, runtime: runtime::Id, waiting: Queue<A>) -> Self {
        Self { turn, runtime, waiting }
    }

    pub(super) async fn until_nobody_waits(mut self) {
        while self.somebody_waits() {
            let commands = self.commands();
            if commands.is_empty() {
                let looks = self.looks();
                self.show(looks).await;
            } else {
                Sharing::new(&mut self.turn, commands).carry_out().await;
            }
            // Those who were answered may have more to say, and share the next append if they are let speak.
            tokio::task::yield_now().await;
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
