//! One call of a store, as it was recorded.

use std::fmt;

use composable_rust_core::{
    AppendError, Appended, CommandId, Direction, Position, ReadAll, ReadError, ReadStream, Snapshot, SnapshotError,
    SnapshotOutcome, StreamAppend, StreamId, Version,
};

/// One call of a [`RecordingEventStore`](crate::RecordingEventStore), with its answer; printed, it is a line.
///
/// ```
/// use composable_rust_core::{Encoding, EventStore, ExpectedVersion, IdGenerator, SerializedEvent};
/// use composable_rust_testing::{InMemoryEventStore, RecordingEventStore, SequentialIds};
///
/// # futures::executor::block_on(async {
/// let store = RecordingEventStore::new(InMemoryEventStore::new());
/// let opened = SerializedEvent::new(SequentialIds::new().event_id(), "DoorOpened.v1", Encoding::BINCODE, vec![]);
/// store.append_events("door-1".parse()?, ExpectedVersion::NoStream, vec![opened]).await?;
/// assert_eq!(store.calls()[0].to_string(), "append to door-1, expecting no stream: DoorOpened.v1 -> version 1");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RecordedCall {
    /// The request.
    pub request: Request,
    /// The answer.
    pub answer: Answer,
}

/// A request to a store.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Request {
    /// To append to one stream.
    Append(StreamAppend),
    /// To append to several streams.
    Batch(Vec<StreamAppend>),
    /// To read a stream.
    Read(ReadStream),
    /// For the events of a command.
    Command(StreamId, CommandId),
    /// To keep a snapshot.
    Save(StreamId, Snapshot),
    /// For the snapshot of a stream.
    Load(StreamId),
    /// To delete the snapshot of a stream.
    Delete(StreamId),
    /// For a page of the log.
    Page(ReadAll),
    /// For the end of the log.
    Head,
    /// To wait for more than this of the log.
    Wait(Position),
}

/// The answer to a request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Answer {
    /// Nothing yet.
    Pending,
    /// The caller did not wait for an answer, and dropped the future.
    Dropped,
    /// The caller read so many events of a stream and left.
    Left(u64),
    /// Where an append ended: one answer, or one for each entry of a batch.
    Appended(Result<Vec<Appended>, AppendError>),
    /// So many events were read, of a stream or of the log, up to the end or the error.
    Read(u64, Result<(), ReadError>),
    /// What became of a snapshot.
    Saved(Result<SnapshotOutcome, SnapshotError>),
    /// The version of the stream's snapshot, if it has one.
    Loaded(Result<Option<Version>, SnapshotError>),
    /// The stream has no snapshot any more.
    Deleted(Result<(), SnapshotError>),
    /// Where the log ends.
    Head(Result<Position, ReadError>),
    /// There is more.
    Waited(Result<(), ReadError>),
}

impl fmt::Display for RecordedCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {}", self.request, self.answer)
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Append(append) => write!(f, "append to {}", entry(append)),
            Self::Batch(entries) => {
                let entries: Vec<_> = entries.iter().map(entry).collect();
                write!(f, "batch: {}", entries.join("; "))
            }
            Self::Read(read) => write!(f, "read {}", part(read)),
            Self::Command(stream_id, command_id) => write!(f, "read command {command_id} of {stream_id}"),
            Self::Save(stream_id, snapshot) => write!(f, "save snapshot of {stream_id} at {}", snapshot.version),
            Self::Load(stream_id) => write!(f, "load snapshot of {stream_id}"),
            Self::Delete(stream_id) => write!(f, "delete snapshot of {stream_id}"),
            Self::Page(read) => write!(f, "page of the log after {}, at most {} events", read.after, read.limit),
            Self::Head => f.write_str("head of the log"),
            Self::Wait(after) => write!(f, "wait for more after {after}"),
        }
    }
}

fn entry(append: &StreamAppend) -> String {
    let events: Vec<_> = append.events.iter().map(|event| &*event.event_type).collect();
    let events = match events.len() {
        0 => "no events".to_owned(),
        1..=3 => events.join(", "),
        many => format!("{many} events"),
    };
    format!("{}, expecting {}: {events}", append.stream_id, append.expected)
}

fn part(read: &ReadStream) -> String {
    let from = read.from.map(|from| format!(" from {from}")).unwrap_or_default();
    let backward = match read.direction {
        Direction::Forward => "",
        Direction::Backward => ", backward",
    };
    let most = read.limit.map(|limit| format!(", at most {limit}")).unwrap_or_default();
    format!("{}{from}{backward}{most}", read.stream_id)
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pending => f.write_str("no answer yet"),
            Self::Dropped => f.write_str("dropped by the caller"),
            Self::Appended(Ok(appended)) => {
                let versions: Vec<_> = appended.iter().map(|end| format!("version {}", end.version)).collect();
                f.write_str(&versions.join(", "))
            }
            Self::Left(1) => f.write_str("left after 1 event"),
            Self::Left(events) => write!(f, "left after {events} events"),
            Self::Read(1, Ok(())) => f.write_str("1 event"),
            Self::Read(events, Ok(())) => write!(f, "{events} events"),
            Self::Read(events, Err(error)) => write!(f, "after {events}: {error}"),
            Self::Saved(Ok(SnapshotOutcome::Stored)) => f.write_str("stored"),
            Self::Saved(Ok(SnapshotOutcome::Declined)) => f.write_str("declined"),
            Self::Loaded(Ok(Some(version))) => write!(f, "one at {version}"),
            Self::Loaded(Ok(None)) => f.write_str("none"),
            Self::Deleted(Ok(())) => f.write_str("deleted"),
            Self::Head(Ok(position)) => write!(f, "{position}"),
            Self::Waited(Ok(())) => f.write_str("there is more"),
            Self::Appended(Err(error)) => write!(f, "{error}"),
            Self::Saved(Err(error)) | Self::Loaded(Err(error)) | Self::Deleted(Err(error)) => write!(f, "{error}"),
            Self::Head(Err(error)) | Self::Waited(Err(error)) => write!(f, "{error}"),
        }
    }
}
