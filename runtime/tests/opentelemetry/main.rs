//! With OpenTelemetry's layer on `tracing`: events name the span in which they were caused, and spans in effects belong to
//! whoever sent what they follow from.

#![expect(clippy::unwrap_used, reason = "helper functions of tests")]

mod commands;
mod counter;
mod effects;
mod recorder;
