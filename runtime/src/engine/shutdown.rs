//! How a store comes to its end.

use std::{
    sync::{
        Arc,
        atomic::{Ordering, fence},
    },
    time::Duration,
};

use composable_rust_core::Reducer;

use super::{Engine, RunningEffect, lifecycle::Phase};
use crate::{
    store::{ReducerPanic, ShutdownReport, StopReason},
    timeout::within,
};

impl<R: Reducer> Engine<R> {
    /// Refuses what comes from outside, drains, waits for what runs until the deadline, ends the rest but appends, and
    /// waits for those.
    pub(crate) async fn shutdown(self: &Arc<Self>, deadline: Duration) -> ShutdownReport {
        self.inbox.close(&self.lifecycle, Phase::Closing);
        if within(&*self.clock, deadline, self.idle()).await.is_none() {
            self.inbox.close(&self.lifecycle, Phase::Aborting);
            let aborted = self.running.abort();
            tracing::warn!(?aborted, "the deadline of a shutdown has passed");
            self.report().aborted.extend(aborted);
            self.idle().await;
        }
        self.close();
        let mut report = self.report().clone();
        report.fault = self.fault();
        report
    }

    /// Reduces nothing any more and ends what runs; appends that have started finish unheard.
    pub(crate) fn close(self: &Arc<Self>) {
        self.lifecycle.advance(Phase::Closed);
        self.stop();
        self.inbox.wake_drainer();
        self.drain();
    }

    /// Ends what runs, and tells those who wait for a place.
    pub(super) fn stop(&self) {
        self.running.abort();
        self.timers.cancel();
        self.inbox.release_callers();
    }

    /// Waits until nothing waits and nothing runs.
    async fn idle(self: &Arc<Self>) {
        // One at a time: each look holds the state's lock, and others would not be told when it is released.
        let _looking = self.looking.lock().await;
        loop {
            // Made before the look: it hears of what ends from here on.
            let changed = self.running.changed.notified();
            if self.is_idle() {
                return;
            }
            changed.await;
        }
    }

    /// What runs is asked first: whatever it delivered before it ended is then seen in the inbox. Whoever drains or
    /// looks at the state at this moment tells when they let go.
    fn is_idle(self: &Arc<Self>) -> bool {
        // Pairs with the fence of who lets go: either they see that a shutdown looks, or it finds the lock free.
        fence(Ordering::SeqCst);
        let Some(locked) = self.state.try_lock() else {
            return false;
        };
        let idle = self.running.is_empty() && locked.queue.is_empty() && self.inbox.is_empty();
        drop(locked);
        fence(Ordering::SeqCst);
        if !self.inbox.is_empty() {
            self.drain();
        }
        idle
    }

    pub(crate) fn fault(&self) -> Option<ReducerPanic> {
        self.lifecycle.fault().cloned()
    }

    pub(crate) fn reason(&self) -> StopReason {
        self.lifecycle.reason()
    }

    /// What runs, in the order it started.
    pub(crate) fn running(&self) -> Vec<RunningEffect> {
        self.running.effects()
    }

    /// How many effects have panicked so far.
    pub(crate) fn effect_panics(&self) -> u64 {
        self.effect_panics.load(Ordering::Relaxed)
    }

    /// How many names, streams and intervals are remembered: none when nothing runs.
    pub(crate) fn remembered(&self) -> usize {
        self.registry.len() + self.stream_locks.len() + self.windows.len()
    }
}
