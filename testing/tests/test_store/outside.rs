//! What happens outside of the test: other threads, other tasks, real input and output.

use std::{sync::mpsc, thread, time::Duration};

use composable_rust_core::{Effect, Reducer};
use composable_rust_testing::{TestClock, TestStore};
use futures::{StreamExt, channel::oneshot, stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{said::said, shop::SECOND};

#[derive(Clone, Debug, PartialEq)]
enum Ask {
    /// A thread that answers.
    Thread,
    /// A thread that answers, or else it is too late after 5 seconds.
    InTime,
    /// A task of the runtime that answers.
    Task,
    /// A socket that answers.
    Socket,
    /// A thread that never answers: it keeps the other end.
    Nobody,
    /// Sleeps for 5 seconds.
    Sleep,
    /// Answers from many threads.
    Many(u32),
    /// A stream that never ends.
    Numbers,
    Answered(u32),
    TooLate,
}

/// The last answer. The environment keeps what nobody answers.
struct Asking;

type Kept = std::sync::Mutex<Vec<oneshot::Sender<u32>>>;

async fn thread_answers(number: u32) -> Ask {
    let (answer, answered) = oneshot::channel();
    let asked = thread::spawn(move || answer.send(number));
    let number = answered.await;
    drop(asked);
    Ask::Answered(number.unwrap_or_default())
}

async fn socket_answers() -> std::io::Result<u32> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let mut asking = tokio::net::TcpStream::connect(listener.local_addr()?).await?;
    let (mut answering, _) = listener.accept().await?;
    answering.write_u32(42).await?;
    asking.read_u32().await
}

impl Reducer for Asking {
    type State = u32;
    type Action = Ask;
    type Environment = Kept;

    fn reduce(&self, answer: &mut u32, ask: &Ask, kept: &Kept) -> Effect<Ask> {
        match ask {
            Ask::Thread => Effect::task(thread_answers(42)).label("ask a thread"),
            Ask::InTime => Effect::task(thread_answers(42)).timeout(SECOND * 5, Ask::TooLate),
            Ask::Task => Effect::task(async { Ask::Answered(tokio::spawn(async { 42 }).await.unwrap_or_default()) }),
            Ask::Socket => Effect::task(async { Ask::Answered(socket_answers().await.unwrap_or_default()) }),
            Ask::Nobody => {
                let (answer, answered) = oneshot::channel();
                kept.lock().unwrap().push(answer);
                Effect::task(async { Ask::Answered(answered.await.unwrap_or_default()) }).label("ask nobody")
            }
            Ask::Sleep => Effect::emit(Ask::TooLate).delay(SECOND * 5).label("sleep"),
            Ask::Many(many) => Effect::all((0..*many).map(|_| Effect::task(thread_answers(1)))),
            Ask::Numbers => {
                let (numbers, received) = futures::channel::mpsc::unbounded();
                thread::spawn(move || (1..=2).try_for_each(|number| numbers.unbounded_send(number)));
                Effect::stream(received.map(Ask::Answered).chain(stream::pending()))
            }
            Ask::Answered(number) => {
                *answer += number;
                Effect::none()
            }
            Ask::TooLate => Effect::none(),
        }
    }
}

fn asking() -> TestStore<Asking> {
    TestStore::new(Asking, 0, Kept::default())
}

async fn settled(ask: Ask) {
    let mut store = asking();
    store.send(ask, |_| {});
    store.settle().await;
    store.receive(Ask::Answered(42), |answer| *answer = 42);
    store.finish();
}

#[tokio::test]
async fn settle_waits_for_other_threads() {
    settled(Ask::Thread).await;
}

#[test]
fn settle_needs_no_runtime() {
    futures::executor::block_on(settled(Ask::Thread));
}

#[tokio::test]
async fn settle_waits_for_tasks_of_the_runtime() {
    settled(Ask::Task).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settle_waits_for_tasks_of_a_runtime_of_many_threads() {
    settled(Ask::Task).await;
}

#[tokio::test]
async fn settle_waits_for_sockets() {
    settled(Ask::Socket).await;
}

#[tokio::test]
async fn settle_waits_for_an_answer_that_has_a_timeout_on_the_clock_of_the_test() {
    settled(Ask::InTime).await;
}

#[tokio::test]
async fn settle_does_not_wait_for_who_sleeps_on_the_clock_of_the_test() {
    let mut store = asking();
    store.send(Ask::Sleep, |_| {});
    store.settle().await;
    store.advance(SECOND * 5);
    store.receive(Ask::TooLate, |_| {});
    store.finish();
}

#[tokio::test]
async fn settle_does_not_wait_for_who_sleeps_inside_of_a_future() {
    struct Sleeper;
    impl Reducer for Sleeper {
        type State = ();
        type Action = bool;
        type Environment = TestClock;
        fn reduce(&self, (): &mut (), woken: &bool, clock: &TestClock) -> Effect<bool> {
            use composable_rust_core::Clock;
            let sleep = clock.sleep(SECOND);
            if *woken {
                return Effect::none();
            }
            Effect::task(async {
                // First something else, so that a waker of an earlier poll was elsewhere.
                thread_answers(1).await;
                sleep.await;
                true
            })
        }
    }
    let clock = TestClock::new();
    let mut store = TestStore::builder(Sleeper, (), clock.clone()).clock(clock).build();
    store.send(false, |()| {});
    store.settle().await;
    store.advance(SECOND);
    store.receive(true, |()| {});
    store.finish();
}

#[tokio::test]
async fn an_effect_that_was_let_run_is_not_waited_for() {
    let mut store = asking();
    store.send(Ask::Nobody, |_| {});
    store.skip_in_flight();
    store.settle().await;
    store.finish();
}

#[tokio::test]
async fn an_action_of_an_effect_without_end_can_be_waited_for() {
    let mut store = asking();
    store.send(Ask::Numbers, |_| {});
    store.until_received().await;
    store.receive(Ask::Answered(1), |answer| *answer = 1);
    store.until_received().await;
    store.receive(Ask::Answered(2), |answer| *answer = 3);
    store.skip_in_flight();
    store.finish();
}

#[test]
fn what_does_not_settle_is_named() {
    let message = said(|| {
        let builder = TestStore::builder(Asking, 0, Kept::default());
        let mut store = builder.patience(Duration::from_millis(1)).build();
        store.send(Ask::Nobody, |_| {});
        futures::executor::block_on(store.settle());
    });
    let (at, rest) = message.split_once(": ").unwrap();
    assert!(
        at.starts_with("settle() at ") && at.contains("outside.rs:"),
        "{message}"
    );
    assert_eq!(
        rest,
        "\
nothing more happened within 1 ms

  effects that run:
    `ask nobody`, started by Nobody: waits for something outside of the store

help: bring about what they wait for; skip_in_flight() if they never end; or give the store more patience"
    );
}

#[test]
fn nothing_was_received_since_nobody_has_settled() {
    let message = said(|| {
        let mut store = asking();
        store.send(Ask::Nobody, |_| {});
        store.receive(Ask::Answered(1), |_| {});
    });
    assert_eq!(
        message,
        "\
receive(Answered(1)): nothing was received

  effects that run:
    `ask nobody`, started by Nobody: waits for something outside of the store

help: await settle(), or bring about what the effect waits for, before this"
    );
}

/// Threads that take the processor from whoever waits for it.
struct Load(Vec<mpsc::Sender<()>>);

impl Load {
    fn of(threads: usize) -> Self {
        let busy = |_| {
            let (stop, stopped) = mpsc::channel::<()>();
            thread::spawn(move || while stopped.try_recv() != Err(mpsc::TryRecvError::Disconnected) {});
            stop
        };
        Self((0..threads).map(busy).collect())
    }
}

#[tokio::test]
async fn two_hundred_runs_under_load_are_all_the_same() {
    let load = Load::of(4);
    for _ in 0..200 {
        let mut store = asking();
        store.send(Ask::Many(8), |_| {});
        store.settle().await;
        for number in 1..=8 {
            store.receive(Ask::Answered(1), |answer| *answer = number);
        }
        store.send(Ask::InTime, |_| {});
        store.settle().await;
        store.receive(Ask::Answered(42), |answer| *answer = 50);
        store.send(Ask::Sleep, |_| {});
        store.settle().await;
        store.advance(SECOND * 5);
        store.receive(Ask::TooLate, |_| {});
        store.finish();
    }
    assert_eq!(load.0.len(), 4);
}
