//! What is to happen to which call, and what has happened.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use composable_rust_core::{Clock, StreamAppend, StreamId};
use futures::future::BoxFuture;

use super::{
    chances::Chances,
    fault::{Fault, FaultKind, Operation},
};

/// One thing that happens to a call; those before the end come first, in the order in which they were written.
pub(super) enum Step {
    /// The mutex is never locked: it makes the step `Sync` although the test's future may not be.
    Hold(Mutex<BoxFuture<'static, ()>>),
    Delay(Duration, Arc<dyn Clock>),
    /// Another writer comes first.
    Race(StreamAppend),
    End(FaultKind),
}

impl Step {
    /// As the script would be read out.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Hold(_) => FaultKind::Held.to_string(),
            Self::Delay(by, _) => FaultKind::Delayed(*by).to_string(),
            Self::Race(rival) => format!("loses a race in {}", rival.stream_id),
            Self::End(kind) => kind.to_string(),
        }
    }
}

/// What is to happen to which call, and what has happened.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) seed: Option<u64>,
    pub(super) chances: Chances,
    script: BTreeMap<(Operation, u64), Vec<Step>>,
    made: BTreeMap<Operation, u64>,
    pub(super) faults: Vec<Fault>,
    /// Scripted, and impossible when their call came.
    pub(super) missed: Vec<String>,
    /// How many faults there were when they were last printed, so that many handles print them once.
    pub(super) printed: Option<usize>,
}

impl Plan {
    pub(super) fn made(&self, operation: Operation) -> u64 {
        self.made.get(&operation).copied().unwrap_or_default()
    }

    /// Takes the step into the script, unless the call has an end already: its description, then.
    pub(super) fn script(&mut self, operation: Operation, nth: u64, step: Step) -> Result<(), String> {
        let steps = self.script.entry((operation, nth)).or_default();
        if let Step::End(_) = step
            && let Some(end) = steps.iter().find(|step| matches!(step, Step::End(_)))
        {
            return Err(end.describe());
        }
        steps.push(step);
        Ok(())
    }

    /// Counts the call, and says what the script has for it; the seed decides where it has nothing.
    pub(super) fn begin(&mut self, operation: Operation) -> (u64, Option<Vec<Step>>) {
        let made = self.made.entry(operation).or_default();
        *made += 1;
        let nth = *made;
        (nth, self.script.remove(&(operation, nth)))
    }

    pub(super) fn note(&mut self, operation: Operation, nth: u64, streams: &[StreamId], kind: FaultKind) -> &Fault {
        self.faults.push_mut(Fault {
            operation,
            nth,
            streams: streams.to_vec(),
            kind,
        })
    }

    /// What was scripted and did not happen, a line each.
    pub(super) fn unmet(&self) -> Vec<String> {
        let waiting = self.script.iter().flat_map(|((operation, nth), steps)| {
            let made = match self.made(*operation) {
                1 => format!("only 1 {operation} was made"),
                0 => format!("no {operation} was made"),
                made => format!("only {made} {operation}s were made"),
            };
            steps
                .iter()
                .map(move |step| format!("{operation} {nth} {}: {made}", step.describe()))
        });
        self.missed.iter().cloned().chain(waiting).collect()
    }
}
