//! An effect that consists of others, as a future.

use std::{
    any::Any,
    collections::{BTreeSet, VecDeque, vec_deque},
    pin::Pin,
    sync::Arc,
    task::{self, Poll, Waker},
};

use composable_rust_core::{Effect, Reducer};
use futures::future::BoxFuture;

use super::{
    Engine,
    context::{Context, Watch},
    perform::Performed,
    ready::{PartWaker, ReadyParts},
    task::Outcome,
};
use crate::wait_group::WaitGroup;

/// The parts of a running effect, and what each waits for.
///
/// A table and loops instead of futures within futures: an effect may nest a million levels deep, and polling, cancelling
/// or dropping such a future would need a frame of the stack for each.
pub(super) struct Tree<R: Reducer> {
    pub(super) engine: Arc<Engine<R>>,
    /// By number: a part has a lower one than those within it and those on its right. The place of one that is over stays
    /// empty, as an effect has only so many parts.
    pub(super) parts: Vec<Option<Part<R::Action>>>,
    /// Started, and not polled yet.
    pub(super) fresh: VecDeque<usize>,
    /// Races with a winner that something on its left may still beat.
    pub(super) undecided: BTreeSet<usize>,
    pub(super) ready: Arc<ReadyParts>,
    outcome: Option<Outcome<R::Action>>,
}

pub(super) struct Part<A> {
    parent: Option<usize>,
    pub(super) children: BTreeSet<usize>,
    pub(super) kind: Kind<A>,
}

/// What a part does.
pub(super) enum Kind<A> {
    /// Not known yet, or about to be removed.
    Empty,
    /// It is over.
    Ended(Outcome<A>),
    /// User code runs.
    Leaf(Performed<A>, Arc<PartWaker>),
    /// It starts after a sleep.
    Delayed(Box<Delayed<A>>),
    /// What is in it can be cancelled alone.
    Scope { _watch: Watch },
    /// All at once. A panic in one leaves the others alone, and is the outcome of the whole.
    Parallel { panicked: bool },
    /// One after another.
    Sequence(Box<Sequence<A>>),
    /// The first to complete ends the others. One that is cancelled or panics has not completed.
    Race { won: Option<Outcome<A>> },
}

pub(super) struct Delayed<A> {
    pub(super) sleep: BoxFuture<'static, Result<(), Box<dyn Any + Send>>>,
    pub(super) effect: Effect<A>,
    pub(super) context: Context,
    pub(super) waker: Arc<PartWaker>,
}

/// Each step starts when the work of the one before is done and its actions were reduced.
pub(super) struct Sequence<A> {
    pub(super) rest: vec_deque::IntoIter<Effect<A>>,
    pub(super) context: Context,
    /// Counts the actions of the step that were not reduced yet.
    pub(super) actions: Arc<WaitGroup>,
    pub(super) reduced: Option<(BoxFuture<'static, ()>, Arc<PartWaker>)>,
}

impl<R: Reducer> Tree<R> {
    /// Starts `effect` now.
    pub(super) fn start(engine: &Arc<Engine<R>>, effect: Effect<R::Action>, context: Context) -> Self {
        let mut tree = Self {
            engine: Arc::clone(engine),
            parts: Vec::new(),
            fresh: VecDeque::new(),
            undecided: BTreeSet::new(),
            ready: Arc::default(),
            outcome: None,
        };
        let root = tree.add(None);
        tree.fill(root, effect, context);
        tree
    }

    /// A part that is filled afterwards.
    pub(super) fn add(&mut self, parent: Option<usize>) -> usize {
        let number = self.parts.len();
        if let Some(parent) = parent.and_then(|parent| self.part(parent)) {
            parent.children.insert(number);
        }
        self.parts.push(Some(Part {
            parent,
            children: BTreeSet::new(),
            kind: Kind::Empty,
        }));
        number
    }

    pub(super) fn part(&mut self, number: usize) -> Option<&mut Part<R::Action>> {
        self.parts.get_mut(number)?.as_mut()
    }

    fn remove(&mut self, number: usize) -> Option<Part<R::Action>> {
        self.parts.get_mut(number)?.take()
    }

    /// Polls what was started since.
    fn poll_fresh(&mut self) {
        while self.outcome.is_none()
            && let Some(part) = self.fresh.pop_front()
        {
            self.poll_part(part);
        }
    }

    fn poll_part(&mut self, number: usize) {
        self.end_cancelled();
        let Some(part) = self.part(number) else {
            return;
        };
        match &mut part.kind {
            Kind::Ended(_) => {
                if let Kind::Ended(outcome) = std::mem::replace(&mut part.kind, Kind::Empty) {
                    self.end(number, outcome);
                }
            }
            Kind::Leaf(future, waker) => {
                if let Poll::Ready(outcome) = poll(future, waker) {
                    self.end(number, outcome);
                }
            }
            Kind::Delayed(delayed) => {
                if let Poll::Ready(slept) = poll(&mut delayed.sleep, &delayed.waker) {
                    self.start_delayed(number, slept);
                }
            }
            Kind::Sequence(sequence) => {
                let reduced = sequence.reduced.as_mut();
                if reduced.is_some_and(|(actions, waker)| poll(actions, waker).is_ready())
                    && let Some(outcome) = self.start_step(number)
                {
                    self.end(number, outcome);
                }
            }
            Kind::Empty | Kind::Scope { .. } | Kind::Parallel { .. } | Kind::Race { .. } => {}
        }
    }

    fn start_delayed(&mut self, number: usize, slept: Result<(), Box<dyn Any + Send>>) {
        let Some(part) = self.part(number) else {
            return;
        };
        let Kind::Delayed(delayed) = std::mem::replace(&mut part.kind, Kind::Empty) else {
            return;
        };
        let Delayed { effect, context, .. } = *delayed;
        match slept {
            Ok(()) => self.fill(number, effect, context),
            Err(panic) => {
                let outcome = self.engine.panicked(&context, &*panic);
                self.end(number, outcome);
            }
        }
    }

    /// Ends the scopes that were cancelled, before anything else in them is polled.
    fn end_cancelled(&mut self) {
        for number in self.ready.take_cancelled() {
            self.end(number, Outcome::Cancelled);
        }
    }

    /// Removes a part that is over, and all that are over by that.
    pub(super) fn end(&mut self, number: usize, outcome: Outcome<R::Action>) {
        let mut ended = Some((number, outcome));
        while let Some((number, outcome)) = ended {
            let Some(part) = self.remove(number) else { return };
            let Part { parent, children, kind } = part;
            self.remove_all(children);
            // What it holds is let go before its last action is reduced.
            drop(kind);
            let Some(parent) = parent else {
                self.outcome = Some(outcome);
                return;
            };
            ended = self
                .child_ended(parent, number, outcome)
                .map(|outcome| (parent, outcome));
        }
    }

    /// Removes parts and all within them, one after another.
    pub(super) fn remove_all(&mut self, parts: BTreeSet<usize>) {
        let mut waiting: Vec<usize> = parts.into_iter().rev().collect();
        while let Some(number) = waiting.pop() {
            if let Some(part) = self.remove(number) {
                waiting.extend(part.children.iter().rev());
                drop(part);
            }
        }
    }

    /// Everything that was woken has been polled: nothing on the left of a winner completed together with it.
    fn decide_races(&mut self) {
        // Inner races first, which have higher numbers: they may decide outer ones.
        while self.outcome.is_none()
            && let Some(race) = self.undecided.pop_last()
        {
            let part = self.part(race);
            if let Some(Part {
                kind: Kind::Race { won },
                ..
            }) = part
                && let Some(outcome) = won.take()
            {
                self.end(race, outcome);
                self.poll_fresh();
            }
        }
    }
}

fn poll<F: Future + Unpin>(future: &mut F, waker: &Arc<PartWaker>) -> Poll<F::Output> {
    waker.start_poll();
    let waker = Waker::from(Arc::clone(waker));
    Pin::new(future).poll(&mut task::Context::from_waker(&waker))
}

impl<R: Reducer> Future for Tree<R> {
    type Output = Outcome<R::Action>;

    fn poll(mut self: Pin<&mut Self>, context: &mut task::Context<'_>) -> Poll<Self::Output> {
        self.ready.register(context.waker());
        self.end_cancelled();
        self.poll_fresh();
        let woken = self.ready.take_woken();
        for part in woken {
            if self.outcome.is_none() {
                self.poll_part(part);
                self.poll_fresh();
            }
        }
        self.decide_races();
        self.outcome.take().map_or(Poll::Pending, Poll::Ready)
    }
}

impl<R: Reducer> Unpin for Tree<R> {}
