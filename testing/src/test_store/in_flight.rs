//! What a test is told about running effects.

use std::{fmt::Debug, time::Duration};

use composable_rust_core::Reducer;
use composable_rust_runtime::__testing::RunningEffect;

use super::{TestStore, message::spaced};

/// What a running effect waits for.
struct Wait {
    elsewhere: bool,
    forgotten: bool,
    asleep: Option<Duration>,
}

impl Wait {
    fn text(&self) -> String {
        let asleep = self
            .asleep
            .map(|rest| format!("sleeps on the clock for another {}", spaced(rest)));
        match (asleep, self.elsewhere) {
            (Some(asleep), false) => asleep,
            (Some(asleep), true) => format!("waits for something outside of the store, and {asleep}"),
            (None, true) => "waits for something outside of the store".to_owned(),
            (None, false) if self.forgotten => "waits for something that will never happen".to_owned(),
            (None, false) => "waits for another effect".to_owned(),
        }
    }
}

impl<R, V> TestStore<R, V>
where
    R: Reducer,
    R::Action: Clone + Debug,
    V: Clone + PartialEq + Debug + Send + 'static,
{
    /// The effects that run and were not allowed to run on.
    pub(super) fn in_flight(&self) -> Vec<RunningEffect> {
        let mut running = self.store.running_effects();
        running.retain(|effect| !self.let_run.contains(&effect.number));
        running
    }

    pub(super) fn in_flight_names(&self) -> Vec<String> {
        self.in_flight().iter().map(|effect| self.name(effect)).collect()
    }

    pub(super) fn in_flight_lines(&self) -> Vec<String> {
        let line = |effect| format!("{}: {}", self.name(effect), self.wait(effect.number).text());
        self.in_flight().iter().map(line).collect()
    }

    fn name(&self, effect: &RunningEffect) -> String {
        format!("`{}`, started by {}", effect.label, self.cause(effect.cause))
    }

    fn wait(&self, effect: u64) -> Wait {
        Wait {
            elsewhere: self.waits.elsewhere().contains(&effect),
            forgotten: self.waits.forgotten().contains(&effect),
            asleep: self.time.sleeps_for(effect),
        }
    }

    /// What would let a running effect go on.
    pub(super) fn ways_on(&self) -> Vec<String> {
        let running = self.in_flight();
        let waits: Vec<_> = running.iter().map(|effect| self.wait(effect.number)).collect();
        let rest = waits.iter().filter_map(|wait| wait.asleep).min();
        let advance = rest.map(|rest| format!("advance the clock by at least {}", spaced(rest)));
        let elsewhere = waits.iter().any(|wait| wait.elsewhere);
        let settle = elsewhere.then(|| "await settle(), or bring about what the effect waits for".to_owned());
        settle.into_iter().chain(advance).collect()
    }
}
