//! What the guide says about partitions that are away.

use composable_rust_core::{
    AppendError, Encoding, EventId, EventLog, EventStore, ExpectedVersion, Position, ReadAll, ReadError,
    SerializedEvent, StreamAppend, StreamId,
};
use composable_rust_postgres::PostgresEventStore;
use uuid::Uuid;

use crate::{
    guide::blocks,
    reader::{Reader, rows},
};

async fn open(reader: &Reader, database: &str) -> PostgresEventStore {
    PostgresEventStore::connect(&reader.url("orders_owner", database))
        .await
        .unwrap()
}

#[tokio::test]
async fn a_consumer_that_stands_on_an_archived_event_is_told_so() {
    let reader = Reader::with(&["Partitioning"]).await;
    let store = open(&reader, "orders_by_category").await;
    let page = store.read_all(ReadAll::after(Position::BEGINNING)).await.unwrap();
    let of = |category: &str| {
        page.events
            .iter()
            .find(|event| event.stream_id.category() == category)
            .unwrap()
            .position
    };
    let (archived, kept) = (of("import"), of("basket"));

    let mut archiving = blocks()
        .into_iter()
        .filter(|block| block.heading == "Archiving" && block.is_sql());
    reader.follow(&archiving.next().unwrap()).await;
    assert_eq!(
        store.read_all(ReadAll::after(kept)).await.unwrap().events.len(),
        1,
        "the others read on"
    );
    let told = store.read_all(ReadAll::after(archived)).await;
    assert!(
        matches!(told, Err(ReadError::LogRewound { after }) if after == archived),
        "{told:?}"
    );

    reader.follow(&archiving.next().unwrap()).await;
    assert_eq!(
        store.read_all(ReadAll::after(archived)).await.unwrap().events.len(),
        1,
        "it is back in its place"
    );
    store.close().await;
}

#[tokio::test]
async fn appends_to_streams_of_a_missing_partition_fail_and_the_others_go_on() {
    let reader = Reader::with(&["Partitioning"]).await;
    let store = open(&reader, "orders_in_parts").await;
    let mut owner = reader.session("orders_owner", "orders_in_parts").await;
    rows(&mut owner, "ALTER TABLE events DETACH PARTITION events_p3")
        .await
        .unwrap();

    let (mut written, mut refused) = (0, 0);
    for id in 1000..1100 {
        let event = SerializedEvent::new(EventId::from_uuid(Uuid::from_u128(id)), "A.v1", Encoding::JSON, vec![]);
        let stream_id = StreamId::new("order", id).unwrap();
        match store
            .append(StreamAppend::new(stream_id, ExpectedVersion::Any, vec![event]))
            .await
        {
            Ok(_) => written += 1,
            Err(AppendError::Backend(source)) => {
                let error = source
                    .downcast_ref::<sqlx::Error>()
                    .and_then(sqlx::Error::as_database_error);
                assert_eq!(
                    error.and_then(sqlx::error::DatabaseError::code).as_deref(),
                    Some("23514")
                );
                refused += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(written > 50 && refused > 1, "{written} written, {refused} refused");
    store.close().await;
}
