//! Effects as values: what they are made of, and how deep they nest.

#![expect(clippy::indexing_slicing, reason = "a helper of tests")]

use std::time::Duration;

use composable_rust_core::{CancelId, Edge, Effect, EffectDescription, InFlight};

const DEEP: u64 = 1_000_000;
const SECOND: Duration = Duration::from_secs(1);

type Step = fn(Effect<u64>, u64) -> Effect<u64>;

/// Every way to make an effect of another one, in both directions where there are two.
const STEPS: [(&str, Step); 11] = [
    ("merge to the left", |inner, k| inner.merge(Effect::emit(k))),
    ("merge to the right", |inner, k| Effect::emit(k).merge(inner)),
    ("then to the left", |inner, k| inner.then(Effect::emit(k))),
    ("then to the right", |inner, k| Effect::emit(k).then(inner)),
    ("race to the left", |inner, k| Effect::race([inner, Effect::emit(k)])),
    ("race to the right", |inner, k| Effect::race([Effect::emit(k), inner])),
    ("delay", |inner, _| inner.delay(SECOND)),
    ("label", |inner, _| inner.label("label")),
    ("cancellable", |inner, k| {
        inner.cancellable(CancelId::from("id").key(k), InFlight::Replace)
    }),
    ("the same id", |inner, _| inner.cancellable("id", InFlight::Replace)),
    ("throttle", |inner, k| {
        inner.throttle(CancelId::from("id").key(k), SECOND, Edge::Leading)
    }),
];

fn deep(step: Step) -> Effect<u64> {
    (0..DEEP).fold(Effect::task(async { 0 }), step)
}

/// Cycles through all of them.
fn mixed() -> Effect<u64> {
    (0..DEEP).fold(Effect::task(async { 0 }), |inner, k| {
        let (_, step) = STEPS[usize::try_from(k).unwrap_or_default() % STEPS.len()];
        step(inner, k)
    })
}

/// On a thread with a stack of 2 MiB.
fn on_a_small_stack(test: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(test);
    assert!(thread.is_ok_and(|thread| thread.join().is_ok()));
}

#[test]
fn effects_of_a_million_levels_are_built_described_mapped_and_dropped() {
    on_a_small_stack(|| {
        for (name, step) in STEPS {
            let effect = deep(step);
            let described = effect.describe().to_string();
            assert!(
                described.ends_with(['…', ']']) && described.len() < 10_000,
                "{name}: {described}"
            );
            drop(effect);
        }
        drop(mixed().map(|n| n + 1));
        drop(format!("{:?}", mixed()));
    });
}

/// `map` nests to 1,000: no composition of reducers nests deeper.
#[test]
fn maps_nest_to_a_thousand() {
    on_a_small_stack(|| {
        let mapped = (0..1_000).fold(Effect::task(async { 0_u64 }), |inner, _| inner.map(|n| n + 1));
        assert_eq!(mapped.describe(), EffectDescription::Future);
        let composable_rust_core::__engine::Node::Leaf(composable_rust_core::__engine::Leaf::Future(future)) =
            composable_rust_core::__engine::into_node(mapped)
        else {
            return assert_eq!("a future", "something else");
        };
        assert_eq!(futures::FutureExt::now_or_never(future), Some(Some(1_000)));
    });
}

#[test]
fn lists_within_lists_of_the_same_kind_are_flat_and_keep_their_order() {
    let labelled = |name| Effect::emit(0_u64).label(name);
    let [a, b, c, d] = ["a", "b", "c", "d"];
    for (whole, kind) in [
        (
            labelled(a).merge(labelled(b)).merge(labelled(c).merge(labelled(d))),
            "parallel",
        ),
        (
            labelled(a).merge(labelled(b).merge(labelled(c).merge(labelled(d)))),
            "parallel",
        ),
        (
            labelled(a).then(labelled(b)).then(labelled(c).then(labelled(d))),
            "sequential",
        ),
        (
            labelled(a).then(labelled(b).then(labelled(c)).then(labelled(d))),
            "sequential",
        ),
        (
            Effect::race([labelled(a), Effect::race([labelled(b), labelled(c)]), labelled(d)]),
            "race",
        ),
        (
            Effect::race([Effect::race([labelled(a), labelled(b), labelled(c)]), labelled(d)]),
            "race",
        ),
    ] {
        let expected = format!("{kind} [\"a\": emit, \"b\": emit, \"c\": emit, \"d\": emit]");
        assert_eq!(whole.describe().to_string(), expected);
    }
}

#[test]
fn an_empty_race_completes_at_once_and_stays_a_racer() {
    let race = Effect::race([Effect::race([]), Effect::emit(1)]);
    assert_eq!(race.describe().to_string(), "race [race [], emit]");
}

#[test]
fn nothing_is_the_identity_of_merge_and_then() {
    let effect = || Effect::emit(1).delay(SECOND);
    for same in [
        effect().merge(Effect::none()),
        Effect::none().merge(effect()),
        effect().then(Effect::none()),
        Effect::none().then(effect()),
        Effect::all([Effect::none(), effect()]),
    ] {
        assert_eq!(same.describe(), effect().describe());
    }
    assert!(
        Effect::<u64>::none()
            .merge(Effect::none())
            .then(Effect::none())
            .label("label")
            .is_none()
    );
}

#[test]
fn a_description_ends_after_128_parts() {
    let EffectDescription::Parallel(parts) = Effect::all((0..1_000).map(Effect::emit)).describe() else {
        return assert_eq!("a list", "something else");
    };
    assert_eq!(parts.len(), 128);
    assert_eq!(
        (&parts[126], &parts[127]),
        (&EffectDescription::Emit, &EffectDescription::Omitted)
    );
}
