//! There are no spans.

#![expect(clippy::unused_self, reason = "the same face as where there are spans")]

use composable_rust_core::TraceContext;

/// Nobody's span.
pub(crate) const fn current(_known: Option<&TraceContext>) -> Option<TraceContext> {
    None
}

/// Runs `f`.
pub(crate) fn within<T>(_trace: Option<&TraceContext>, f: impl FnOnce() -> T) -> T {
    f()
}

/// Everywhere is the same.
pub(crate) struct TraceScope;

impl TraceScope {
    pub(crate) const fn of(_trace: Option<&TraceContext>) -> Self {
        Self
    }

    pub(crate) fn enter<T>(&self, f: impl FnOnce() -> T) -> T {
        f()
    }

    pub(crate) fn enter_from_elsewhere<T>(&self, f: impl FnOnce() -> T) -> T {
        f()
    }

    pub(crate) fn carry<F: Future>(self, future: F) -> F {
        future
    }
}
