//! The bytes of what was released, kept as files: so that a change of a stored form fails a test before it fails a log.

mod bytes;
mod current;
mod events;
mod file;
mod findings;
mod folder;
mod format;
mod old;
mod reading;
mod snapshots;

pub use events::GoldenEvents;
pub use snapshots::GoldenSnapshots;

/// The names of an event type whose `Event` is written by hand: not known.
pub trait UnknownNames {
    #[doc(hidden)]
    const __EVENT_NAMES: &'static [&'static str] = &[];
}

impl<E: composable_rust_core::Event> UnknownNames for E {}

/// The bytes of an event type's every version, held by files: an incompatible change of a released event fails the test,
/// with an explanation.
///
/// The folder is below the package's, and the event type's own. There is a file for each stored name: `.hex`, or `.json` for
/// events written in JSON. Each event of today is named with [`current`](GoldenEvents::current), each old stored name with
/// what its bytes are read as today ([`old`](GoldenEvents::old)). Both may be said several times for one name, so that there
/// is an event for each variant of a payload's enum: one alone does not tell that the variants after it were moved.
///
/// What is missing is written if the environment says `GOLDEN=write` (and not `CI`), else it fails the test; what is there
/// is never written again.
///
/// ```
/// # use composable_rust_core::{Codec, Decoded, EncodedEvent, Event, EventError};
/// #[derive(Debug, PartialEq)]
/// enum DoorEvent {
///     Opened,
///     Locked { code: u32 },
/// }
/// # impl Event for DoorEvent {
/// #     fn event_type(&self) -> &'static str { match self { Self::Opened => "DoorOpened.v1", Self::Locked { .. } => "DoorLocked.v2" } }
/// #     fn encode(&self) -> Result<Vec<u8>, EventError> {
/// #         match self { Self::Opened => Codec::BINCODE.encode(&()), Self::Locked { code } => Codec::BINCODE.encode(code) }
/// #     }
/// #     fn decode(stored: EncodedEvent<'_>) -> Result<Decoded<Self>, EventError> {
/// #         let codec = Codec::new(stored.encoding);
/// #         match stored.event_type {
/// #             "DoorOpened.v1" => codec.decode(stored.data).map(|()| Self::Opened.into()),
/// #             "DoorLocked.v2" => codec.decode(stored.data).map(|code| Self::Locked { code }.into()),
/// #             "DoorLocked.v1" => codec.decode(stored.data).map(|()| Self::Locked { code: 0 }.into()),
/// #             _ => Err(EventError::unknown_type(stored)),
/// #         }
/// #     }
/// # }
///
/// // In a test:
/// # use composable_rust_testing::golden_events;
/// golden_events!(DoorEvent, "tests/golden/door")
///     .current(DoorEvent::Opened)
///     .current(DoorEvent::Locked { code: 7 })
///     .current(DoorEvent::Locked { code: 100_000 })
///     .old("DoorLocked.v1", [DoorEvent::Locked { code: 0 }])
///     .check();
/// ```
///
/// With `#[derive(Event)]` it also fails if a stored name has no file; names that are skipped need none.
#[macro_export]
macro_rules! golden_events {
    ($events:ty, $folder:expr $(,)?) => {{
        #[allow(unused_imports, reason = "only for event types that are written by hand")]
        use $crate::golden::UnknownNames as _;
        $crate::GoldenEvents::<$events>::in_folder(::std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join($folder))
            .names(<$events>::__EVENT_NAMES)
    }};
}

/// The bytes of an aggregate's state, held by a file for each schema number of its snapshots: a change of the state's form
/// under the same number fails the test, with an explanation.
///
/// Give it a state of each kind (one per variant, lists with and without elements). As with
/// [`golden_events!`](crate::golden_events), what is missing is written with `GOLDEN=write` and fails otherwise; what is
/// there is never written again. Files of earlier numbers may stay: they keep a number from being used twice.
///
/// ```
/// # use composable_rust_core::*;
/// # struct Counter; struct Counted;
/// # impl Event for Counted {
/// #     fn event_type(&self) -> &'static str { "Counted.v1" }
/// #     fn encode(&self) -> Result<Vec<u8>, EventError> { Ok(vec![]) }
/// #     fn decode(_: EncodedEvent<'_>) -> Result<Decoded<Self>, EventError> { Ok(Self.into()) }
/// # }
/// impl Aggregate for Counter {
///     const SNAPSHOTS: SnapshotPolicy<u32> = SnapshotPolicy::every(100, 1);
/// #     const CATEGORY: &'static str = "counter";
/// #     type State = u32; type Command = (); type Event = Counted;
/// #     type Rejection = std::convert::Infallible; type Environment = ();
/// #     fn decide(_: &u32, (): &(), (): &()) -> Result<Vec<Counted>, Self::Rejection> { Ok(vec![Counted]) }
/// #     fn apply(count: &mut u32, _: &Counted) { *count += 1; }
///     // ...
/// }
///
/// // In a test:
/// # use composable_rust_testing::golden_snapshots;
/// golden_snapshots!(Counter, "tests/golden/counter").state(0).state(100_000).check();
/// ```
#[macro_export]
macro_rules! golden_snapshots {
    ($aggregate:ty, $folder:expr $(,)?) => {
        $crate::GoldenSnapshots::<$aggregate>::in_folder(
            ::std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join($folder),
        )
    };
}
