//! Actions, their effects, and what these do.

use std::sync::{
    Arc, Mutex,
    mpsc::{Receiver, Sender, channel},
};

use composable_rust_core::{Aggregate, Effect, ExpectedVersion, Reducer, StreamAppend};
use composable_rust_runtime::{
    Aggregates, EventSourced, EventSourcedAction, EventSourcedEnvironment, EventSourcedState, Store, SystemIds,
};
use composable_rust_testing::InMemoryEventStore;
use tracing::{Instrument, dispatcher, info_span, level_filters::LevelFilter};

use crate::{
    counter::{Counter, counted, counters, traces},
    recorder::Recorder,
};

/// Appends, then counts in an effect, once in a span of its own.
struct Chain;

enum ChainAction {
    Begin,
    Appended,
    /// Counts in an effect.
    Count(&'static str),
    /// Says so, and goes on when it is told to.
    Wait(Sender<()>, Mutex<Receiver<()>>),
    Done,
}

impl Reducer for Chain {
    type State = ();
    type Action = ChainAction;
    type Environment = (InMemoryEventStore, Aggregates<Counter>);

    fn reduce(&self, (): &mut (), action: &ChainAction, (store, counters): &Self::Environment) -> Effect<ChainAction> {
        let counters = counters.clone();
        match action {
            ChainAction::Begin => {
                let stream = Counter::stream_id("appended").unwrap();
                let append = StreamAppend::new(stream, ExpectedVersion::NoStream, counted());
                Effect::append(Arc::new(store.clone()), append, |_| ChainAction::Appended)
            }
            ChainAction::Appended => Effect::task(async move {
                counters.execute("plain", ()).await.unwrap();
                counters
                    .execute("inside", ())
                    .instrument(info_span!("inside"))
                    .await
                    .unwrap();
                ChainAction::Done
            }),
            &ChainAction::Count(id) => Effect::task(async move {
                counters.execute(id, ()).await.unwrap();
                counters
                    .execute(id, ())
                    .instrument(info_span!("of the effect", id))
                    .await
                    .unwrap();
                ChainAction::Done
            }),
            ChainAction::Wait(waiting, go) => {
                waiting.send(()).unwrap();
                go.lock().unwrap().recv().unwrap();
                Effect::none()
            }
            ChainAction::Done => Effect::none(),
        }
    }
}

async fn chained(recorder: &Recorder, level: LevelFilter) -> InMemoryEventStore {
    let events = InMemoryEventStore::new();
    let _default = recorder.install(level);
    let store = Store::builder(Chain, (events.clone(), counters(&events)))
        .build(())
        .unwrap();
    let sent = store
        .send(ChainAction::Begin)
        .instrument(info_span!("sender"))
        .await
        .unwrap();
    sent.settled().await.unwrap();
    events
}

#[tokio::test]
async fn what_follows_from_an_action_names_the_span_that_it_was_sent_in_or_one_below() {
    let recorder = Recorder::default();
    let events = chained(&recorder, LevelFilter::INFO).await;
    assert_eq!(traces(&events, "appended").await, [Some(recorder.trace("sender"))]);
    assert_eq!(traces(&events, "plain").await, [Some(recorder.trace("sender"))]);
    assert_eq!(traces(&events, "inside").await, [Some(recorder.trace("inside"))]);
    assert_eq!(
        recorder.parent("inside"),
        recorder.span("sender").span_context.span_id().to_string()
    );
}

#[tokio::test]
async fn where_effects_have_spans_of_their_own_these_are_below_the_sender_s() {
    let recorder = Recorder::default();
    let events = chained(&recorder, LevelFilter::DEBUG).await;
    let sender = recorder.span("sender").span_context.span_id().to_string();
    assert_eq!(recorder.parent("append"), sender);
    assert_eq!(recorder.parent("effect"), sender);
    assert_eq!(
        recorder.parent("inside"),
        recorder.span("effect").span_context.span_id().to_string()
    );
    assert_eq!(traces(&events, "appended").await, [Some(recorder.trace("sender"))]);
    assert_eq!(traces(&events, "plain").await, [Some(recorder.trace("effect"))]);
}

/// Reduces what `other` dispatches in the drain of an action that was sent in the span `drainer`.
async fn drained_by_another(recorder: &Recorder, other: impl FnOnce(&Store<Chain>) + Send) -> InMemoryEventStore {
    let events = InMemoryEventStore::new();
    let store = Store::builder(Chain, (events.clone(), counters(&events)))
        .build(())
        .unwrap();
    let dispatch = recorder.dispatch(LevelFilter::INFO);
    let (waiting, waits) = channel();
    let (go, told) = channel();
    let _default = dispatcher::set_default(&dispatch);
    std::thread::scope(|threads| {
        let (store, dispatch) = (&store, &dispatch);
        threads.spawn(move || {
            waits.recv().unwrap();
            dispatcher::with_default(dispatch, || other(store));
            go.send(()).unwrap();
        });
        info_span!("drainer").in_scope(|| {
            assert!(store.try_dispatch(ChainAction::Wait(waiting, Mutex::new(told))).is_ok());
        });
    });
    // Whatever came is done when this is.
    assert!(store.shutdown(std::time::Duration::from_secs(10)).await.is_clean());
    events
}

#[tokio::test]
async fn an_action_that_somebody_else_reduces_keeps_its_sender_s_span() {
    let recorder = Recorder::default();
    let events = drained_by_another(&recorder, |store| {
        info_span!("other").in_scope(|| assert!(store.try_dispatch(ChainAction::Count("1")).is_ok()));
    });
    let events = events.await;
    assert_eq!(
        traces(&events, "1").await,
        [Some(recorder.trace("other")), Some(recorder.trace("of the effect"))]
    );
    assert_eq!(
        recorder.parent("of the effect"),
        recorder.span("other").span_context.span_id().to_string()
    );
}

#[tokio::test]
async fn an_action_that_was_sent_outside_of_spans_is_not_in_that_of_whoever_reduces_it() {
    let recorder = Recorder::default();
    let events = drained_by_another(&recorder, |store| {
        assert!(store.try_dispatch(ChainAction::Count("1")).is_ok());
    });
    let events = events.await;
    assert_eq!(
        traces(&events, "1").await,
        [None, Some(recorder.trace("of the effect"))]
    );
    assert_eq!(recorder.parent("of the effect"), "0000000000000000");
}

#[tokio::test]
async fn commands_of_an_event_sourced_reducer_record_the_spans_that_they_were_sent_in() {
    let (recorder, events) = (Recorder::default(), InMemoryEventStore::new());
    let _default = recorder.install(LevelFilter::INFO);
    let environment = EventSourcedEnvironment::new(Arc::new(events.clone()), Arc::new(SystemIds), ());
    let state = EventSourcedState::new(Counter::stream_id("1").unwrap());
    let store = Store::builder(EventSourced::<Counter>::new(), environment)
        .build(state)
        .unwrap();
    for span in [info_span!("one"), tracing::Span::none(), info_span!("two")] {
        let sent = store
            .send(EventSourcedAction::execute(()))
            .instrument(span)
            .await
            .unwrap();
        sent.settled().await.unwrap();
    }
    assert_eq!(
        traces(&events, "1").await,
        [Some(recorder.trace("one")), None, Some(recorder.trace("two"))]
    );
}
