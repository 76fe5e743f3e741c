//! Waiting for what happens outside of the test.

use std::{
    fmt::Debug,
    future::poll_fn,
    panic::Location,
    pin::pin,
    task::{Context, Poll},
    time::Duration,
};

use composable_rust_core::Reducer;

use super::{
    TestStore,
    message::{Message, spaced},
    watchdog::Watchdog,
};

impl<R, V> TestStore<R, V>
where
    R: Reducer,
    R::Action: Clone + Debug,
    V: Clone + PartialEq + Debug + Send + 'static,
{
    /// Waits until no effect waits for anything outside of the store any more: for what a database, a socket or
    /// another thread answers. Effects that sleep on the clock of the test are not waited for.
    ///
    /// Only tests with real input and output need this, before what it brings is received; whatever is woken by the
    /// test itself has run already when `send` returns. Fails when it takes longer than the store's
    /// [patience](super::TestStoreBuilder::patience).
    #[track_caller]
    pub fn settle(&mut self) -> impl Future<Output = ()> + '_ {
        let at = Location::caller();
        self.wait_until("settle()", at, |store| store.waits_elsewhere().is_empty())
    }

    /// Waits until an action can be received, however long effects run on: for those that never end, such as the
    /// stream of a subscription. Fails as [`TestStore::settle`] does.
    #[track_caller]
    pub fn until_received(&mut self) -> impl Future<Output = ()> + '_ {
        let at = Location::caller();
        self.wait_until("until_received()", at, |store| !store.received().is_empty())
    }

    /// Lets `duration` pass on tokio's paused time, deadline by deadline, for a test with
    /// `#[tokio::test(start_paused = true)]`: the time of effects that use tokio's timers, and of a store that is built
    /// with the system's clock. Where tokio's time is not paused, this takes so long.
    #[track_caller]
    pub fn elapse(&mut self, duration: Duration) -> impl Future<Output = ()> + '_ {
        if tokio::runtime::Handle::try_current().is_err() {
            let message = Message::new(format!(
                "elapse({duration:?}): there is no time of tokio outside of its runtime"
            ))
            .advice("make this a `#[tokio::test(start_paused = true)]`; or advance() the clock of the store");
            self.fail(&message);
        }
        let end = tokio::time::sleep(duration);
        async move {
            let mut end = pin!(end);
            poll_fn(|context| {
                self.tasks.0.tell(context.waker());
                // Before the look at the end: what wakes at the same moment belongs to this duration.
                self.run_ready();
                end.as_mut().poll(context)
            })
            .await;
            self.run_ready();
        }
    }

    async fn wait_until(&mut self, call: &str, at: &'static Location<'static>, done: impl Fn(&Self) -> bool) {
        let mut watchdog = None;
        poll_fn(|context| self.poll_until(context, &mut watchdog, call, at, &done)).await;
    }

    fn poll_until(
        &mut self,
        context: &Context<'_>,
        watchdog: &mut Option<Watchdog>,
        call: &str,
        at: &'static Location<'static>,
        done: &impl Fn(&Self) -> bool,
    ) -> Poll<()> {
        self.tasks.0.tell(context.waker());
        loop {
            self.run_ready();
            // In this order: what is woken from elsewhere is ready before it is no longer waited for.
            let done = done(self);
            if self.tasks.0.is_idle() {
                if done {
                    return Poll::Ready(());
                }
                break;
            }
        }
        let watchdog = watchdog.get_or_insert_with(|| Watchdog::after(self.patience));
        if watchdog.has_rung(context.waker()) {
            self.fail_impatiently(call, at);
        }
        Poll::Pending
    }

    /// The effects that wait for something outside, without those that may run on.
    fn waits_elsewhere(&self) -> Vec<u64> {
        let mut elsewhere = self.waits.elsewhere();
        elsewhere.retain(|effect| !self.let_run.contains(effect));
        elsewhere
    }

    #[track_caller]
    fn fail_impatiently(&mut self, call: &str, at: &Location<'_>) -> ! {
        let patience = spaced(self.patience);
        let message = Message::new(format!("{call} at {at}: nothing more happened within {patience}"))
            .part("effects that run", self.in_flight_lines())
            .advice(
                "bring about what they wait for; skip_in_flight() if they never end; or give the store more patience",
            );
        self.fail(&message);
    }
}
