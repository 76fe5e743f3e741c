//! Clocks for tests: [`TestClock`] is moved and wakes sleepers, [`FixedClock`] is set, [`ImmediateClock`] ends every sleep at
//! once, [`UnimplementedClock`] panics.

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
pub(crate) use timeline::after;
pub use unimplemented::UnimplementedClock;
