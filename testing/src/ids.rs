//! Identifiers that are the same in every run.

use std::sync::atomic::{AtomicU64, Ordering};

use composable_rust_core::IdGenerator;
use uuid::{Builder, Uuid};

/// Gives out 1, 2, 3 in the shape of UUIDv7, so that a test's ids are the same in every run and sort as they were made.
///
/// ```
/// use composable_rust_core::IdGenerator;
/// use composable_rust_testing::SequentialIds;
///
/// let ids = SequentialIds::new();
/// assert_eq!(ids.uuid().to_string(), "00dc6acf-ac00-7000-8000-000000000001");
/// assert_eq!(ids.uuid().to_string(), "00dc6acf-ac00-7000-8000-000000000002");
/// ```
#[derive(Debug, Default)]
pub struct SequentialIds {
    series: u16,
    given: AtomicU64,
}

impl SequentialIds {
    /// Milliseconds of [`FixedClock::START`](crate::FixedClock::START): the time that stands in the ids.
    const START_MILLIS: u64 = 946_684_800_000;

    /// Ids from 1 on. Two of these give out the same ids.
    #[must_use]
    pub const fn new() -> Self {
        Self::series(0)
    }

    /// Ids that no other series gives out, for a test with more than one generator.
    ///
    /// ```
    /// use composable_rust_core::IdGenerator;
    /// use composable_rust_testing::SequentialIds;
    /// assert_ne!(SequentialIds::series(1).uuid(), SequentialIds::series(2).uuid());
    /// ```
    #[must_use]
    pub const fn series(series: u16) -> Self {
        Self {
            series,
            given: AtomicU64::new(0),
        }
    }

    /// How many ids were given out.
    pub(crate) fn given(&self) -> u64 {
        self.given.load(Ordering::Relaxed)
    }

    /// Gives the ids after `given` out again: for a question that is asked a second time.
    pub(crate) fn rewind(&self, given: u64) {
        self.given.store(given, Ordering::Relaxed);
    }
}

impl IdGenerator for SequentialIds {
    fn uuid(&self) -> Uuid {
        let number = self.given.fetch_add(1, Ordering::Relaxed) + 1;
        // The series stands in the milliseconds: of the ten bytes after them, the version and the variant take bits.
        let mut tail = [0; 10];
        tail.iter_mut()
            .skip(2)
            .zip(number.to_be_bytes())
            .for_each(|(to, from)| *to = from);
        Builder::from_unix_timestamp_millis(Self::START_MILLIS + u64::from(self.series), &tail).into_uuid()
    }
}
