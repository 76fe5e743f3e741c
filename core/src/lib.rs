//! The words, values and contracts of composable-rust: events and the stores that keep them, reducers and the effects
//! they return, aggregates and the state machine that hosts them.
//!
//! Everything here is pure: no runtime, no database, no clock, no thread. What it describes is performed by
//! `composable-rust-runtime` and stored by `composable-rust-sqlite`, or by `composable-rust-testing` in memory.
//! Applications usually add the facade `composable-rust` instead of this crate.
//!
//! ```
//! use composable_rust_core::{ExpectedVersion, StreamId, Version};
//!
//! let stream = StreamId::new("order", 42)?;
//! assert_eq!(stream.to_string(), "order-42");
//! assert!(ExpectedVersion::NoStream.accepts(Version::INITIAL));
//! # Ok::<(), composable_rust_core::StreamIdError>(())
//! ```

mod aggregate;
mod append;
pub mod backend;
mod clock;
mod codec;
mod effect;
mod encoding;
mod error;
mod event;
mod event_id;
mod expected_version;
#[cfg(feature = "json")]
mod finite;
mod limits;
mod metadata;
mod position;
mod read;
mod recorded_event;
mod reducer;
mod serialized_event;
mod snapshot;
mod store;
mod stream_id;
mod trace_context;
mod version;

pub use aggregate::{
    AcknowledgedBatch, Aggregate, AggregateSession, ApplyError, BatchCommand, CommandBatch, CommandOutcome,
    FailedBatch, SnapshotPolicy,
};
pub use append::{Appended, StreamAppend};
pub use clock::{Clock, IdGenerator};
pub use codec::Codec;
pub use effect::{AppendDescription, Backoff, CancelId, Edge, Effect, EffectDescription, InFlight, Key, Segment};
pub use encoding::Encoding;
pub use error::{
    AppendError, Conflict, InvalidAppend, Limit, ReadError, SharedError, SnapshotError, TooLarge, Unavailable,
    UnavailableReason,
};
pub use event::{Decoded, EncodedEvent, Event, EventError};
pub use event_id::{CommandId, EventId};
pub use expected_version::ExpectedVersion;
pub use metadata::EventMetadata;
pub use position::{Position, PositionError};
pub use read::{Direction, EventFilter, LogPage, ReadAll, ReadStream};
pub use recorded_event::RecordedEvent;
pub use reducer::{BoxedReducer, Child, Combine, ForEach, MapEnvironment, Prism, Reducer, ReducerExt, RowPrism};
pub use serialized_event::{CommandMark, SerializedEvent};
pub use snapshot::{Snapshot, SnapshotAndEvents, SnapshotOutcome};
pub use store::{EventLog, EventStore};
pub use stream_id::{StreamId, StreamIdError};
pub use trace_context::{TraceContext, TraceContextError};
pub use version::{Version, VersionError};

/// What generated code needs. Not part of the public API.
#[doc(hidden)]
pub mod __private {
    pub use serde;
}

/// What an effect consists of, for the engine that performs it and the kit that tests it: not covered by any promise.
#[doc(hidden)]
pub mod __engine {
    pub use crate::{
        effect::{
            Attempt, Continuation, EventStoreOperation, Retry,
            node::{Group, Grouping, Leaf, Node, Wrapped, Wrapper, from_node, into_node, kind},
            transform::transform,
        },
        reducer::ChildStep,
    };
}
