//! Clocks that tests move: one that stands still, one whose sleepers wake when the test says so,
//! one on which nobody waits, one that nobody may use.

mod fixed;
mod immediate;
pub(crate) mod polled;
mod sleep;
mod test;
mod time;
mod timeline;
mod unimplemented;

pub use fixed::FixedClock;
pub use immediate::ImmediateClock;
pub use test::TestClock;
pub use time::TestTime;
pub use unimplemented::UnimplementedClock;
