//! Callers who come, look away, go, and come again, on several hosts of a store that fails: whatever happens, the log tells
//! what they were told, and nothing is left behind.
//!
//! A run follows from its seed. One that fails names it; `INTERLEAVING_SEED=17` runs that one alone,
//! `INTERLEAVING_SEEDS=100000` runs more than usual.

#![expect(clippy::indexing_slicing, clippy::panic, reason = "helper functions of tests")]

mod crowd;
mod dice;
mod tagged;
mod verdict;
mod world;

use std::{env, ops::Range, time::Duration};

use tokio::runtime::{Builder, Runtime};

use world::{Time, World};

/// Prints the seed of a run that fails.
struct Named<'a>(u64, &'a str);

impl Drop for Named<'_> {
    #[expect(clippy::print_stderr, reason = "a failing test speaks there")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self(seed, how) = self;
            eprintln!("the run with seed {seed} failed, {how}; again with INTERLEAVING_SEED={seed}");
        }
    }
}

/// As long as what takes longer hangs.
const FOR_EVER: Duration = Duration::from_hours(1);

fn run(seed: u64, time: Time, runtime: &Runtime) {
    let (how, patience) = match time {
        Time::Paused => ("on one thread", FOR_EVER),
        Time::Real => ("on many threads", Duration::from_mins(1)),
    };
    let _named = Named(seed, how);
    runtime.block_on(async {
        let mut world = World::new(seed, time);
        let all = async {
            crowd::let_loose(&mut world).await;
            verdict::check(&world, patience).await;
        };
        tokio::time::timeout(patience, all).await.unwrap();
    });
}

fn seeds(usual: u64) -> Range<u64> {
    let number = |variable| env::var(variable).ok().map(|text| text.parse::<u64>().unwrap());
    match number("INTERLEAVING_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("INTERLEAVING_SEEDS").unwrap_or(usual),
    }
}

#[test]
fn whatever_callers_and_the_store_do_the_log_tells_what_callers_were_told() {
    for seed in seeds(300) {
        let mut builder = Builder::new_current_thread();
        let runtime = builder.enable_time().start_paused(true).build().unwrap();
        run(seed, Time::Paused, &runtime);
    }
}

#[test]
fn whatever_callers_do_on_many_threads_the_log_tells_what_they_were_told() {
    for seed in seeds(40) {
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.worker_threads(3).enable_time().build().unwrap();
        run(seed, Time::Real, &runtime);
    }
}
