//! The rules that every store keeps, each test named after what it promises.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends where it fails, also inside of its helpers and reducers"
)]

mod appends;
mod bounds;
mod cancellation;
mod children;
mod composition;
mod depth;
mod faults;
mod gated;
mod inside;
mod model;
mod nested_ids;
mod ordering;
mod rows;
mod sent;
mod shutdown;
mod subscriptions;
mod support;
mod timing;
