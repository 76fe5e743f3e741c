//! The task that looks at the end of the log, for all who wait on its runtime.

use std::{
    pin::pin,
    sync::{Arc, Weak},
    time::Duration,
};

use futures::{FutureExt, future};
use tokio::{
    runtime::Id,
    sync::{Notify, watch},
    time::timeout,
};

use crate::watch::Watch;

/// While it sleeps, it holds the store only weakly.
pub(crate) struct Watching {
    watch: Weak<Watch>,
    runtime: Id,
    woken: watch::Receiver<u64>,
    asked: Arc<Notify>,
    finished: bool,
}

#[derive(Clone, Copy)]
struct Pause {
    length: Duration,
    /// Not while events are held back: any number of commits would make none of them readable.
    heeds_commits: bool,
}

impl Watching {
    pub(crate) fn new(watch: &Arc<Watch>, runtime: Id, asked: Arc<Notify>) -> Self {
        Self {
            watch: Arc::downgrade(watch),
            runtime,
            woken: watch.announcer.subscribe(),
            asked,
            finished: false,
        }
    }

    /// Looks until nobody waits.
    pub(crate) async fn all(mut self) {
        while let Some(pause) = self.once().await {
            self.sleep(pause).await;
        }
        self.finished = true;
    }

    /// Looks once. How long to sleep then; `None` when nobody waits.
    async fn once(&mut self) -> Option<Pause> {
        let watch = self.watch.upgrade()?;
        // Marked as seen before looking: a commit in between, or somebody new, wakes it again.
        self.woken.mark_unchanged();
        self.asked.notified().now_or_never();
        let positions = watch.questions(self.runtime)?;
        let mut pause = Pause {
            length: watch.idle_poll_interval,
            heeds_commits: true,
        };
        match watch.look(&positions).await {
            Ok(end) => {
                watch.answer(self.runtime, &end);
                if end.more {
                    pause.length = watch.poll_interval;
                    pause.heeds_commits = false;
                }
            }
            Err(error) => watch.fail(self.runtime, error),
        }
        Some(pause)
    }

    async fn sleep(&mut self, pause: Pause) {
        let woken = async {
            if !pause.heeds_commits {
                future::pending::<()>().await;
            }
            // An error is the end of the store, and what follows will see to it.
            let _ = self.woken.changed().await;
        };
        let (asked, woken) = (pin!(self.asked.notified()), pin!(woken));
        // Whichever it was, there may be something new.
        let _ = timeout(pause.length, future::select(asked, woken)).await;
    }
}

impl Drop for Watching {
    /// When the runtime ends in the middle.
    fn drop(&mut self) {
        if !self.finished
            && let Some(watch) = self.watch.upgrade()
        {
            watch.abandon(self.runtime);
        }
    }
}
