//! What sequential ids promise.

use std::{collections::HashSet, thread};

use composable_rust_core::IdGenerator;
use composable_rust_testing::SequentialIds;
use uuid::{Uuid, Variant};

#[test]
fn ids_are_of_version_seven_and_the_same_in_every_run() {
    let (ids, again) = (SequentialIds::new(), SequentialIds::new());
    for _ in 0..1000 {
        let id = ids.uuid();
        assert_eq!((id.get_version_num(), id.get_variant()), (7, Variant::RFC4122));
        assert_eq!(id, again.uuid());
    }
}

#[test]
fn ids_sort_as_they_were_made() {
    let ids = SequentialIds::new();
    let made: Vec<Uuid> = (0..1000).map(|_| ids.uuid()).collect();
    assert!(made.is_sorted_by(|a, b| a < b));
}

#[test]
fn no_id_is_given_out_twice_by_any_thread_or_series() {
    let series = [
        SequentialIds::series(0),
        SequentialIds::series(1),
        SequentialIds::series(u16::MAX),
    ];
    let given: Vec<Uuid> = thread::scope(|scope| {
        let take = |ids: &SequentialIds| (0..1000).map(|_| ids.uuid()).collect::<Vec<_>>();
        let threads: Vec<_> = (0..4)
            .flat_map(|_| series.iter().map(|ids| scope.spawn(move || take(ids))))
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(given.iter().collect::<HashSet<_>>().len(), 12_000);
}
