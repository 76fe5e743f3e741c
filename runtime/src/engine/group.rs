//! How the parts of a running effect start, and what the end of one means for the others.

use std::{collections::vec_deque, sync::Arc, task::Waker};

use composable_rust_core::{
    __engine::{Group, Grouping, Leaf, Node, Wrapped, Wrapper, into_node},
    Effect, Reducer,
};

use super::{
    cancellation::Watcher,
    context::{Context, Queued},
    ready::{PartWaker, ScopeWaker},
    task::Outcome,
    tree::{Delayed, Kind, Sequence, Tree},
};

/// What is still to be started.
enum Start<A> {
    /// This effect, as this part.
    One(usize, Effect<A>, Context),
    /// These effects, as new parts within this one.
    Each(usize, vec_deque::IntoIter<Effect<A>>, Context),
}

type Waiting<A> = Vec<Start<A>>;

impl<R: Reducer> Tree<R> {
    /// Starts `effect` as the part of this number: a delay counts from here, an id is taken, an operation is in its queue.
    pub(super) fn fill(&mut self, number: usize, effect: Effect<R::Action>, context: Context) {
        let mut waiting = vec![Start::One(number, effect, context)];
        while let Some(start) = waiting.pop() {
            match start {
                Start::One(number, effect, context) => self.start_one(number, effect, context, &mut waiting),
                Start::Each(group, mut effects, context) => {
                    let Some(effect) = effects.next() else { continue };
                    let part = self.add(Some(group));
                    if effects.len() == 0 {
                        waiting.push(Start::One(part, effect, context));
                    } else {
                        waiting.push(Start::Each(group, effects, context.clone()));
                        waiting.push(Start::One(part, effect, context));
                    }
                }
            }
        }
    }

    fn start_one(
        &mut self,
        number: usize,
        effect: Effect<R::Action>,
        context: Context,
        waiting: &mut Waiting<R::Action>,
    ) {
        let kind = match into_node(effect) {
            Node::None => Kind::Ended(Outcome::Done(None)),
            Node::Cancel(id) => {
                self.engine.registry.cancel(&context.path, &id);
                Kind::Ended(Outcome::Done(None))
            }
            Node::AbsentChild(path) => {
                self.engine.report_absent(&path, &context, false);
                Kind::Ended(Outcome::Done(None))
            }
            Node::Leaf(Leaf::Emit(action)) => Kind::Ended(Outcome::Done(Some(Queued::delivered(action, context)))),
            Node::Leaf(leaf) => {
                let waker = PartWaker::new(number, &self.ready);
                Kind::Leaf(self.engine.perform_leaf(leaf, context), waker)
            }
            Node::Wrapped(wrapped) => return self.start_wrapped(number, *wrapped, context, waiting),
            Node::Group(group) => return self.start_group(number, *group, context, waiting),
        };
        self.set(number, kind);
        self.fresh.push_back(number);
    }

    fn start_wrapped(
        &mut self,
        number: usize,
        wrapped: Wrapped<R::Action>,
        context: Context,
        waiting: &mut Waiting<R::Action>,
    ) {
        let Wrapped { wrapper, effect } = wrapped;
        let scoped = match wrapper {
            Wrapper::Labelled(label) => {
                return waiting.push(Start::One(number, effect, context.labelled(label)));
            }
            Wrapper::Delay(duration) => {
                let delayed = Delayed {
                    sleep: Box::pin(self.engine.sleep(duration)),
                    effect,
                    context,
                    waker: PartWaker::new(number, &self.ready),
                };
                self.set(number, Kind::Delayed(Box::new(delayed)));
                return self.fresh.push_back(number);
            }
            Wrapper::Scoped(step) => Some((effect, context.in_child(step, &self.engine.registry))),
            Wrapper::Cancellable(id, in_flight) => {
                let context = context.in_id(id, in_flight, &self.engine.registry);
                context.map(|context| (effect, context))
            }
            Wrapper::Throttle(id, interval, edge) => self.engine.throttle(id, interval, edge, effect, context),
        };
        if let Some((effect, context)) = scoped {
            self.start_scope(number, effect, context, waiting);
        } else {
            self.set(number, Kind::Ended(Outcome::Cancelled));
            self.fresh.push_back(number);
        }
    }

    fn start_scope(
        &mut self,
        number: usize,
        effect: Effect<R::Action>,
        context: Context,
        waiting: &mut Waiting<R::Action>,
    ) {
        let waker = ScopeWaker {
            part: number,
            ready: Arc::clone(&self.ready),
        };
        let watcher = Watcher::Part(Waker::from(Arc::new(waker)));
        let watch = context.watch(self.engine.registry.serial(), watcher);
        self.set(number, Kind::Scope { _watch: watch });
        let part = self.add(Some(number));
        waiting.push(Start::One(part, effect, context));
    }

    fn start_group(
        &mut self,
        number: usize,
        group: Group<R::Action>,
        context: Context,
        waiting: &mut Waiting<R::Action>,
    ) {
        let Group { grouping, effects } = group;
        let mut effects = effects.into_iter();
        if effects.len() < 2 {
            return match effects.next() {
                Some(effect) => waiting.push(Start::One(number, effect, context)),
                None => waiting.push(Start::One(number, Effect::none(), context)),
            };
        }
        match grouping {
            Grouping::Parallel => self.set(number, Kind::Parallel { panicked: false }),
            Grouping::Race => self.set(number, Kind::Race { won: None }),
            Grouping::Sequential => {
                let actions = Arc::default();
                let first = effects.next().map(|first| (first, context.clone().gated(&actions)));
                let sequence = Sequence {
                    rest: effects,
                    context,
                    actions,
                    reduced: None,
                };
                self.set(number, Kind::Sequence(Box::new(sequence)));
                let part = self.add(Some(number));
                return waiting.extend(first.map(|(first, context)| Start::One(part, first, context)));
            }
        }
        waiting.push(Start::Each(number, effects, context));
    }

    fn set(&mut self, number: usize, kind: Kind<R::Action>) {
        if let Some(part) = self.part(number) {
            part.kind = kind;
        }
    }

    /// Goes on with the parent of a part that has ended; how the parent has ended, if it has.
    pub(super) fn child_ended(
        &mut self,
        number: usize,
        child: usize,
        outcome: Outcome<R::Action>,
    ) -> Option<Outcome<R::Action>> {
        let part = self.parts.get_mut(number)?.as_mut()?;
        part.children.remove(&child);
        let last = part.children.is_empty();
        match (&mut part.kind, outcome) {
            (Kind::Parallel { panicked }, outcome) => {
                *panicked |= matches!(outcome, Outcome::Panicked);
                match outcome {
                    // By value: what it holds is all that is left of the effect.
                    Outcome::Done(action) if last && !*panicked => return Some(Outcome::Done(action)),
                    Outcome::Done(Some(action)) => self.engine.deliver(action),
                    Outcome::Done(None) | Outcome::Cancelled | Outcome::Panicked => {}
                }
                let whole = if *panicked {
                    Outcome::Panicked
                } else {
                    Outcome::Done(None)
                };
                last.then_some(whole)
            }
            (Kind::Race { won }, outcome @ Outcome::Done(_)) => {
                let on_the_right = part.children.split_off(&child);
                let decided = if part.children.is_empty() {
                    Some(outcome)
                } else {
                    *won = Some(outcome);
                    self.undecided.insert(number);
                    None
                };
                self.remove_all(on_the_right);
                decided
            }
            (Kind::Race { won }, outcome) => last.then(|| won.take().unwrap_or(outcome)),
            (Kind::Sequence(_), Outcome::Panicked) => Some(Outcome::Panicked),
            (Kind::Sequence(sequence), outcome) => {
                if let Outcome::Done(Some(action)) = outcome {
                    self.engine.deliver(action);
                }
                if sequence.actions.is_idle() {
                    return self.start_step(number);
                }
                let actions = Arc::clone(&sequence.actions);
                let waker = PartWaker::new(number, &self.ready);
                sequence.reduced = Some((Box::pin(async move { actions.wait().await }), waker));
                self.fresh.push_back(number);
                None
            }
            (_, outcome) => Some(outcome),
        }
    }

    /// Starts the next step of a sequence; how the sequence has ended, if it has.
    pub(super) fn start_step(&mut self, number: usize) -> Option<Outcome<R::Action>> {
        let Kind::Sequence(sequence) = &mut self.part(number)?.kind else {
            return None;
        };
        sequence.reduced = None;
        if sequence.context.is_cancelled() {
            return Some(Outcome::Cancelled);
        }
        let Some(next) = sequence.rest.next() else {
            return Some(Outcome::Done(None));
        };
        if sequence.rest.len() == 0 {
            // In the place of the sequence: what its last action holds is all that is left of it.
            let context = std::mem::take(&mut sequence.context);
            self.fill(number, next, context);
        } else {
            let context = sequence.context.clone().gated(&sequence.actions);
            let part = self.add(Some(number));
            self.fill(part, next, context);
        }
        None
    }
}
