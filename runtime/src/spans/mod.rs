//! The span that surrounds the code that runs now, as far as it is part of a distributed trace.
//!
//! With the feature `opentelemetry` that is the span of OpenTelemetry's current context. The layer of
//! `tracing-opentelemetry` makes each span of `tracing` that is entered the current one, so there is no need to ask `tracing`:
//! that would tie this crate to one version of that layer, and find nothing where the innermost span of `tracing` is hidden
//! from the layer by a filter. Without the feature there is no span, and nothing of this is left in the program.

#[cfg(feature = "opentelemetry")]
mod otel;
#[cfg(feature = "opentelemetry")]
pub(crate) use otel::{TraceScope, current, within};

#[cfg(not(feature = "opentelemetry"))]
mod noop;
#[cfg(not(feature = "opentelemetry"))]
pub(crate) use noop::{TraceScope, current, within};
