//! What an action without effects allocates: nothing.

#![expect(
    unsafe_code,
    reason = "a global allocator is unsafe to implement; this one only counts"
)]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

use composable_rust_core::{Effect, Reducer};
use composable_rust_runtime::Store;
use futures::FutureExt;

/// Counts what this thread allocates.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator unchanged; counting touches only a cell of this thread, which needs
// no allocation and no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Counts; an action of `n` emits `n - 1` until there is none.
struct Counter;

impl Reducer for Counter {
    type State = u64;
    type Action = u64;
    type Environment = ();

    fn reduce(&self, count: &mut u64, left: &u64, (): &()) -> Effect<u64> {
        *count += 1;
        if *left == 0 {
            Effect::none()
        } else {
            Effect::emit(left - 1)
        }
    }
}

/// How many allocations `work` makes once it has been done before: queues have their size then.
fn allocations_of(mut work: impl FnMut()) -> u64 {
    work();
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

#[tokio::test]
async fn a_dispatch_without_effects_allocates_nothing() {
    let store = Store::builder(Counter, ()).build(0).unwrap();
    assert_eq!(allocations_of(|| assert!(store.try_dispatch(0).is_ok())), 0);
    assert_eq!(allocations_of(|| store.dispatch(0).now_or_never().unwrap().unwrap()), 0);
    assert_eq!(store.state(|count| *count), 4);
}

#[tokio::test]
async fn an_emitted_action_allocates_nothing() {
    let store = Store::builder(Counter, ()).build(0).unwrap();
    assert_eq!(allocations_of(|| assert!(store.try_dispatch(100).is_ok())), 0);
}

#[tokio::test]
async fn a_million_self_emits_need_constant_memory() {
    let store = Store::builder(Counter, ()).build(0).unwrap();
    let before = ALLOCATIONS.get();
    store.send(1_000_000).await.unwrap().settled().await.unwrap();
    assert_eq!(store.state(|count| *count), 1_000_001);
    // The queue, the tracker, and the task that goes on when the caller's budget is spent.
    assert!(ALLOCATIONS.get() - before < 20);
}

#[tokio::test]
async fn an_action_that_waits_in_the_inbox_allocates_nothing() {
    let store = Store::builder(Counter, ()).build(0).unwrap();
    let enqueue = || store.state(|_| (0..100).for_each(|_| assert!(store.try_dispatch(0).is_ok())));
    // Twice: the inbox and the drainer's queue swap their memory.
    enqueue();
    assert_eq!(allocations_of(enqueue), 0);
    assert_eq!(store.state(|count| *count), 300);
}

#[tokio::test]
async fn a_tracked_send_allocates_once() {
    let store = Store::builder(Counter, ()).build(0).unwrap();
    let send = || {
        let sent = store.send(10).now_or_never().unwrap().unwrap();
        assert_eq!(sent.settled().now_or_never(), Some(Ok(())));
    };
    assert_eq!(allocations_of(send), 1);
}

#[tokio::test]
async fn the_counter_counts() {
    assert_eq!(allocations_of(|| drop(std::hint::black_box(Box::new(7)))), 1);
}
