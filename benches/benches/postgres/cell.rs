//! What is compared, and what the rounds showed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use composable_rust_benches::quantiles;
use futures::future::BoxFuture;
use tokio::task::JoinSet;

use crate::{
    ours::Setup,
    processor::{self, Spent},
};

/// How long one side of a round lasts.
const TURN: Duration = Duration::from_millis(400);

#[derive(Clone, Copy)]
pub(crate) enum Work {
    /// So many callers, each of which appends one event after another to a stream of its own.
    Append { callers: usize },
    /// One caller, commands on a hot aggregate; the bare side inserts the event that it decides.
    Execute,
    /// So many callers, commands on one hot aggregate; the other side is not bare, but one caller of the same.
    Busy { callers: usize },
    /// So many callers, each of which appends batches of this many events, each batch to a stream of its own. The bare side
    /// writes to a table with the store's columns and indexes.
    Batch { callers: usize, events: usize },
    /// So many callers as in `Append`; the other side is not bare, but 128 callers of the same.
    Crowd { callers: usize },
    /// A stream of 1,000 events, of which the bare side selects so many columns.
    Load(Columns),
    /// The whole log, in pages of 1,000.
    Log(Columns),
}

#[derive(Clone, Copy)]
pub(crate) enum Columns {
    /// Those that make a recorded event.
    All,
    /// The number to go on from, and the data.
    Two,
}

pub(crate) struct Cell {
    work: Work,
    bare: Vec<f64>,
    ours: Vec<f64>,
    bare_spent: Vec<Spent>,
    ours_spent: Vec<Spent>,
}

impl Cell {
    pub(crate) fn all() -> Vec<Self> {
        let append = |callers| Work::Append { callers };
        let works = [
            append(1),
            append(8),
            append(32),
            append(128),
            Work::Execute,
            Work::Busy { callers: 32 },
            Work::Batch {
                callers: 1,
                events: 100,
            },
            Work::Batch {
                callers: 8,
                events: 100,
            },
            Work::Crowd { callers: 4096 },
            Work::Crowd { callers: 16_000 },
            Work::Load(Columns::All),
            Work::Load(Columns::Two),
            Work::Log(Columns::All),
            Work::Log(Columns::Two),
        ];
        let new = |work| Self {
            work,
            bare: Vec::new(),
            ours: Vec::new(),
            bare_spent: Vec::new(),
            ours_spent: Vec::new(),
        };
        works.into_iter().map(new).collect()
    }

    pub(crate) fn name(&self) -> String {
        match self.work {
            Work::Append { callers: 1 } => "append, 1 caller".to_owned(),
            Work::Append { callers } => format!("append, {callers} callers"),
            Work::Execute => "execute, 1 caller".to_owned(),
            Work::Busy { callers } => format!("execute, {callers} on one stream / 1 caller"),
            Work::Batch { callers, events } => format!("batch of {events} events, {callers} callers"),
            Work::Crowd { callers } => format!("append, {callers} callers / 128 callers"),
            Work::Load(Columns::All) => "load 1,000 events".to_owned(),
            Work::Load(Columns::Two) => "load 1,000 events / 2 columns".to_owned(),
            Work::Log(Columns::All) => "read the whole log".to_owned(),
            Work::Log(Columns::Two) => "read the whole log / 2 columns".to_owned(),
        }
    }

    /// Both sides, one after the other; who begins alternates.
    pub(crate) async fn round(&mut self, setup: &Setup) {
        let callers = match self.work {
            Work::Append { callers }
            | Work::Busy { callers }
            | Work::Batch { callers, .. }
            | Work::Crowd { callers } => callers,
            _ => 1,
        };
        let bare = async || {
            let bare = match self.work {
                Work::Busy { .. } => vec![setup.caller(Work::Execute)],
                Work::Crowd { .. } => (0..128).map(|_| setup.caller(self.work)).collect(),
                work => (0..callers).map(|n| setup.bare.caller(work, n)).collect(),
            };
            rate(setup, bare, TURN).await
        };
        let ours = async || rate(setup, (0..callers).map(|_| setup.caller(self.work)).collect(), TURN).await;
        let (bare, ours) = if self.bare.len().is_multiple_of(2) {
            let bare = bare().await;
            (bare, ours().await)
        } else {
            let ours = ours().await;
            (bare().await, ours)
        };
        self.bare.push(bare.0);
        self.ours.push(ours.0);
        self.bare_spent.push(bare.1);
        self.ours_spent.push(ours.1);
    }

    pub(crate) fn line(&self) -> String {
        let ratios = self
            .ours
            .iter()
            .zip(&self.bare)
            .map(|(ours, bare)| ours / bare)
            .collect();
        let [low, ratio, high] = quantiles(ratios);
        let [_, bare, _] = quantiles(self.bare.clone());
        let [_, ours, _] = quantiles(self.ours.clone());
        let (bare_spent, ours_spent) = (processor::line(&self.bare_spent), processor::line(&self.ours_spent));
        format!(
            "{:36} {ratio:5.2} ({low:.2} to {high:.2}) {bare:8.0} {ours:8.0} | {bare_spent} | {ours_spent}",
            self.name()
        )
    }
}

/// What a caller does again and again; it says each time how many events that was.
pub(crate) type Caller = Box<dyn Fn() -> BoxFuture<'static, usize> + Send>;

/// Events a second of so many callers, each in a task of its own, for about so long, and what one of them cost.
async fn rate(setup: &Setup, callers: Vec<Caller>, turn: Duration) -> (f64, Spent) {
    let over = Arc::new(AtomicBool::new(false));
    let mut running = JoinSet::new();
    let before = setup.processor.spent().await;
    let started = Instant::now();
    for caller in callers {
        let over = Arc::clone(&over);
        running.spawn(async move {
            let mut events = 0;
            while !over.load(Ordering::Relaxed) {
                events += caller().await;
            }
            events
        });
    }
    tokio::time::sleep(turn).await;
    over.store(true, Ordering::Relaxed);
    let events: usize = running.join_all().await.into_iter().sum();
    let rate = events as f64 / started.elapsed().as_secs_f64();
    let spent = setup.processor.spent().await - before;
    (rate, spent.per(events as f64))
}
