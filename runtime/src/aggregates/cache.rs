//! The cache of streams: bounded by number and by idleness.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};
use composable_rust_core::{Aggregate, StreamIdError};

use super::stream::CachedStream;

/// The streams that were used lately, by the aggregate's id.
///
/// A stream that is being worked on is never dropped: two states of one stream would work against each other. So there may
/// be more streams than [`Self::max_streams`] while more are in use at once.
pub(super) struct StreamCache<A: Aggregate> {
    max_streams: usize,
    time_to_idle: Duration,
    /// Whether there may be more streams than the bound: only then does the end of a stream's work take the lock.
    is_over: AtomicBool,
    // A std Mutex: nothing awaits while it is held, and a look-up is short.
    streams: Mutex<Streams<A>>,
}

struct Streams<A: Aggregate> {
    by_id: HashMap<Arc<str>, Arc<CachedStream<A>>>,
    /// The ids in the order in which they are considered for eviction; those of evicted streams are skipped.
    candidates: VecDeque<Arc<str>>,
    swept_at: DateTime<Utc>,
}

/// How many candidates one look-up considers: a constant, so that a cache whose streams are all in use costs no scan of it for
/// each new stream.
const MAX_CANDIDATES: usize = 16;

impl<A: Aggregate> StreamCache<A> {
    pub(super) fn new(max_streams: usize, time_to_idle: Duration, now: DateTime<Utc>) -> Self {
        Self {
            max_streams,
            time_to_idle,
            is_over: AtomicBool::new(false),
            streams: Mutex::new(Streams {
                by_id: HashMap::new(),
                candidates: VecDeque::new(),
                swept_at: now,
            }),
        }
    }

    /// The stream of the aggregate with this id, added if it is not cached.
    pub(super) fn stream(&self, id: &str, now: DateTime<Utc>) -> Result<Arc<CachedStream<A>>, StreamIdError> {
        // Dropped after the lock is released: a state is the user's, and its drop may call the host or take its time.
        let mut evicted = Vec::new();
        let mut streams = self.lock();
        if streams.is_sweep_due(now, self.time_to_idle) {
            streams.sweep_idle(&mut evicted);
        }
        if let Some(stream) = streams.by_id.get(id) {
            stream.touch();
            return Ok(Arc::clone(stream));
        }
        let stream_id = A::stream_id(id)?;
        streams.evict(self.max_streams.saturating_sub(1), &mut evicted);
        let stream = streams.add(id, stream_id);
        self.is_over
            .store(streams.by_id.len() > self.max_streams, Ordering::SeqCst);
        Ok(stream)
    }

    /// A stream's work has ended: drops the stream if the cache is over its bound.
    pub(super) fn release(&self, stream: &Arc<CachedStream<A>>) {
        if !self.is_over.load(Ordering::SeqCst) {
            return;
        }
        let mut streams = self.lock();
        // The cache holds one, and the caller one.
        let is_over = streams.by_id.len() > self.max_streams && Arc::strong_count(stream) <= 2;
        let evicted = is_over.then(|| streams.by_id.remove(&stream.id));
        self.is_over
            .store(streams.by_id.len() > self.max_streams, Ordering::SeqCst);
        drop(streams);
        drop(evicted);
    }

    pub(super) fn len(&self) -> usize {
        self.lock().by_id.len()
    }

    fn lock(&self) -> MutexGuard<'_, Streams<A>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<A: Aggregate> Streams<A> {
    fn add(&mut self, id: &str, stream_id: composable_rust_core::StreamId) -> Arc<CachedStream<A>> {
        let id: Arc<str> = id.into();
        let stream = Arc::new(CachedStream::new(Arc::clone(&id), stream_id));
        self.by_id.insert(Arc::clone(&id), Arc::clone(&stream));
        self.candidates.push_back(id);
        stream
    }

    /// Also after the clock was set back: a sweep that waited for the old time to come again would not come for long.
    fn is_sweep_due(&mut self, now: DateTime<Utc>, time_to_idle: Duration) -> bool {
        match (now - self.swept_at).to_std() {
            Ok(since) if since < time_to_idle => false,
            Ok(_) => {
                self.swept_at = now;
                true
            }
            Err(_) => {
                self.swept_at = now;
                false
            }
        }
    }

    /// Drops the streams that were not used since the last sweep.
    fn sweep_idle(&mut self, evicted: &mut Vec<Arc<CachedStream<A>>>) {
        let idle = self
            .by_id
            .extract_if(|_, stream| !stream.was_used() && is_unused(stream));
        evicted.extend(idle.map(|(_, stream)| stream));
        let by_id = &self.by_id;
        self.candidates.retain(|id| by_id.contains_key(id));
    }

    /// Drops streams until `keep` are left, or until the candidates of one call are spent: first those that were not used since
    /// they were considered last.
    fn evict(&mut self, keep: usize, evicted: &mut Vec<Arc<CachedStream<A>>>) {
        let mut used = VecDeque::new();
        for _ in 0..MAX_CANDIDATES {
            if self.by_id.len() <= keep {
                break;
            }
            let Some(id) = self.candidates.pop_front() else { break };
            match self.by_id.get(&id) {
                None => {}
                Some(stream) if !is_unused(stream) => self.candidates.push_back(id),
                Some(stream) if stream.was_used() => used.push_back(id),
                Some(_) => evicted.extend(self.by_id.remove(&id)),
            }
        }
        // All that are left were used lately: the ones that were considered first make room.
        while self.by_id.len() > keep
            && let Some(id) = used.pop_front()
        {
            evicted.extend(self.by_id.remove(&id));
        }
        self.candidates.append(&mut used);
    }
}

/// Whether no command or read holds the stream. None can begin meanwhile, because that needs the lock that the caller holds.
fn is_unused<A: Aggregate>(stream: &Arc<CachedStream<A>>) -> bool {
    Arc::strong_count(stream) == 1
}
