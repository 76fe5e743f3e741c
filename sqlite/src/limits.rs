//! How long the parts of a call may take.

use std::time::Duration;

/// How long the parts of a call may take. A call takes no longer than their sum.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// To wait in the queue and for a connection.
    pub(crate) acquire: Duration,
    /// To run the statements, SQLite's waiting for the locks of other processes included.
    pub(crate) statement: Duration,
}

/// SQLite counts its busy timeout in milliseconds, as an `i32`.
const LONGEST_BUSY: Duration = Duration::from_millis(i32::MAX.unsigned_abs() as u64);

impl Limits {
    pub(crate) fn sum(self) -> Duration {
        self.acquire.saturating_add(self.statement)
    }

    /// SQLite's busy timeout. Half of the statement limit, because an append waits for the lock twice at most: once for
    /// the fast statement, and once more if that was refused. Set once a connection: setting it for each call from the
    /// remaining time would be one more trip to the connection's thread.
    pub(crate) fn busy(self) -> Duration {
        (self.statement / 2).min(LONGEST_BUSY)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            acquire: Duration::from_secs(3),
            statement: Duration::from_secs(10),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_ends_before_the_attempt_of_which_it_is_a_part() {
        let (limits, attempt) = (Limits::default(), Duration::from_secs(15));
        assert!(limits.sum() < attempt);
        assert!(limits.busy() * 2 <= limits.statement && limits.busy() >= Duration::from_secs(5));
    }
}
