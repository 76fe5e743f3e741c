//! The log of all streams: its order, what holds readers back, waiting, and moves from one cluster to another.

mod blocking_transactions;
mod moves;
mod notifications;
mod order;
mod plans;
mod reader;
mod waiting;
