//! The store that runs reducers, performs effects and hosts aggregates.

mod system;

pub use system::{SystemClock, SystemIds};
