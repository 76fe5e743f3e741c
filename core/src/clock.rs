//! Clocks and id generators: time and identifiers are inputs.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use uuid::Uuid;

use crate::{CommandId, EventId};

/// A clock: the source of time. Implemented by `SystemClock` of the runtime, and by `TestClock` and `FixedClock` of the
/// testing kit.
///
/// ```
/// use chrono::{DateTime, Utc};
/// use composable_rust_core::Clock;
/// use futures::future::BoxFuture;
/// use std::time::Duration;
///
/// struct Noon;
/// impl Clock for Noon {
///     fn now(&self) -> DateTime<Utc> {
///         DateTime::UNIX_EPOCH + Duration::from_secs(12 * 60 * 60)
///     }
///     fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
///         Box::pin(async {})
///     }
/// }
/// assert_eq!(Noon.now().to_rfc3339(), "1970-01-01T12:00:00+00:00");
/// ```
pub trait Clock: Send + Sync + 'static {
    /// The current time.
    fn now(&self) -> DateTime<Utc>;

    /// Completes after `duration`, as this clock counts it.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
}

/// A generator of identifiers. Implemented by `SystemIds` of the runtime, and by `SequentialIds` of the testing kit.
///
/// ```
/// use composable_rust_core::{IdGenerator, EventId};
/// use uuid::Uuid;
///
/// struct Always(u128);
/// impl IdGenerator for Always {
///     fn uuid(&self) -> Uuid {
///         Uuid::from_u128(self.0)
///     }
/// }
/// assert_eq!(Always(7).event_id(), EventId::from_uuid(Uuid::from_u128(7)));
/// ```
pub trait IdGenerator: Send + Sync + 'static {
    /// A new UUIDv7, different from all that were returned before.
    fn uuid(&self) -> Uuid;

    /// An id for a new event.
    fn event_id(&self) -> EventId {
        EventId::from_uuid(self.uuid())
    }

    /// An id for a new command.
    fn command_id(&self) -> CommandId {
        CommandId::from_uuid(self.uuid())
    }
}
