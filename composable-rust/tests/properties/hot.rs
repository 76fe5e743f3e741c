//! What is in memory is what the log says, whoever else writes and whatever fails.

use std::sync::Arc;

use composable_rust::{EventStore, testing::FaultyEventStore};
use proptest::{collection::vec, prelude::*};

use crate::{
    calls::{Call, Given},
    ledger::command,
    pair::{Pair, written},
    stores::{Subject, of_every_store},
};

/// What happens next.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// So many commands are given at once.
    Commands(Vec<Given>),
    /// Somebody appends by hand.
    Written(Vec<i64>),
    /// Somebody looks at the state that a host has in memory.
    Look(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => vec(given(), 1..7).prop_map(Step::Commands),
        2 => vec(1..50_i64, 1..4).prop_map(Step::Written),
        1 => (0..2_usize).prop_map(Step::Look),
    ]
}

/// With an id a rejection is carried out alone; without one it may wait for the append of others that it stands on.
fn given() -> impl Strategy<Value = Given> {
    let one = (0..2_usize, any::<bool>()).prop_map(|(host, has_id)| (vec![host], has_id));
    let to = prop_oneof![6 => one, 1 => Just((vec![0, 1], true))];
    (command(), to).prop_map(|(command, (hosts, has_id))| Given { command, hosts, has_id })
}

of_every_store! {
    hot_states_are_replays_and_answers_are_true_while_others_write
    hot_states_are_replays_and_answers_are_true_while_much_fails
}

fn hot_states_are_replays_and_answers_are_true_while_others_write(subject: &Subject) {
    subject.satisfies(
        &vec(step(), 1..12),
        async |store: Arc<dyn EventStore>, id: &str, steps| {
            let calls = Pair::on(Arc::clone(&store), &store, id, 1).carry_out(steps).await;
            assert!(calls.iter().all(Call::is_answered), "nothing failed: {calls:?}");
        },
    );
}

fn hot_states_are_replays_and_answers_are_true_while_much_fails(subject: &Subject) {
    let input = (any::<u64>(), 1..5_u32, vec(step(), 1..12));
    subject.satisfies(
        &input,
        async |store: Arc<dyn EventStore>, id: &str, (seed, attempts, steps)| {
            let faulty = FaultyEventStore::seeded(Arc::clone(&store), seed)
                .failures_before_commit(0.15)
                .failures_after_commit(0.15)
                .lost_requests(0.1)
                .read_failures(0.15)
                .snapshot_failures(0.3)
                .conflicts(0.15, |append| written(append.stream_id.clone(), &[1]));
            let failing: Arc<dyn EventStore> = Arc::new(faulty);
            Pair::on(store, &failing, id, attempts).carry_out(steps).await;
        },
    );
}
