//! How tests end.

use std::panic::{AssertUnwindSafe, catch_unwind};

use composable_rust_testing::{Exhaustivity, TestStore};

use crate::{
    said::said,
    shop::{Action, Shop, Shopping, paid, placed, shop},
};

#[test]
fn a_store_that_is_dropped_checks_the_same_as_finish() {
    let message = said(|| drop(placed()));
    assert!(message.starts_with("end of the store built at "), "{message}");
    assert!(message.contains("shop.rs:"), "{message}");
    assert!(message.contains(": 1 effect is still running"), "{message}");
    assert!(said(|| drop(paid())).contains("2 actions were not received"));
}

#[test]
fn a_test_that_fails_already_is_not_failed_twice() {
    let message = said(|| {
        let _store = placed();
        let _paid = paid();
        assert_eq!(1, 2, "the test's own assertion");
    });
    assert!(message.contains("the test's own assertion"), "{message}");
}

#[test]
fn a_store_that_has_failed_the_test_says_nothing_more_when_it_is_dropped() {
    let mut store = placed();
    let failed = catch_unwind(AssertUnwindSafe(|| store.receive(Action::Shipped, |_| {})));
    assert!(failed.is_err());
    drop(store);
}

#[test]
fn without_exhaustivity_effects_may_run_at_the_end() {
    let mut store = TestStore::builder(Shopping, Shop::default(), ())
        .exhaustivity(Exhaustivity::Off)
        .build();
    store.send(Action::Place { amount: 50 }, |_| {});
    store.finish();
}

#[test]
fn a_panic_fails_the_test_without_exhaustivity_as_well() {
    let message = said(|| {
        let mut store = shop();
        store.set_exhaustivity(Exhaustivity::Off);
        store.send(Action::Burn, |_| {});
    });
    assert!(message.starts_with("an effect panicked"), "{message}");
}

#[test]
fn what_a_store_holds_is_let_go_with_it() {
    use composable_rust_core::{Effect, Reducer};
    use std::sync::Arc;

    struct Holder;
    impl Reducer for Holder {
        type State = ();
        type Action = ();
        type Environment = Arc<()>;
        fn reduce(&self, (): &mut (), (): &(), held: &Arc<()>) -> Effect<()> {
            let held = Arc::clone(held);
            Effect::fire_and_forget(async move {
                std::future::pending::<()>().await;
                drop(held);
            })
        }
    }

    let held = Arc::new(());
    let mut store = TestStore::new(Holder, (), Arc::clone(&held));
    store.send((), |()| {});
    assert_eq!(Arc::strong_count(&held), 3);
    store.skip_in_flight();
    store.finish();
    assert_eq!(Arc::strong_count(&held), 1);
}
