//! A tracer that keeps what it is told.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use composable_rust_core::TraceContext;
use opentelemetry::{Context, trace::TracerProvider};
use opentelemetry_sdk::{
    error::OTelSdkResult,
    trace::{SdkTracerProvider, Span, SpanData, SpanProcessor},
};
use tracing::{
    Dispatch,
    dispatcher::{self, DefaultGuard},
    level_filters::LevelFilter,
};
use tracing_subscriber::{Layer, layer::SubscriberExt};

/// The spans that have ended, of all traces.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recorder(Arc<Mutex<Vec<SpanData>>>);

impl SpanProcessor for Recorder {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        self.0.lock().unwrap().push(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

impl Recorder {
    /// Has the spans of this level and above, besides a layer that has all.
    pub(crate) fn dispatch(&self, level: LevelFilter) -> Dispatch {
        let provider = SdkTracerProvider::builder().with_span_processor(self.clone()).build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        let all = tracing_subscriber::fmt::layer().with_writer(std::io::sink);
        Dispatch::new(tracing_subscriber::registry().with(layer.with_filter(level)).with(all))
    }

    /// As [`Recorder::dispatch`], for this thread.
    pub(crate) fn install(&self, level: LevelFilter) -> DefaultGuard {
        dispatcher::set_default(&self.dispatch(level))
    }

    /// The span of this name, once it has ended.
    pub(crate) fn span(&self, name: &str) -> SpanData {
        let spans = self.0.lock().unwrap();
        let mut named = spans.iter().filter(|span| span.name == name);
        let span = named.next().cloned();
        assert!(named.next().is_none(), "{name} is there once");
        span.unwrap()
    }

    /// Where the span of this name stands.
    pub(crate) fn trace(&self, name: &str) -> TraceContext {
        let context = self.span(name).span_context;
        let traceparent = format!("00-{}-{}-01", context.trace_id(), context.span_id());
        traceparent.parse().unwrap()
    }

    pub(crate) fn parent(&self, name: &str) -> String {
        self.span(name).parent_span_id.to_string()
    }
}
