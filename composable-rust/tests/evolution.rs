//! Old stored events, on every path by which events are read.

#![expect(clippy::unwrap_used, reason = "helper functions of tests")]

use std::{convert::Infallible, sync::Arc};

use composable_rust::{
    CommandContext, CommandMark, Encoding, LoadError, Position, ReadAll, SerializedEvent, StreamAppend,
    prelude::*,
    testing::{History, InMemoryEventStore, Scenario, SequentialIds, assert_stream, golden_events},
};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Event)]
#[event(skip("ParcelScanned.v1"))]
enum ParcelEvent {
    #[event("ParcelWeighed.v3", from("ParcelWeighed.v1" = WeighedV1, "ParcelWeighed.v2" = WeighedV2))]
    Weighed(Weighed),
    #[event("ParcelMoved.v1", alias("ParcelShifted.v1"), from("ParcelsMoved.v1" = RouteV1))]
    Moved { to: String },
}

#[derive(Deserialize)]
struct WeighedV1(u8);

#[derive(Deserialize)]
struct WeighedV2(u16);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Weighed {
    grams: u32,
    hops: Vec<String>,
}

#[derive(Deserialize)]
struct RouteV1(Vec<String>);

impl From<WeighedV1> for WeighedV2 {
    fn from(old: WeighedV1) -> Self {
        Self(u16::from(old.0) * 10)
    }
}

impl From<WeighedV2> for Weighed {
    fn from(old: WeighedV2) -> Self {
        let (grams, hops) = (old.0.into(), vec!["v2".to_owned()]);
        Self { grams, hops }
    }
}

/// A way that is longer than the nearest hop, and is not taken.
impl From<WeighedV1> for Weighed {
    fn from(_: WeighedV1) -> Self {
        let (grams, hops) = (0, vec!["straight from v1".to_owned()]);
        Self { grams, hops }
    }
}

impl From<RouteV1> for Vec<ParcelEvent> {
    fn from(RouteV1(route): RouteV1) -> Self {
        route.into_iter().map(|to| ParcelEvent::Moved { to }).collect()
    }
}

/// How heavy, and by which way.
#[derive(Clone, Debug, Default, PartialEq)]
struct Parcel {
    grams: u32,
    way: Vec<String>,
}

impl Aggregate for Parcel {
    const CATEGORY: &'static str = "parcel";
    type State = Self;
    type Command = String;
    type Event = ParcelEvent;
    type Rejection = Infallible;
    type Environment = ();

    fn decide(parcel: &Self, to: &String, (): &()) -> Result<Vec<ParcelEvent>, Infallible> {
        let to = format!("{to} after {}", parcel.way.join(", "));
        Ok(vec![ParcelEvent::Moved { to }])
    }

    fn apply(parcel: &mut Self, event: &ParcelEvent) {
        match event {
            ParcelEvent::Weighed(weighed) => parcel.grams = weighed.grams,
            ParcelEvent::Moved { to } => parcel.way.push(to.clone()),
        }
    }
}

fn weighed(grams: u32) -> ParcelEvent {
    let hops = vec!["v2".to_owned()];
    ParcelEvent::Weighed(Weighed { grams, hops })
}

fn moved(to: &str) -> ParcelEvent {
    ParcelEvent::Moved { to: to.to_owned() }
}

fn stream() -> StreamId {
    Parcel::stream_id("p").unwrap()
}

/// An event as it was stored once.
fn old(nth: u16, name: &'static str, bytes: &[u8]) -> SerializedEvent {
    let ids = SequentialIds::series(nth);
    SerializedEvent::new(ids.event_id(), name, Encoding::BINCODE, bytes.to_vec())
}

/// Six records: a chain, one that is several, one that is none, a skipped one, a renamed one, one hop.
fn records() -> Vec<SerializedEvent> {
    vec![
        old(1, "ParcelWeighed.v1", &[5]),
        old(2, "ParcelsMoved.v1", b"\x02\x01a\x01b"),
        old(3, "ParcelsMoved.v1", &[0]),
        old(4, "ParcelScanned.v1", b"anything"),
        old(5, "ParcelShifted.v1", b"\x01c"),
        old(6, "ParcelWeighed.v2", &[70]),
    ]
}

fn events() -> Vec<ParcelEvent> {
    vec![weighed(50), moved("a"), moved("b"), moved("c"), weighed(70)]
}

async fn store(events: Vec<SerializedEvent>) -> InMemoryEventStore {
    let store = InMemoryEventStore::new();
    store
        .append_events(stream(), ExpectedVersion::NoStream, events)
        .await
        .unwrap();
    store
}

fn parcel(grams: u32, way: &[&str]) -> Parcel {
    let way = way.iter().map(|&place| place.to_owned()).collect();
    Parcel { grams, way }
}

#[tokio::test]
async fn a_host_loads_decides_and_travels_in_time_through_old_events() {
    let store = store(records()).await;
    let host = Aggregates::<Parcel>::new(Arc::new(store.clone()), ());
    let loaded = host.state("p").await.unwrap();
    assert_eq!((&*loaded, loaded.version.get()), (&parcel(70, &["a", "b", "c"]), 6));

    let states = [
        parcel(0, &[]),
        parcel(50, &[]),
        parcel(50, &["a", "b"]),
        parcel(50, &["a", "b"]),
        parcel(50, &["a", "b"]),
        parcel(50, &["a", "b", "c"]),
        parcel(70, &["a", "b", "c"]),
    ];
    for (version, state) in (0_u32..).zip(&states) {
        assert_eq!(
            &*host.state_at("p", version.into()).await.unwrap(),
            state,
            "at {version}"
        );
    }

    // Another process, of yesterday, writes in between: what is missing is caught up with, through the upcasts.
    let late = StreamAppend::new(stream(), Version::from(6), vec![old(7, "ParcelShifted.v1", b"\x01d")]);
    store.append(late).await.unwrap();
    let committed = host.execute("p", "e".to_owned()).await.unwrap();
    assert_eq!(committed.version, Version::from(8));
    assert_eq!(committed.events, [moved("e after a, b, c, d")]);
}

#[tokio::test]
async fn a_repeated_command_is_answered_with_its_old_events_as_they_are_read_today() {
    let command_id = SequentialIds::new().command_id();
    let mut route = old(1, "ParcelsMoved.v1", b"\x02\x01a\x01b");
    route.command = Some(CommandMark::new(command_id, 1));
    let host = Aggregates::<Parcel>::new(Arc::new(store(vec![route]).await), ());
    let context = CommandContext::default().with_command_id(command_id);
    let committed = host.execute_with("p", "anywhere".to_owned(), context).await.unwrap();
    assert_eq!(
        (committed.events, committed.version.get()),
        (vec![moved("a"), moved("b")], 1)
    );
}

#[tokio::test]
async fn the_loop_reads_old_events_as_well() {
    let store = store(records()).await;
    let environment = EventSourcedEnvironment::new(Arc::new(store), Arc::new(SystemIds), ());
    let state = EventSourcedState::<Parcel>::new(stream());
    let parcels = Store::builder(EventSourced::new(), environment).build(state).unwrap();
    let sent = parcels.send(EventSourcedAction::load()).await.unwrap();
    sent.settled().await.unwrap();
    parcels.state(|shown| {
        assert_eq!(**shown.state(), parcel(70, &["a", "b", "c"]));
        assert_eq!(shown.version(), Version::from(6));
    });
}

#[tokio::test]
async fn readers_of_streams_and_of_the_log_decode_the_same_and_the_version_is_the_records() {
    let store = store(records()).await;
    assert_stream!(store, stream(), events());
    let page = store.read_all(ReadAll::after(Position::BEGINNING)).await.unwrap();
    let read = page.events.iter().map(|record| {
        let decoded = record.decode::<ParcelEvent>().unwrap();
        (record.version.get(), decoded.into_vec())
    });
    assert_eq!(
        read.collect::<Vec<_>>(),
        [
            (1, vec![weighed(50)]),
            (2, vec![moved("a"), moved("b")]),
            (3, vec![]),
            (4, vec![]),
            (5, vec![moved("c")]),
            (6, vec![weighed(70)]),
        ]
    );
}

#[tokio::test]
async fn a_name_that_nobody_knows_is_an_error_with_stream_and_version_and_never_skipped() {
    let mut records = records();
    records.push(old(7, "ParcelLost.v1", &[]));
    let store = store(records).await;
    let host = Aggregates::<Parcel>::new(Arc::new(store.clone()), ());
    let is_seventh = |stream_id: &StreamId, version: Version, source: &EventError| {
        assert_eq!((stream_id, version.get()), (&stream(), 7));
        assert_eq!(source.to_string(), "unknown event type \"ParcelLost.v1\"");
    };
    for error in [
        host.state("p").await.unwrap_err(),
        host.state_at("p", 7_u32.into()).await.unwrap_err(),
    ] {
        let LoadError::Decode {
            stream_id,
            version,
            source,
        } = &error
        else {
            panic!("{error:?}")
        };
        is_seventh(stream_id, *version, source);
        assert_eq!(error.to_string(), "event 7 of parcel-p can't be decoded");
    }
    let error = host.execute("p", "e".to_owned()).await.unwrap_err();
    let ExecuteError::Decode {
        stream_id,
        version,
        source,
    } = &error
    else {
        panic!("{error:?}")
    };
    is_seventh(stream_id, *version, source);
    assert_eq!(
        *host.state_at("p", 6_u32.into()).await.unwrap(),
        parcel(70, &["a", "b", "c"])
    );
    assert_eq!(store.len(), 7, "nothing was written on top of what is not understood");
}

#[test]
fn a_scenario_begins_with_old_events_as_well() {
    let history = records()
        .into_iter()
        .fold(History::of::<Parcel>("p"), History::serialized);
    Scenario::<Parcel>::given_history(&history)
        .when("e".to_owned())
        .then([moved("e after a, b, c")]);
}

#[test]
fn every_name_of_a_derived_event_has_to_have_a_golden_file_but_those_that_are_skipped() {
    let said = std::panic::catch_unwind(|| golden_events!(ParcelEvent, "tests/no-such-folder").check());
    let said = *said.unwrap_err().downcast::<String>().unwrap();
    let missing: Vec<&str> = said
        .lines()
        .filter_map(|line| line.strip_prefix("no golden file is checked for "))
        .collect();
    let names = [
        "ParcelWeighed.v3",
        "ParcelMoved.v1",
        "ParcelShifted.v1",
        "ParcelWeighed.v1",
        "ParcelWeighed.v2",
    ];
    let mut expected: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    expected.push("\"ParcelsMoved.v1\"".to_owned());
    assert_eq!(missing, expected);
    assert!(said.contains("`.old(\"ParcelWeighed.v1\", [...])`"), "{said}");
}
