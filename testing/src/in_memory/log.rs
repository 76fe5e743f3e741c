//! The log of the store in memory: all streams, and the order of all events.

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, Utc};
use composable_rust_core::{
    AppendError, Appended, Position, RecordedEvent, SerializedEvent, Snapshot, SnapshotOutcome, StreamAppend, StreamId,
    backend::{Resolution, resolve},
};

use super::stream::Stream;

/// All streams, and the order of all events. Locked as a whole, so that a reader sees whole appends only.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// The event of position `p` stands at index `p - 1`.
    records: Vec<Arc<RecordedEvent>>,
    streams: HashMap<StreamId, Stream>,
}

impl Log {
    pub(super) fn head(&self) -> Position {
        position(self.records.len())
    }

    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// The records after `position`, in order.
    pub(super) fn after(&self, position: Position) -> &[Arc<RecordedEvent>] {
        // Positions of another store may have more parts; then every part counts in the comparison.
        if position >= self.head() {
            return &[];
        }
        let [_, _, sequence] = position.parts();
        let index = usize::try_from(sequence).unwrap_or(usize::MAX);
        self.records.get(index..).unwrap_or_default()
    }

    /// The stream; one without events where there is none of that name.
    pub(super) fn stream(&self, stream_id: &StreamId) -> &Stream {
        self.streams.get(stream_id).unwrap_or_else(|| Stream::none())
    }

    /// The streams, all of which have events.
    pub(super) fn stream_ids(&self) -> impl Iterator<Item = &StreamId> {
        self.streams.keys()
    }

    /// Resolves the entries and writes all of them or none. The caller has checked their limits.
    pub(super) fn append(
        &mut self,
        appends: Vec<StreamAppend>,
        recorded_at: DateTime<Utc>,
    ) -> Result<Vec<Appended>, AppendError> {
        let facts: Vec<_> = appends
            .iter()
            .map(|append| self.stream(&append.stream_id).facts(append))
            .collect();
        match resolve(&appends, &facts) {
            Resolution::Answer(answer) => answer,
            Resolution::Write => Ok(appends
                .into_iter()
                .map(|append| self.write(append, recorded_at))
                .collect()),
        }
    }

    /// Can't fail, so that no part of an append is ever missing.
    fn write(&mut self, append: StreamAppend, recorded_at: DateTime<Utc>) -> Appended {
        let StreamAppend { stream_id, events, .. } = append;
        if events.is_empty() {
            return self.stream(&stream_id).end();
        }
        let stream = self.streams.entry(stream_id.clone()).or_default();
        for event in events {
            let record = Arc::new(record(&stream_id, stream, self.records.len(), recorded_at, event));
            stream.push(Arc::clone(&record));
            self.records.push(record);
        }
        stream.end()
    }

    pub(super) fn delete_snapshot(&mut self, stream_id: &StreamId) {
        if let Some(stream) = self.streams.get_mut(stream_id) {
            stream.delete_snapshot();
        }
    }

    pub(super) fn offer_snapshot(&mut self, stream_id: &StreamId, snapshot: Snapshot) -> SnapshotOutcome {
        match self.streams.get_mut(stream_id) {
            Some(stream) => stream.offer(snapshot),
            None => SnapshotOutcome::Declined,
        }
    }
}

fn record(
    stream_id: &StreamId,
    stream: &Stream,
    events_before: usize,
    recorded_at: DateTime<Utc>,
    event: SerializedEvent,
) -> RecordedEvent {
    let version = stream.head().next().unwrap_or_default();
    let position = position(events_before.saturating_add(1));
    RecordedEvent::new(stream_id.clone(), version, position, recorded_at, event)
}

/// The position of the last of so many events.
fn position(events: usize) -> Position {
    Position::from_sequence(u64::try_from(events).unwrap_or(u64::MAX))
}
