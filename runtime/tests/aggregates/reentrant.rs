//! What belongs to the user may come back to the host at any time, also while the host lets go of it.

use std::{
    sync::{Arc, OnceLock, mpsc},
    thread,
    time::Duration,
};

use composable_rust_core::{Aggregate, EventStore};
use composable_rust_runtime::Aggregates;
use composable_rust_testing::InMemoryEventStore;
use tokio::runtime::Builder;

use crate::account::AccountEvent;

static HOST: OnceLock<Aggregates<Curio>> = OnceLock::new();

/// Looks at its host when it is dropped.
#[derive(Clone, Default)]
struct Curious;

impl Drop for Curious {
    fn drop(&mut self) {
        if let Some(host) = HOST.get() {
            let _ = host.cached_streams();
        }
    }
}

struct Curio;

impl Aggregate for Curio {
    const CATEGORY: &'static str = "curio";
    type State = Curious;
    type Command = Curious;
    type Event = AccountEvent;
    type Rejection = std::convert::Infallible;
    type Environment = ();

    fn decide(_: &Curious, _: &Curious, (): &()) -> Result<Vec<AccountEvent>, Self::Rejection> {
        Ok(vec![AccountEvent::Deposited(1)])
    }

    fn apply(_: &mut Curious, _: &AccountEvent) {}
}

#[test]
fn a_state_that_is_let_go_may_look_at_its_host() {
    let store: Arc<dyn EventStore> = Arc::new(InMemoryEventStore::new());
    let host = HOST.get_or_init(|| Aggregates::builder(store, ()).max_cached_streams(2).build());
    let (done, is_done) = mpsc::channel();
    thread::spawn(move || {
        let runtime = Builder::new_current_thread().build().unwrap();
        for id in ["a", "b", "c", "d"] {
            runtime.block_on(host.execute(id, Curious)).unwrap();
        }
        done.send(host.cached_streams()).unwrap();
    });
    // A thread that waits for itself never answers.
    assert_eq!(is_done.recv_timeout(Duration::from_secs(10)), Ok(2));
}
