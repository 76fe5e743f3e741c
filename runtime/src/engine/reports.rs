//! What the engine tells about effects that panicked and actions that no child was there for.

use std::{
    any::Any,
    sync::{Arc, atomic::Ordering},
};

use composable_rust_core::{__engine::ChildStep, Reducer, Segment};

use super::{Engine, context::Context, spawn::AbsentChild, task::Outcome, tracker::WorkToken};
use crate::{
    panics::{caught, panic_message},
    store::EffectPanic,
};

impl<R: Reducer> Engine<R> {
    pub(super) fn panicked<A>(&self, context: &Context, panic: &(dyn Any + Send)) -> Outcome<A> {
        self.report_panic(
            context.label,
            context.cause,
            context.work.as_ref(),
            panic_message(panic),
        );
        Outcome::Panicked
    }

    /// Counts a panic, traces it, and passes it to the effect's handle, the store's hook and the kit.
    pub(super) fn report_panic(
        &self,
        label: Option<&'static str>,
        cause: u64,
        work: Option<&WorkToken>,
        message: String,
    ) {
        tracing::error!(label, panic = message, "an effect panicked");
        self.effect_panics.fetch_add(1, Ordering::Relaxed);
        let panic = EffectPanic { label, cause, message };
        if let Some(work) = work {
            work.set_panicked(&panic);
        }
        if let Some(hook) = &self.on_effect_panic
            && let Err(message) = caught(|| hook(&panic))
        {
            tracing::error!(panic = message, "the hook for panics of effects panicked itself");
        }
        self.spawner.panicked(panic);
    }

    /// Says that an action was for a child that does not exist. The answer of an event store may come later than the child
    /// was removed, which is no fault.
    pub(super) fn report_absent(&self, within: &[Segment], context: &Context, is_answer: bool) {
        let around = context.path.iter().flat_map(|path| path.iter()).map(ChildStep::segment);
        let path = around
            .chain(within)
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("/");
        let child = within.last();
        let slot = child.map(|child| child.slot);
        let key = child.and_then(|child| child.row.as_ref()).map(tracing::field::display);
        if is_answer {
            return tracing::debug!(
                slot,
                key,
                path,
                "an event store's answer is for a child that was removed"
            );
        }
        tracing::warn!(
            slot,
            key,
            path,
            "an action is for a child that does not exist: it was not reduced there"
        );
        self.spawner.absent_child(AbsentChild {
            path,
            cause: context.cause,
        });
    }
}

/// Called with every panic of an effect.
pub(crate) type PanicHook = Arc<dyn Fn(&EffectPanic) + Send + Sync>;
