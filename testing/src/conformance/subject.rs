//! The store under test, as the checks speak to it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use composable_rust_core::{
    AppendError, Appended, CommandId, Conflict, EventId, EventLog, ExpectedVersion, LogPage, Position, ReadAll,
    ReadError, ReadStream, RecordedEvent, SerializedEvent, StreamAppend, StreamId, Version,
};
use futures::TryStreamExt;

use super::Fixture;

/// The store under test: every call is bounded by the fixture's patience, so that a stuck store fails its check.
#[derive(Clone)]
pub(super) struct Subject {
    pub(super) store: Arc<dyn EventLog>,
    patience: Duration,
    has_log: bool,
    /// The newest position that was acknowledged.
    newest: Arc<Mutex<Position>>,
}

pub(super) type Outcome = Result<Appended, AppendError>;

impl Subject {
    pub(super) fn of(fixture: &impl Fixture) -> Self {
        Self {
            store: fixture.store(),
            patience: fixture.patience(),
            has_log: fixture.has_log(),
            newest: Arc::default(),
        }
    }

    pub(super) async fn in_time<T>(&self, what: &str, call: impl Future<Output = T>) -> T {
        let outcome = tokio::time::timeout(self.patience, call).await;
        outcome.unwrap_or_else(|_| panic!("{what} is stuck: nothing came of it within {:?}", self.patience))
    }

    pub(super) async fn try_append(
        &self,
        stream: &StreamId,
        expected: ExpectedVersion,
        events: &[SerializedEvent],
    ) -> Outcome {
        let append = self.store.append_events(stream.clone(), expected, events.to_vec());
        let outcome = self.in_time("an append", append).await;
        self.note(outcome.iter());
        outcome
    }

    /// An append that nothing stands against.
    pub(super) async fn append(
        &self,
        stream: &StreamId,
        expected: ExpectedVersion,
        events: &[SerializedEvent],
    ) -> Appended {
        let outcome = self.try_append(stream, expected, events).await;
        let what = format!(
            "an append of {} events to {stream}, expecting {expected},",
            events.len()
        );
        written(outcome, &what)
    }

    pub(super) async fn try_batch(&self, entries: Vec<StreamAppend>) -> Result<Vec<Appended>, AppendError> {
        let outcome = self.in_time("a batch", self.store.append_batch(entries)).await;
        self.note(outcome.iter().flatten());
        outcome
    }

    fn note<'a>(&self, appended: impl IntoIterator<Item = &'a Appended>) {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        *newest = appended
            .into_iter()
            .map(|appended| appended.position)
            .fold(*newest, Position::max);
    }

    pub(super) async fn read(&self, read: ReadStream) -> Vec<RecordedEvent> {
        let events = self.store.read_stream(read.clone()).try_collect();
        let outcome: Result<Vec<_>, _> = self.in_time("a read", events).await;
        outcome.unwrap_or_else(|error| panic!("{read:?} failed: {error}"))
    }

    pub(super) async fn load(&self, stream: &StreamId) -> Vec<RecordedEvent> {
        self.read(ReadStream::new(stream.clone())).await
    }

    pub(super) async fn load_command(&self, stream: &StreamId, command: CommandId) -> Vec<RecordedEvent> {
        let events = self.store.load_command(stream.clone(), command);
        let outcome = self.in_time("the look-up of a command", events).await;
        outcome.unwrap_or_else(|error| panic!("command {command} of {stream} could not be looked up: {error}"))
    }

    /// Whether the store has a log.
    pub(super) fn has_log(&self) -> bool {
        self.has_log
    }

    pub(super) async fn page(&self, read: ReadAll) -> LogPage {
        let page = self.in_time("a page of the log", self.store.read_all(read)).await;
        page.unwrap_or_else(|error| panic!("a page of the log could not be read: {error}"))
    }

    /// The head, once what was acknowledged can be read: a moment later, where a store holds its readers back until older
    /// transactions have ended, also those of others.
    pub(super) async fn head(&self) -> Position {
        let newest = *self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let settled = async {
            let mut head = self.store.head().await?;
            while head < newest {
                self.store.wait_for_events(head).await?;
                head = self.store.head().await?;
            }
            Ok::<_, ReadError>(head)
        };
        let head = self.in_time("the head of the log", settled).await;
        head.unwrap_or_else(|error| panic!("the head of the log could not be read: {error}"))
    }

    /// Page after page until nothing more is readable.
    pub(super) async fn follow(&self, read: ReadAll) -> Vec<RecordedEvent> {
        let mut events = Vec::new();
        let mut read = read;
        loop {
            let page = self.page(read.clone()).await;
            events.extend(page.events);
            if page.resume_after == read.after {
                return events;
            }
            assert!(
                page.resume_after > read.after,
                "the log went back: a page after {} resume_after up to {}",
                read.after,
                page.resume_after
            );
            read.after = page.resume_after;
        }
    }

    pub(super) async fn everything(&self) -> Vec<RecordedEvent> {
        self.head().await;
        self.follow(ReadAll::after(Position::BEGINNING)).await
    }

    /// Everything in the log of a store that has one: promises of streams ask it as a second witness.
    pub(super) async fn log_if_any(&self) -> Option<Vec<RecordedEvent>> {
        if self.has_log {
            Some(self.everything().await)
        } else {
            None
        }
    }

    /// The end of the log of a store that has one.
    pub(super) async fn head_if_any(&self) -> Option<Position> {
        if self.has_log { Some(self.head().await) } else { None }
    }

    /// The stream holds exactly these events, in this order, densely.
    pub(super) async fn assert_holds(&self, stream: &StreamId, events: &[SerializedEvent], what: &str) {
        let stored = self.load(stream).await;
        assert_eq!(
            stored.len(),
            events.len(),
            "{what}: {stream} holds another number of events than were written"
        );
        for (place, (record, event)) in (1_u64..).zip(stored.iter().zip(events)) {
            assert_eq!(
                record.version.get(),
                place,
                "{what}: the versions of {stream} are not dense"
            );
            assert_eq!(record.stream_id, *stream, "{what}: an event of another stream");
            assert!(
                record.is_record_of(event),
                "{what}: event {place} of {stream} came back changed: wrote {event:?}, read {record:?}"
            );
        }
        let ascending = stored.is_sorted_by(|a, b| a.position < b.position);
        assert!(
            ascending,
            "{what}: the positions of {stream} do not follow its versions"
        );
    }

    pub(super) async fn assert_nothing_in(&self, stream: &StreamId, what: &str) {
        self.assert_holds(stream, &[], what).await;
    }
}

pub(super) fn written<T>(outcome: Result<T, AppendError>, what: &str) -> T {
    outcome.unwrap_or_else(|error| panic!("{what} was to be written, and was refused: {error}"))
}

pub(super) fn version(n: usize) -> Version {
    let version = u64::try_from(n).ok().and_then(Version::new);
    version.unwrap_or_else(|| panic!("{n} is no version"))
}

#[derive(Debug)]
pub(super) enum Refusal<'a> {
    Conflict(&'a StreamId, ExpectedVersion, usize),
    DuplicateId(&'a StreamId, EventId),
    DuplicateCommand(&'a StreamId, CommandId, Appended),
}

impl Refusal<'_> {
    fn is(&self, error: &AppendError) -> bool {
        match (self, error) {
            (Self::Conflict(stream, believed, head), AppendError::Conflict(conflict)) => {
                let Conflict {
                    stream_id,
                    expected,
                    actual,
                } = conflict;
                stream_id == *stream && expected == believed && *actual == version(*head)
            }
            (Self::DuplicateId(stream, taken), AppendError::DuplicateId { stream_id, id }) => {
                stream_id == *stream && id == taken
            }
            (
                Self::DuplicateCommand(stream, stored, at),
                AppendError::DuplicateCommand {
                    stream_id,
                    command_id,
                    first,
                },
            ) => stream_id == *stream && command_id == stored && first == at,
            _ => false,
        }
    }
}

/// The outcome is this refusal, to the letter.
pub(super) fn assert_refused<T: std::fmt::Debug>(outcome: Result<T, AppendError>, refusal: &Refusal<'_>, what: &str) {
    match outcome {
        Ok(written) => panic!("{what} was to be refused with {refusal:?}, and was accepted: {written:?}"),
        Err(error) => assert!(
            refusal.is(&error),
            "{what} was to be refused with {refusal:?}, got {error:?}"
        ),
    }
}
