//! Waiting for the log to grow. However many wait, one task a runtime looks for all of them.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use composable_rust_core::{Position, ReadError};
use sqlx::Executor;
use tokio::{
    runtime::{Handle, Id},
    sync::{Notify, oneshot},
    task::AbortHandle,
    time::{Instant, timeout},
};

use crate::{
    address::Address,
    connection::Connections,
    errors::{self, ErrorClass, Rewound, StoreStopped},
    listen,
    log::{self, End},
    notify::Announcer,
    options::Settings,
    watching::Watching,
};

/// How often a waiting reader is told whether the event it goes on from is still there.
const LOOK_BACK: Duration = Duration::from_secs(1);

/// A server that says nothing for so long is asked again, through another connection.
const PATIENCE: Duration = Duration::from_secs(10);

type Answer = Result<(), ReadError>;

/// Who waits for the log to grow.
#[derive(Debug)]
pub(crate) struct Watch {
    connections: Arc<Connections>,
    pub(crate) announcer: Arc<Announcer>,
    /// While events are stored that an older transaction holds back: a wake-up does not make them readable.
    pub(crate) poll_interval: Duration,
    /// Otherwise: nobody notifies for a writer that died after its commit.
    pub(crate) idle_poll_interval: Duration,
    /// Where to LISTEN, if at all.
    listens: Option<Address>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// By runtime: a task runs only while somebody drives its runtime, and whoever waits does.
    lanes: HashMap<Id, Lane>,
    listener: Option<AbortHandle>,
    closed: bool,
}

#[derive(Debug, Default)]
struct Lane {
    waiting: BTreeMap<Position, Waiting>,
    /// Somebody new waits.
    asked: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Waiting {
    answers: Vec<oneshot::Sender<Answer>>,
    looked_back: Option<Instant>,
}

impl Watch {
    pub(crate) fn new(connections: Arc<Connections>, announcer: Arc<Announcer>, settings: &Settings) -> Arc<Self> {
        Arc::new(Self {
            connections,
            announcer,
            poll_interval: settings.poll_interval,
            idle_poll_interval: settings.idle_poll_interval,
            listens: settings.listen.clone(),
            state: Mutex::default(),
        })
    }

    /// Completes when something can be read after `after`.
    pub(crate) async fn wait(self: &Arc<Self>, after: Position) -> Answer {
        let unavailable = |why: StoreStopped| ReadError::from(why.unavailable());
        let runtime = Handle::try_current().map_err(|_| unavailable(StoreStopped::NoRuntime))?;
        let (sender, answer) = oneshot::channel();
        let is_first = self.join(&runtime, after, sender).map_err(unavailable)?;
        if is_first {
            let watching = Watching::new(self, runtime.id(), self.asked(runtime.id()));
            // Not under the lock: a runtime that is shutting down drops the task at once.
            runtime.spawn(watching.all());
        }
        self.listen(&runtime);
        answer.await.unwrap_or_else(|_| Err(unavailable(self.ended())))
    }

    /// Whether nobody looks on this runtime yet.
    fn join(&self, runtime: &Handle, after: Position, answer: oneshot::Sender<Answer>) -> Result<bool, StoreStopped> {
        let mut state = self.state();
        if state.closed {
            return Err(StoreStopped::Closed);
        }
        let is_first = !state.lanes.contains_key(&runtime.id());
        let lane = state.lanes.entry(runtime.id()).or_default();
        let waiting = lane.waiting.entry(after).or_default();
        // Looked back at for the new one, whoever waits there already.
        waiting.looked_back = None;
        waiting.answers.push(answer);
        lane.asked.notify_one();
        Ok(is_first)
    }

    /// Tells when somebody new waits on this runtime.
    fn asked(&self, runtime: Id) -> Arc<Notify> {
        self.state()
            .lanes
            .get(&runtime)
            .map(|lane| Arc::clone(&lane.asked))
            .unwrap_or_default()
    }

    /// Nobody looks on this runtime any more: those who wait are told, since their answers are dropped.
    pub(crate) fn abandon(&self, runtime: Id) {
        let abandoned = self.state().lanes.remove(&runtime);
        drop(abandoned);
    }

    /// Listens from the first wait on, and again when the runtime that did has ended.
    fn listen(&self, runtime: &Handle) {
        let Some(address) = &self.listens else {
            return;
        };
        let mut state = self.state();
        if state.closed || state.listener.as_ref().is_some_and(|listener| !listener.is_finished()) {
            return;
        }
        let listening = listen::listen(address.options().clone(), Arc::downgrade(&self.announcer));
        state.listener = Some(runtime.spawn(listening).abort_handle());
    }

    /// Sends everybody away.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        if let Some(listener) = state.listener.take() {
            listener.abort();
        }
        let lanes = std::mem::take(&mut state.lanes);
        drop(state);
        drop(lanes);
        self.announcer.heard();
    }

    fn ended(&self) -> StoreStopped {
        if self.state().closed {
            StoreStopped::Closed
        } else {
            StoreStopped::RuntimeEnded
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The positions to look back at now; `None` when nobody waits any more, and then the next one starts another task.
    pub(crate) fn questions(&self, runtime: Id) -> Option<Vec<Position>> {
        let mut state = self.state();
        let lane = state.lanes.get_mut(&runtime)?;
        lane.waiting.retain(|_, waiting| {
            waiting.answers.retain(|answer| !answer.is_closed());
            !waiting.answers.is_empty()
        });
        if lane.waiting.is_empty() {
            state.lanes.remove(&runtime);
            return None;
        }
        Some(
            lane.waiting
                .iter_mut()
                .filter_map(|(after, waiting)| waiting.question(*after))
                .collect(),
        )
    }

    pub(crate) async fn look(&self, positions: &[Position]) -> Result<End, sqlx::Error> {
        let mut lease = self.connections.lease().await?;
        let asked = lease.connection()?.fetch_all(log::end_query(positions));
        let rows = timeout(PATIENCE, asked).await.unwrap_or(Err(sqlx::Error::PoolTimedOut));
        lease.finish(rows.as_ref().err());
        log::end(&rows?, positions)
    }

    /// Answers those who have something to read, and those whose event is gone.
    pub(crate) fn answer(&self, runtime: Id, end: &End) {
        let mut answers = Vec::new();
        if let Some(lane) = self.state().lanes.get_mut(&runtime) {
            for after in &end.lost {
                let gone = errors::of_read(Rewound { after: *after }.into());
                answers.extend(lane.take(*after).map(|answer| (answer, Err(gone.clone()))));
            }
            for after in lane.ready(end.readable) {
                answers.extend(lane.take(after).map(|answer| (answer, Ok(()))));
            }
        }
        for (sender, answer) in answers {
            // Whoever does not wait any more needs no answer.
            let _ = sender.send(answer);
        }
    }

    /// Answers everybody, unless the server may be back soon.
    pub(crate) fn fail(&self, runtime: Id, error: sqlx::Error) {
        let may_pass = !matches!(error, sqlx::Error::PoolClosed) && ErrorClass::of(&error) != ErrorClass::Other;
        if may_pass {
            tracing::debug!(%error, "the end of the log can't be seen: waiting on");
            self.state().lanes.entry(runtime).and_modify(Lane::look_back_again);
            return;
        }
        let error = errors::of_read(error);
        let waiting = self
            .state()
            .lanes
            .get_mut(&runtime)
            .map(|lane| std::mem::take(&mut lane.waiting));
        for answer in waiting.into_iter().flatten().flat_map(|(_, waiting)| waiting.answers) {
            let _ = answer.send(Err(error.clone()));
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(listener) = self.state().listener.take() {
            listener.abort();
        }
    }
}

impl Lane {
    /// Those who can read on; but whoever came after the question is looked back at first.
    fn ready(&self, readable: Position) -> Vec<Position> {
        let is_ready = |after: &Position, waiting: &Waiting| {
            after.parts() < readable.parts() && (after.event_tag() == 0 || waiting.looked_back.is_some())
        };
        let ready = self.waiting.iter().filter(|(after, waiting)| is_ready(after, waiting));
        ready.map(|(after, _)| *after).collect()
    }

    /// The last question was not answered.
    fn look_back_again(&mut self) {
        for waiting in self.waiting.values_mut() {
            waiting.looked_back = None;
        }
    }

    fn take(&mut self, after: Position) -> impl Iterator<Item = oneshot::Sender<Answer>> {
        self.waiting.remove(&after).unwrap_or_default().answers.into_iter()
    }
}

impl Waiting {
    /// Whether it is time to look back at `after`.
    fn question(&mut self, after: Position) -> Option<Position> {
        let is_recent = self.looked_back.is_some_and(|looked| looked.elapsed() < LOOK_BACK);
        if after.event_tag() == 0 || is_recent {
            return None;
        }
        self.looked_back = Some(Instant::now());
        Some(after)
    }
}
