//! What the guide says about `pg_upgrade`.

use composable_rust_core::{
    Encoding, EventId, EventLog, EventStore, ExpectedVersion, Position, ReadAll, SerializedEvent, StreamAppend,
    StreamId,
};
use composable_rust_postgres::{LogOriginMismatch, PostgresEventStore, PostgresOpenError};
use uuid::Uuid;

use crate::reader::Reader;

/// To the same version, which moves everything as a newer one does.
const UPGRADE: &str = r#"set -eu
    binaries="$(dirname "$(readlink -f "$(command -v postgres)")")"
    initdb --pgdata "$DATA.new" --username postgres --auth trust --encoding UTF8 --locale C --no-sync
    cd "$DATA.guide"
    "$binaries/pg_upgrade" --old-bindir "$binaries" --new-bindir "$binaries" --old-datadir "$DATA" --new-datadir "$DATA.new" \
        --username postgres --socketdir /tmp
    cp "$DATA/postgresql.conf" "$DATA/pg_hba.conf" "$DATA.new"
    mv "$DATA" "$DATA.old"
    mv "$DATA.new" "$DATA""#;

#[tokio::test]
async fn an_upgraded_server_is_another_one_and_goes_on_with_the_log_once_it_is_adopted() {
    let reader = Reader::with(&[]).await;
    let app = reader.url("orders_app", "orders");
    let before = PostgresEventStore::connect(&app).await.unwrap();
    let checkpoint = before.head().await.unwrap();
    before.close().await;

    reader.server.stop().await;
    reader.server.run(UPGRADE).await;
    reader.server.start_again().await;
    let refused = PostgresEventStore::connect(&app).await;
    assert!(
        matches!(
            refused,
            Err(PostgresOpenError::LogOriginMismatch(LogOriginMismatch::Cluster { .. }))
        ),
        "{refused:?}"
    );
    PostgresEventStore::adopt(&reader.url("orders_owner", "orders"))
        .await
        .unwrap();

    let after = PostgresEventStore::connect(&app).await.unwrap();
    let event = SerializedEvent::new(EventId::from_uuid(Uuid::from_u128(1)), "A.v1", Encoding::JSON, vec![]);
    let append = StreamAppend::new(
        StreamId::new("order", 9).unwrap(),
        ExpectedVersion::NoStream,
        vec![event],
    );
    let appended = after.append(append).await.unwrap();
    let new = after.read_all(ReadAll::after(checkpoint)).await.unwrap().events;
    assert_eq!(
        new.iter().map(|event| event.position).collect::<Vec<_>>(),
        [appended.position],
        "the checkpoint holds"
    );
    assert_eq!(
        after
            .read_all(ReadAll::after(Position::BEGINNING))
            .await
            .unwrap()
            .events
            .len(),
        4
    );
    after.close().await;
}
