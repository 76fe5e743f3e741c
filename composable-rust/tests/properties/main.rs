//! What holds of aggregates for any history, on every store.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helper functions of tests"
)]

mod calls;
mod hot;
mod ledger;
mod pair;
mod replay;
mod stores;
