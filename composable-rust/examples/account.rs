//! The smallest event-sourced application: `cargo run -p composable-rust --example account --features testing`.

use std::sync::Arc;

use composable_rust::prelude::*;

#[derive(Event)]
#[event("MoneyDeposited.v1")]
struct MoneyDeposited {
    cents: u64,
}

#[derive(Debug, thiserror::Error)]
#[error("a deposit must be positive")]
struct NotPositive;

struct Account;

impl Aggregate for Account {
    const CATEGORY: &'static str = "account";
    type State = u64;
    type Command = u64;
    type Event = MoneyDeposited;
    type Rejection = NotPositive;
    type Environment = ();

    fn decide(_balance: &u64, cents: &u64, (): &()) -> Result<Vec<MoneyDeposited>, NotPositive> {
        if *cents == 0 {
            Err(NotPositive)
        } else {
            Ok(vec![MoneyDeposited { cents: *cents }])
        }
    }

    fn apply(balance: &mut u64, event: &MoneyDeposited) {
        *balance += event.cents;
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let accounts = Aggregates::<Account>::new(Arc::new(InMemoryEventStore::new()), ());
    accounts.execute("ada", 50).await?;
    assert_eq!(accounts.execute("ada", 7).await?.version, Version::from(2));
    assert_eq!(*accounts.state("ada").await?.state, 57);
    assert!(matches!(
        accounts.execute("ada", 0).await,
        Err(ExecuteError::Rejected(NotPositive))
    ));
    Ok(())
}
