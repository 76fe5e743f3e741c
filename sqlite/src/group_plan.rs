//! Plans a group inside of its transaction: the answer to each append, and the events to write.

use chrono::DateTime;
use composable_rust_core::{
    Appended, RecordedEvent, SerializedEvent, StreamAppend, StreamId, Version,
    backend::{RecordedFacts, Resolution, resolve},
};
use sqlx::{Executor, SqliteConnection};

use crate::{
    pending_append::Answer,
    recorded_facts::{GroupFacts, Place},
    row, statements,
};

/// An event and the place that it is going to have.
#[derive(Debug)]
pub(crate) struct Placed<'a> {
    pub(crate) stream_id: &'a StreamId,
    pub(crate) place: Place,
    pub(crate) event: &'a SerializedEvent,
}

/// Resolves appends one after the other. The write lock is held, so what was looked up stays true.
pub(crate) struct GroupPlan<'a> {
    facts: GroupFacts,
    placed: Vec<Placed<'a>>,
}

impl<'a> GroupPlan<'a> {
    pub(crate) const fn new(facts: GroupFacts) -> Self {
        Self {
            facts,
            placed: Vec::new(),
        }
    }

    /// The last position, with the planned events.
    pub(crate) const fn log_end(&self) -> i64 {
        self.facts.log_end
    }

    /// The events to write, in the order of their positions.
    pub(crate) fn into_placed(self) -> Vec<Placed<'a>> {
        self.placed
    }

    /// The answer to an append, true once the planned events are written.
    pub(crate) async fn add(
        &mut self,
        appends: &'a [StreamAppend],
        connection: &mut SqliteConnection,
    ) -> Result<Answer, sqlx::Error> {
        let mut facts = Vec::with_capacity(appends.len());
        for append in appends {
            facts.push(self.entry_facts(append, connection).await?);
        }
        Ok(match resolve(appends, &facts) {
            Resolution::Write => Ok(appends.iter().map(|append| self.place(append)).collect()),
            Resolution::Answer(answer) => answer,
        })
    }

    async fn entry_facts(
        &self,
        append: &StreamAppend,
        connection: &mut SqliteConnection,
    ) -> Result<RecordedFacts, sqlx::Error> {
        let Some(stream) = self.facts.streams.get(&append.stream_id) else {
            return Ok(RecordedFacts::default());
        };
        let mut facts = stream.for_entry(append);
        if let Some((from, count)) = facts.versions_to_compare(append) {
            let (from, to) = (from.as_i64(), from.as_i64().saturating_add_unsigned(count) - 1);
            let mut events = stored(connection, &append.stream_id, from, to.min(stream.stored)).await?;
            events.extend(self.planned(&append.stream_id, from, to));
            facts.compare(append, &events);
        }
        Ok(facts)
    }

    /// The planned events of a stream in this range of versions, as they are going to be recorded.
    fn planned(&self, stream_id: &StreamId, from: i64, to: i64) -> impl Iterator<Item = RecordedEvent> {
        let of_stream =
            move |placed: &&Placed<'_>| (from..=to).contains(&placed.place.version) && placed.stream_id == stream_id;
        self.placed.iter().filter(of_stream).map(Placed::recorded)
    }

    /// Gives the events their places. The answer to an entry without events is the end of its stream.
    fn place(&mut self, append: &'a StreamAppend) -> Appended {
        let GroupFacts { log_end, streams } = &mut self.facts;
        let Some(stream) = streams.get_mut(&append.stream_id) else {
            return Appended::default();
        };
        for event in &append.events {
            *log_end += 1;
            stream.add_planned(event, *log_end);
            self.placed.push(Placed {
                stream_id: &append.stream_id,
                place: stream.end,
                event,
            });
        }
        stream.end.appended()
    }
}

impl Placed<'_> {
    fn recorded(&self) -> RecordedEvent {
        let version = Version::try_from(self.place.version).unwrap_or_default();
        RecordedEvent::new(
            self.stream_id.clone(),
            version,
            row::at(self.place.position),
            // Nothing that is compared.
            DateTime::UNIX_EPOCH,
            self.event.clone(),
        )
    }
}

/// The stored events of a stream from one version to another.
async fn stored(
    connection: &mut SqliteConnection,
    stream_id: &StreamId,
    from: i64,
    to: i64,
) -> Result<Vec<RecordedEvent>, sqlx::Error> {
    if to < from {
        return Ok(Vec::new());
    }
    let query = sqlx::query(statements::STORED_EVENTS)
        .bind(stream_id.as_str())
        .bind(from)
        .bind(to);
    let rows = connection.fetch_all(query).await?;
    rows.iter().map(|row| row::event(row, Some(stream_id))).collect()
}
