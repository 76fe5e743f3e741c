//! What a failing test is told of the faults in it.

use std::fmt::Write;

use super::{plan::Plan, store::FaultyEventStore};
use crate::failed::failed;

impl<S> FaultyEventStore<S> {
    /// What came to pass in this store, as a failing test prints it: the seed, every fault, and how to see it again.
    ///
    /// ```
    /// use composable_rust_testing::{FaultyEventStore, InMemoryEventStore};
    /// let store = FaultyEventStore::seeded(InMemoryEventStore::new(), 42);
    /// assert!(store.report().starts_with("FaultyEventStore, seed 42: no fault came to pass"));
    /// ```
    #[must_use]
    pub fn report(&self) -> String {
        report(&self.plan())
    }

    /// Everything that was scripted has come to pass: else the test proves less than it says.
    ///
    /// # Panics
    /// When something has not, with a line for each.
    #[track_caller]
    pub fn assert_script_met(&self) {
        let unmet = self.plan().unmet();
        let what = match unmet.len() {
            0 => return,
            1 => "1 scripted fault did not come to pass".to_owned(),
            several => format!("{several} scripted faults did not come to pass"),
        };
        failed(
            &format!("{what}:\n  {}", unmet.join("\n  ")),
            "",
            "let the test come so far, or script only what is to happen: it proves less than it says",
        );
    }
}

fn report(plan: &Plan) -> String {
    let mut report = "FaultyEventStore".to_owned();
    // Writing to a string can't fail.
    let _ = match plan.seed {
        Some(seed) => write!(report, ", seed {seed}: "),
        None => write!(report, ": "),
    };
    let _ = match plan.faults.len() {
        0 => write!(report, "no fault came to pass"),
        1 => write!(report, "1 fault came to pass:"),
        several => write!(report, "{several} faults came to pass:"),
    };
    for fault in &plan.faults {
        let _ = write!(report, "\n  {fault}");
    }
    if let Some(seed) = plan.seed {
        let _ = write!(
            report,
            "\nthe same faults again: FaultyEventStore::seeded(store, {seed})"
        );
    }
    report
}

/// A handle that is dropped by a failing test prints the report, which has the seed.
impl<S> Drop for FaultyEventStore<S> {
    #[expect(clippy::print_stderr, reason = "a failing test speaks there")]
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let mut plan = self.plan();
        let faults = plan.faults.len();
        if plan.printed != Some(faults) && (plan.seed.is_some() || faults > 0) {
            plan.printed = Some(faults);
            eprintln!("{}", report(&plan));
        }
    }
}
