//! Commands given to `Aggregates`.

use std::sync::Arc;

use composable_rust_core::TraceContext;
use composable_rust_runtime::{Aggregates, CommandContext, Envelope};
use composable_rust_testing::{FaultyEventStore, InMemoryEventStore};
use futures::{channel::oneshot, future};
use opentelemetry::{
    Context, SpanId, TraceFlags, TraceId,
    trace::{SpanContext, TraceContextExt, TraceState},
};
use tracing::{Instrument, Span, info_span, level_filters::LevelFilter, subscriber};

use crate::{
    counter::{Counter, counters, traces},
    recorder::Recorder,
};

fn foreign() -> TraceContext {
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        .parse()
        .unwrap()
}

#[tokio::test]
async fn a_command_records_the_span_in_which_it_is_given() {
    let (recorder, events) = (Recorder::default(), InMemoryEventStore::new());
    let _default = recorder.install(LevelFilter::INFO);
    let counters = counters(&events);
    counters.execute("1", ()).instrument(info_span!("one")).await.unwrap();
    counters.execute("1", ()).await.unwrap();
    let nested = async { counters.execute("1", ()).instrument(info_span!("inner")).await };
    nested.instrument(info_span!("outer")).await.unwrap();
    assert_eq!(
        traces(&events, "1").await,
        [Some(recorder.trace("one")), None, Some(recorder.trace("inner"))]
    );
    let outer = recorder.span("outer").span_context.span_id();
    assert_eq!(recorder.parent("inner"), outer.to_string());
}

#[tokio::test]
async fn what_the_caller_says_is_recorded_rather_than_its_span() {
    let (recorder, events) = (Recorder::default(), InMemoryEventStore::new());
    let _default = recorder.install(LevelFilter::INFO);
    let counters = counters(&events);
    let context = CommandContext::default().with_trace_context(foreign());
    counters
        .execute_with("1", (), context)
        .instrument(info_span!("one"))
        .await
        .unwrap();
    assert_eq!(traces(&events, "1").await, [Some(foreign())]);
}

#[tokio::test]
async fn an_envelope_is_recorded_where_the_span_outside_of_it_is_of_another_trace() {
    let (recorder, events) = (Recorder::default(), InMemoryEventStore::new());
    let _default = recorder.install(LevelFilter::INFO);
    let counters = counters(&events);
    let message = async {
        counters.execute("1", ()).await.unwrap();
        counters
            .execute("1", ())
            .instrument(info_span!("inside"))
            .await
            .unwrap();
    };
    let envelope = Envelope::default().with_trace_context(foreign());
    envelope.scope(message).instrument(info_span!("consumer")).await;
    assert_eq!(
        traces(&events, "1").await,
        [Some(foreign()), Some(recorder.trace("inside"))]
    );
    assert_eq!(recorder.parent("inside"), foreign().parent_id());
}

#[tokio::test]
async fn the_span_is_recorded_where_it_belongs_to_the_trace_of_the_envelope_outside_of_it() {
    let (recorder, events) = (Recorder::default(), InMemoryEventStore::new());
    let _default = recorder.install(LevelFilter::INFO);
    let counters = counters(&events);
    // As a middleware does for a request that says where it comes from.
    let request = foreign();
    let (trace, parent) = (
        TraceId::from_hex(request.trace_id()),
        SpanId::from_hex(request.parent_id()),
    );
    let (trace, parent) = (trace.unwrap(), parent.unwrap());
    let remote = SpanContext::new(trace, parent, TraceFlags::SAMPLED, true, TraceState::default());
    let span = {
        let _remote = Context::new().with_remote_span_context(remote).attach();
        info_span!("request")
    };
    let envelope = Envelope::default()
        .with_actor("clerk-7")
        .with_trace_context(request.clone());
    envelope
        .scope(counters.execute("1", ()))
        .instrument(span)
        .await
        .unwrap();
    let inside = recorder.trace("request");
    assert_eq!(inside.trace_id(), request.trace_id());
    assert_eq!(traces(&events, "1").await, [Some(inside)]);
}

#[tokio::test]
async fn an_envelope_without_a_trace_hides_no_span() {
    let (recorder, events) = (Recorder::default(), InMemoryEventStore::new());
    let _default = recorder.install(LevelFilter::INFO);
    let counters = counters(&events);
    let scoped = Envelope::default().with_actor("clerk-7").scope(async {
        counters.execute("1", ()).await.unwrap();
        Envelope::current().and_then(|envelope| envelope.trace_context)
    });
    let seen = scoped.instrument(info_span!("one")).await;
    assert_eq!(traces(&events, "1").await, [Some(recorder.trace("one"))]);
    assert_eq!(seen, Some(recorder.trace("one")));
}

#[tokio::test]
async fn without_a_layer_nothing_is_recorded() {
    let events = InMemoryEventStore::new();
    let counters = counters(&events);
    counters.execute("1", ()).instrument(info_span!("one")).await.unwrap();
    let all = tracing_subscriber::fmt().with_writer(std::io::sink).finish();
    let _default = subscriber::set_default(all);
    counters.execute("1", ()).instrument(info_span!("one")).await.unwrap();
    assert_eq!(traces(&events, "1").await, [None, None]);
}

#[tokio::test]
async fn a_shared_append_follows_from_the_spans_of_all_its_commands() {
    let (recorder, events) = (Recorder::default(), InMemoryEventStore::new());
    let _default = recorder.install(LevelFilter::DEBUG);
    let (proceed, held) = oneshot::channel();
    let store = FaultyEventStore::new(events.clone())
        .nth_append(1)
        .is_held_until(async { held.await.unwrap() });
    let counters = Aggregates::<Counter>::new(Arc::new(store), ());
    let command = |span: Span| counters.execute("1", ()).instrument(span);
    let (one, two) = (info_span!("one"), info_span!("two"));
    let first = command(info_span!("first"));
    let all = future::join4(first, command(one), command(two), async { proceed.send(()).unwrap() });
    let (first, one, two, ()) = all.await;
    assert!(first.is_ok() && one.is_ok() && two.is_ok());
    let linked: Vec<_> = recorder
        .span("execute_batch")
        .links
        .iter()
        .map(|link| link.span_context.span_id())
        .collect();
    assert_eq!(
        linked,
        ["one", "two"].map(|name| recorder.span(name).span_context.span_id())
    );
    assert_eq!(
        traces(&events, "1").await,
        ["first", "one", "two"].map(|name| Some(recorder.trace(name)))
    );
}
