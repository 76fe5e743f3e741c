//! Random programs of effects.

use std::{
    future::{poll_fn, ready},
    sync::Arc,
    task::Poll,
    time::Duration,
};

use composable_rust_core::{
    Backoff, CancelId, Clock, Edge, Effect, Encoding, ExpectedVersion, IdGenerator, InFlight, Reducer, SerializedEvent,
    StreamAppend, StreamId,
};
use composable_rust_testing::{InMemoryEventStore, SequentialIds, TestClock};
use futures::{FutureExt, StreamExt, stream};
use proptest::prelude::*;

/// An action: its name is noted, then a program starts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Step {
    pub(crate) name: u8,
    pub(crate) then: Option<Box<Program>>,
}

/// Times are coarse, so that much happens at the same moment.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Program {
    Emit(Step),
    Ready(Step),
    /// Wakes itself so often.
    Yields(u8, Step),
    Sleeps(u64, Step),
    Stream(Vec<Step>),
    SlowStream(u64, Vec<Step>),
    Retry(u32, u64, Step),
    Load(Step),
    Append(Vec<Step>),
    Delay(u64, Box<Self>),
    Parallel(Vec<Self>),
    Sequential(Vec<Self>),
    Race(Vec<Self>),
    Timeout(u64, Box<Self>, Step),
    Cancellable(u8, InFlight, Box<Self>),
    Debounce(u8, u64, Box<Self>),
    Throttle(u8, u64, Edge, Box<Self>),
    Cancel(u8),
}

pub(crate) fn steps() -> impl Strategy<Value = Step> {
    (any::<u8>(), programs()).prop_map(|(name, program)| Step {
        name,
        then: Some(Box::new(program)),
    })
}

fn simple_steps() -> impl Strategy<Value = Step> {
    any::<u8>().prop_map(|name| Step { name, then: None })
}

fn programs() -> impl Strategy<Value = Program> {
    let micros = || 0..4_u64;
    let ids = || 0..3_u8;
    let leaves = prop_oneof![
        simple_steps().prop_map(Program::Emit),
        simple_steps().prop_map(Program::Ready),
        (0..4_u8, simple_steps()).prop_map(|(often, step)| Program::Yields(often, step)),
        (micros(), simple_steps()).prop_map(|(micros, step)| Program::Sleeps(micros, step)),
        prop::collection::vec(simple_steps(), 0..4).prop_map(Program::Stream),
        (micros(), prop::collection::vec(simple_steps(), 0..4))
            .prop_map(|(micros, steps)| Program::SlowStream(micros, steps)),
        (1..4_u32, micros(), simple_steps()).prop_map(|(often, micros, step)| Program::Retry(often, micros, step)),
        simple_steps().prop_map(Program::Load),
        prop::collection::vec(simple_steps(), 1..3).prop_map(Program::Append),
        ids().prop_map(Program::Cancel),
    ];
    leaves.prop_recursive(5, 40, 4, move |inner| {
        let boxed = || inner.clone().prop_map(Box::new);
        let many = || prop::collection::vec(inner.clone(), 0..4);
        let step = || {
            let then = prop::option::of(boxed());
            (any::<u8>(), then).prop_map(|(name, then)| Step { name, then })
        };
        let in_flight = prop_oneof![Just(InFlight::Keep), Just(InFlight::Replace), Just(InFlight::Ignore)];
        let edge = prop_oneof![Just(Edge::LeadingAndLatest), Just(Edge::Leading), Just(Edge::Latest)];
        prop_oneof![
            step().prop_map(Program::Emit),
            step().prop_map(Program::Ready),
            (0..4_u8, step()).prop_map(|(often, step)| Program::Yields(often, step)),
            prop::collection::vec(step(), 0..4).prop_map(Program::Stream),
            step().prop_map(Program::Load),
            prop::collection::vec(step(), 1..3).prop_map(Program::Append),
            (micros(), boxed()).prop_map(|(micros, program)| Program::Delay(micros, program)),
            many().prop_map(Program::Parallel),
            many().prop_map(Program::Sequential),
            many().prop_map(Program::Race),
            (micros(), boxed(), step()).prop_map(|(micros, program, late)| Program::Timeout(micros, program, late)),
            (ids(), in_flight, boxed())
                .prop_map(|(id, in_flight, program)| Program::Cancellable(id, in_flight, program)),
            (ids(), micros(), boxed()).prop_map(|(id, micros, program)| Program::Debounce(id, micros, program)),
            (ids(), micros(), edge, boxed())
                .prop_map(|(id, micros, edge, program)| Program::Throttle(id, micros, edge, program)),
        ]
    })
}

/// Notes the names of its actions, and runs their programs.
pub(crate) struct Programmed;

/// What programs use by themselves.
pub(crate) struct Outside {
    pub(crate) clock: TestClock,
    pub(crate) events: Arc<InMemoryEventStore>,
    pub(crate) ids: SequentialIds,
}

impl Outside {
    pub(crate) fn new(clock: &TestClock) -> Self {
        Self {
            clock: clock.clone(),
            events: Arc::default(),
            ids: SequentialIds::new(),
        }
    }

    fn append(&self, step: Step) -> Effect<Step> {
        let event = SerializedEvent::new(self.ids.event_id(), "Noted.v1", Encoding::BINCODE, vec![step.name]);
        let append = StreamAppend::new(stream_id(), ExpectedVersion::Any, vec![event]);
        Effect::append(self.events.clone(), append, |appended| {
            assert!(appended.is_ok(), "{appended:?}");
            step
        })
    }
}

fn stream_id() -> StreamId {
    StreamId::new("program", 1).unwrap()
}

impl Reducer for Programmed {
    type State = Vec<u8>;
    type Action = Step;
    type Environment = Outside;

    fn reduce(&self, names: &mut Vec<u8>, step: &Step, outside: &Outside) -> Effect<Step> {
        names.push(step.name);
        step.then
            .as_ref()
            .map_or(Effect::none(), |program| program.effect(outside))
    }
}

fn id(number: u8) -> CancelId {
    CancelId::from("program").key(u64::from(number))
}

pub(crate) fn micros(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

/// Wakes itself so often.
async fn yields(mut often: u8) {
    poll_fn(|context| {
        if often == 0 {
            return Poll::Ready(());
        }
        often -= 1;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

fn slow_stream(clock: &TestClock, pause: u64, steps: &[Step]) -> Effect<Step> {
    let clock = clock.clone();
    let paused = stream::iter(steps.to_vec()).then(move |step| clock.sleep(micros(pause)).map(|()| step));
    Effect::stream(paused)
}

fn retry(often: u32, pause: u64, step: &Step) -> Effect<Step> {
    let mut left = often - 1;
    let step = step.clone();
    let attempt = move || {
        let failed = left > 0;
        left = left.saturating_sub(1);
        async move { if failed { Err(()) } else { Ok(()) } }
    };
    Effect::retry(Backoff::exponential(often, micros(pause)), attempt, move |_| {
        step.clone()
    })
}

impl Program {
    fn effect(&self, outside: &Outside) -> Effect<Step> {
        let each = |programs: &[Self]| {
            programs
                .iter()
                .map(|program| program.effect(outside))
                .collect::<Vec<_>>()
        };
        match self {
            Self::Emit(step) => Effect::emit(step.clone()),
            Self::Ready(step) => Effect::task(ready(step.clone())),
            Self::Yields(often, step) => {
                let step = step.clone();
                Effect::task(yields(*often).map(|()| step))
            }
            Self::Sleeps(pause, step) => {
                let step = step.clone();
                Effect::task(outside.clock.sleep(micros(*pause)).map(|()| step))
            }
            Self::Stream(steps) => Effect::stream(stream::iter(steps.clone())),
            Self::SlowStream(pause, steps) => slow_stream(&outside.clock, *pause, steps),
            Self::Retry(often, pause, step) => retry(*often, *pause, step),
            Self::Load(step) => {
                let step = step.clone();
                Effect::load_events(outside.events.clone(), stream_id(), None, |_| step)
            }
            Self::Append(steps) => Effect::all(steps.iter().map(|step| outside.append(step.clone()))),
            Self::Delay(pause, program) => program.effect(outside).delay(micros(*pause)),
            Self::Parallel(programs) => Effect::all(each(programs)),
            Self::Sequential(programs) => each(programs).into_iter().fold(Effect::none(), Effect::then),
            Self::Race(programs) => Effect::race(each(programs)),
            Self::Timeout(pause, program, late) => program.effect(outside).timeout(micros(*pause), late.clone()),
            Self::Cancellable(number, in_flight, program) => {
                program.effect(outside).cancellable(id(*number), *in_flight)
            }
            Self::Debounce(number, pause, program) => program.effect(outside).debounce(id(*number), micros(*pause)),
            Self::Throttle(number, pause, edge, program) => {
                program.effect(outside).throttle(id(*number), micros(*pause), *edge)
            }
            Self::Cancel(number) => Effect::cancel(id(*number)),
        }
    }
}
