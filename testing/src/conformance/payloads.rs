//! Promise 6: names and payloads.

use composable_rust_core::{CommandMark, Encoding, EventId, EventMetadata, ExpectedVersion, SerializedEvent, StreamId};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Fixture,
    events::{named_stream, nested, new_command, new_event, new_stream, trace_context},
    subject::Subject,
};

/// Every stream name that the type allows names a stream of its own, and every payload, event type, encoding, id and
/// metadata comes back equal, from the stream and from the log.
///
/// # Panics
/// When the store does not keep the promise.
pub async fn names_and_payloads_come_back_equal(fixture: impl Fixture) {
    let store = Subject::of(&fixture);
    let mut written = Vec::new();
    for name in names() {
        let stream = named_stream(&name);
        let events = vec![new_event()];
        store.append(&stream, ExpectedVersion::NoStream, &events).await;
        written.push((stream, events));
    }
    for events in [payloads(), named_events(), with_metadata()] {
        let stream = new_stream("content");
        store.append(&stream, ExpectedVersion::NoStream, &events).await;
        written.push((stream, events));
    }
    for (stream, events) in &written {
        let what = format!("a stream named {:?}", stream.as_str());
        store.assert_holds(stream, events, &what).await;
    }
    check_log(&store, &written).await;
}

/// The log shows what the streams show.
async fn check_log(store: &Subject, written: &[(StreamId, Vec<SerializedEvent>)]) {
    let Some(log) = store.log_if_any().await else {
        return;
    };
    let mut log = log.iter();
    for (stream, events) in written {
        for event in events {
            let record = log
                .next()
                .unwrap_or_else(|| panic!("the log lacks the event {} of {stream}", event.id));
            let equal = record.stream_id == *stream && record.is_record_of(event);
            assert!(
                equal,
                "an event came back changed in the log: wrote {event:?} to {stream}, read {record:?}"
            );
        }
    }
}

/// Names that quoting, collation, normalisation, trimming, patterns and escapes have gone wrong on.
const ODD_NAMES: &[&str] = &[
    "a",
    "A",
    " a",
    "a ",
    "a-",
    "-a",
    "-",
    "--",
    "a--b",
    "ä",
    "a\u{308}",
    "%",
    "_",
    "a_b",
    "a%b",
    "*",
    "?",
    "\\",
    "\\'",
    "'",
    "''",
    "\"",
    "`",
    "$1",
    "?1",
    ":a",
    "@a",
    "#",
    ";",
    "--; DROP TABLE events",
    "a'b\"c",
    "null",
    "NULL",
    "0",
    "00",
    "1e3",
    "true",
    "\t",
    "\n",
    "\r\n",
    "a\nb",
    "\u{1}",
    "\u{7f}",
    "\u{85}",
    "\u{a0}",
    "\u{feff}",
    "\u{200b}",
    "\u{202e}right",
    "ß",
    "ss",
    "İ",
    "ı",
    "i",
    "注文-一",
    "순서",
    "طلب",
    "🚂-🚃",
    "👩‍🚀",
    "\u{10ffff}",
    "\u{fffd}",
    "order/1",
    "order:1",
    "{}",
    "[]",
    "<a>&amp;",
];

fn names() -> Vec<String> {
    let long = [
        "x".repeat(StreamId::MAX_BYTES),
        "y".repeat(StreamId::MAX_BYTES - 1),
        "é".repeat(StreamId::MAX_BYTES / 2),
        "🚂".repeat(StreamId::MAX_BYTES / 4),
        "\"".repeat(StreamId::MAX_BYTES),
    ];
    ODD_NAMES.iter().map(|name| (*name).to_owned()).chain(long).collect()
}

fn payloads() -> Vec<SerializedEvent> {
    let mebibyte = (0..1_u32 << 20)
        .map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0])
        .collect();
    let integers = [
        i128::MIN,
        i128::MAX,
        0,
        -1,
        i64::MIN.into(),
        i64::MAX.into(),
        u64::MAX.into(),
    ];
    let extremes = integers.iter().flat_map(|n| n.to_be_bytes()).collect();
    let bytes = [
        vec![],
        vec![0],
        vec![0; 4096],
        vec![0xff; 33],
        (0..=u8::MAX).collect(),
        "naïve 🚂 \" ' \\ \0 \r\n".into(),
        b"{\"json\": [1, 2.50, null]}".to_vec(),
        b"\\x00ff".to_vec(),
        vec![0xc3, 0x28, 0xed, 0xa0, 0x80],
        extremes,
        mebibyte,
    ];
    let with = |data: Vec<u8>| {
        let mut event = new_event();
        event.data = data;
        event
    };
    bytes.into_iter().map(with).collect()
}

/// Event types, encodings and ids at their ends.
fn named_events() -> Vec<SerializedEvent> {
    let texts = [
        "a".to_owned(),
        "é ' \" \\ % 🚂\n".to_owned(),
        " ".to_owned(),
        "t".repeat(256),
    ];
    let named = texts.map(|event_type| SerializedEvent::new(new_event().id, event_type, Encoding::JSON, vec![1]));
    let codes = [i16::MIN, -1, 0, 1, 2, i16::MAX];
    let encoded = codes.map(|code| SerializedEvent::new(new_event().id, "T.v1", Encoding::from_code(code), vec![2]));
    let ids = [Uuid::nil(), Uuid::max(), Uuid::from_u128(1)];
    let identified = ids.map(|id| SerializedEvent::new(EventId::from_uuid(id), "T.v1", Encoding::BINCODE, vec![3]));
    let mark = CommandMark::new(new_command(), 1);
    let marked = new_event().with_command(mark);
    named
        .into_iter()
        .chain(encoded)
        .chain(identified)
        .chain([marked])
        .collect()
}

/// Metadata that JSON in a database has lost digits, keys or characters of.
fn with_metadata() -> Vec<SerializedEvent> {
    let named = EventMetadata::default()
        .with_actor("Zoë 🚂 \"quoted\" \\ \u{7f}")
        .with_correlation_id(Uuid::max())
        .with_causation_id(EventId::from_uuid(Uuid::nil()));
    let traces = [
        trace_context(
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
            "a=b,\tc@d=\"e f\"",
        ),
        // Of a later version of the specification, which knows more.
        trace_context(
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff-more\"or\\less",
            "a=b",
        ),
    ];
    let of_traces = traces.map(|trace| EventMetadata::default().with_trace_context(trace));
    let values = [
        json!(u64::MAX),
        json!(i64::MIN),
        json!(i64::MAX),
        json!(9_007_199_254_740_993_u64),
        json!([0, -1, true, false, null]),
        json!([
            0.5,
            -0.1,
            0.1 + 0.2,
            1.5e300,
            -2.5e-300,
            f64::MAX,
            1.797_693_134_862_315_5e308,
            f64::MIN_POSITIVE,
            123_456_789.012_345_68
        ]),
        json!(""),
        json!("a\tb\r\n\u{1}\u{2028} é 🚂 \"'\\/"),
        json!({"": {"nested": [[], {}, [{"deep": null}]]}, " ": 1, "é\"": 2}),
        nested(EventMetadata::MAX_DEPTH),
        Value::Null,
    ];
    let own = values
        .into_iter()
        .map(|value| EventMetadata::default().with("value", value));
    let keys = EventMetadata::default()
        .with("", 1)
        .with("$.a[0]", 2)
        .with("É \"'", 3)
        .with("Actor", 4);
    let all = own
        .chain([named.clone(), named.with("tenant", "north"), keys])
        .chain(of_traces);
    all.map(|metadata| new_event().with_metadata(metadata)).collect()
}
