//! What a store is made of: an inbox that its callers drain in turn, state that only the drainer changes, and tasks
//! that perform effects and bring their actions back.

mod cancellation;
mod compose;
mod context;
mod core;
mod count;
mod drain;
mod inbox;
mod operation;
mod perform;
mod phase;
mod publish;
mod reduce;
mod registry;
mod running;
mod scope;
mod shutdown;
mod spawn;
mod submit;
mod task;
mod throttle;
mod tracker;
mod turns;

pub use self::spawn::{EffectPanic, RunningEffect, Spawn, Task};
pub(crate) use self::{
    core::{Engine, Settings},
    publish::Subscriber,
    submit::Refused,
    tracker::Tracker,
};
