//! An append on its way through group commit, and the guarantee that its caller gets one answer.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::{Duration, Instant},
};

use composable_rust_core::{
    AppendError, Appended, StreamAppend, StreamId, Unavailable, UnavailableReason, backend::GroupSize,
};
use tokio::sync::oneshot;

use crate::{
    deadline::{Deadline, Elapsed},
    errors::StoreStopped,
};

pub(crate) type AppendReply = Result<Vec<Appended>, AppendError>;

/// Entries that are written together or not at all, with the caller that waits for the answer.
///
/// Dropped unanswered, it answers by itself: when the runtime of the store ends, or its task panics.
#[derive(Debug)]
pub(crate) struct PendingAppend {
    pub(crate) appends: Vec<StreamAppend>,
    pub(crate) size: GroupSize,
    pub(crate) arrived: Instant,
    /// When the append must be on its way to the database.
    pub(crate) take_by: Deadline,
    status: Arc<AppendStatus>,
    reply: Option<oneshot::Sender<AppendReply>>,
}

/// The caller's end.
#[derive(Debug)]
pub(crate) struct PendingReply {
    status: Arc<AppendStatus>,
    reply: oneshot::Receiver<AppendReply>,
}

/// Why an append was not taken in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExpiryCause {
    /// The queue was full.
    QueueFull,
    /// An earlier append to one of its streams is in flight.
    StreamBusy,
    /// It waited for its turn.
    NotTaken,
}

impl PendingAppend {
    pub(crate) fn new(appends: Vec<StreamAppend>, acquire_timeout: Duration) -> (Self, PendingReply) {
        let (sender, receiver) = oneshot::channel();
        let status = Arc::new(AppendStatus::default());
        let pending = Self {
            size: GroupSize::of(&appends),
            appends,
            arrived: Instant::now(),
            take_by: Deadline::after(acquire_timeout),
            status: Arc::clone(&status),
            reply: Some(sender),
        };
        let reply = PendingReply {
            status,
            reply: receiver,
        };
        (pending, reply)
    }

    /// The streams that it writes to or checks.
    pub(crate) fn streams(&self) -> impl Iterator<Item = &StreamId> {
        self.appends.iter().map(|append| &append.stream_id)
    }

    /// Whether the caller has stopped waiting: it dropped its future, or gave up.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.status.is_withdrawn() || self.reply.as_ref().is_none_or(oneshot::Sender::is_closed)
    }

    /// Marks the append as in doubt: a statement that commits it may be on its way. `false` if the caller has withdrawn
    /// it; then it must not be written.
    pub(crate) fn mark_sent(&self) -> bool {
        self.status.mark_sent()
    }

    /// The database has answered: the append is certainly not written, or it is about to be answered.
    pub(crate) fn mark_settled(&self) {
        self.status.mark_settled();
    }

    /// Answers the caller.
    pub(crate) fn complete(mut self, reply: AppendReply) {
        self.send(reply);
    }

    fn send(&mut self, reply: AppendReply) {
        if let Some(sender) = self.reply.take() {
            // The caller may have dropped its future; nobody wants the answer then.
            let _ = sender.send(reply);
        }
    }
}

impl Drop for PendingAppend {
    fn drop(&mut self) {
        if self.reply.is_none() {
            return;
        }
        // A panic unwinds through here: it is a fault of the store, not the end of its runtime.
        let why = if std::thread::panicking() {
            StoreStopped::Panicked
        } else {
            StoreStopped::RuntimeEnded
        };
        let reply = if self.status.is_sent() {
            AppendError::OutcomeUnknown(why.source())
        } else {
            why.into_append_error()
        };
        self.send(Err(reply));
    }
}

impl PendingReply {
    /// Waits for the answer. The store's own deadlines bound it.
    pub(crate) async fn wait(self) -> AppendReply {
        // The other end always answers; if it ever did not, nothing would be known.
        let unanswered = |error| Err(AppendError::OutcomeUnknown(Arc::new(error)));
        self.reply.await.unwrap_or_else(unanswered)
    }

    /// Waits for the answer no longer than `limit`: for callers on another runtime than the store's, which may be blocked
    /// or not driven at all. An append that was not sent by then never is.
    pub(crate) async fn wait_within(mut self, limit: Duration) -> AppendReply {
        match Deadline::after(limit).run(&mut self.reply).await {
            Ok(Ok(reply)) => reply,
            Err(Elapsed) if self.status.withdraw() => {
                Err(Unavailable::new(UnavailableReason::TimedOut, Arc::new(Elapsed)).into())
            }
            Ok(Err(_)) | Err(Elapsed) => Err(AppendError::OutcomeUnknown(Arc::new(Elapsed))),
        }
    }
}

/// Whether an append may be in the database: known to its caller too, which may have to answer for itself.
#[derive(Debug, Default)]
struct AppendStatus(AtomicU8);

const WAITING: u8 = 0;
const SENT: u8 = 1;
const WITHDRAWN: u8 = 2;

impl AppendStatus {
    fn mark_sent(&self) -> bool {
        self.change(WAITING, SENT) || self.is_sent()
    }

    fn mark_settled(&self) {
        self.change(SENT, WAITING);
    }

    /// Whether nothing was sent, and nothing will be.
    fn withdraw(&self) -> bool {
        self.change(WAITING, WITHDRAWN)
    }

    fn change(&self, from: u8, to: u8) -> bool {
        let changed = self.0.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire);
        changed.is_ok()
    }

    fn is_sent(&self) -> bool {
        self.0.load(Ordering::Acquire) == SENT
    }

    fn is_withdrawn(&self) -> bool {
        self.0.load(Ordering::Acquire) == WITHDRAWN
    }
}

#[cfg(test)]
mod tests {
    use composable_rust_core::{ExpectedVersion, StreamId};

    use super::*;

    fn pending() -> (PendingAppend, PendingReply) {
        let stream_id = StreamId::new("test", 1).unwrap();
        let append = StreamAppend::new(stream_id, ExpectedVersion::Any, vec![]);
        PendingAppend::new(vec![append], Duration::from_secs(1))
    }

    #[tokio::test]
    async fn an_append_that_is_dropped_answers_whether_it_was_sent() {
        let (append, reply) = pending();
        drop(append);
        assert!(matches!(reply.wait().await, Err(AppendError::Unavailable(_))));
        let (append, reply) = pending();
        assert!(append.mark_sent());
        drop(append);
        assert!(matches!(reply.wait().await, Err(AppendError::OutcomeUnknown(_))));
        let (append, reply) = pending();
        assert!(append.mark_sent());
        append.mark_settled();
        drop(append);
        assert!(matches!(reply.wait().await, Err(AppendError::Unavailable(_))));
    }

    #[tokio::test]
    async fn a_caller_that_gives_up_withdraws_what_was_not_sent() {
        let (append, reply) = pending();
        let answer = reply.wait_within(Duration::from_millis(1)).await;
        assert!(
            matches!(&answer, Err(AppendError::Unavailable(why)) if why.reason == UnavailableReason::TimedOut),
            "{answer:?}"
        );
        assert!(append.is_abandoned());
        assert!(!append.mark_sent());
    }

    #[tokio::test]
    async fn a_caller_that_gives_up_on_what_was_sent_does_not_know() {
        let (append, reply) = pending();
        assert!(append.mark_sent());
        let answer = reply.wait_within(Duration::from_millis(1)).await;
        assert!(matches!(answer, Err(AppendError::OutcomeUnknown(_))), "{answer:?}");
    }

    #[tokio::test]
    async fn a_panic_is_named_as_the_reason() {
        let (append, reply) = pending();
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
            let _held = append;
            panic!("on purpose");
        }));
        assert!(panicked.is_err());
        assert!(matches!(reply.wait().await, Err(AppendError::Backend(_))));
    }
}
