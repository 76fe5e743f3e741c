//! Event-store operations: never cancelled, one append at a time for each stream, their answers always reduced.

use std::sync::Arc;

use composable_rust_core::{
    AppendError, Effect, EventStore, InFlight, Prism, ReadError, Reducer, ReducerExt, Snapshot, SnapshotError, Version,
};
use composable_rust_runtime::{SettleError, Store};
use composable_rust_testing::Operation;

use crate::{
    gated::{Gated, faultless, one_event, outcome},
    support::{Do, SECOND, Scripted, advance, notes, scripts, settle},
};

/// Appends to `stream`, then notes the outcome.
fn append(store: &Arc<dyn EventStore>, stream: &'static str) -> Effect<Do> {
    let then = move |result: Result<_, AppendError>| Do::note(format!("{stream}:{}", outcome(&result)));
    Effect::append(Arc::clone(store), one_event(stream), then)
}

fn batch(store: &Arc<dyn EventStore>, streams: &'static [&'static str]) -> Effect<Do> {
    let appends = streams.iter().map(|stream| one_event(stream)).collect();
    let then = move |result: Result<_, AppendError>| Do::note(format!("{}:{}", streams.join("+"), outcome(&result)));
    Effect::append_batch(Arc::clone(store), appends, then)
}

#[tokio::test]
async fn every_operation_is_performed_and_its_answer_reduced() {
    let (store, _) = scripts();
    let events: Arc<dyn EventStore> = Arc::new(composable_rust_testing::InMemoryEventStore::new());
    let stream = || "s-1".parse().unwrap();
    let snapshot = Snapshot {
        version: Version::from(1),
        schema: 1,
        data: vec![7],
    };
    let start = Do::then("start", move || {
        let saved = Effect::save_snapshot(events.clone(), stream(), snapshot, |result| {
            Do::note(format!("saved:{}", result.is_ok()))
        });
        let loaded = Effect::load_events(events.clone(), stream(), None, |result| {
            Do::note(format!("loaded:{}", result.map_or(0, |events| events.len())))
        });
        let remembered = Effect::load_snapshot(events.clone(), stream(), |result| {
            Do::note(format!(
                "remembered:{:?}",
                result.ok().flatten().map(|snapshot| snapshot.data)
            ))
        });
        let batch = vec![one_event("s-1"), one_event("s-2")];
        let batched = Effect::append_batch(events.clone(), batch, |result| {
            Do::note(format!("batched:{}", result.map_or(0, |appended| appended.len())))
        });
        let appended = Effect::append(events, one_event("s-1"), |result| {
            Do::note(format!(
                "appended:{}",
                result.map_or(Version::INITIAL, |appended| appended.version)
            ))
        });
        appended.then(saved).then(batched).then(loaded).then(remembered)
    });
    store.send(start).await.unwrap().settled().await.unwrap();
    assert_eq!(
        notes(&store),
        "start appended:1 saved:true batched:2 loaded:2 remembered:Some([7])"
    );
}

#[tokio::test]
async fn appends_of_one_stream_start_in_order_and_one_at_a_time() {
    let (store, _) = scripts();
    let gated = Gated::closed();
    for _ in 0..3 {
        let events = gated.port();
        store
            .dispatch(Do::then("go", move || append(&events, "s-1")))
            .await
            .unwrap();
    }
    settle().await;
    for log in ["s-1:begun", "s-1:stored s-1:begun", "s-1:stored s-1:stored s-1:begun"] {
        assert_eq!(gated.log(), log);
        gated.admit(1);
        settle().await;
    }
    assert_eq!(notes(&store), "go go go s-1:stored s-1:stored s-1:stored");
    assert_eq!(store.remembered(), 0);
}

#[tokio::test]
async fn appends_of_other_streams_do_not_wait() {
    let (store, _) = scripts();
    let gated = Gated::closed();
    let events = gated.port();
    let both = move || append(&events, "s-1").merge(append(&events, "s-2"));
    store.dispatch(Do::then("go", both)).await.unwrap();
    settle().await;
    assert_eq!(gated.log(), "s-1:begun s-2:begun");
}

#[tokio::test]
async fn a_batch_waits_for_each_of_its_streams_and_holds_them_all() {
    let (store, _) = scripts();
    let gated = Gated::closed();
    let events = gated.port();
    let all = move || {
        append(&events, "a-1")
            .merge(batch(&events, &["a-1", "b-1"]))
            .merge(append(&events, "b-1"))
    };
    store.dispatch(Do::then("go", all)).await.unwrap();
    settle().await;
    assert_eq!(gated.log(), "a-1:begun");
    gated.admit(1);
    settle().await;
    assert_eq!(gated.log(), "a-1:stored a-1+b-1:begun");
    gated.admit(2);
    settle().await;
    assert_eq!(notes(&store), "go a-1:stored a-1+b-1:stored b-1:stored");
}

#[tokio::test]
async fn batches_in_opposite_orders_never_wait_for_each_other_in_a_circle() {
    let (store, _) = scripts();
    let gated = Gated::open();
    for _ in 0..50 {
        let events = gated.port();
        let both = move || batch(&events, &["a-1", "b-1"]).merge(batch(&events, &["b-1", "a-1"]));
        store.dispatch(Do::then("go", both)).await.unwrap();
    }
    assert!(store.shutdown(SECOND).await.is_clean());
    assert_eq!(gated.stored("a-1"), 100);
}

/// Starts an append in `wrap`, does `end`, lets the append go on: its answer is reduced.
async fn survives(wrap: impl FnOnce(Effect<Do>) -> Effect<Do> + Send + 'static, end: Effect<Do>) -> String {
    let (store, clock) = scripts();
    let gated = Gated::closed();
    let events = gated.port();
    store
        .dispatch(Do::then("go", move || wrap(append(&events, "s-1"))))
        .await
        .unwrap();
    settle().await;
    store.dispatch(Do::then("end", move || end)).await.unwrap();
    advance(&clock, SECOND).await;
    gated.admit(1);
    settle().await;
    assert_eq!(gated.stored("s-1"), 1);
    assert_eq!(store.remembered(), 0);
    notes(&store)
}

#[tokio::test]
async fn a_started_append_is_not_cancelled_by_its_id() {
    let wrap = |append: Effect<Do>| append.cancellable("id", InFlight::Keep);
    assert_eq!(survives(wrap, Effect::cancel("id")).await, "go end s-1:stored");
    let nested = |append: Effect<Do>| {
        append
            .then(Effect::emit(Do::note("never")))
            .cancellable("id", InFlight::Keep)
    };
    assert_eq!(survives(nested, Effect::cancel("id")).await, "go end s-1:stored");
}

#[tokio::test]
async fn a_started_append_is_not_cancelled_by_a_race() {
    let wrap = |append: Effect<Do>| Effect::race([append, Effect::emit(Do::note("won"))]);
    assert_eq!(survives(wrap, Effect::none()).await, "go won end s-1:stored");
}

#[tokio::test]
async fn a_started_append_is_not_cancelled_by_a_timeout() {
    let wrap = |append: Effect<Do>| append.timeout(SECOND, Do::note("late"));
    assert_eq!(survives(wrap, Effect::none()).await, "go end late s-1:stored");
}

#[tokio::test]
async fn an_append_that_wins_a_race_is_reduced_once() {
    let (store, clock) = scripts();
    let events = Gated::open().port();
    let start = Do::then("go", move || append(&events, "s-1").timeout(SECOND, Do::note("late")));
    store.send(start).await.unwrap().settled().await.unwrap();
    advance(&clock, SECOND).await;
    assert_eq!(notes(&store), "go s-1:stored");
}

#[tokio::test]
async fn a_started_append_is_not_cancelled_by_its_handle_nor_is_what_follows_from_it() {
    let (store, clock) = scripts();
    let gated = Gated::closed();
    let events = gated.port();
    let start = Do::then("go", move || {
        let next = Do::then("next", || Effect::emit(Do::note("follows")).delay(SECOND));
        let append = Effect::append(events, one_event("s-1"), |_| next);
        append.merge(Effect::emit(Do::note("never")).delay(SECOND))
    });
    let sent = store.send(start).await.unwrap();
    settle().await;
    sent.cancel();
    gated.admit(1);
    advance(&clock, SECOND).await;
    sent.settled().await.unwrap();
    assert_eq!(notes(&store), "go next follows");
}

/// A child whose parent removes it, while it appends.
#[tokio::test]
async fn a_started_append_is_not_cancelled_by_the_removal_of_its_child() {
    /// Does what its child's actions say, and removes the child.
    struct Removing;
    impl Reducer for Removing {
        type State = (Option<Vec<String>>, Vec<String>);
        type Action = Do;
        type Environment = ();
        fn reduce(&self, state: &mut Self::State, action: &Do, (): &()) -> Effect<Do> {
            state.0 = None;
            Scripted.reduce(&mut state.1, action, &())
        }
    }
    let prism = Prism::new(|action: &Do| Some(action), |action| action);
    let removing = Removing.child("child", |state| state.0.as_mut(), prism, Scripted);
    let events = Gated::open().port();
    let store = Store::builder(removing, ()).build((Some(vec![]), vec![])).unwrap();
    let start = Do::then("go", move || {
        let removed = Effect::task(async { Do::note("never") });
        append(&events, "s-1").merge(removed)
    });
    store.send(start).await.unwrap().settled().await.unwrap();
    assert_eq!(store.state(|(_, notes)| notes.join(" ")), "go s-1:stored");
}

#[tokio::test]
async fn a_panic_in_a_stores_future_is_outcome_unknown_and_lets_the_next_append_go() {
    let (store, _) = scripts();
    let events: Arc<dyn EventStore> = Arc::new(faultless().nth_append(1).panics().nth_append(2).panics());
    let both = move || append(&events, "s-1").merge(append(&events, "s-1"));
    store.send(Do::then("go", both)).await.unwrap().settled().await.unwrap();
    assert_eq!(notes(&store), "go s-1:unknown s-1:unknown");
    assert_eq!(store.remembered(), 0);
}

#[tokio::test]
async fn a_panic_in_a_read_is_an_error_of_the_store() {
    let (store, _) = scripts();
    let broken = faultless().nth_read(1).panics().nth(Operation::Load, 1).panics();
    let start = Do::then("go", move || {
        let events: Arc<dyn EventStore> = Arc::new(broken);
        let loaded = Effect::load_events(events.clone(), "s-1".parse().unwrap(), None, |result| {
            Do::note(format!("load:{}", matches!(result, Err(ReadError::Backend(_)))))
        });
        loaded.then(Effect::load_snapshot(events, "s-1".parse().unwrap(), |result| {
            Do::note(format!("snapshot:{}", matches!(result, Err(SnapshotError::Backend(_)))))
        }))
    });
    store.send(start).await.unwrap().settled().await.unwrap();
    assert_eq!(notes(&store), "go load:true snapshot:true");
}

#[tokio::test]
async fn an_append_that_is_not_answered_in_time_is_outcome_unknown_and_lets_the_next_go() {
    let (store, clock) = scripts();
    let gated = Gated::closed();
    let events = gated.port();
    let both = move || append(&events, "s-1").merge(append(&events, "s-1"));
    store.dispatch(Do::then("go", both)).await.unwrap();
    advance(&clock, SECOND * 75).await;
    assert_eq!(notes(&store), "go s-1:unknown");
    gated.admit(1);
    settle().await;
    assert_eq!(notes(&store), "go s-1:unknown s-1:stored");
}

#[tokio::test]
async fn a_panic_in_a_continuation_is_caught() {
    let (store, _) = scripts();
    let events = Gated::open().port();
    let start = Do::then("go", move || {
        let panicking = Effect::append(events.clone(), one_event("s-1"), |_| panic!("no way to go on"));
        panicking
            .then(Effect::emit(Do::note("never")))
            .merge(append(&events, "s-1"))
    });
    let settled = store.send(start).await.unwrap().settled().await;
    let Err(SettleError::EffectPanicked(panic)) = settled else {
        panic!("{settled:?}")
    };
    assert_eq!(
        (panic.label, panic.message.as_str()),
        (Some("append"), "no way to go on")
    );
    assert_eq!(notes(&store), "go s-1:stored");
}

/// The runtime has one thread and runs what was woken first: the canceller runs after the answer was sent, and before
/// the sequence that waits for it has taken it.
#[tokio::test]
async fn an_answer_on_its_way_to_an_effect_that_is_cancelled_is_reduced_all_the_same() {
    let (store, _) = scripts();
    let gated = Gated::closed();
    let events = gated.port();
    let steps = move || {
        append(&events, "s-1")
            .then(Effect::emit(Do::note("never")))
            .cancellable("id", InFlight::Keep)
    };
    store.dispatch(Do::then("go", steps)).await.unwrap();
    let canceller = tokio::spawn({
        let (store, admitted) = (store.clone(), Arc::clone(&gated.admitted));
        async move {
            admitted.notified().await;
            assert_eq!(notes(&store), "go", "the answer is not reduced yet");
            assert!(store.try_dispatch(Do::then("cancel", || Effect::cancel("id"))).is_ok());
        }
    });
    settle().await;
    gated.admit(1);
    canceller.await.unwrap();
    settle().await;
    assert_eq!(notes(&store), "go cancel s-1:stored");
}
