//! What holds of aggregates for any history, on every store.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helper functions of tests"
)]

mod hot;
mod ledger;
mod replay;
mod stores;
