//! The session: versions belong to records, state only to what is stored.

#![expect(clippy::unwrap_used, reason = "helper functions of tests")]

use std::convert::Infallible;

use chrono::DateTime;
use composable_rust_core::{
    Aggregate, AggregateSession, ApplyError, Codec, Decoded, EncodedEvent, Encoding, Event, EventError, EventId,
    Position, RecordedEvent, SerializedEvent, Version,
};
use uuid::Uuid;

/// "Added.v1" is one event, "AddedTwice.v1" was split into two, "Viewed.v1" means nothing any more.
#[derive(Debug, PartialEq)]
struct Added(u64);

impl Event for Added {
    fn event_type(&self) -> &'static str {
        "Added.v1"
    }

    fn encode(&self) -> Result<Vec<u8>, EventError> {
        Codec::BINCODE.encode(&self.0)
    }

    fn decode(stored: EncodedEvent<'_>) -> Result<Decoded<Self>, EventError> {
        let codec = Codec::new(stored.encoding);
        match stored.event_type {
            "Added.v1" => codec.decode(stored.data).map(|n| Self(n).into()),
            "AddedTwice.v1" => codec.decode(stored.data).map(|n| Decoded::Many(vec![Self(n), Self(n)])),
            "Viewed.v1" => Ok(Decoded::Nothing),
            _ => Err(EventError::unknown_type(stored)),
        }
    }
}

struct Sum;

impl Aggregate for Sum {
    const CATEGORY: &'static str = "sum";
    type State = u64;
    type Command = u64;
    type Event = Added;
    type Rejection = Infallible;
    type Environment = ();

    /// Decides by what it sees, so that tests can tell which state it was shown.
    fn decide(sum: &u64, plus: &u64, (): &()) -> Result<Vec<Added>, Infallible> {
        Ok(vec![Added(sum + plus)])
    }

    fn apply(sum: &mut u64, event: &Added) {
        *sum += event.0;
    }
}

fn recorded(version: u32, event_type: &'static str) -> RecordedEvent {
    let id = EventId::from_uuid(Uuid::from_u128(version.into()));
    let event = SerializedEvent::new(
        id,
        event_type,
        Encoding::BINCODE,
        Codec::BINCODE.encode(&5_u64).unwrap(),
    );
    let stream_id = Sum::stream_id("1").unwrap();
    let position = Position::from_sequence(version.into());
    RecordedEvent::new(stream_id, Version::from(version), position, DateTime::UNIX_EPOCH, event)
}

#[test]
fn the_version_is_the_records_whatever_it_decodes_to() {
    let mut session = AggregateSession::<Sum>::new();
    for (version, event_type) in [(1, "Added.v1"), (2, "AddedTwice.v1"), (3, "Viewed.v1")] {
        session.apply_recorded(&recorded(version, event_type)).unwrap();
        assert_eq!(session.version(), Version::from(version));
    }
    assert_eq!(**session.state(), 15);
}

#[test]
fn what_is_applied_already_is_ignored() {
    let mut session = AggregateSession::<Sum>::new();
    session.apply_recorded(&recorded(1, "Added.v1")).unwrap();
    session.apply_recorded(&recorded(1, "Added.v1")).unwrap();
    assert_eq!((**session.state(), session.version()), (5, Version::from(1)));
}

#[test]
fn a_gap_is_an_error_and_applies_nothing() {
    let mut session = AggregateSession::<Sum>::new();
    let gap = session.apply_recorded(&recorded(2, "Added.v1"));
    assert!(matches!(gap, Err(ApplyError::Gap { found, .. }) if found == Version::from(2)));
    assert_eq!((**session.state(), session.version()), (0, Version::INITIAL));
}

#[test]
fn an_unknown_event_is_an_error_with_stream_and_version() {
    let error = AggregateSession::<Sum>::new()
        .apply_recorded(&recorded(1, "Subtracted.v1"))
        .unwrap_err();
    assert_eq!(error.to_string(), "event 1 of sum-1 can't be decoded");
}

#[test]
fn a_second_decision_sees_the_staged_events_and_the_state_does_not() {
    let mut session = AggregateSession::<Sum>::new();
    for plus in [1, 10] {
        let events = session.decide(&plus, &()).unwrap();
        session.stage(events);
    }
    assert_eq!(session.staged(), [Added(1), Added(11)]);
    assert_eq!((**session.state(), session.version()), (0, Version::INITIAL));
    let stored = session.commit_staged(Version::from(2));
    assert_eq!(stored, [Added(1), Added(11)]);
    assert_eq!((**session.state(), session.version()), (12, Version::from(2)));
}

#[test]
fn after_a_failure_nothing_is_left_of_what_was_staged() {
    let mut session = AggregateSession::<Sum>::new();
    for plus in [1, 10] {
        let events = session.decide(&plus, &()).unwrap();
        session.stage(events);
    }
    assert_eq!(session.discard_staged(), [Added(1), Added(11)]);
    assert_eq!(*session.tentative_state(), 0);
    assert!(session.commit_staged(Version::INITIAL).is_empty());
    assert_eq!(**session.state(), 0);
}

#[test]
fn a_reader_of_the_state_keeps_what_it_has_seen() {
    let mut session = AggregateSession::<Sum>::new();
    let before = session.state().clone();
    session.apply_recorded(&recorded(1, "Added.v1")).unwrap();
    assert_eq!((*before, **session.state()), (0, 5));
}
