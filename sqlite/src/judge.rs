//! The verdict on each append of a group, before anything is written: the lock is held, so what is true now stays true.

use composable_rust_core::{AppendError, Appended, Conflict, RecordedEvent, SerializedEvent, StreamAppend, StreamId};
use sqlx::{Executor, SqliteConnection};

use crate::{
    facts::{Facts, Place, StreamFacts},
    job::Answer,
    row, statements,
};

/// An event and the place that it has been given.
#[derive(Debug)]
pub(crate) struct Placed<'a> {
    pub(crate) stream_id: &'a StreamId,
    pub(crate) place: Place,
    pub(crate) event: &'a SerializedEvent,
}

/// Judges jobs one after the other; each sees what those before it will have written.
pub(crate) struct Judge<'a> {
    facts: Facts,
    placed: Vec<Placed<'a>>,
}

enum Verdict {
    Accepted,
    Repeated(Appended),
    Refused(AppendError),
}

impl<'a> Judge<'a> {
    pub(crate) const fn new(facts: Facts) -> Self {
        Self {
            facts,
            placed: Vec::new(),
        }
    }

    /// The last position, with what is placed.
    pub(crate) const fn log_end(&self) -> i64 {
        self.facts.log_end
    }

    /// The events to be written, in the order of their positions.
    pub(crate) fn into_placed(self) -> Vec<Placed<'a>> {
        self.placed
    }

    /// The answer to a job, if what is placed gets written.
    pub(crate) async fn job(
        &mut self,
        appends: &'a [StreamAppend],
        connection: &mut SqliteConnection,
    ) -> Result<Answer, sqlx::Error> {
        let mut verdicts = Vec::with_capacity(appends.len());
        for append in appends {
            verdicts.push((append, self.verdict(append, connection).await?));
        }
        Ok(self.answer(&verdicts))
    }

    fn answer(&mut self, verdicts: &[(&'a StreamAppend, Verdict)]) -> Answer {
        let mut writing = verdicts.iter().filter(|(append, _)| !append.events.is_empty());
        let has_events = writing.clone().next().is_some();
        if has_events && writing.all(|(_, verdict)| matches!(verdict, Verdict::Repeated(_))) {
            return Ok(verdicts.iter().map(|entry| self.first_result(entry)).collect());
        }
        for (append, verdict) in verdicts {
            match verdict {
                Verdict::Accepted => {}
                // Half of a batch can't be a repetition of it.
                Verdict::Repeated(_) => return Err(self.conflict(append)),
                Verdict::Refused(error) => return Err(error.clone()),
            }
        }
        Ok(verdicts.iter().map(|(append, _)| self.place(append)).collect())
    }

    fn first_result(&self, (append, verdict): &(&StreamAppend, Verdict)) -> Appended {
        match verdict {
            Verdict::Repeated(first) => *first,
            _ => self.stream(append).map_or(Place::NONE, |stream| stream.end).appended(),
        }
    }

    fn stream(&self, append: &StreamAppend) -> Option<&StreamFacts> {
        self.facts.streams.get(&append.stream_id)
    }

    fn conflict(&self, append: &StreamAppend) -> AppendError {
        let actual = self
            .stream(append)
            .map(|stream| stream.end.version())
            .unwrap_or_default();
        AppendError::Conflict(Conflict {
            stream_id: append.stream_id.clone(),
            expected: append.expected,
            actual,
        })
    }

    /// In the order of the contract: a repetition, a command, an id, the version.
    async fn verdict(&self, append: &StreamAppend, connection: &mut SqliteConnection) -> Result<Verdict, sqlx::Error> {
        if let Some(first) = self.repetition(append, connection).await? {
            return Ok(Verdict::Repeated(first));
        }
        let Some(stream) = self.stream(append) else {
            return Ok(Verdict::Accepted);
        };
        if let Some(error) = duplicate(stream, append) {
            return Ok(Verdict::Refused(error));
        }
        if append.expected.accepts(stream.end.version()) {
            return Ok(Verdict::Accepted);
        }
        Ok(Verdict::Refused(self.conflict(append)))
    }

    /// The first result, if exactly these events stand where the append would have put them.
    async fn repetition(
        &self,
        append: &StreamAppend,
        connection: &mut SqliteConnection,
    ) -> Result<Option<Appended>, sqlx::Error> {
        let Some((stream, from, to)) = self.candidates(append) else {
            return Ok(None);
        };
        let stored = stored(connection, &append.stream_id, from, to.min(stream.stored)).await?;
        let mut last = None;
        for (index, (version, event)) in (from..=to).zip(&append.events).enumerate() {
            last = match stored.get(index) {
                Some(old) if old.is_record_of(event) => Some(Appended::new(old.version, old.position)),
                Some(_) => return Ok(None),
                None => self.placed_as(&append.stream_id, version, event),
            };
            if last.is_none() {
                return Ok(None);
            }
        }
        Ok(last)
    }

    /// The versions that a repetition would have, if the stream is that long and holds the first event's id at all:
    /// an ordinary conflict is told apart without reading events.
    fn candidates(&self, append: &StreamAppend) -> Option<(&StreamFacts, i64, i64)> {
        let stream = self.stream(append)?;
        let before = append.expected.exact()?.as_i64();
        let to = before.checked_add(i64::try_from(append.events.len()).ok()?)?;
        let first = append.events.first()?;
        (to <= stream.end.version && stream.ids.contains(&first.id)).then_some((stream, before + 1, to))
    }

    /// Where this group has placed `event`, if that is at `version`.
    fn placed_as(&self, stream_id: &StreamId, version: i64, event: &SerializedEvent) -> Option<Appended> {
        let mut placed = self.placed.iter();
        let found = placed.find(|placed| placed.place.version == version && placed.stream_id == stream_id)?;
        (found.event == event).then(|| found.place.appended())
    }

    /// Gives the events their places; with no events, the answer is where the stream ends.
    fn place(&mut self, append: &'a StreamAppend) -> Appended {
        let Facts { log_end, streams } = &mut self.facts;
        let Some(stream) = streams.get_mut(&append.stream_id) else {
            return Place::NONE.appended();
        };
        for event in &append.events {
            *log_end += 1;
            stream.end = Place {
                version: stream.end.version + 1,
                position: *log_end,
            };
            stream.remember(event);
            self.placed.push(Placed {
                stream_id: &append.stream_id,
                place: stream.end,
                event,
            });
        }
        stream.end.appended()
    }
}

fn duplicate(stream: &StreamFacts, append: &StreamAppend) -> Option<AppendError> {
    let mut marks = append.events.iter().filter_map(|event| event.command);
    let stored = marks.find_map(|mark| Some((mark.command_id, *stream.commands.get(&mark.command_id)?)));
    if let Some((command_id, first)) = stored {
        let stream_id = append.stream_id.clone();
        return Some(AppendError::DuplicateCommand {
            stream_id,
            command_id,
            first: first.appended(),
        });
    }
    let taken = append.events.iter().find(|event| stream.ids.contains(&event.id))?;
    Some(AppendError::DuplicateId {
        stream_id: append.stream_id.clone(),
        id: taken.id,
    })
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
