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
struct Ahead {
    streams: AtomicUsize,
    waker: AtomicWaker,
}

/// The queue of each stream that has appends; its first is in flight.
#[derive(Default)]
pub(super) struct Turns {
    queues: Mutex<HashMap<StreamId, VecDeque<Arc<Ahead>>>>,
}

impl Turns {
    /// Takes a place at the end of the queue of every stream, all under one lock: so batches never wait for each other
    /// in a circle.
    pub(super) fn queue(self: &Arc<Self>, mut streams: Vec<StreamId>) -> Turn {
        streams.sort_unstable();
        streams.dedup();
        let ahead = Arc::new(Ahead::default());
        let mut queues = self.lock();
        for stream in &streams {
            let queue = queues.entry(stream.clone()).or_default();
            if !queue.is_empty() {
                ahead.streams.fetch_add(1, Ordering::AcqRel);
            }
            queue.push_back(Arc::clone(&ahead));
        }
        drop(queues);
        Turn {
            turns: Arc::clone(self),
            streams,
            ahead,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<StreamId, VecDeque<Arc<Ahead>>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the queues of some streams; dropping it lets the next ones go.
pub(super) struct Turn {
    turns: Arc<Turns>,
    streams: Vec<StreamId>,
    ahead: Arc<Ahead>,
}

impl Turn {
    /// Waits until this is the first in all its queues.
    pub(super) async fn come(&self) {
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
    fn leave(&self, queue: &mut VecDeque<Arc<Ahead>>) -> Option<Arc<Ahead>> {
        let place = queue.iter().position(|ahead| Arc::ptr_eq(ahead, &self.ahead))?;
        queue.remove(place);
        if place == 0 { queue.front().cloned() } else { None }
    }
}

impl Drop for Turn {
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
