//! The order application on a store that fails, its processes crashing: whatever happens, the log tells what callers were
//! told.
//!
//! A run follows from its seed: what users want, when which process gets to work, what the store does. Each process is a
//! host of its own on a runtime of its own, which ends in the middle of everything when the process crashes. A run that
//! fails names its seed; `SIMULATION_SEED=17` runs that one alone, `SIMULATION_SEEDS=100000` runs more than usual.

mod dice;
mod journal;
mod plan;
mod process;
mod users;
mod verdict;
mod world;

use std::{
    any::Any,
    env,
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
};

use world::World;

/// What a run comes to, in lines.
fn run(seed: u64) -> Vec<String> {
    let mut world = World::new(seed);
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        world.run();
        verdict::check(&mut world);
    }));
    let transcript = world.transcript();
    if let Err(failure) = outcome {
        let (why, lines) = (text(&*failure), transcript.join("\n"));
        panic!("the simulation with seed {seed} failed; again with SIMULATION_SEED={seed}: {why}\n{lines}");
    }
    transcript
}

fn text(failure: &(dyn Any + Send)) -> &str {
    let text = failure.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| failure.downcast_ref::<&str>().copied())
        .unwrap_or_default()
}

fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is no number")))
}

fn seeds() -> Range<u64> {
    match number("SIMULATION_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SIMULATION_SEEDS").unwrap_or(300),
    }
}

#[test]
fn whatever_fails_the_log_tells_what_callers_were_told() {
    for seed in seeds() {
        run(seed);
    }
}

#[test]
fn a_seed_runs_the_same_every_time() {
    for seed in seeds().take(20) {
        assert_eq!(run(seed), run(seed), "seed {seed}");
    }
}

#[test]
fn the_seeds_lead_to_everything_that_is_to_be_survived() {
    let lines: Vec<String> = (0..100).flat_map(run).collect();
    for what in [
        "crashed",
        "a rival",
        "shared an append",
        "-> version",
        "-> rejected",
        "-> unknown",
        "-> unavailable",
        "-> expired",
        "-> conflict",
        "fails before its commit",
        "fails after its commit",
        "is lost before it reaches the store",
        "is written and never answered",
        "loses a race",
        "is delayed",
    ] {
        assert!(lines.iter().any(|line| line.contains(what)), "never: {what}");
    }
}
