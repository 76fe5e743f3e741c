//! Clocks that tests move: one that stands still, one whose sleepers wake when the test says so.

mod fixed;
mod sleep;
mod test;
mod timeline;

pub use fixed::FixedClock;
pub use test::TestClock;
