//! Correlation, causation, actor and trace, on their way from a message to those that it causes.

use std::{
    cell::RefCell,
    future::Future,
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use composable_rust_core::{EventId, EventMetadata, StreamAppend, TraceContext};
use futures::FutureExt;
use uuid::Uuid;

use crate::spans::{self, TraceScope};

/// What surrounds a message: which events belong together, which one led to it, who began it, and in which trace.
///
/// It travels by itself. An action that is dispatched within an envelope is reduced within it, its effects run within it,
/// the events that they append carry it in their metadata, and so do commands that they give to
/// [`Aggregates`](crate::Aggregates). Once events are stored, what follows from them names the last of them as its
/// causation; where no correlation was given, that event's id begins one.
///
/// Metadata that is set already is left as it is.
///
/// With the feature `opentelemetry` the trace need not be set: what is sent, and what a command records, names the span in
/// which that happens, and spans that are made in effects have the sender's as their parent. Outside of any span it is what
/// the envelope says; so it is also within a span of *another* trace that was entered before the envelope's scope.
///
/// ```
/// # use composable_rust_core::{Effect, Reducer};
/// # use composable_rust_runtime::Store;
/// use composable_rust_runtime::Envelope;
///
/// # struct Clerk;
/// # impl Reducer for Clerk {
/// #     type State = Option<String>;
/// #     type Action = Option<String>;
/// #     type Environment = ();
/// #     fn reduce(&self, seen: &mut Option<String>, action: &Option<String>, (): &()) -> Effect<Option<String>> {
/// #         match action {
/// #             None => Effect::task(async { Some(Envelope::current().and_then(|envelope| envelope.actor).unwrap_or_default()) }),
/// #             Some(actor) => { *seen = Some(actor.clone()); Effect::none() }
/// #         }
/// #     }
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // Its first action starts an effect, which says whose it is.
/// let store = Store::builder(Clerk, ()).build(None)?;
/// let sent = Envelope::default().with_actor("clerk-7").scope(store.send(None)).await?;
/// sent.settled().await?;
/// assert_eq!(store.state(Clone::clone).as_deref(), Some("clerk-7"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Envelope {
    /// Which events belong together, across streams.
    pub correlation_id: Option<Uuid>,
    /// The event that led to what happens now.
    pub causation_id: Option<EventId>,
    /// Who began it.
    pub actor: Option<String>,
    /// The trace in which it happens.
    pub trace_context: Option<TraceContext>,
}

/// One that is passed on; none costs nothing.
pub(crate) type Carried = Option<Arc<Envelope>>;

thread_local! {
    /// That of the reduce, or of the poll, that runs on this thread; the outer `None` where there is neither.
    static CURRENT: RefCell<Option<Carried>> = const { RefCell::new(None) };
}

impl Envelope {
    /// What surrounds the code that runs now.
    #[must_use]
    pub fn current() -> Option<Self> {
        of_sender().map(Arc::unwrap_or_clone)
    }

    /// Sets which events belong together.
    #[must_use]
    pub fn with_correlation_id(mut self, correlation_id: Uuid) -> Self {
        self.correlation_id = Some(correlation_id);
        self
    }

    /// Sets the event that led to what happens now.
    #[must_use]
    pub fn with_causation_id(mut self, causation_id: EventId) -> Self {
        self.causation_id = Some(causation_id);
        self
    }

    /// Sets who began it.
    #[must_use]
    pub fn with_actor(mut self, actor: impl Into<String>) -> Self {
        self.actor = Some(actor.into());
        self
    }

    /// Sets the trace in which it happens, such as a request's header `traceparent` names it.
    #[must_use]
    pub fn with_trace_context(mut self, trace_context: TraceContext) -> Self {
        self.trace_context = Some(trace_context);
        self
    }

    /// Runs `future` within this envelope.
    pub fn scope<F: Future + Send>(self, future: F) -> impl Future<Output = F::Output> + Send {
        let place = TraceScope::of(self.trace_context.as_ref());
        let mut carrying = Carrying::new(Some(Arc::new(self)), Box::pin(future));
        let poll = move |context: &mut Context<'_>| place.enter_from_elsewhere(|| carrying.poll_unpin(context));
        futures::future::poll_fn(poll).map(|(output, _)| output)
    }

    /// Says what is not said yet.
    pub(crate) fn complete(&self, metadata: &mut EventMetadata) {
        metadata.correlation_id = metadata.correlation_id.or(self.correlation_id);
        metadata.causation_id = metadata.causation_id.or(self.causation_id);
        if metadata.actor.is_none() {
            metadata.actor.clone_from(&self.actor);
        }
        if metadata.trace_context.is_none() {
            metadata.trace_context.clone_from(&self.trace_context);
        }
    }
}

pub(crate) fn current() -> Carried {
    CURRENT.with_borrow(|current| current.clone().flatten())
}

/// That of the trace which is carried.
pub(crate) fn trace(carried: &Carried) -> Option<&TraceContext> {
    carried.as_ref()?.trace_context.as_ref()
}

/// What surrounds a message that is sent here: the envelope, and the span rather than what the envelope says of the trace.
pub(crate) fn of_sender() -> Carried {
    let carried = current();
    let Some(here) = spans::current(trace(&carried)) else {
        return carried;
    };
    if trace(&carried) == Some(&here) {
        return carried;
    }
    let envelope = carried.map_or_else(Envelope::default, Arc::unwrap_or_clone);
    Some(Arc::new(envelope.with_trace_context(here)))
}

/// Says of a command that is given here what its caller has not said.
pub(crate) fn complete_here(metadata: &mut EventMetadata) {
    let carried = current();
    if metadata.trace_context.is_none() {
        metadata.trace_context = spans::current(trace(&carried));
    }
    if let Some(envelope) = carried {
        envelope.complete(metadata);
    }
}

/// From here on, what runs was caused by `event`, which was stored with this metadata.
pub(crate) fn caused_by(event: EventId, metadata: Option<&EventMetadata>) -> Arc<Envelope> {
    let correlation_id = metadata.and_then(|metadata| metadata.correlation_id);
    Arc::new(Envelope {
        correlation_id: correlation_id.or(Some(*event.as_uuid())),
        causation_id: Some(event),
        actor: metadata.and_then(|metadata| metadata.actor.clone()),
        trace_context: metadata.and_then(|metadata| metadata.trace_context.clone()),
    })
}

/// Puts another envelope round what runs now, if that can have one: a thread outside of any has nothing to carry it.
pub(crate) fn enter(envelope: impl FnOnce() -> Arc<Envelope>) {
    CURRENT.with_borrow_mut(|current| {
        if let Some(current) = current {
            *current = Some(envelope());
        }
    });
}

/// Prepares an append that is made by what is within `envelope`.
pub(crate) fn complete(append: &mut StreamAppend, envelope: Option<&Envelope>) {
    for event in &mut append.events {
        if let Some(envelope) = envelope
            && !append.has_all_metadata
        {
            envelope.complete(event.metadata.get_or_insert_default());
        }
        // None is none in every store.
        if event.metadata.as_ref().is_some_and(EventMetadata::is_empty) {
            event.metadata = None;
        }
    }
}

/// As [`within`], for a reduce: where there is neither an envelope to enter nor one to leave, which is the usual case, this
/// costs a look. Whoever drains may be in a span, which is nothing to whose action is reduced.
pub(crate) fn around<T>(envelope: Carried, f: impl FnOnce() -> T) -> (T, Carried) {
    let trace = trace(&envelope).cloned();
    spans::within(trace.as_ref(), || {
        if envelope.is_none() && CURRENT.with_borrow(Option::is_none) {
            return (f(), None);
        }
        within(envelope, f)
    })
}

/// Runs `f` within `envelope`; what is round it at the end comes back.
pub(crate) fn within<T>(envelope: Carried, f: impl FnOnce() -> T) -> (T, Carried) {
    // Put back by a drop: `f` may panic.
    struct Outer(Option<Carried>);
    impl Drop for Outer {
        fn drop(&mut self) {
            CURRENT.set(self.0.take());
        }
    }
    let outer = Outer(CURRENT.replace(Some(envelope)));
    let output = f();
    let inner = CURRENT.take().flatten();
    drop(outer);
    (output, inner)
}

/// A future within its envelope, which comes back with the output: the future may have entered another.
pub(crate) struct Carrying<F> {
    envelope: Carried,
    future: F,
}

impl<F> Carrying<F> {
    pub(crate) const fn new(envelope: Carried, future: F) -> Self {
        Self { envelope, future }
    }
}

impl<F: Future + Unpin> Future for Carrying<F> {
    type Output = (F::Output, Carried);

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let envelope = self.envelope.take();
        let (polled, envelope) = within(envelope, || self.future.poll_unpin(context));
        match polled {
            Poll::Ready(output) => Poll::Ready((output, envelope)),
            Poll::Pending => {
                drop(mem::replace(&mut self.envelope, envelope));
                Poll::Pending
            }
        }
    }
}
