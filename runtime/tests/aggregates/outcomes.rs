//! What a caller is told when all goes well, and when the aggregate refuses.

use composable_rust_core::{EventMetadata, ExpectedVersion, Version};
use composable_rust_runtime::{CommandContext, ExecuteError};

use crate::{
    account::{
        AccountCommand::{Deposit, DepositIf, DoNothing, Withdraw},
        AccountEvent::{Deposited, Withdrawn},
        NotEnough, Scripted, stream, write,
    },
    balance, host,
};

#[tokio::test]
async fn a_command_is_stored_applied_and_answered() {
    let store = Scripted::new([]);
    let host = host(&store);
    let committed = host.execute("a", Deposit(5)).await.unwrap();
    assert_eq!(
        (committed.events, committed.version),
        (vec![Deposited(5)], Version::from(1))
    );
    assert!(committed.position.is_some());
    assert_eq!(balance(&host).await, (5, Version::from(1)));
    assert_eq!(store.stored(stream()).await, [Deposited(5)]);
    assert_eq!(store.appends()[0].expected, ExpectedVersion::NoStream, "never Any");
}

#[tokio::test]
async fn a_rejection_is_final_and_changes_nothing() {
    let store = Scripted::new([]);
    let host = host(&store);
    host.execute("a", Deposit(5)).await.unwrap();
    let refused = host.execute("a", Withdraw(6)).await;
    assert!(matches!(refused, Err(ExecuteError::Rejected(NotEnough { balance: 5 }))));
    assert_eq!(store.appends().len(), 1);
    assert_eq!(balance(&host).await, (5, Version::from(1)));
}

#[tokio::test]
async fn a_command_without_events_appends_nothing() {
    let store = Scripted::new([]);
    let committed = host(&store).execute("a", DoNothing).await.unwrap();
    assert_eq!(
        (committed.events, committed.version, committed.position),
        (vec![], Version::INITIAL, None)
    );
    assert!(store.appends().is_empty());
}

#[tokio::test]
async fn the_context_is_recorded_with_every_event() {
    let store = Scripted::new([]);
    let metadata = EventMetadata::default().with_actor("clerk-7");
    let context = CommandContext::default().with_metadata(metadata.clone());
    host(&store).execute_with("a", Deposit(1), context).await.unwrap();
    assert_eq!(store.inner.events(&stream())[0].metadata, Some(metadata));
}

#[tokio::test]
async fn history_is_loaded_before_the_first_decision() {
    let store = Scripted::new([]);
    write(&store, &[Deposited(5), Withdrawn(2)]).await;
    assert_eq!(
        host(&store)
            .execute("a", DepositIf { balance: 3 })
            .await
            .unwrap()
            .version,
        Version::from(3)
    );
}
