//! Assertions about stored events.

use std::fmt::Debug;

use composable_rust_core::{Decoded, EncodedEvent, Event, ReadError, RecordedEvent, SerializedEvent, StreamId};

pub use composable_rust_core::EventStore;

use crate::failed::{causes, count, difference, failed};

/// Asserts that stored events are these, as the application reads them today; shows only what differs.
///
/// Takes [`RecordedEvent`](composable_rust_core::RecordedEvent)s or
/// [`SerializedEvent`](composable_rust_core::SerializedEvent)s, and events that are `PartialEq` and `Debug`. Events that
/// decode to nothing are passed over; `[]` means that nothing is stored at all.
///
/// ```
/// # use composable_rust_core::{Codec, Decoded, EncodedEvent, Event, EventError};
/// # #[derive(Debug, PartialEq)]
/// # struct Deposited(u64);
/// # impl Event for Deposited {
/// #     fn event_type(&self) -> &'static str { "Deposited.v1" }
/// #     fn encode(&self) -> Result<Vec<u8>, EventError> { Codec::BINCODE.encode(&self.0) }
/// #     fn decode(stored: EncodedEvent<'_>) -> Result<Decoded<Self>, EventError> {
/// #         Codec::new(stored.encoding).decode(stored.data).map(|amount| Self(amount).into())
/// #     }
/// # }
/// use composable_rust_testing::{History, assert_events};
///
/// let history = History::new("account-1".parse()?).events(&[Deposited(5), Deposited(7)]);
/// assert_events!(history.recorded(), [Deposited(5), Deposited(7)]);
/// assert_events!(history.first(0).recorded(), []);
/// # Ok::<(), composable_rust_core::StreamIdError>(())
/// ```
#[macro_export]
macro_rules! assert_events {
    ($stored:expr, [] $(,)?) => {
        $crate::asserts::assert_none("the events", &$stored)
    };
    ($stored:expr, $expected:expr $(,)?) => {
        $crate::asserts::assert_events("the events", &$stored, &$expected)
    };
}

/// Asserts that a stream of a store holds exactly these events; in an async test, on any store.
///
/// The stream is a `StreamId` or its name. As [`assert_events!`](crate::assert_events), it compares what the application
/// reads; `[]` means that the stream has no events.
///
/// ```
/// # use composable_rust_core::{Codec, Decoded, EncodedEvent, Event, EventError};
/// # #[derive(Debug, PartialEq)]
/// # struct Deposited(u64);
/// # impl Event for Deposited {
/// #     fn event_type(&self) -> &'static str { "Deposited.v1" }
/// #     fn encode(&self) -> Result<Vec<u8>, EventError> { Codec::BINCODE.encode(&self.0) }
/// #     fn decode(stored: EncodedEvent<'_>) -> Result<Decoded<Self>, EventError> {
/// #         Codec::new(stored.encoding).decode(stored.data).map(|amount| Self(amount).into())
/// #     }
/// # }
/// use composable_rust_testing::{History, InMemoryEventStore, assert_stream};
///
/// # futures::executor::block_on(async {
/// let store = InMemoryEventStore::new();
/// let history = History::new("account-1".parse()?).events(&[Deposited(5)]);
/// history.store_in(&store).await?;
///
/// assert_stream!(store, history.stream_id(), [Deposited(5)]);
/// assert_stream!(store, "account-2", []);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[macro_export]
macro_rules! assert_stream {
    (@read $store:expr, $stream:expr) => {{
        use $crate::asserts::EventStore as _;
        let stream_id = $crate::asserts::stream_id($stream);
        let read = $store.load_events(::core::clone::Clone::clone(&stream_id), ::core::option::Option::None);
        $crate::asserts::read(&stream_id, read.await)
    }};
    ($store:expr, $stream:expr, [] $(,)?) => {{
        let (stream, stored) = $crate::assert_stream!(@read $store, $stream);
        $crate::asserts::assert_none(&stream, &stored);
    }};
    ($store:expr, $stream:expr, $expected:expr $(,)?) => {{
        let (stream, stored) = $crate::assert_stream!(@read $store, $stream);
        $crate::asserts::assert_events(&stream, &stored, &$expected);
    }};
}

/// An event with its bytes, on its way into a store or read back from one.
pub trait Stored {
    fn encoded(&self) -> EncodedEvent<'_>;
    /// What it is called among its like; the first has number 1.
    fn place(&self, number: usize) -> String;
}

impl Stored for RecordedEvent {
    fn encoded(&self) -> EncodedEvent<'_> {
        RecordedEvent::encoded(self)
    }

    fn place(&self, _: usize) -> String {
        format!("version {} of {}", self.version, self.stream_id)
    }
}

impl Stored for SerializedEvent {
    fn encoded(&self) -> EncodedEvent<'_> {
        SerializedEvent::encoded(self)
    }

    fn place(&self, number: usize) -> String {
        format!("event {number}")
    }
}

/// What names a stream.
pub trait Stream {
    fn named(self) -> Result<StreamId, String>;
}

impl Stream for StreamId {
    fn named(self) -> Result<StreamId, String> {
        Ok(self)
    }
}

impl Stream for &StreamId {
    fn named(self) -> Result<StreamId, String> {
        Ok(self.clone())
    }
}

impl Stream for &str {
    fn named(self) -> Result<StreamId, String> {
        self.parse().map_err(|error| format!("{self:?}: {error}"))
    }
}

#[must_use]
#[track_caller]
pub fn stream_id(stream: impl Stream) -> StreamId {
    match stream.named() {
        Ok(stream_id) => stream_id,
        Err(error) => failed("this names no stream", &error, "name the stream as `category-id`"),
    }
}

#[must_use]
#[track_caller]
pub fn read(stream_id: &StreamId, read: Result<Vec<RecordedEvent>, ReadError>) -> (String, Vec<RecordedEvent>) {
    match read {
        Ok(events) => (format!("the stream {stream_id}"), events),
        Err(error) => failed(
            &format!("the stream {stream_id} can't be read"),
            &causes(&error),
            "assert on the store itself, not on one that is made to fail",
        ),
    }
}

#[track_caller]
pub fn assert_none<S: Stored>(what: &str, stored: &impl AsRef<[S]>) {
    let stored = stored.as_ref();
    if stored.is_empty() {
        return;
    }
    let line = |(number, event): (usize, &S)| format!("{}: {}", event.place(number), event.encoded().event_type);
    let are = if stored.len() == 1 { "is" } else { "are" };
    let lines: Vec<String> = (1..).zip(stored).map(line).collect();
    failed(
        &format!(
            "{what}: expected none, and there {are} {}",
            count(stored.len(), "event")
        ),
        &lines.join("\n"),
        "find out who writes them, or expect them",
    );
}

#[track_caller]
pub fn assert_events<S: Stored, E: Event + PartialEq + Debug>(
    what: &str,
    stored: &impl AsRef<[S]>,
    expected: &impl AsRef<[E]>,
) {
    let mut events = Vec::new();
    for (number, stored) in (1..).zip(stored.as_ref()) {
        match E::decode(stored.encoded()) {
            Ok(decoded) => events.push(decoded),
            Err(error) => failed(
                &format!("{what}: {} can't be read", stored.place(number)),
                &causes(&error),
                "teach the event type this stored name, or assert on the events of one type only",
            ),
        }
    }
    let (actual, expected): (Vec<&E>, Vec<&E>) = (
        events.iter().flat_map(Decoded::as_slice).collect(),
        expected.as_ref().iter().collect(),
    );
    if actual != expected {
        failed(
            &format!("{what}: other events than expected (- expected, + actual)"),
            &difference(&expected, &actual),
            "look at the first line that differs: what comes after it may only be shifted",
        );
    }
}
