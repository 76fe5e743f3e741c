//! A cached stream and its FIFO queue of commands and reads.

use std::{
    collections::VecDeque,
    mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use composable_rust_core::{Aggregate, AggregateSession, StreamId};
use futures::{FutureExt, future::BoxFuture};
use tokio::runtime::Handle;

use super::{Host, request::Request, waiting::WaitingQueue, worker::StreamWorker};
use crate::snapshot_queue::SnapshotQueue;

/// A stream: its state, its queue, and whether a worker empties the queue.
pub(super) struct CachedStream<A: Aggregate> {
    /// Its key in the cache: the aggregate's id.
    pub(super) id: Arc<str>,
    pub(super) stream_id: StreamId,
    pub(super) snapshots: Arc<SnapshotQueue>,
    is_used: AtomicBool,
    // A std Mutex: nothing awaits while it is held, and nothing of the user's is dropped.
    queue: Mutex<StreamQueue<A>>,
}

struct StreamQueue<A: Aggregate> {
    waiting: WaitingQueue<Request<A>>,
    has_worker: bool,
    /// With the worker while there is one.
    state: CachedState<A>,
}

/// What is known of a stream.
pub(super) struct CachedState<A: Aggregate> {
    /// `None` is to be loaded.
    pub(super) session: Option<AggregateSession<A>>,
    /// The stream may have moved on without this host: read the rest before the next decision.
    pub(super) is_stale: bool,
    /// What the worker has taken from the queue. Kept with the stream for its memory.
    pub(super) requests: VecDeque<Request<A>>,
}

impl<A: Aggregate> Default for CachedState<A> {
    fn default() -> Self {
        Self {
            session: None,
            is_stale: false,
            requests: VecDeque::new(),
        }
    }
}

impl<A: Aggregate> CachedStream<A> {
    pub(super) fn new(id: Arc<str>, stream_id: StreamId) -> Self {
        Self {
            id,
            stream_id,
            snapshots: Arc::default(),
            is_used: AtomicBool::new(true),
            queue: Mutex::new(StreamQueue {
                waiting: WaitingQueue::new(),
                has_worker: false,
                state: CachedState::default(),
            }),
        }
    }

    pub(super) fn touch(&self) {
        self.is_used.store(true, Ordering::Relaxed);
    }

    /// Whether it was used since this was asked last.
    pub(super) fn was_used(&self) -> bool {
        self.is_used.swap(false, Ordering::Relaxed)
    }

    /// Queues a request and starts the stream's worker if there is none. Outside of a runtime the worker comes back, and the
    /// caller polls it.
    pub(super) fn enqueue(self: Arc<Self>, host: &Arc<Host<A>>, request: Request<A>) -> Option<BoxFuture<'static, ()>> {
        let mut queue = self.lock();
        let gone = queue.waiting.push(request);
        if queue.has_worker {
            drop(queue);
            drop(gone);
            return None;
        }
        queue.has_worker = true;
        let state = mem::take(&mut queue.state);
        drop(queue);
        drop(gone);
        start(StreamWorker::new(Arc::clone(host), self, state).run().boxed())
    }

    /// Moves what waits behind the requests that were taken before. If there is nothing to do, the worker has ended and gives the state back: one step,
    /// so that no request is left without a worker.
    pub(super) fn take_requests(&self, state: &mut CachedState<A>) -> bool {
        let mut queue = self.lock();
        queue.waiting.take_into(&mut state.requests);
        if state.requests.is_empty() {
            queue.has_worker = false;
            queue.state = mem::take(state);
            return false;
        }
        true
    }

    /// The worker was dropped. Queued requests get no reply from it; the next request starts another worker.
    pub(super) fn abandon(&self, mut state: CachedState<A>) {
        let taken = mem::take(&mut state.requests);
        let mut queue = self.lock();
        let unanswered = (taken, queue.waiting.take());
        queue.has_worker = false;
        queue.state = state;
        drop(queue);
        drop(unanswered);
    }

    fn lock(&self) -> MutexGuard<'_, StreamQueue<A>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Polls a stream's work once, and spawns what is left on the caller's runtime: a store in memory answers at once, and then
/// nothing is spawned or woken. It is not polled by the caller again, so a caller that is dropped or not polled delays no
/// other. Outside of a runtime, what is left comes back.
fn start(mut work: BoxFuture<'static, ()>) -> Option<BoxFuture<'static, ()>> {
    // What wakes it in between is seen by the next poll.
    if (&mut work).now_or_never().is_some() {
        return None;
    }
    let Ok(runtime) = Handle::try_current() else {
        return Some(work);
    };
    runtime.spawn(work);
    None
}
