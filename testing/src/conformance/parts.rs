//! The parts of the suite: which promises a macro makes tests of.

/// Makes a test of each promise about streams for one store: 1 to 7 and 10 to 12.
///
/// 1 expected versions, 2 atomic appends, 3 concurrent writers, 4 batches, 5 repeated appends, 6 names and payloads, 7 reads,
/// 10 dropped futures, 11 immutability, 12 limits and failures. See [`conformance`](crate::conformance).
///
/// ```
/// use composable_rust_testing::{InMemoryEventStore, event_store_conformance};
/// event_store_conformance!(async { InMemoryEventStore::new() });
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! event_store_conformance {
    (@promises $then:ident $($fixture:expr)?) => {
        $crate::__conformance! { @$then $($fixture)? ;
            expected_version_matrix_is_exact,
            appends_are_atomic_dense_and_ordered,
            concurrent_writers_lose_nothing,
            batches_are_all_or_nothing,
            repeated_appends_are_stored_once,
            names_and_payloads_come_back_equal,
            reads_are_complete_or_fail,
            dropped_appends_are_all_or_nothing,
            recorded_events_never_change,
            limits_and_failures_are_typed
        }
    };
    ($fixture:expr $(,)?) => { $crate::event_store_conformance! { @promises tests $fixture } };
}

/// Makes a test of the promise about the log of all streams for one store: 9, waiting for more of it included.
///
/// See [`conformance`](crate::conformance).
///
/// ```
/// use composable_rust_testing::{InMemoryEventStore, event_log_conformance};
/// event_log_conformance!(async { InMemoryEventStore::new() });
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! event_log_conformance {
    (@promises $then:ident $($fixture:expr)?) => {
        $crate::__conformance! { @$then $($fixture)? ; the_log_shows_every_event_exactly_once }
    };
    ($fixture:expr $(,)?) => { $crate::event_log_conformance! { @promises tests $fixture } };
}

/// Makes a test of the promise about snapshots for one store: 8.
///
/// See [`conformance`](crate::conformance).
///
/// ```
/// use composable_rust_testing::{InMemoryEventStore, snapshot_conformance};
/// snapshot_conformance!(async { InMemoryEventStore::new() });
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! snapshot_conformance {
    (@promises $then:ident $($fixture:expr)?) => {
        $crate::__conformance! { @$then $($fixture)? ; the_newest_snapshot_wins }
    };
    ($fixture:expr $(,)?) => { $crate::snapshot_conformance! { @promises tests $fixture } };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance {
    (@names ; $($promise:ident),*) => { [$(stringify!($promise)),*] };
    // One by one: the fixture is an expression of its own for each test, and can't be repeated beside the names.
    (@tests $fixture:expr ; ) => {};
    (@tests $fixture:expr ; $promise:ident $(, $rest:ident)*) => {
        #[test]
        fn $promise() {
            $crate::conformance::run($fixture, $crate::conformance::$promise);
        }
        $crate::__conformance! { @tests $fixture ; $($rest),* }
    };
}

/// The names of all promises, in the order of the specification: a promise's number is its place here.
///
/// ```
/// use composable_rust_testing::conformance::PROMISES;
/// assert_eq!(PROMISES.len(), 12);
/// assert_eq!(PROMISES[8], "the_log_shows_every_event_exactly_once");
/// ```
pub const PROMISES: &[&str] = &[
    "expected_version_matrix_is_exact",
    "appends_are_atomic_dense_and_ordered",
    "concurrent_writers_lose_nothing",
    "batches_are_all_or_nothing",
    "repeated_appends_are_stored_once",
    "names_and_payloads_come_back_equal",
    "reads_are_complete_or_fail",
    "the_newest_snapshot_wins",
    "the_log_shows_every_event_exactly_once",
    "dropped_appends_are_all_or_nothing",
    "recorded_events_never_change",
    "limits_and_failures_are_typed",
];

#[cfg(test)]
mod tests {
    use super::PROMISES;

    /// Their numbers.
    fn numbers(names: &[&str]) -> Vec<usize> {
        let number = |name| {
            PROMISES
                .iter()
                .position(|promise| promise == name)
                .map(|place| place + 1)
        };
        names.iter().map(|name| number(name).unwrap()).collect()
    }

    #[test]
    fn the_macros_cover_the_promises_that_their_docs_name_and_together_all() {
        let streams = numbers(&event_store_conformance!(@promises names));
        let log = numbers(&event_log_conformance!(@promises names));
        let snapshots = numbers(&snapshot_conformance!(@promises names));
        assert_eq!(streams, [1, 2, 3, 4, 5, 6, 7, 10, 11, 12]);
        assert_eq!((log, snapshots), (vec![9], vec![8]));
        assert_eq!(PROMISES.len(), 12);
    }
}
