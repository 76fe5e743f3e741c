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
mod faults;
mod gated;
mod model;
mod ordering;
mod sent;
mod shutdown;
mod subscriptions;
mod support;
mod timing;
