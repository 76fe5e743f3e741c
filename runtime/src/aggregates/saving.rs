//! Snapshots on their way to the store.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use composable_rust_core::{StreamId, Version};

/// Which streams have a snapshot under way, and what is to be saved of them next: one at a time, and of those that come
/// meanwhile only the newest.
pub(super) struct Saving<S> {
    // A std Mutex: nothing awaits while it is held.
    streams: Mutex<HashMap<StreamId, Option<Offer<S>>>>,
}

/// A state to be saved.
pub(super) struct Offer<S> {
    pub(super) version: Version,
    pub(super) state: Arc<S>,
}

impl<S> Saving<S> {
    pub(super) fn new() -> Self {
        Self {
            streams: Mutex::default(),
        }
    }

    /// The offer, to be saved now; `None` if one of this stream is under way: then it comes next, unless a newer one does.
    pub(super) fn begin(&self, stream_id: &StreamId, offer: Offer<S>) -> Option<Offer<S>> {
        // What is overtaken is dropped after the lock is let go of: a state is the user's, and may come back here.
        let _overtaken = match self.streams().entry(stream_id.clone()) {
            Entry::Vacant(none) => {
                none.insert(None);
                return Some(offer);
            }
            Entry::Occupied(mut next) => {
                let next = next.get_mut();
                let is_newer = next.as_ref().is_none_or(|waiting| waiting.version <= offer.version);
                if is_newer { next.replace(offer) } else { Some(offer) }
            }
        };
        None
    }

    /// What is to be saved after the one that was under way; if there is nothing, none is under way any more.
    pub(super) fn next(&self, stream_id: &StreamId) -> Option<Offer<S>> {
        let mut streams = self.streams();
        let next = streams.get_mut(stream_id).and_then(Option::take);
        if next.is_none() {
            streams.remove(stream_id);
        }
        next
    }

    fn streams(&self) -> MutexGuard<'_, HashMap<StreamId, Option<Offer<S>>>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
