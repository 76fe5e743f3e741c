//! A readable end of the log that stays behind.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use composable_rust_core::{Clock, LogPage, Position};
use futures::{FutureExt, future::BoxFuture};
use tokio::sync::Notify;

/// Until when a log stalls: a moment of a clock, or the test's word.
#[derive(Clone)]
pub(super) enum Until {
    Moment(DateTime<Utc>, Arc<dyn Clock>),
    Resumed,
}

/// The readable end of the log, as readers are shown it: it never goes back.
#[derive(Default)]
pub(super) struct ReadableEnd {
    state: Mutex<State>,
    resumed: Notify,
}

#[derive(Default)]
struct State {
    /// The furthest that any reader was shown.
    shown: Position,
    stalled: Option<(Position, Until)>,
}

impl State {
    /// Where the log stalls, while it does.
    fn stalled(&mut self) -> Option<(Position, Until)> {
        if let Some((_, Until::Moment(moment, clock))) = &self.stalled
            && clock.now() >= *moment
        {
            self.stalled = None;
        }
        self.stalled.clone()
    }
}

impl ReadableEnd {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_stalled(&self) -> bool {
        self.state().stalled().is_some()
    }

    /// Stalls at `head`, or where a reader has been beyond it meanwhile, and says where.
    pub(super) fn stall(&self, head: Position, until: Until) -> Position {
        let mut state = self.state();
        let at = head.max(state.shown);
        state.stalled = Some((at, until));
        at
    }

    pub(super) fn resume(&self) {
        self.state().stalled = None;
        self.resumed.notify_waiters();
    }

    /// The head as readers are shown it.
    pub(super) fn head(&self, head: Position) -> Position {
        let mut state = self.state();
        let shown = state.stalled().map_or(head, |(end, _)| head.min(end));
        state.shown = state.shown.max(shown);
        shown
    }

    /// The page as readers are shown it: nothing behind the readable end.
    pub(super) fn page(&self, after: Position, mut page: LogPage) -> LogPage {
        let mut state = self.state();
        if let Some((end, _)) = state.stalled() {
            page.events.retain(|event| event.position <= end);
            page.resume_after = page.resume_after.min(end.max(after));
        }
        state.shown = state.shown.max(page.resume_after);
        page
    }

    /// Completes when the log does not stall before something that lies after `after`.
    pub(super) async fn passed(&self, after: Position) {
        loop {
            // Registered before the state is read: a stall that ends in between wakes this waiter.
            let mut resumed = std::pin::pin!(self.resumed.notified());
            resumed.as_mut().enable();
            match self.holds_back(after) {
                None => return,
                Some(end) => drop(futures::future::select(resumed, end).await),
            }
        }
    }

    /// What ends the stall that keeps readers from what lies after `after`, beside the test's word.
    fn holds_back(&self, after: Position) -> Option<BoxFuture<'static, ()>> {
        let (end, until) = self.state().stalled()?;
        (end <= after).then(|| match until {
            Until::Moment(moment, clock) => {
                let left = (moment - clock.now()).to_std().unwrap_or_default();
                async move { clock.sleep(left).await }.boxed()
            }
            Until::Resumed => futures::future::pending().boxed(),
        })
    }
}
