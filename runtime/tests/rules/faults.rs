//! R9: panics.

use std::sync::{Arc, Mutex};

use composable_rust_core::{Edge, Effect, InFlight, Reducer, ReducerExt};
use composable_rust_runtime::{DispatchError, EffectPanic, SettleError, Store, TryDispatchError};
use composable_rust_testing::TestClock;
use futures::{StreamExt, stream};

use crate::support::{Do, SECOND, Scripted, Scripts, advance, notes, scripts, settle};

#[tokio::test]
async fn a_reducer_panic_makes_the_store_faulted() {
    let (store, _) = scripts();
    store
        .dispatch(Do::then("panic", || panic!("torn state")))
        .await
        .unwrap();
    let Err(DispatchError::Faulted(action, fault)) = store.dispatch(Do::note("a")).await else {
        panic!("taken")
    };
    let Err(TryDispatchError::Faulted(action, _)) = store.try_dispatch(action) else {
        panic!("taken")
    };
    let Err(DispatchError::Faulted(_, _)) = store.send(action).await else {
        panic!("taken")
    };
    assert_eq!(fault.message(), "torn state");
    assert_eq!(fault.action_type(), std::any::type_name::<Do>());
    assert_eq!(store.fault(), Some(fault));
    assert_eq!(notes(&store), "panic");
}

#[tokio::test]
async fn nothing_is_reduced_after_a_fault_and_what_runs_is_ended() {
    let (store, clock) = scripts();
    store
        .dispatch(Do::then("start", || Effect::emit(Do::note("never")).delay(SECOND)))
        .await
        .unwrap();
    let inner = store.clone();
    let panic = Do::then("panic", move || {
        assert!(inner.try_dispatch(Do::note("never")).is_ok());
        panic!("torn")
    });
    store.dispatch(panic).await.unwrap();
    advance(&clock, SECOND).await;
    assert_eq!(notes(&store), "start panic");
    assert_eq!((store.running().len(), store.remembered()), (0, 0));
}

/// What the panic of an effect said that the action has caused.
async fn panic_of(store: &Scripts, action: Do) -> String {
    let settled = store.send(action).await.unwrap().settled().await;
    let Err(SettleError::EffectPanicked(panic)) = settled else {
        panic!("{settled:?}")
    };
    panic.message
}

#[tokio::test]
async fn an_effects_panic_is_caught_and_its_siblings_live() {
    let (store, _) = scripts();
    let start = Do::then("start", || {
        let panicking = || Effect::task(async { panic!("an effect") });
        let sibling = |name: &'static str| Effect::task(async move { Do::note(name) });
        // As parts of one task, and as tasks of their own.
        let together = Effect::race([panicking().merge(sibling("parallel"))]);
        panicking().merge(sibling("sibling")).merge(together)
    });
    assert_eq!(panic_of(&store, start).await, "an effect");
    assert_eq!(store.fault(), None);
    assert_eq!(notes(&store), "start sibling parallel");
    store.dispatch(Do::note("lives")).await.unwrap();
}

#[tokio::test]
async fn a_panic_in_an_effect_reaches_who_sent_its_action_a_hook_and_a_counter() {
    let panics = Arc::new(Mutex::new(vec![]));
    let seen = Arc::clone(&panics);
    let hook = move |panic: &EffectPanic| {
        seen.lock().unwrap().push(panic.clone());
        panic!("the hook's own panic has no consequence");
    };
    let clock = TestClock::new();
    let builder = Store::builder(Scripted, ()).clock(Arc::new(clock.clone()));
    let store = builder.on_effect_panic(hook).build(vec![]).unwrap();
    let panicking = || Effect::task(async { panic!("no network") }).label("upload");
    let cases: [fn(Effect<Do>) -> Effect<Do>; 4] = [
        |effect| effect,
        |effect| effect.delay(SECOND),
        |effect| {
            effect
                .then(Effect::emit(Do::note("never")))
                .cancellable("id", InFlight::Keep)
        },
        |effect| effect.throttle("throttled", SECOND / 2, Edge::Leading),
    ];
    for case in cases {
        let handle = store.send(Do::then("go", move || case(panicking()))).await.unwrap();
        advance(&clock, SECOND * 3).await;
        // What the action caused in turn is followed as well.
        let nested = Do::then("go", move || Effect::emit(Do::then("then", move || case(panicking()))));
        let indirect = store.send(nested).await.unwrap();
        advance(&clock, SECOND * 3).await;
        for handle in [handle, indirect] {
            let settled = handle.settled().await;
            let Err(SettleError::EffectPanicked(panic)) = settled else {
                panic!("{settled:?}")
            };
            assert_eq!((panic.label, panic.message.as_str()), (Some("upload"), "no network"));
        }
    }
    assert_eq!((store.effect_panics(), panics.lock().unwrap().len()), (8, 8));
    assert_eq!(store.fault(), None);
}

#[tokio::test]
async fn a_panic_in_a_destructor_of_an_effect_is_one_of_that_effect() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            assert!(std::thread::panicking(), "bomb");
        }
    }
    let (store, _) = scripts();
    let start = Do::then("start", || {
        let bomb = Bomb;
        let loser = Effect::task(async move {
            std::future::pending::<()>().await;
            drop(bomb);
            Do::note("never")
        });
        Effect::race([Effect::task(async { Do::note("won") }), loser])
    });
    assert_eq!(panic_of(&store, start).await, "bomb");
}

#[tokio::test]
async fn a_panic_in_a_stream_or_an_attempt_is_caught() {
    let (store, _) = scripts();
    let start = Do::then("start", || {
        let ticks = stream::iter(0..3).map(|tick| if tick < 1 { Do::note("tick") } else { panic!("a stream") });
        let backoff = composable_rust_core::Backoff::exponential(3, SECOND);
        let attempt = || -> std::future::Ready<Result<(), ()>> { panic!("an attempt") };
        Effect::stream(ticks).merge(Effect::retry(backoff, attempt, |_| Do::note("never")))
    });
    let message = panic_of(&store, start).await;
    assert!(["a stream", "an attempt"].contains(&message.as_str()), "{message}");
    assert_eq!(store.effect_panics(), 2);
    assert_eq!(notes(&store), "start tick");
    assert_eq!(store.remembered(), 0);
}

#[tokio::test]
async fn what_was_to_follow_a_panicked_step_does_not_start() {
    let (store, _) = scripts();
    let steps = || Effect::task(async { panic!("not charged") }).then(Effect::emit(Do::note("shipped")));
    assert_eq!(panic_of(&store, Do::then("start", steps)).await, "not charged");
    assert_eq!(notes(&store), "start");
}

/// Starts an effect that never ends.
struct Pending;

impl Reducer for Pending {
    type State = u32;
    type Action = ();
    type Environment = ();

    fn reduce(&self, _: &mut u32, (): &(), (): &()) -> Effect<()> {
        Effect::task(futures::future::pending())
    }
}

/// Does nothing.
struct Quiet;

impl Reducer for Quiet {
    type State = u32;
    type Action = ();
    type Environment = ();

    fn reduce(&self, _: &mut u32, (): &(), (): &()) -> Effect<()> {
        Effect::none()
    }
}

#[tokio::test]
async fn a_panic_while_children_are_looked_for_makes_the_store_faulted() {
    #[expect(
        clippy::trivially_copy_pass_by_ref,
        clippy::unnecessary_wraps,
        reason = "the signature of `for_each`"
    )]
    fn row<'s>(looks: &'s mut u32, _: &u64) -> Option<&'s mut u32> {
        *looks += 1;
        assert!(*looks == 1, "no child");
        Some(looks)
    }
    let prism = composable_rust_core::RowPrism::new(|action: &()| Some((&7_u64, action)), |_, ()| ());
    let reducer = Quiet.for_each("rows", row, prism, Pending);
    let store = Store::builder(reducer, ()).build(0).unwrap();
    store.dispatch(()).await.unwrap();
    settle().await;
    assert!(store.fault().is_some_and(|fault| fault.message() == "no child"));
    assert_eq!(store.running(), [""; 0]);
}

#[tokio::test]
async fn a_panic_in_a_look_at_the_state_is_the_lookers_own() {
    let (store, _) = scripts();
    let inner = store.clone();
    let looking = std::thread::spawn(move || {
        inner.state(|_| {
            assert!(inner.try_dispatch(Do::note("left")).is_ok());
            panic!("a look")
        })
    });
    assert!(looking.join().is_err());
    assert_eq!(notes(&store), "left");
    store.dispatch(Do::note("goes-on")).await.unwrap();
    assert_eq!(notes(&store), "left goes-on");
}

#[tokio::test]
async fn a_panic_in_the_drop_of_an_effect_that_is_not_started_is_caught() {
    /// Goes off when it is dropped.
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            assert!(std::thread::panicking(), "bomb");
        }
    }
    let (store, _) = scripts();
    let running = || Effect::task(std::future::pending()).cancellable("id", InFlight::Keep);
    store.dispatch(Do::then("running", running)).await.unwrap();
    let ignored = || {
        let bomb = Bomb;
        let task = async move {
            drop(bomb);
            Do::note("never")
        };
        Effect::task(task).cancellable("id", InFlight::Ignore)
    };
    store.dispatch(Do::then("ignored", ignored)).await.unwrap();
    store.dispatch(Do::note("after")).await.unwrap();
    assert_eq!(store.fault(), None);
    assert_eq!(notes(&store), "running ignored after");
}
