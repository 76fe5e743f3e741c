//! A store with the rights that the guide grants, and no more.

use composable_rust_core::{
    AppendError, CommandId, CommandMark, Encoding, EventId, EventLog, EventStore, ExpectedVersion, Position, ReadAll,
    SerializedEvent, Snapshot, SnapshotOutcome, StreamAppend, StreamId, Version,
};
use composable_rust_postgres::{PostgresEventStore, PostgresOpenError};
use uuid::Uuid;

use crate::reader::{Reader, rows};

fn stream(id: u32) -> StreamId {
    StreamId::new("order", id).unwrap()
}

fn event(id: u128) -> SerializedEvent {
    SerializedEvent::new(
        EventId::from_uuid(Uuid::from_u128(id)),
        "OrderPlaced.v1",
        Encoding::JSON,
        b"{}".to_vec(),
    )
}

fn of_command(id: u128, command: u128) -> SerializedEvent {
    let id_of_command = CommandId::from_uuid(Uuid::from_u128(command));
    event(id).with_command(CommandMark::new(id_of_command, 1))
}

fn append(id: u32, expected: ExpectedVersion, events: Vec<SerializedEvent>) -> StreamAppend {
    StreamAppend::new(stream(id), expected, events)
}

#[tokio::test]
async fn an_application_with_these_rights_does_all_that_a_store_does() {
    let reader = Reader::with(&[]).await;
    let store = PostgresEventStore::connect(&reader.url("orders_app", "orders"))
        .await
        .unwrap();

    let first = append(70, ExpectedVersion::NoStream, vec![event(1), of_command(2, 9)]);
    let written = store.append(first.clone()).await.unwrap();
    assert_eq!(
        store.append(first).await.unwrap(),
        written.as_repeated(),
        "sent again, it is recognised"
    );
    let stale = store
        .append(append(70, ExpectedVersion::NoStream, vec![event(3)]))
        .await;
    assert!(matches!(stale, Err(AppendError::Conflict(conflict)) if conflict.actual == Version::from(2)));
    let repeated = store
        .append(append(70, ExpectedVersion::Any, vec![of_command(4, 9)]))
        .await;
    assert!(
        matches!(repeated, Err(AppendError::DuplicateCommand { .. })),
        "{repeated:?}"
    );
    let batch = vec![
        append(71, ExpectedVersion::Any, vec![event(5), event(6)]),
        StreamAppend::check(stream(70), ExpectedVersion::Exact(Version::from(2))),
    ];
    store.append_batch(batch).await.unwrap();

    for version in [1, 2] {
        let snapshot = Snapshot {
            version: Version::from(version),
            schema: 1,
            data: vec![1],
        };
        assert_eq!(
            store.save_snapshot(stream(70), snapshot).await.unwrap(),
            SnapshotOutcome::Stored
        );
    }
    assert_eq!(
        store.load_snapshot(stream(70)).await.unwrap().unwrap().version,
        Version::from(2)
    );
    assert_eq!(store.load_events(stream(71), None).await.unwrap().len(), 2);

    let page = store.read_all(ReadAll::after(Position::BEGINNING)).await.unwrap();
    assert_eq!(page.events.len(), 3 + 4, "the guide's and these");
    assert_eq!(store.head().await.unwrap(), page.resume_after);
    store.wait_for_events(Position::BEGINNING).await.unwrap();
    assert_eq!(store.blocking_transactions().await.unwrap(), vec![]);
    store.close().await;
}

#[tokio::test]
async fn an_application_with_these_rights_neither_migrates_nor_adopts() {
    let reader = Reader::with(&[]).await;
    let (app, owner) = (reader.url("orders_app", "orders"), reader.url("orders_owner", "orders"));
    PostgresEventStore::options()
        .migrate(&app)
        .await
        .expect("there is nothing to do");

    // As if it came from elsewhere.
    let mut owners = reader.session("orders_owner", "orders").await;
    rows(&mut owners, "UPDATE event_log SET system_identifier = 1")
        .await
        .unwrap();
    let refused = PostgresEventStore::connect(&app).await;
    assert!(
        matches!(refused, Err(PostgresOpenError::LogOriginMismatch(_))),
        "{refused:?}"
    );
    let refused = PostgresEventStore::options().adopt(&app).await;
    assert!(
        matches!(refused, Err(PostgresOpenError::PermissionDenied(_))),
        "{refused:?}"
    );
    PostgresEventStore::options().adopt(&owner).await.unwrap();
    PostgresEventStore::connect(&app).await.unwrap().close().await;

    let empty = "CREATE SCHEMA empty; GRANT USAGE ON SCHEMA empty TO orders_app";
    rows(&mut owners, empty).await.unwrap();
    let refused = PostgresEventStore::options().schema("empty").migrate(&app).await;
    assert!(
        matches!(refused, Err(PostgresOpenError::PermissionDenied(_))),
        "{refused:?}"
    );
}
