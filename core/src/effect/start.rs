//! Effects that await something of the user's.

use std::{future::Future, sync::Arc};

use futures::{FutureExt, Stream, StreamExt};

use super::{Backoff, Effect, Retry, node::Leaf};

impl<A: Send + 'static> Effect<A> {
    /// Awaits `future` and reduces its action.
    pub fn task(future: impl Future<Output = A> + Send + 'static) -> Self {
        Self::leaf(Leaf::Future(future.map(Some).boxed()))
    }

    /// Awaits a `future` that can fail; `then` turns either outcome into an action, so that no failure is lost.
    ///
    /// ```
    /// use composable_rust_core::Effect;
    /// enum Action { Parsed(u32), Refused }
    /// let effect = Effect::try_task(async { "7".parse() }, |result: Result<u32, _>| match result {
    ///     Ok(number) => Action::Parsed(number),
    ///     Err(_) => Action::Refused,
    /// });
    /// assert_eq!(effect.describe().to_string(), "future");
    /// ```
    pub fn try_task<T, E>(
        future: impl Future<Output = Result<T, E>> + Send + 'static,
        then: impl FnOnce(Result<T, E>) -> A + Send + 'static,
    ) -> Self {
        Self::leaf(Leaf::Future(future.map(|result| Some(then(result))).boxed()))
    }

    /// Awaits `future` for what it does; there is nothing to reduce afterwards.
    pub fn fire_and_forget(future: impl Future<Output = ()> + Send + 'static) -> Self {
        Self::leaf(Leaf::Future(future.map(|()| None).boxed()))
    }

    /// Reduces every item of `stream`.
    pub fn stream(stream: impl Stream<Item = A> + Send + 'static) -> Self {
        Self::leaf(Leaf::Stream(stream.boxed()))
    }

    /// Attempts until a success or the last failure, and reduces what `then` makes of that.
    ///
    /// ```
    /// use composable_rust_core::{Backoff, Effect};
    /// use std::time::Duration;
    /// let effect = Effect::retry(
    ///     Backoff::exponential(3, Duration::from_secs(1)),
    ///     || async { Err::<u32, _>("unreachable") },
    ///     |result| result.is_ok(),
    /// );
    /// assert_eq!(effect.describe().to_string(), "retry (3 attempts)");
    /// ```
    pub fn retry<T, E, F>(
        backoff: Backoff,
        mut attempt: impl FnMut() -> F + Send + 'static,
        then: impl Fn(Result<T, E>) -> A + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send,
        E: Send,
    {
        let then = Arc::new(then);
        let attempt = Box::new(move || {
            let then = Arc::clone(&then);
            attempt()
                .map(move |result| {
                    if result.is_ok() {
                        Ok(then(result))
                    } else {
                        Err(then(result))
                    }
                })
                .boxed()
        });
        Self::leaf(Leaf::Retry(Box::new(Retry { backoff, attempt })))
    }
}
