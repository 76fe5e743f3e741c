//! How far a store is on its way from open to closed.

use std::sync::{
    OnceLock,
    atomic::{AtomicU8, Ordering},
};

use crate::store::{ReducerPanic, StopReason};

/// How far a store is on its way; it never goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Phase {
    /// Takes actions.
    Open,
    /// Shutting down: takes none from outside, what runs may still deliver.
    Closing,
    /// Past the deadline: starts nothing new, only answers of running appends are still reduced.
    Aborting,
    /// Nothing is reduced any more.
    Closed,
    /// A reducer has panicked: nothing is reduced any more.
    Faulted,
}

/// The phase, and the fault if it is that.
#[derive(Debug, Default)]
pub(super) struct Lifecycle {
    phase: AtomicU8,
    fault: OnceLock<ReducerPanic>,
}

impl Lifecycle {
    pub(super) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::SeqCst) {
            0 => Phase::Open,
            1 => Phase::Closing,
            2 => Phase::Aborting,
            3 => Phase::Closed,
            _ => Phase::Faulted,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.phase() == Phase::Open
    }

    /// Whether actions are still reduced.
    pub(super) fn is_live(&self) -> bool {
        self.phase() < Phase::Closed
    }

    /// Goes on to `phase`, unless the store is further already.
    pub(super) fn advance(&self, phase: Phase) {
        self.phase.fetch_max(phase as u8, Ordering::SeqCst);
    }

    pub(super) fn fail(&self, fault: ReducerPanic) {
        // The first fault stands; no reducer runs after it.
        let _ = self.fault.set(fault);
        self.advance(Phase::Faulted);
    }

    pub(super) fn fault(&self) -> Option<&ReducerPanic> {
        self.fault.get()
    }

    /// What to tell those whose actions or effects were cut short.
    pub(super) fn reason(&self) -> StopReason {
        self.fault().cloned().map_or(StopReason::Closed, StopReason::Faulted)
    }
}
