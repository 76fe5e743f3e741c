//! The task of group commit: takes appends from the callers, chooses groups, and has up to four of them written at once.

use std::{
    future::{Future, poll_fn},
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use composable_rust_core::{StreamId, Unavailable, UnavailableReason};
use futures::{
    FutureExt, StreamExt,
    future::{BoxFuture, CatchUnwind},
    stream::FuturesUnordered,
};
use tokio::{
    sync::mpsc,
    time::{Sleep, sleep},
};

use crate::{
    append_queue::AppendQueue,
    append_stats::AppendCounters,
    deadline::Elapsed,
    group_builder::Group,
    group_commit::Request,
    pending_append::{ExpiryCause, PendingAppend},
};

/// A group that takes longer waits for a lock of another transaction, or for a slow disk: others go past it.
const SLOW: Duration = Duration::from_millis(20);

/// How often the task yields at most between two groups.
const YIELDS: usize = 8;

/// Writes groups: the database, or a test's stand-in for it.
pub(crate) trait WriteGroup: Send + Sync + 'static {
    /// Writes the appends by as few statements as possible and answers each of them. Whether the database answered.
    fn write(&self, appends: Vec<PendingAppend>) -> BoxFuture<'static, bool>;
}

pub(crate) struct CommitTask<W> {
    requests: mpsc::UnboundedReceiver<Request>,
    /// No request will come any more.
    closed: bool,
    queue: AppendQueue,
    in_flight: FuturesUnordered<Writing>,
    /// When the groups in flight were started.
    started: Vec<Instant>,
    writer: W,
    counters: Arc<AppendCounters>,
    /// When the database last answered.
    answered: Instant,
    timer: Timer,
}

/// A group in flight.
struct Writing {
    write: CatchUnwind<AssertUnwindSafe<BoxFuture<'static, bool>>>,
    group: Option<Written>,
}

/// What is known of a group once its appends are on their way.
struct Written {
    streams: Vec<StreamId>,
    appends: usize,
    is_exclusive: bool,
    started: Instant,
    /// Whether the database answered.
    reached: bool,
}

enum Wake {
    Request(Option<Request>),
    Written(Written),
    Timer,
}

impl<W: WriteGroup> CommitTask<W> {
    pub(crate) fn new(
        requests: mpsc::UnboundedReceiver<Request>,
        writer: W,
        max_queued_appends: usize,
        counters: Arc<AppendCounters>,
    ) -> Self {
        Self {
            requests,
            closed: false,
            queue: AppendQueue::new(max_queued_appends),
            in_flight: FuturesUnordered::new(),
            started: Vec::new(),
            writer,
            counters,
            answered: Instant::now(),
            timer: Timer::default(),
        }
    }

    /// Runs until no request can come any more and everything is answered.
    pub(crate) async fn run(mut self) {
        loop {
            self.start_groups();
            if self.closed && self.queue.len() == 0 && self.in_flight.is_empty() {
                return;
            }
            match self.wake().await {
                Wake::Request(request) => self.accept(request),
                Wake::Written(group) => self.finish(group).await,
                Wake::Timer => self.expire(),
            }
            self.accept_all();
        }
    }

    fn start_groups(&mut self) {
        while let Some(group) = self.queue.next_group(self.slow_groups()) {
            self.start(group);
        }
        self.counters.set_queued(self.queue.len(), self.in_flight.len());
    }

    fn start(&mut self, group: Group) {
        self.counters.group(group.appends.len());
        let written = Written {
            streams: group.streams,
            appends: group.appends.len(),
            is_exclusive: group.is_exclusive,
            started: Instant::now(),
            reached: false,
        };
        if !written.is_exclusive {
            self.started.push(written.started);
        }
        self.in_flight.push(Writing {
            // A panic answers the callers of the group, whose appends are dropped by it, and harms no other group.
            write: AssertUnwindSafe(self.writer.write(group.appends)).catch_unwind(),
            group: Some(written),
        });
    }

    fn slow_groups(&self) -> usize {
        self.started.iter().filter(|started| started.elapsed() >= SLOW).count()
    }

    async fn finish(&mut self, group: Written) {
        self.queue.finish(&group.streams, group.appends, group.is_exclusive);
        let place = self.started.iter().position(|started| *started == group.started);
        if let Some(place) = place.filter(|_| !group.is_exclusive) {
            self.started.swap_remove(place);
        }
        if group.reached {
            self.answered = Instant::now();
        }
        // A group of one, and nobody waits: its caller's next append starts a group of its own, at once.
        if group.appends > 1 || self.queue.len() > 0 {
            self.yield_for_arrivals().await;
        }
    }

    /// Yields to the runtime until no further append arrives: callers that were just answered send their next appends, which
    /// then share the next group. Uses no timer, so it takes no time on an idle runtime.
    async fn yield_for_arrivals(&mut self) {
        let mut known = self.queue.len();
        for _ in 0..YIELDS {
            tokio::task::yield_now().await;
            self.accept_all();
            if self.queue.len() == known {
                return;
            }
            known = self.queue.len();
        }
    }

    fn accept(&mut self, request: Option<Request>) {
        match request {
            Some(Request::Append(append)) => self.queue.push(append),
            // What callers have sent before stays in the channel and is served.
            Some(Request::Close) => self.requests.close(),
            None => self.closed = true,
        }
    }

    fn accept_all(&mut self) {
        while let Ok(request) = self.requests.try_recv() {
            self.accept(Some(request));
        }
    }

    /// Answers appends that were not taken in time.
    fn expire(&mut self) {
        while let Some((append, cause)) = self.queue.expire() {
            self.counters.expired();
            let reason = match cause {
                ExpiryCause::QueueFull => UnavailableReason::Overloaded,
                ExpiryCause::StreamBusy => UnavailableReason::TimedOut,
                // The database has answered lately, and does not keep up.
                ExpiryCause::NotTaken if self.answered > append.arrived + append.arrived.elapsed() / 2 => {
                    UnavailableReason::Overloaded
                }
                ExpiryCause::NotTaken => UnavailableReason::Unreachable,
            };
            append.complete(Err(Unavailable::new(reason, Arc::new(Elapsed)).into()));
        }
    }

    async fn wake(&mut self) -> Wake {
        let due = self.due();
        poll_fn(|context| self.poll_wake(context, due)).await
    }

    /// When the next append expires, or a group becomes slow past which another one may go. `None` while nothing waits.
    fn due(&self) -> Option<Duration> {
        let expiry = self.queue.next_expiry()?.remaining();
        let ages = self.started.iter().map(Instant::elapsed);
        let slow = ages
            .filter_map(|age| SLOW.checked_sub(age))
            .filter(|left| !left.is_zero());
        Some(slow.min().map_or(expiry, |slow| slow.min(expiry)))
    }

    fn poll_wake(&mut self, context: &mut Context<'_>, due: Option<Duration>) -> Poll<Wake> {
        if let Poll::Ready(Some(group)) = self.in_flight.poll_next_unpin(context) {
            return Poll::Ready(Wake::Written(group));
        }
        if !self.closed
            && let Poll::Ready(request) = self.requests.poll_recv(context)
        {
            return Poll::Ready(Wake::Request(request));
        }
        let due = due.map_or(Poll::Pending, |due| self.timer.poll(context, due));
        due.map(|()| Wake::Timer)
    }
}

impl Future for Writing {
    type Output = Written;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Written> {
        let reached = ready!(self.write.poll_unpin(context));
        let reached = reached.unwrap_or_else(|_| {
            tracing::error!("writing a group of appends panicked");
            false
        });
        match self.group.take() {
            Some(group) => Poll::Ready(Written { reached, ..group }),
            // Polled again after its end.
            None => Poll::Pending,
        }
    }
}

/// A timer that is set only while something waits, and set again only for an earlier time.
#[derive(Default)]
struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
    at: Option<Instant>,
}

impl Timer {
    /// Ready after `due`, or earlier.
    fn poll(&mut self, context: &mut Context<'_>, due: Duration) -> Poll<()> {
        let due_at = Instant::now() + due;
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep(due)));
        if self.at.is_none_or(|at| at > due_at) {
            sleep.as_mut().reset(tokio::time::Instant::now() + due);
            self.at = Some(due_at);
        }
        ready!(sleep.as_mut().poll(context));
        self.at = None;
        Poll::Ready(())
    }
}

#[cfg(test)]
mod tests;
