//! Waiting for the log to grow. However many callers wait, one task polls the log for all of them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use composable_rust_core::{Position, ReadError};
use tokio::{
    sync::{Notify, oneshot},
    task::AbortHandle,
};

use crate::{
    address::Address,
    errors::{self, ErrorClass, Rewound, StoreStopped},
    listen,
    log_end::LogEnd,
    log_poller::LogPoller,
    notify::Notifier,
    options::Settings,
    pool::Pool,
    stats::Counter,
};

/// How often the event that a waiting reader goes on from is verified to be still there.
const VERIFY_INTERVAL: Duration = Duration::from_secs(1);

type Answer = Result<(), ReadError>;

/// The calls that wait for the log to grow.
#[derive(Debug)]
pub(crate) struct LogWaiters {
    pub(crate) pool: Arc<Pool>,
    pub(crate) notifier: Arc<Notifier>,
    /// While events are stored that an older transaction holds back: a wake-up does not make them readable.
    pub(crate) poll_interval: Duration,
    /// Otherwise: no notification comes from a writer that died after its commit.
    pub(crate) idle_poll_interval: Duration,
    /// Where to LISTEN, if at all.
    listens: Option<Address>,
    /// How often the log was polled.
    pub(crate) polls: Counter,
    /// Tells the poller that a call has come, or that the last one has gone.
    pub(crate) changed: Arc<Notify>,
    // A std Mutex: nothing awaits while it is held.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    waiting: BTreeMap<Position, Waiting>,
    /// Whether the poller's task runs. It ends when no call waits.
    is_polling: bool,
    listener: Option<AbortHandle>,
    is_closed: bool,
}

/// The calls that wait behind one position.
#[derive(Debug, Default)]
struct Waiting {
    answers: Vec<oneshot::Sender<Answer>>,
    verified: Option<Instant>,
}

impl LogWaiters {
    pub(crate) fn new(pool: Arc<Pool>, notifier: Arc<Notifier>, settings: &Settings) -> Arc<Self> {
        Arc::new(Self {
            pool,
            notifier,
            poll_interval: settings.poll_interval,
            idle_poll_interval: settings.idle_poll_interval,
            listens: settings.listen.clone(),
            polls: Counter::default(),
            changed: Arc::default(),
            state: Mutex::default(),
        })
    }

    /// Completes when something can be read after `after`.
    pub(crate) async fn wait(self: &Arc<Self>, after: Position) -> Answer {
        let answer = self.enqueue(after).map_err(StoreStopped::unavailable)?;
        let mut call = Call {
            waiters: Arc::clone(self),
            after,
            answer: Some(answer),
        };
        call.answered().await
    }

    /// Starts the poller and the listener, if they don't run.
    fn enqueue(self: &Arc<Self>, after: Position) -> Result<oneshot::Receiver<Answer>, StoreStopped> {
        let (sender, answer) = oneshot::channel();
        let mut state = self.state();
        if state.is_closed {
            return Err(StoreStopped::Closed);
        }
        let waiting = state.waiting.entry(after).or_default();
        // Verified for the new call, even if another one waits there already.
        waiting.verified = None;
        waiting.answers.push(sender);
        let is_first = !std::mem::replace(&mut state.is_polling, true);
        drop(state);
        self.changed.notify_one();
        if is_first {
            // Not under the lock: a runtime that has ended drops the task at once.
            self.pool.handle().spawn(LogPoller::new(self).run());
        }
        self.listen();
        Ok(answer)
    }

    /// Listens from the first wait on, for as long as the store is open.
    fn listen(&self) {
        let Some(address) = &self.listens else {
            return;
        };
        let mut state = self.state();
        if state.is_closed || state.listener.is_some() {
            return;
        }
        let options = address.options().clone();
        let listening = listen::run_listener(options, self.pool.limits(), Arc::downgrade(&self.notifier));
        state.listener = Some(self.pool.handle().spawn(listening).abort_handle());
    }

    /// Ends all waits, with `Unavailable`, and lets no other begin.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.is_closed = true;
        if let Some(listener) = state.listener.take() {
            listener.abort();
        }
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        // Their answers are dropped, which tells them.
        drop(waiting);
        self.changed.notify_one();
    }

    /// The poller has ended with its runtime: those that wait are told, since their answers are dropped.
    pub(crate) fn abandon(&self) {
        let mut state = self.state();
        state.is_polling = false;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        drop(waiting);
    }

    /// The positions whose events are to be verified now. `None` when no call waits any more: the poller ends, and the next
    /// call starts another one.
    pub(crate) fn positions_to_verify(&self) -> Option<Vec<Position>> {
        let mut state = self.state();
        state.waiting.retain(|_, waiting| waiting.has_callers());
        if state.waiting.is_empty() {
            state.is_polling = false;
            return None;
        }
        let waiting = state.waiting.iter_mut();
        Some(
            waiting
                .filter_map(|(after, waiting)| waiting.start_verification(*after))
                .collect(),
        )
    }

    /// Answers those who have something to read, and those whose event is gone.
    pub(crate) fn answer(&self, end: &LogEnd) {
        let mut answers = Vec::new();
        let mut state = self.state();
        for after in &end.lost {
            let gone = errors::of_read(Rewound { after: *after }.into());
            answers.extend(state.take(*after).map(|answer| (answer, Err(gone.clone()))));
        }
        for after in state.ready(end.readable) {
            answers.extend(state.take(after).map(|answer| (answer, Ok(()))));
        }
        drop(state);
        for (sender, answer) in answers {
            // A call that was dropped needs no answer.
            let _ = sender.send(answer);
        }
    }

    /// Answers all that wait, unless the server may be back soon.
    pub(crate) fn fail(&self, error: sqlx::Error) {
        let may_pass = !matches!(
            ErrorClass::of(&error),
            ErrorClass::Other | ErrorClass::Stopped | ErrorClass::StalePlan
        );
        let mut state = self.state();
        if may_pass {
            tracing::debug!(%error, "the end of the log can't be read: waiting on");
            state.verify_again();
            return;
        }
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        let error = errors::of_read(error);
        for answer in waiting.into_values().flat_map(|waiting| waiting.answers) {
            let _ = answer.send(Err(error.clone()));
        }
    }

    /// How many calls wait.
    pub(crate) fn count(&self) -> usize {
        let state = self.state();
        state.waiting.values().map(|waiting| waiting.answers.len()).sum()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for LogWaiters {
    fn drop(&mut self) {
        if let Some(listener) = self.state().listener.take() {
            listener.abort();
        }
    }
}

impl State {
    /// The positions behind which can be read; but a call that came after the question has to be verified first.
    fn ready(&self, readable: Position) -> Vec<Position> {
        let is_ready = |after: &Position, waiting: &Waiting| {
            after.parts() < readable.parts() && (after.event_tag() == 0 || waiting.verified.is_some())
        };
        let ready = self.waiting.iter().filter(|(after, waiting)| is_ready(after, waiting));
        ready.map(|(after, _)| *after).collect()
    }

    /// The last question was not answered.
    fn verify_again(&mut self) {
        for waiting in self.waiting.values_mut() {
            waiting.verified = None;
        }
    }

    fn take(&mut self, after: Position) -> impl Iterator<Item = oneshot::Sender<Answer>> {
        self.waiting.remove(&after).unwrap_or_default().answers.into_iter()
    }
}

impl Waiting {
    fn has_callers(&mut self) -> bool {
        self.answers.retain(|answer| !answer.is_closed());
        !self.answers.is_empty()
    }

    /// `after`, if it is time to verify it.
    fn start_verification(&mut self, after: Position) -> Option<Position> {
        let is_recent = self
            .verified
            .is_some_and(|verified| verified.elapsed() < VERIFY_INTERVAL);
        if after.event_tag() == 0 || is_recent {
            return None;
        }
        self.verified = Some(Instant::now());
        Some(after)
    }
}

/// A call that waits. When the last one is dropped, the poller is told, so that it ends and leaves no timer behind.
struct Call {
    waiters: Arc<LogWaiters>,
    after: Position,
    answer: Option<oneshot::Receiver<Answer>>,
}

impl Call {
    async fn answered(&mut self) -> Answer {
        let Some(answer) = &mut self.answer else {
            return Ok(());
        };
        let answered = answer.await;
        self.answer = None;
        answered.unwrap_or_else(|_| Err(self.waiters.stopped().unavailable().into()))
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        // Closed first: the poller then sees that this call has gone.
        if let Some(answer) = self.answer.take() {
            drop(answer);
            self.waiters.withdraw(self.after);
        }
    }
}

impl LogWaiters {
    fn withdraw(&self, after: Position) {
        let mut state = self.state();
        if state
            .waiting
            .get_mut(&after)
            .is_some_and(|waiting| !waiting.has_callers())
        {
            state.waiting.remove(&after);
        }
        if state.waiting.is_empty() {
            self.changed.notify_one();
        }
    }

    fn stopped(&self) -> StoreStopped {
        if self.state().is_closed {
            StoreStopped::Closed
        } else {
            StoreStopped::RuntimeEnded
        }
    }
}
