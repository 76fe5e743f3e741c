//! What decisions may ask for.

use std::sync::Arc;

use composable_rust::Clock;

/// What decisions may ask for: the time, and nothing else.
///
/// ```
/// use composable_rust::testing::FixedClock;
/// use order_processing::order::OrderEnvironment;
/// use std::sync::Arc;
///
/// let environment = OrderEnvironment::new(Arc::new(FixedClock::default()));
/// assert_eq!(environment.clock.now(), FixedClock::START);
/// ```
#[derive(Clone)]
pub struct OrderEnvironment {
    /// Where every timestamp comes from.
    pub clock: Arc<dyn Clock>,
}

impl OrderEnvironment {
    /// Time as `clock` tells it.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock }
    }
}
