//! What a test has told its proxy to do.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::oneshot, time::sleep};

use crate::pattern::Window;

/// The orders of a proxy, shared with its connections.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    // A std Mutex: nothing awaits while it is locked.
    current: Mutex<Current>,
}

/// The orders that are in force.
#[derive(Debug, Default)]
pub(crate) struct Current {
    pub(crate) refuse: bool,
    pub(crate) hold_new: bool,
    pub(crate) swallow: bool,
    pub(crate) swallow_after: Option<Vec<u8>>,
    pub(crate) freeze_after: Option<Vec<u8>>,
    pub(crate) delay: Option<Duration>,
    pub(crate) watched: Vec<(Vec<u8>, oneshot::Sender<()>)>,
}

/// The orders that one chunk of a request triggers.
#[derive(Debug)]
pub(crate) struct Triggered {
    pub(crate) swallow: bool,
    pub(crate) freeze: bool,
    pub(crate) forwarded: Vec<oneshot::Sender<()>>,
}

impl Orders {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the ordered delay, if there is one.
    pub(crate) async fn pause(&self) {
        let delay = self.lock().delay;
        if let Some(delay) = delay {
            sleep(delay).await;
        }
    }
}

impl Current {
    /// Takes the orders whose pattern ends in the newest chunk.
    pub(crate) fn take_triggered(&mut self, window: &Window) -> Triggered {
        let all = std::mem::take(&mut self.watched).into_iter();
        let (seen, waiting): (Vec<_>, _) = all.partition(|(pattern, _)| window.completes(pattern));
        self.watched = waiting;
        Triggered {
            swallow: take_completed(&mut self.swallow_after, window),
            freeze: take_completed(&mut self.freeze_after, window),
            forwarded: seen.into_iter().map(|(_, sender)| sender).collect(),
        }
    }

    /// Cancels every order except for notifications, which tests still wait for.
    pub(crate) fn cancel(&mut self) {
        *self = Self {
            watched: std::mem::take(&mut self.watched),
            ..Self::default()
        };
    }
}

fn take_completed(order: &mut Option<Vec<u8>>, window: &Window) -> bool {
    order.take_if(|pattern| window.completes(pattern)).is_some()
}
