//! How often which fault happens, when a seed decides.

use std::{sync::Arc, time::Duration};

use composable_rust_core::{Clock, StreamAppend};

use super::{
    dice::Dice,
    fault::{FaultKind, Operation},
    plan::Step,
};

type Rival = Arc<dyn Fn(&StreamAppend) -> StreamAppend + Send + Sync>;

/// How often which fault happens, when a seed decides; never, unless told otherwise.
#[derive(Clone, Default)]
pub(super) struct Chances {
    /// What an append may end with; the first that shows is taken.
    pub(super) appends: Vec<(FaultKind, f64)>,
    pub(super) reads: f64,
    pub(super) snapshots: f64,
    pub(super) conflicts: Option<(f64, Rival)>,
    pub(super) delays: Option<(f64, Duration, Arc<dyn Clock>)>,
    pub(super) stalls: Option<(f64, Duration, Arc<dyn Clock>)>,
}

impl Chances {
    /// What happens to the nth call of this kind. The random numbers are drawn in the same order, whatever they decide.
    pub(super) fn steps(&self, seed: u64, operation: Operation, nth: u64, appends: &[StreamAppend]) -> Vec<Step> {
        let mut dice = Dice::new(seed, operation as u8, nth);
        let mut steps = Vec::new();
        if let Some((chance, longest, clock)) = &self.delays
            && dice.shows(*chance)
        {
            let by = longest.mul_f64(dice.fraction());
            steps.push(Step::Delay(by, Arc::clone(clock)));
        }
        match operation {
            Operation::Append => self.of_append(&mut dice, appends, &mut steps),
            Operation::Save | Operation::Load => Self::failing(&mut dice, self.snapshots, 0, &mut steps),
            Operation::Read => Self::failing(&mut dice, self.reads, Self::FURTHEST, &mut steps),
            Operation::Page | Operation::Wait => Self::failing(&mut dice, self.reads, 0, &mut steps),
        }
        steps
    }

    /// A read fails within so many events: streams of tests are short.
    const FURTHEST: u64 = 10;

    fn failing(dice: &mut Dice, chance: f64, furthest: u64, steps: &mut Vec<Step>) {
        if dice.shows(chance) {
            let after = dice.up_to(furthest);
            steps.push(Step::End(FaultKind::Fails { after }));
        }
    }

    fn of_append(&self, dice: &mut Dice, appends: &[StreamAppend], steps: &mut Vec<Step>) {
        if let (Some((chance, rival)), Some(first)) = (&self.conflicts, appends.first())
            && dice.shows(*chance)
        {
            steps.push(Step::Race(rival(first)));
        }
        let end = self.appends.iter().find(|(_, chance)| dice.shows(*chance));
        steps.extend(end.map(|(kind, _)| Step::End(kind.clone())));
    }

    /// How long the log stalls from this page on, if it does. A throw of its own: a script for the page leaves it.
    pub(super) fn stall(&self, seed: u64, nth: u64) -> Option<(Duration, Arc<dyn Clock>)> {
        /// Beside the operations, so that stalls and failures of pages are not the same throw.
        const STALL: u8 = u8::MAX;
        let (chance, longest, clock) = self.stalls.as_ref()?;
        let mut dice = Dice::new(seed, STALL, nth);
        let shows = dice.shows(*chance);
        shows.then(|| (longest.mul_f64(dice.fraction()), Arc::clone(clock)))
    }
}
