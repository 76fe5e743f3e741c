//! Spans as OpenTelemetry's current context knows them.

use std::str::FromStr;

use composable_rust_core::TraceContext;
use opentelemetry::{
    Context, SpanId, TraceFlags, TraceId,
    context::FutureExt,
    trace::{SpanContext, TraceContextExt, TraceState},
};

/// That of the span which surrounds the code that runs now; none, if that is what put us here, and `known` says more.
pub(crate) fn current(known: Option<&TraceContext>) -> Option<TraceContext> {
    Context::map_current(|context| {
        // Looked at first: where there is no span, which is so wherever no layer is installed, this is all it costs.
        if !context.has_active_span() {
            return None;
        }
        let span = context.span();
        let span = span.span_context();
        let is_span = context.get::<Entered>() != Some(&Entered(span.span_id()));
        match known {
            Some(known) if is_place(span, known) => Some(known.clone()),
            Some(_) if !is_span => None,
            _ => trace_context(span),
        }
    })
}

/// Runs `f` as a part of `trace`, or of none, whoever's span surrounds this.
pub(crate) fn within<T>(trace: Option<&TraceContext>, f: impl FnOnce() -> T) -> T {
    let is_here = Context::map_current(|context| match trace {
        Some(trace) => context.has_active_span() && is_place(context.span().span_context(), trace),
        None => !context.has_active_span(),
    });
    if is_here { f() } else { TraceScope::of(trace).enter(f) }
}

/// A place in a trace, or outside of any, which spans can have as their parent.
pub(crate) struct TraceScope(Context);

/// In a context, says that its span is none that somebody has made here, but the parent for those that will be.
#[derive(PartialEq)]
struct Entered(SpanId);

impl TraceScope {
    pub(crate) fn of(trace: Option<&TraceContext>) -> Self {
        let Some(span) = trace.and_then(span_context) else {
            return Self(Context::new());
        };
        let entered = Context::new().with_value(Entered(span.span_id()));
        Self(entered.with_remote_span_context(span))
    }

    /// Runs `f` here.
    pub(crate) fn enter<T>(&self, f: impl FnOnce() -> T) -> T {
        let _entered = self.0.clone().attach();
        f()
    }

    /// Runs `f` here, unless this is no place in a trace, or the span that surrounds this belongs to the same one: it is the
    /// more exact place then.
    pub(crate) fn enter_from_elsewhere<T>(&self, f: impl FnOnce() -> T) -> T {
        let trace = self.0.span().span_context().trace_id();
        let stay = trace == TraceId::INVALID
            || Context::map_current(|context| context.span().span_context().trace_id() == trace);
        if stay { f() } else { self.enter(f) }
    }

    /// Has `future` polled here.
    pub(crate) fn carry<F: Future>(self, future: F) -> impl Future<Output = F::Output> {
        future.with_context(self.0)
    }
}

fn is_place(span: &SpanContext, trace: &TraceContext) -> bool {
    let of_trace = |id: SpanId| u64::from_str_radix(trace.parent_id(), 16) == Ok(u64::from_be_bytes(id.to_bytes()));
    of_trace(span.span_id()) && TraceId::from_hex(trace.trace_id()) == Ok(span.trace_id())
}

/// `None` for a span that is none: of a tracer that records nothing and knows no parent.
fn trace_context(span: &SpanContext) -> Option<TraceContext> {
    if !span.is_valid() {
        return None;
    }
    // The other flags are for this version to set, and it knows one.
    let flags = (span.trace_flags() & TraceFlags::SAMPLED).to_u8();
    let traceparent = format!("00-{}-{}-{flags:02x}", span.trace_id(), span.span_id());
    let tracestate = span.trace_state().header();
    TraceContext::from_headers(&traceparent, Some(&tracestate)).ok()
}

fn span_context(trace: &TraceContext) -> Option<SpanContext> {
    let trace_id = TraceId::from_hex(trace.trace_id()).ok()?;
    let span_id = SpanId::from_hex(trace.parent_id()).ok()?;
    let state = trace.tracestate().and_then(|state| TraceState::from_str(state).ok());
    // Said to be of this process, which most are: spans of effects would otherwise be shown as entries into a service.
    let is_remote = false;
    let flags = TraceFlags::new(trace.flags());
    Some(SpanContext::new(
        trace_id,
        span_id,
        flags,
        is_remote,
        state.unwrap_or_default(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_trace_context_is_the_same_after_a_way_through_a_span() {
        let plain: TraceContext = TRACEPARENT.parse().unwrap();
        let unsampled: TraceContext = TRACEPARENT.replace("-01", "-00").parse().unwrap();
        let vendors = plain.clone().with_tracestate("a=1,b=2").unwrap();
        for trace in [plain, unsampled, vendors] {
            assert_eq!(trace_context(&span_context(&trace).unwrap()), Some(trace.clone()));
            assert_eq!(within(Some(&trace), || current(None)), Some(trace));
        }
        assert_eq!(current(None), None);
    }

    fn traces<const N: usize>(changed: [(&str, &str); N]) -> [TraceContext; N] {
        changed.map(|(from, to)| TRACEPARENT.replace(from, to).parse().unwrap())
    }

    #[test]
    fn the_place_of_another_stays_outside() {
        let [one, other] = traces([("b7-", "b7-"), ("b7-", "b8-")]);
        within(Some(&one), || {
            assert_eq!(within(Some(&other), || current(None)), Some(other.clone()));
            assert_eq!(
                within(Some(&other), || current(Some(&one))),
                None,
                "no span, and one is known"
            );
            assert_eq!(within(None, || current(None)), None);
            assert_eq!(current(None), Some(one.clone()));
        });
    }

    #[test]
    fn the_more_exact_place_in_a_trace_is_kept() {
        let [outer, inner, other] = traces([("b7-", "b7-"), ("b7-", "b8-"), ("4bf9", "aaaa")]);
        let seen_from = |trace: Option<&TraceContext>| TraceScope::of(trace).enter_from_elsewhere(|| current(None));
        within(Some(&inner), || {
            assert_eq!(seen_from(Some(&outer)), Some(inner.clone()));
            assert_eq!(seen_from(Some(&other)), Some(other.clone()));
            assert_eq!(seen_from(None), Some(inner.clone()));
        });
        assert_eq!(seen_from(Some(&outer)), Some(outer));
    }
}
