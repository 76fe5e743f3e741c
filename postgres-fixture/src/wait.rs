//! Waiting with a deadline.

use std::time::Duration;

use tokio::time::{Instant, sleep};

const PAUSE: Duration = Duration::from_millis(10);

/// Waits until `condition` holds, asking again and again.
///
/// The one place where a test may pause: for what another process does and cannot announce. Whatever can be awaited is
/// awaited instead.
///
/// # Panics
/// When `deadline` has passed, naming `what` was waited for.
///
/// ```
/// # use std::time::Duration;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut asked = 0;
/// let third = async || { asked += 1; asked == 3 };
/// composable_rust_postgres_fixture::wait_for(third, Duration::from_secs(5), "the third question").await;
/// assert_eq!(asked, 3);
/// # }
/// ```
pub async fn wait_for(mut condition: impl AsyncFnMut() -> bool, deadline: Duration, what: &str) {
    let end = Instant::now() + deadline;
    while !condition().await {
        assert!(Instant::now() < end, "waited {deadline:?} in vain for {what}");
        sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    #[should_panic(expected = "waited 5s in vain for the tide")]
    async fn waiting_in_vain_ends_and_says_for_what() {
        wait_for(async || false, Duration::from_secs(5), "the tide").await;
    }
}
