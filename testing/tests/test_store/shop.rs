//! A shop whose orders are paid, and sent when they are.

use std::{future, time::Duration};

use composable_rust_core::{Effect, InFlight, Reducer};
use composable_rust_testing::TestStore;
use futures::stream;

pub(crate) const SECOND: Duration = Duration::from_secs(1);

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    /// Charges the card, which takes 3 seconds.
    Place {
        amount: u32,
    },
    PaymentTaken {
        amount: u32,
    },
    Shipped,
    /// Ends the charging.
    Cancel,
    /// Reminds after 1, 2 and 3 seconds.
    Remind,
    Reminded(u32),
    /// Listens to what never comes.
    Listen,
    /// Changes nothing.
    Look,
    /// The reducer panics.
    Stumble,
    /// The effect panics.
    Burn,
    /// Never stops.
    Spin,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Shop {
    pub(crate) status: String,
    pub(crate) paid: u32,
    pub(crate) reminders: Vec<u32>,
}

pub(crate) struct Shopping;

impl Reducer for Shopping {
    type State = Shop;
    type Action = Action;
    type Environment = ();

    fn reduce(&self, shop: &mut Shop, action: &Action, (): &()) -> Effect<Action> {
        match action {
            Action::Place { amount } => {
                "placed".clone_into(&mut shop.status);
                let charge = Effect::emit(Action::PaymentTaken { amount: *amount }).delay(SECOND * 3);
                charge.label("charge card").cancellable("charge", InFlight::Replace)
            }
            Action::PaymentTaken { amount } => {
                shop.paid += amount;
                "paid".clone_into(&mut shop.status);
                Effect::emit(Action::Shipped)
            }
            Action::Shipped => {
                "shipped".clone_into(&mut shop.status);
                Effect::none()
            }
            Action::Cancel => {
                "cancelled".clone_into(&mut shop.status);
                Effect::cancel("charge")
            }
            Action::Remind => {
                let remind = |number| Effect::emit(Action::Reminded(number)).delay(SECOND);
                remind(1).then(remind(2)).then(remind(3)).label("reminders")
            }
            Action::Reminded(number) => {
                shop.reminders.push(*number);
                Effect::none()
            }
            Action::Listen => Effect::stream(stream::pending()).label("listen"),
            Action::Look => Effect::none(),
            #[expect(clippy::panic, reason = "what the test is about")]
            Action::Stumble => panic!("a stone in the way"),
            #[expect(clippy::panic, reason = "what the test is about")]
            Action::Burn => Effect::fire_and_forget(async { panic!("too hot") }).label("burn"),
            Action::Spin => Effect::fire_and_forget(future::poll_fn(|context| {
                context.waker().wake_by_ref();
                std::task::Poll::Pending
            })),
        }
    }
}

pub(crate) fn shop() -> TestStore<Shopping> {
    TestStore::new(Shopping, Shop::default(), ())
}

/// Places an order of 50.
pub(crate) fn placed() -> TestStore<Shopping> {
    let mut store = shop();
    store.send(Action::Place { amount: 50 }, |shop| {
        "placed".clone_into(&mut shop.status);
    });
    store
}

/// An order of 50 that is paid, of which nothing was received yet.
pub(crate) fn paid() -> TestStore<Shopping> {
    let mut store = placed();
    store.advance(SECOND * 3);
    store
}
