//! Replaying is no matter of chance.

use std::sync::Arc;

use composable_rust::{Aggregate, Aggregates, EventStore, Version};
use proptest::collection::vec;

use crate::{
    ledger::{Ledger, command, fold},
    stores::{Subject, of_every_store},
};

of_every_store! { a_replay_leads_to_the_same_state_at_every_version_and_every_time }

fn a_replay_leads_to_the_same_state_at_every_version_and_every_time(subject: &Subject) {
    subject.satisfies(
        &vec(command(), 0..20),
        async |store: Arc<dyn EventStore>, id: &str, commands| {
            let host = Aggregates::<Ledger>::new(Arc::clone(&store), ());
            for command in commands {
                let _rejected_or_not = host.execute(id, command).await;
            }
            let events = store.load_events(Ledger::stream_id(id).unwrap(), None).await.unwrap();
            for version in 0..=events.len() {
                let at = Version::try_from(version as u64).unwrap();
                let expected = fold(&events[..version]);
                for _ in 0..2 {
                    let another = Aggregates::<Ledger>::new(Arc::clone(&store), ());
                    assert_eq!(*another.state_at(id, at).await.unwrap().state, expected);
                }
                assert_eq!(*host.state_at(id, at).await.unwrap().state, expected);
            }
            let replayed = Aggregates::<Ledger>::new(store, ()).state(id).await.unwrap();
            assert_eq!(
                (*replayed.state, replayed.version.get()),
                (fold(&events), events.len() as u64)
            );
        },
    );
}
