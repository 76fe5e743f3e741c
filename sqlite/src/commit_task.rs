//! The group-commit task: takes appends from the queue in groups, and writes each group in one transaction.

use std::{collections::VecDeque, panic::AssertUnwindSafe, pin::pin};

use composable_rust_core::backend::GroupSize;
use futures::{
    FutureExt,
    future::{Either, select},
};
use tokio::sync::{mpsc, watch};

use crate::{
    errors::StoreStopped, group_commit::Request, pending_append::PendingAppend, pending_snapshot::PendingSnapshot,
    writer::Writer,
};

/// The largest group, unless a single append is larger. It bounds how long the appends behind it wait.
const MAX_GROUP: GroupSize = GroupSize {
    appends: 1024,
    events: 8192,
    bytes: 16 << 20,
};

/// The write-ahead log is moved into the file in a quiet moment once this many bytes of events have been written.
const CHECKPOINT_BYTES: usize = 8 << 20;

/// What an event takes beside its data, roughly: the other columns of its row, and three index entries.
const BYTES_PER_EVENT: usize = 256;

/// The most yields between two groups.
const YIELDS: usize = 8;

pub(crate) struct CommitTask {
    queue: mpsc::Receiver<Request>,
    stop: watch::Receiver<bool>,
    writer: Writer,
    /// An append that did not fit into the last group.
    carried: Option<PendingAppend>,
    snapshots: VecDeque<PendingSnapshot>,
    written_bytes: usize,
}

#[derive(Default)]
struct Batch {
    appends: Vec<PendingAppend>,
    size: GroupSize,
}

impl CommitTask {
    pub(crate) fn new(queue: mpsc::Receiver<Request>, stop: watch::Receiver<bool>, writer: Writer) -> Self {
        Self {
            queue,
            stop,
            writer,
            carried: None,
            snapshots: VecDeque::new(),
            written_bytes: 0,
        }
    }

    /// Works until the store is closed or dropped, and everything that was taken is answered.
    pub(crate) async fn run(mut self) {
        while let Some(mut group) = self.next_batch().await {
            self.write(&mut group).await;
            self.step_snapshot().await;
            self.yield_for_arrivals().await;
        }
    }

    /// The appends of the next group: what is queued, or what comes next. May be empty. `None` at the end. The cost depends
    /// on the group, not on how many wait.
    async fn next_batch(&mut self) -> Option<Vec<PendingAppend>> {
        let mut batch = Batch::default();
        // A batch without appends has room for any.
        self.carried = self.carried.take().and_then(|carried| batch.take(carried));
        loop {
            let is_idle = batch.appends.is_empty() && self.snapshots.is_empty();
            let request = match self.queue.try_recv() {
                Ok(request) => request,
                Err(_) if is_idle => self.receive().await?,
                Err(_) => return Some(batch.appends),
            };
            match request {
                Request::Snapshot(snapshot) => self.snapshots.push_back(snapshot),
                Request::Append(pending) => {
                    self.carried = batch.take(pending);
                    if self.carried.is_some() {
                        return Some(batch.appends);
                    }
                }
            }
        }
    }

    /// Waits for a request, having used the quiet moment for a checkpoint. `None` once the store was closed or dropped and
    /// the queue is empty.
    async fn receive(&mut self) -> Option<Request> {
        if self.written_bytes > CHECKPOINT_BYTES {
            self.written_bytes = 0;
            self.writer.checkpoint().await;
        }
        self.writer.note_pause();
        if let Either::Left(request) = self.request_or_stop().await {
            return request;
        }
        // No request can be sent any more; those that were sent before are still received.
        self.queue.close();
        self.queue.recv().await
    }

    async fn request_or_stop(&mut self) -> Either<Option<Request>, ()> {
        let stopped = pin!(self.stop.wait_for(|is_stopped| *is_stopped));
        match select(pin!(self.queue.recv()), stopped).await {
            Either::Left((request, _)) => Either::Left(request),
            Either::Right(_) => Either::Right(()),
        }
    }

    /// Writes a group and answers its callers, also if the store's own code panics.
    async fn write(&mut self, group: &mut [PendingAppend]) {
        let bytes = |pending: &PendingAppend| pending.size.bytes + BYTES_PER_EVENT * pending.size.events;
        self.written_bytes += group.iter().map(bytes).sum::<usize>();
        let write = async {
            #[cfg(test)]
            tests::panic_on_request(group);
            self.writer.write(group).await;
        };
        let written = AssertUnwindSafe(write).catch_unwind().await;
        if written.is_err() {
            tracing::error!("the group-commit task panicked while it wrote a group, and goes on");
            for pending in group {
                pending.reply.fail(StoreStopped::Panicked);
            }
        }
    }

    /// Writes one part of the snapshot that is saved at the moment.
    async fn step_snapshot(&mut self) {
        let Some(snapshot) = self.snapshots.front_mut() else {
            return;
        };
        let stepped = AssertUnwindSafe(snapshot.step(&self.writer)).catch_unwind().await;
        if stepped.is_err() {
            snapshot.fail(StoreStopped::Panicked);
        }
        if !stepped.unwrap_or_default() {
            self.snapshots.pop_front();
        }
    }

    /// Callers that were just answered may have more to append, and share the next commit if they get to run: yields until
    /// no new appends arrive. No timer: if no other task is ready, this takes no time.
    async fn yield_for_arrivals(&self) {
        let mut known = self.queue.len();
        for _ in 0..YIELDS {
            tokio::task::yield_now().await;
            let queued = self.queue.len();
            if queued == known {
                return;
            }
            known = queued;
        }
    }
}

impl Batch {
    /// Adds an append, unless its caller has left or has waited too long. Hands it back if the batch has no room for it.
    fn take(&mut self, mut pending: PendingAppend) -> Option<PendingAppend> {
        let size = self.size.plus(pending.size);
        if !self.appends.is_empty() && !size.fits(MAX_GROUP) {
            return Some(pending);
        }
        if pending.acquire_by.has_passed() {
            pending.reply.fail(StoreStopped::TimedOut);
        } else if pending.reply.take() {
            self.size = size;
            self.appends.push(pending);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use composable_rust_core::{
        AppendError, Encoding, EventId, EventStore, ExpectedVersion, SerializedEvent, StreamAppend,
    };
    use uuid::Uuid;

    use super::*;
    use crate::SqliteEventStore;

    /// The stream whose appends make the task panic.
    const PANICS: &str = "panics-1";

    pub(super) fn panic_on_request(group: &[PendingAppend]) {
        let mut appends = group.iter().flat_map(|pending| &pending.appends);
        assert!(
            !appends.any(|append| append.stream_id.as_str() == PANICS),
            "as requested"
        );
    }

    fn append(stream: &str, number: u128) -> StreamAppend {
        let id = EventId::from_uuid(Uuid::from_u128(number));
        let event = SerializedEvent::new(id, "Happened.v1", Encoding::BINCODE, vec![]);
        StreamAppend::new(stream.parse().unwrap(), ExpectedVersion::Any, vec![event])
    }

    #[tokio::test]
    async fn after_a_panic_its_group_is_answered_and_the_task_goes_on() {
        let store = SqliteEventStore::in_memory().await.unwrap();
        let (panicked, beside) = futures::join!(store.append(append(PANICS, 1)), store.append(append("calm-1", 2)));
        for outcome in [panicked, beside] {
            let told = matches!(&outcome, Err(AppendError::Backend(source))
                if source.downcast_ref() == Some(&StoreStopped::Panicked));
            assert!(told, "{outcome:?}");
        }
        let after = store.append(append("calm-1", 2)).await.unwrap();
        assert_eq!((after.version.get(), after.repeated), (1, false));
        store.close().await;
    }

    #[tokio::test]
    async fn the_cost_of_a_group_depends_on_the_group_and_not_on_what_waits() {
        // A batch takes appends one by one until it is full, and never looks at those behind it.
        let mut batch = Batch::default();
        let deadline = crate::deadline::Deadline::after(std::time::Duration::from_mins(1));
        let mut awaited = Vec::new();
        for number in 0..16_000 {
            let (pending, answer) = PendingAppend::new(vec![append("many-1", number)], deadline);
            awaited.push(answer);
            if batch.take(pending).is_some() {
                break;
            }
        }
        assert_eq!(
            (batch.appends.len(), awaited.len()),
            (MAX_GROUP.appends, MAX_GROUP.appends + 1)
        );
    }
}
