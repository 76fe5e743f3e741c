//! One append at a time for each stream, in the order they were started.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
};

use composable_rust_core::StreamId;
use futures::{future, task::AtomicWaker};

/// How many streams an append still waits for.
#[derive(Default)]
struct Waiter {
    streams: AtomicUsize,
    waker: AtomicWaker,
}

/// The queue of each stream that has appends; its first is in flight.
#[derive(Default)]
pub(super) struct StreamLocks {
    queues: Mutex<HashMap<StreamId, VecDeque<Arc<Waiter>>>>,
}

impl StreamLocks {
    /// Takes a place at the end of the queue of every stream, all under one lock: so batches never wait for each other
    /// in a circle.
    pub(super) fn queue(self: &Arc<Self>, mut streams: Vec<StreamId>) -> StreamLock {
        streams.sort_unstable();
        streams.dedup();
        let ahead = Arc::new(Waiter::default());
        let mut queues = self.lock();
        for stream in &streams {
            let queue = queues.entry(stream.clone()).or_default();
            if !queue.is_empty() {
                ahead.streams.fetch_add(1, Ordering::AcqRel);
            }
            queue.push_back(Arc::clone(&ahead));
        }
        drop(queues);
        StreamLock {
            turns: Arc::clone(self),
            streams,
            ahead,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<StreamId, VecDeque<Arc<Waiter>>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the queues of some streams; dropping it lets the next ones go.
pub(super) struct StreamLock {
    turns: Arc<StreamLocks>,
    streams: Vec<StreamId>,
    ahead: Arc<Waiter>,
}

impl StreamLock {
    /// Waits until this is the first in all its queues.
    pub(super) async fn acquired(&self) {
        future::poll_fn(|context| {
            self.ahead.waker.register(context.waker());
            if self.ahead.streams.load(Ordering::Acquire) == 0 {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    /// Leaves a queue; the new first there, if it was behind this one.
    fn leave(&self, queue: &mut VecDeque<Arc<Waiter>>) -> Option<Arc<Waiter>> {
        let place = queue.iter().position(|ahead| Arc::ptr_eq(ahead, &self.ahead))?;
        queue.remove(place);
        if place == 0 { queue.front().cloned() } else { None }
    }
}

impl Drop for StreamLock {
    fn drop(&mut self) {
        let mut freed = Vec::new();
        let mut queues = self.turns.lock();
        for stream in &self.streams {
            let Some(queue) = queues.get_mut(stream) else { continue };
            freed.extend(self.leave(queue));
            if queue.is_empty() {
                queues.remove(stream);
            }
        }
        drop(queues);
        for next in freed {
            if next.streams.fetch_sub(1, Ordering::AcqRel) == 1 {
                next.waker.wake();
            }
        }
    }
}
