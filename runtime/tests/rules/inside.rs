//! What a call from inside of the store does instead of waiting for itself.

use composable_rust_core::Effect;
use composable_rust_runtime::SubscriptionEnd;
use futures::{FutureExt, StreamExt};

use crate::support::{Do, notes, scripts};

const MESSAGE: &str = "Store::state was called inside of a reducer";

#[tokio::test]
async fn a_look_at_the_state_inside_of_a_reducer_panics_with_a_message() {
    let (store, _) = scripts();
    let inner = store.clone();
    let look = Do::then("look", move || {
        inner.state(Vec::len);
        Effect::none()
    });
    store.dispatch(look).await.unwrap();
    let fault = store.fault().unwrap();
    assert!(fault.message().starts_with(MESSAGE), "{fault}");
}

#[tokio::test]
async fn a_look_at_the_state_inside_of_a_selector_ends_its_subscription_with_a_message() {
    let (store, _) = scripts();
    let inner = store.clone();
    let mut subscription = store.subscribe(move |_| inner.state(Vec::len));
    assert_eq!(subscription.next().await, None);
    let Some(SubscriptionEnd::SelectorPanicked(message)) = subscription.ended() else {
        panic!("{:?}", subscription.ended())
    };
    assert!(message.starts_with(MESSAGE), "{message}");
    store.dispatch(Do::note("goes-on")).await.unwrap();
    assert_eq!(notes(&store), "goes-on");
}

#[tokio::test]
async fn a_look_at_the_state_inside_of_another_panics_with_a_message() {
    let (store, _) = scripts();
    let inner = store.clone();
    let looked = std::thread::spawn(move || inner.state(|_| inner.state(Vec::len))).join();
    let message = *looked.unwrap_err().downcast::<&str>().unwrap();
    assert!(message.starts_with(MESSAGE), "{message}");
    store.dispatch(Do::note("goes-on")).await.unwrap();
    assert_eq!(notes(&store), "goes-on");
}

#[tokio::test]
async fn a_look_at_the_state_of_another_store_or_on_another_thread_is_fine() {
    let (store, _) = scripts();
    let (other, _) = scripts();
    assert_eq!(store.state(|_| other.state(Vec::len)), 0);
    let inner = store.clone();
    let looking = store.state(|_| std::thread::spawn(move || inner.state(Vec::len)));
    assert_eq!(looking.join().unwrap(), 0);
    assert!(store.dispatch(Do::note("goes-on")).now_or_never().is_some());
}
