//! One action, and the start of what it returned.

use std::{any::type_name, sync::Arc};

use composable_rust_core::{Effect, Reducer};

use super::{
    context::{Context, Queued},
    core::{Core, Engine},
    phase::Phase,
};
use crate::{caught::caught, envelope, store::Fault};

impl<R: Reducer> Engine<R> {
    /// Reduces one action and starts its effects. What the action held is let go in between: its effect's id is free
    /// for the effects that its reduce returns.
    pub(super) fn reduce(self: &Arc<Self>, core: &mut Core<R>, item: Queued<R::Action>) {
        let phase = self.lifecycle.phase();
        // Past a shutdown's deadline only answers of event stores: a loop of actions would never end.
        if phase > Phase::Aborting || (phase == Phase::Aborting && !item.is_certain()) {
            return self.discard(&item);
        }
        if item.is_cancelled() {
            return;
        }
        let certain = item.is_certain();
        let Queued {
            action,
            mut work,
            origin,
            envelope,
            ..
        } = item;
        core.reduced += 1;
        let reduce = || {
            let effect = self.reducer.reduce(&mut core.state, &action, &self.environment);
            drop(action);
            (effect, self.reducer.waiting(&mut core.state))
        };
        let (reduced, envelope) = envelope::around(envelope, || caught(reduce));
        core.changed = true;
        drop(origin);
        let reduced = reduced.map(|(effect, waiting)| {
            self.inbox.occupy(waiting as u64);
            effect
        });
        match reduced {
            Ok(Effect::None) => {}
            Ok(effect) => {
                if certain && let Some(work) = &mut work {
                    work.immunise();
                }
                // An effect that is not started is dropped here, and what it holds may panic.
                let context = Context::of(work, core.reduced, envelope);
                if let Err(message) = caught(|| self.start(core, effect, context)) {
                    tracing::error!(panic = message, "an effect panicked when it was started or dropped");
                    self.tell_panic(None, core.reduced, message);
                }
            }
            Err(message) => {
                self.fail(message);
                return work.iter().for_each(|work| work.cut(self.lifecycle.reason()));
            }
        }
        self.sweep(core);
        core.tasks.drain(..).for_each(|task| self.spawner.spawn(task));
    }

    /// Interprets what needs no task, and makes tasks of the rest; they start when the reduce has committed.
    pub(super) fn start(self: &Arc<Self>, core: &mut Core<R>, effect: Effect<R::Action>, context: Context) {
        match effect {
            Effect::None => {}
            Effect::Emit(action) => self.emit(core, Queued::delivered(action, context)),
            Effect::Cancel(id) => self.registry.cancel(&context.path, &id),
            Effect::Parallel(effects) => {
                for effect in effects {
                    self.start(core, effect, context.clone());
                }
            }
            Effect::Labelled(labelled) => self.start(core, labelled.effect, context.labelled(labelled.label)),
            Effect::Scoped(scoped) => {
                let context = context.in_child(scoped.segment, &self.registry);
                self.start(core, scoped.effect, context);
            }
            Effect::Cancellable(c) => {
                if let Some(context) = context.in_id(c.id, c.in_flight, &self.registry) {
                    self.start(core, c.effect, context);
                }
            }
            Effect::Throttle(throttle) => {
                if let Some((effect, context)) = self.throttle(*throttle, context) {
                    self.start(core, effect, context);
                }
            }
            // Started here, whatever becomes of the child or id it belongs to: events are not lost to a cancel.
            Effect::EventStore(operation) => core.tasks.extend(self.operate(*operation, context, None)),
            effect => core.tasks.extend(self.task(effect, context)),
        }
    }

    /// Queues an action behind those that entered before this reduce returned.
    fn emit(&self, core: &mut Core<R>, item: Queued<R::Action>) {
        self.take(core);
        core.queue.push_back(item);
    }

    /// Ends the effects of children that are gone.
    fn sweep(self: &Arc<Self>, core: &mut Core<R>) {
        let state = &mut core.state;
        let swept = caught(|| self.registry.sweep(|path| self.reducer.contains(state, path)));
        if let Err(message) = swept {
            self.fail(message);
        }
    }

    /// Drops an action that will never be reduced, and says so to those who follow it.
    fn discard(&self, item: &Queued<R::Action>) {
        self.report().unreduced += 1;
        if let Some(work) = &item.work {
            work.cut(self.lifecycle.reason());
        }
    }

    fn fail(self: &Arc<Self>, message: String) {
        let fault = Fault::new(type_name::<R::Action>(), message);
        tracing::error!(
            action = fault.action_type(),
            panic = fault.message(),
            "a reducer panicked: the store is faulted"
        );
        self.lifecycle.fail(fault);
        self.stop();
    }
}
