//! The task with a stand-in for the database, which a test answers for.

use std::fmt::Display;

use composable_rust_core::{
    AppendError, Appended, Encoding, EventId, ExpectedVersion, Position, SerializedEvent, StreamAppend, Version,
};
use tokio::{sync::mpsc::UnboundedReceiver, task::JoinHandle};
use uuid::Uuid;

use super::*;
use crate::pending_append::{AppendReply, PendingReply};

/// What the task wrote: the test answers it.
type Writes = UnboundedReceiver<Vec<PendingAppend>>;

/// Hands the groups to the test, and waits until it has answered them.
struct Stub(mpsc::UnboundedSender<Vec<PendingAppend>>);

impl WriteGroup for Stub {
    fn write(&self, appends: Vec<PendingAppend>) -> BoxFuture<'static, bool> {
        let mut entries = appends.iter().flat_map(|append| &append.appends);
        let panics = entries.any(|append| append.stream_id.as_str() == "test-panics");
        if panics {
            return Box::pin(async move {
                assert!(appends.iter().all(PendingAppend::mark_sent));
                panic!("on purpose");
            });
        }
        let (ended, wait) = tokio::sync::oneshot::channel::<()>();
        self.0.send(appends).unwrap();
        ENDS.with(|ends| ends.borrow_mut().push(ended));
        Box::pin(async move {
            // Until the test ends the group.
            let _ = wait.await;
            true
        })
    }
}

thread_local! {
    /// Dropped by the test, in their order, to end the groups. A test has one thread.
    static ENDS: std::cell::RefCell<Vec<tokio::sync::oneshot::Sender<()>>> = const { std::cell::RefCell::new(Vec::new()) };
}

fn end_first() {
    ENDS.with(|ends| drop(ends.borrow_mut().remove(0)));
}

struct Tested {
    requests: mpsc::UnboundedSender<Request>,
    writes: Writes,
    counters: Arc<AppendCounters>,
    task: JoinHandle<()>,
}

fn start(max_queued_appends: usize) -> Tested {
    let (requests, receiver) = mpsc::unbounded_channel();
    let (sender, writes) = mpsc::unbounded_channel();
    let counters = Arc::new(AppendCounters::default());
    let task = CommitTask::new(receiver, Stub(sender), max_queued_appends, Arc::clone(&counters));
    Tested {
        requests,
        writes,
        counters,
        task: tokio::spawn(task.run()),
    }
}

impl Tested {
    fn append_within(&self, stream: &str, limit: Duration) -> PendingReply {
        let event = SerializedEvent::new(
            EventId::from_uuid(Uuid::now_v7()),
            "Happened.v1",
            Encoding::JSON,
            vec![],
        );
        let stream_id = StreamId::new("test", stream).unwrap();
        let append = StreamAppend::new(stream_id, ExpectedVersion::Any, vec![event]);
        let (append, reply) = PendingAppend::new(vec![append], limit);
        self.requests.send(Request::Append(append)).unwrap();
        reply
    }

    fn append(&self, stream: impl Display) -> PendingReply {
        self.append_within(&stream.to_string(), Duration::from_mins(1))
    }

    async fn written(&mut self) -> Vec<PendingAppend> {
        self.writes.recv().await.unwrap()
    }
}

fn answer(group: Vec<PendingAppend>) {
    let stored = Appended::new(Version::from(1), Position::from_sequence(1));
    for append in group {
        append.complete(Ok(vec![stored]));
    }
    end_first();
}

fn reason(reply: &AppendReply) -> UnavailableReason {
    match reply {
        Err(AppendError::Unavailable(why)) => why.reason,
        other => panic!("not unavailable: {other:?}"),
    }
}

#[tokio::test]
async fn an_idle_store_writes_at_once_and_what_arrives_meanwhile_shares_the_next_group() {
    let mut tested = start(100);
    let first = tested.append(0);
    let group = tested.written().await;
    assert_eq!(group.len(), 1);
    let others: Vec<_> = (1..4).map(|stream| tested.append(stream)).collect();
    tokio::task::yield_now().await;
    assert!(tested.writes.try_recv().is_err());
    answer(group);
    first.wait().await.unwrap();
    let group = tested.written().await;
    assert_eq!(group.len(), 3);
    answer(group);
    for other in others {
        other.wait().await.unwrap();
    }
    let stats = tested.counters.stats();
    assert_eq!((stats.groups, stats.appends, stats.queued), (2, 4, 0));
}

#[tokio::test]
async fn a_slow_group_lets_others_past_up_to_four() {
    let mut tested = start(100);
    let replies: Vec<_> = (0..4).map(|stream| tested.append(stream)).collect();
    let mut groups = vec![tested.written().await];
    for stream in 4..7 {
        drop(tested.append(format!("dropped-{stream}")));
        let reply = tested.append(stream);
        groups.push(tested.written().await);
        assert_eq!(groups.last().unwrap().len(), 1, "the caller of the other one is gone");
        drop(reply);
    }
    let waits = tested.append(7);
    groups.into_iter().for_each(answer);
    for reply in replies {
        reply.wait().await.unwrap();
    }
    answer(tested.written().await);
    waits.wait().await.unwrap();
}

#[tokio::test]
async fn a_panic_answers_the_callers_of_its_group_and_the_task_goes_on() {
    let mut tested = start(100);
    let reply = tested.append("panics").wait().await;
    assert!(matches!(reply, Err(AppendError::OutcomeUnknown(_))), "{reply:?}");
    let next = tested.append(1);
    answer(tested.written().await);
    next.wait().await.unwrap();
    let same_stream = tested.append("panics").wait().await;
    assert!(
        matches!(same_stream, Err(AppendError::OutcomeUnknown(_))),
        "its stream is free"
    );
}

#[tokio::test]
async fn beyond_the_bound_callers_wait_and_are_then_told_of_the_overload() {
    let mut tested = start(1);
    let first = tested.append(0);
    let group = tested.written().await;
    let short = Duration::from_millis(30);
    let late = tested.append_within("1", short).wait().await;
    assert_eq!(reason(&late), UnavailableReason::Overloaded);
    let waits = tested.append(2);
    answer(group);
    first.wait().await.unwrap();
    answer(tested.written().await);
    waits.wait().await.unwrap();
    assert_eq!(tested.counters.stats().expired, 1);
}

#[tokio::test]
async fn an_append_that_is_not_taken_in_time_says_what_held_it_up() {
    let mut tested = start(100);
    let short = Duration::from_millis(30);
    let first = tested.append("held");
    let group = tested.written().await;
    let behind = tested.append_within("held", short).wait().await;
    assert_eq!(reason(&behind), UnavailableReason::TimedOut);
    let mut groups = vec![group];
    let mut replies = vec![first];
    for stream in 0..3 {
        replies.push(tested.append(stream));
        groups.push(tested.written().await);
    }
    let silent = tested.append_within("late", short).wait().await;
    assert_eq!(
        reason(&silent),
        UnavailableReason::Unreachable,
        "the database answers nothing"
    );
    groups.into_iter().for_each(answer);
}

#[tokio::test]
async fn closing_finishes_what_was_sent_before_and_refuses_the_rest() {
    let mut tested = start(100);
    let first = tested.append(0);
    let second = tested.append(0);
    tested.requests.send(Request::Close).unwrap();
    let group = tested.written().await;
    assert!(tested.requests.is_closed());
    answer(group);
    first.wait().await.unwrap();
    if let Some(group) = tested.writes.recv().await {
        answer(group);
    }
    second.wait().await.unwrap();
    tested.task.await.unwrap();
}

#[tokio::test]
async fn the_task_ends_with_its_callers() {
    let Tested { requests, task, .. } = start(100);
    drop(requests);
    task.await.unwrap();
}

#[tokio::test]
async fn a_task_that_is_dropped_answers_everybody() {
    let mut tested = start(100);
    let sent = tested.append(0);
    let waits = tested.append(0);
    let group = tested.written().await;
    assert!(group[0].mark_sent());
    tested.task.abort();
    drop(group);
    assert!(matches!(sent.wait().await, Err(AppendError::OutcomeUnknown(_))));
    assert_eq!(reason(&waits.wait().await), UnavailableReason::Closed);
}
