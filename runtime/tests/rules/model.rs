//! Random trees of effects against a simple model of when each rings.

use std::{sync::Arc, time::Duration};

use composable_rust_core::{Clock, Effect, InFlight, Reducer};
use composable_rust_runtime::Store;
use composable_rust_testing::{FixedClock, TestClock};
use proptest::prelude::*;

use crate::support::advance;

/// A tree of effects: every leaf rings after so many microseconds.
#[derive(Clone, Debug)]
enum Plan {
    Ring(u64),
    Parallel(Vec<Self>),
    Sequential(Vec<Self>),
    Race(Vec<Self>),
    Stream(Vec<Self>),
}

fn plans() -> impl Strategy<Value = Plan> {
    // So many different times that ties are rare; those are skipped.
    (1_u64..1_000_000)
        .prop_map(Plan::Ring)
        .prop_recursive(4, 24, 4, |inner| {
            let inner = || prop::collection::vec(inner.clone(), 1..4);
            prop_oneof![
                inner().prop_map(Plan::Parallel),
                inner().prop_map(Plan::Sequential),
                inner().prop_map(Plan::Race),
                prop::collection::vec((1_u64..1_000_000).prop_map(Plan::Ring), 1..4).prop_map(Plan::Stream),
            ]
        })
}

impl Plan {
    fn effect(&self, clock: &TestClock) -> Effect<Action> {
        let each = |plans: &[Self]| plans.iter().map(|plan| plan.effect(clock)).collect::<Vec<_>>();
        match self {
            Self::Ring(micros) => Effect::emit(Action::Ring).delay(Duration::from_micros(*micros)),
            Self::Parallel(plans) => Effect::all(each(plans)),
            Self::Sequential(plans) => each(plans).into_iter().fold(Effect::none(), Effect::then),
            Self::Race(plans) => Effect::race(each(plans)),
            Self::Stream(plans) => {
                let pauses: Vec<u64> = plans.iter().map(Self::micros).collect();
                let clock = clock.clone();
                let ticks = futures::stream::unfold(pauses.into_iter(), move |mut pauses| {
                    let clock = clock.clone();
                    async move {
                        clock.sleep(Duration::from_micros(pauses.next()?)).await;
                        Some((Action::Ring, pauses))
                    }
                });
                Effect::stream(ticks)
            }
        }
    }

    fn micros(&self) -> u64 {
        match self {
            Self::Ring(micros) => *micros,
            Self::Parallel(_) | Self::Sequential(_) | Self::Race(_) | Self::Stream(_) => 0,
        }
    }

    /// When it rings and when it is over, if it starts at `start`.
    fn expected(&self, start: u64) -> (Vec<u64>, u64) {
        match self {
            Self::Ring(micros) => (vec![start + micros], start + micros),
            Self::Parallel(plans) => {
                let (rings, ends): (Vec<_>, Vec<_>) = plans.iter().map(|plan| plan.expected(start)).unzip();
                (rings.concat(), ends.into_iter().max().unwrap_or(start))
            }
            Self::Sequential(plans) | Self::Stream(plans) => {
                plans.iter().fold((vec![], start), |(mut rings, now), plan| {
                    let (more, end) = plan.expected(now);
                    rings.extend(more);
                    (rings, end)
                })
            }
            Self::Race(plans) => {
                let (rings, ends): (Vec<_>, Vec<_>) = plans.iter().map(|plan| plan.expected(start)).unzip();
                let end = ends.into_iter().min().unwrap_or(start);
                (rings.concat().into_iter().filter(|ring| *ring <= end).collect(), end)
            }
        }
    }
}

enum Action {
    Start(Plan),
    Cancel,
    Ring,
}

/// Notes when it rings.
struct Bell;

impl Reducer for Bell {
    type State = Vec<u64>;
    type Action = Action;
    type Environment = TestClock;

    fn reduce(&self, rings: &mut Vec<u64>, action: &Action, clock: &TestClock) -> Effect<Action> {
        match action {
            Action::Start(plan) => plan.effect(clock).cancellable("all", InFlight::Keep),
            Action::Cancel => Effect::cancel("all"),
            Action::Ring => {
                let micros = (clock.now() - FixedClock::START).num_microseconds();
                rings.extend(micros.and_then(|micros| u64::try_from(micros).ok()));
                Effect::none()
            }
        }
    }
}

/// When it rings in a store, if all is cancelled at `cancel`.
async fn rings(plan: Plan, cancel: u64) -> Vec<u64> {
    let clock = TestClock::new();
    let builder = Store::builder(Bell, clock.clone()).clock(Arc::new(clock.clone()));
    let store = builder.build(vec![]).unwrap();
    let sent = store.send(Action::Start(plan)).await.unwrap();
    advance(&clock, Duration::from_micros(cancel)).await;
    store.dispatch(Action::Cancel).await.unwrap();
    advance(&clock, Duration::from_mins(1)).await;
    sent.settled().await.unwrap();
    assert_eq!((store.running().len(), store.remembered()), (0, 0));
    store.state(Clone::clone)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_tree_of_effects_rings_when_the_model_says(plan in plans(), cancel in 1_u64..4_000_000) {
        let (mut expected, _) = plan.expected(0);
        expected.retain(|ring| *ring <= cancel);
        expected.sort_unstable();
        prop_assume!(expected.windows(2).all(|pair| pair[0] != pair[1]));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        prop_assert_eq!(runtime.block_on(rings(plan, cancel)), expected);
    }
}
