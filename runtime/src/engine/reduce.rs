//! One action, and the start of what it returned.

use std::{any::type_name, collections::vec_deque, sync::Arc};

use composable_rust_core::{
    __engine::{ChildStep, Group, Grouping, Leaf, Node, Wrapped, Wrapper, from_node, into_node},
    Effect, Reducer, Segment,
};

use super::{
    Engine,
    context::{Context, Queued},
    lifecycle::Phase,
    locked_state::LockedState,
};
use crate::{envelope, panics::caught, store::ReducerPanic};

impl<R: Reducer> Engine<R> {
    /// Reduces one action and starts its effects. What the action held is let go in between: its effect's id is free
    /// for the effects that its reduce returns.
    pub(super) fn reduce(self: &Arc<Self>, locked: &mut LockedState<R>, item: Queued<R::Action>) {
        let phase = self.lifecycle.phase();
        // Past a shutdown's deadline only answers of event stores: a loop of actions would never end.
        if phase > Phase::Aborting || (phase == Phase::Aborting && !item.is_certain()) {
            return self.discard(&item);
        }
        if item.is_cancelled() || (item.origin.is_some() && self.is_orphaned(locked, &item)) {
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
        locked.reduced += 1;
        let addressed = if self.registry.has_children() {
            self.addressed_row(&action)
        } else {
            None
        };
        let reduce = || {
            let effect = self.reducer.reduce(&mut locked.state, &action, &self.environment);
            drop(action);
            (effect, self.reducer.pending_count(&mut locked.state))
        };
        let (reduced, envelope) = envelope::around(envelope, || caught(reduce));
        locked.changed = true;
        drop(origin);
        match reduced {
            Ok((effect, pending)) => {
                self.inbox.set_reserved(pending as u64);
                if !effect.is_none() {
                    if certain && let Some(work) = &mut work {
                        work.shield();
                    }
                    let context = Context::of(work, locked.reduced, envelope);
                    self.start_caught(locked, effect, context, certain);
                }
            }
            Err(message) => {
                self.fail(message);
                return work.iter().for_each(|work| work.set_aborted(self.lifecycle.reason()));
            }
        }
        if self.registry.has_children() {
            self.sweep(locked, addressed.as_deref());
        }
        locked.tasks.drain(..).for_each(|task| self.spawner.spawn(task));
    }

    /// The row that an action is for. Without an answer, all rows are looked for.
    #[cold]
    fn addressed_row(&self, action: &R::Action) -> Option<Vec<Segment>> {
        caught(|| self.reducer.addressed_row(action)).unwrap_or_default()
    }

    /// An effect that is not started is dropped here, and what it holds may panic. Apart, since most actions have no effect.
    #[inline(never)]
    fn start_caught(
        self: &Arc<Self>,
        locked: &mut LockedState<R>,
        effect: Effect<R::Action>,
        context: Context,
        is_answer: bool,
    ) {
        let effect = match into_node(effect) {
            // What emits only, calls no code of the user's.
            Node::Leaf(Leaf::Emit(action)) => return self.emit(locked, Queued::delivered(action, context)),
            node => from_node(node),
        };
        let work = context.work.clone();
        if let Err(message) = caught(|| self.start(locked, effect, context, is_answer)) {
            self.report_panic(None, locked.reduced, work.as_ref(), message);
        }
    }

    /// Interprets what needs no task, and makes tasks of the rest; they start when the reduce has committed. A loop with a
    /// stack of its own: effects nest to any depth.
    fn start(
        self: &Arc<Self>,
        locked: &mut LockedState<R>,
        effect: Effect<R::Action>,
        context: Context,
        is_answer: bool,
    ) {
        let mut groups = Vec::new();
        let mut next = Some((effect, context));
        while let Some((effect, context)) = next.or_else(|| next_of(&mut groups)) {
            next = match into_node(effect) {
                Node::None => None,
                Node::Leaf(Leaf::Emit(action)) => {
                    self.emit(locked, Queued::delivered(action, context));
                    None
                }
                // Started here, whatever becomes of the child or id it belongs to: events are not lost to a cancel.
                Node::Leaf(Leaf::EventStore(operation)) => {
                    locked.tasks.extend(self.start_store_call(*operation, context, None));
                    None
                }
                Node::Cancel(id) => {
                    self.registry.cancel(&context.path, &id);
                    None
                }
                Node::AbsentChild(path) => {
                    self.report_absent(&path, &context, is_answer);
                    None
                }
                Node::Group(group) if group.grouping == Grouping::Parallel => {
                    let Group { effects, .. } = *group;
                    groups.push((effects.into_iter(), context));
                    None
                }
                Node::Wrapped(wrapped) => self.unwrap(locked, *wrapped, context),
                node => {
                    locked.tasks.extend(self.task(from_node(node), context));
                    None
                }
            };
        }
    }

    /// What is in a wrapper that needs no task; `None` where it is not to start, or a task performs it.
    fn unwrap(
        self: &Arc<Self>,
        locked: &mut LockedState<R>,
        wrapped: Wrapped<R::Action>,
        context: Context,
    ) -> Option<(Effect<R::Action>, Context)> {
        let Wrapped { wrapper, effect } = wrapped;
        match wrapper {
            Wrapper::Labelled(label) => Some((effect, context.labelled(label))),
            Wrapper::Scoped(step) => Some((effect, context.in_child(step, &self.registry))),
            Wrapper::Cancellable(id, in_flight) => {
                let context = context.in_id(id, in_flight, &self.registry)?;
                Some((effect, context))
            }
            Wrapper::Throttle(id, interval, edge) => self.throttle(id, interval, edge, effect, context),
            Wrapper::Delay(duration) => {
                locked.tasks.extend(self.task(effect.delay(duration), context));
                None
            }
        }
    }

    /// Queues an action behind those that entered before this reduce returned.
    fn emit(&self, locked: &mut LockedState<R>, item: Queued<R::Action>) {
        self.take(locked);
        locked.queue.push_back(item);
    }

    /// Ends the effects of children that this reduce has removed.
    #[inline(never)]
    fn sweep(self: &Arc<Self>, locked: &mut LockedState<R>, addressed: Option<&[Segment]>) {
        let is_present = |path: &[ChildStep]| ChildStep::is_present(path, &mut locked.state);
        let swept = caught(|| self.registry.sweep(addressed, is_present));
        if let Err(message) = swept {
            self.fail(message);
        }
    }

    /// Whether an action is of an effect whose child is gone: a row that was removed by an action for another row is not
    /// looked for before. What is left of that child ends here.
    #[inline(never)]
    fn is_orphaned(self: &Arc<Self>, locked: &mut LockedState<R>, item: &Queued<R::Action>) -> bool {
        let Some(child) = item.child().filter(|_| !item.is_certain()) else {
            return false;
        };
        match caught(|| ChildStep::is_present(child, &mut locked.state)) {
            Ok(true) => return false,
            Ok(false) => self.registry.cancel_child(Arc::clone(child)),
            Err(message) => self.fail(message),
        }
        true
    }

    /// Drops an action that will never be reduced, and says so to those who follow it.
    fn discard(&self, item: &Queued<R::Action>) {
        self.report().unreduced += 1;
        if let Some(work) = &item.work {
            work.set_aborted(self.lifecycle.reason());
        }
    }

    fn fail(self: &Arc<Self>, message: String) {
        let fault = ReducerPanic::new(type_name::<R::Action>(), message);
        tracing::error!(
            action = fault.action_type(),
            panic = fault.message(),
            "a reducer panicked: the store is faulted"
        );
        self.lifecycle.fail(fault);
        self.stop();
    }
}

type Rest<A> = (vec_deque::IntoIter<Effect<A>>, Context);

/// The next effect of the innermost group; the last one takes the context with it.
fn next_of<A>(groups: &mut Vec<Rest<A>>) -> Option<(Effect<A>, Context)> {
    while let Some((mut effects, context)) = groups.pop() {
        let Some(effect) = effects.next() else { continue };
        if effects.len() > 0 {
            groups.push((effects, context.clone()));
        }
        return Some((effect, context));
    }
    None
}
