//! Carrying out: in order, or as many orders at the same time as were asked for.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use tokio::sync::{
    mpsc::{self, UnboundedReceiver, UnboundedSender},
    oneshot,
};

use crate::{
    Failure, Orders,
    order::{OrderCommand, OrderRejection},
};

/// A line of the input.
pub(super) struct Line {
    pub(super) number: u64,
    pub(super) task: Task,
}

/// What a line asks for.
pub(super) enum Task {
    Execute(OrderCommand),
    Malformed(String),
    /// The input could not be read.
    Unreadable(String),
}

/// What came of a line.
pub(super) enum Verdict {
    Applied,
    Rejected(OrderRejection),
    Malformed(String),
    Failed(Failure),
}

struct Job {
    command: OrderCommand,
    verdict: oneshot::Sender<Verdict>,
}

/// Lanes, each of which carries out one command after the other. All commands of an order go to the same lane.
///
/// A single one is the promise of `apply`: the next command starts when the one before is answered. Many give up the
/// order between orders. Tasks of their own, so that they share the runtime's threads, and the store the commits. Not one task a command:
/// nothing would keep those of one order in order.
pub(super) struct Lanes {
    // Unbounded, because `Lanes::carry_out` must not wait; the caller bounds what is under way.
    lanes: Vec<UnboundedSender<Job>>,
}

impl Lanes {
    /// Starts `count` lanes, at least one. A lane ends when this is dropped; what nobody waits for then is not begun.
    pub(super) fn start(orders: &Orders, count: u16) -> Self {
        let start = |_| {
            let (sender, jobs) = mpsc::unbounded_channel();
            tokio::spawn(work(orders.clone(), jobs));
            sender
        };
        Self {
            lanes: (0..count).map(start).collect(),
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.lanes.len()
    }

    /// Puts the line into its lane, now; the future is its verdict.
    pub(super) fn carry_out(&self, line: Line) -> impl Future<Output = (u64, Verdict)> + Send + use<> {
        let (verdict, answer) = oneshot::channel();
        match line.task {
            Task::Execute(command) => self.enter(Job { command, verdict }),
            // Its receiver is in this function: it can't be gone.
            Task::Malformed(reason) => drop(verdict.send(Verdict::Malformed(reason))),
            Task::Unreadable(reason) => drop(verdict.send(Verdict::Failed(Failure::Input(reason)))),
        }
        async move {
            let verdict = answer
                .await
                .unwrap_or_else(|gone| Verdict::Failed(Failure::store("the command was not carried out", gone)));
            (line.number, verdict)
        }
    }

    fn enter(&self, job: Job) {
        let hasher = BuildHasherDefault::<DefaultHasher>::default();
        let hash = hasher.hash_one(job.command.order_id());
        let lane = usize::try_from(hash % self.lanes.len().max(1) as u64).unwrap_or_default();
        if let Some(lane) = self.lanes.get(lane) {
            // A lane that is gone drops the job, which whoever waits for it sees.
            let _ = lane.send(job);
        }
    }
}

async fn work(orders: Orders, mut jobs: UnboundedReceiver<Job>) {
    while let Some(Job { command, verdict }) = jobs.recv().await {
        // Nobody waits for it any more: an earlier line has failed, in another lane.
        if verdict.is_closed() {
            return;
        }
        let outcome = match orders.execute(command).await {
            Ok(_) => Verdict::Applied,
            Err(Failure::Rejected(rejection)) => Verdict::Rejected(rejection),
            Err(failure) => Verdict::Failed(failure),
        };
        let failed = matches!(outcome, Verdict::Failed(_));
        let _ = verdict.send(outcome);
        if failed {
            // Later lines of the order must not overtake this one.
            return;
        }
    }
}
