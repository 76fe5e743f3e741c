//! The server goes down under load, and every acknowledged event is there afterwards: once, where its append said.

use std::sync::Arc;

use composable_rust_core::{
    AppendError, Appended, EventLog, EventStore, ExpectedVersion, Position, ReadAll, RecordedEvent, StreamAppend,
    Version,
};
use composable_rust_postgres::PostgresEventStore;
use composable_rust_postgres_fixture::Server;
use futures::future;
use tokio::sync::watch;

use crate::support::{event, stream};

const WRITERS: u128 = 24;
const APPENDS: u128 = 150;

/// What was acknowledged, by writer.
type Acknowledged = Vec<(u128, Appended)>;

/// Appends one event after the other, each again as it is until it is known to be written.
async fn write(store: PostgresEventStore, writer: u128, progress: Arc<watch::Sender<u128>>) -> (Acknowledged, u32) {
    let (mut acknowledged, mut failures) = (Vec::new(), 0);
    for n in 0..APPENDS {
        let id = writer * 1_000_000 + n;
        let expected = ExpectedVersion::Exact(Version::try_from(i64::try_from(n).unwrap()).unwrap());
        let append = StreamAppend::new(stream(writer), expected, vec![event(id)]);
        let appended = loop {
            match store.append(append.clone()).await {
                // Sent again, it may have been found.
                Ok(appended) => break Appended::new(appended.version, appended.position),
                Err(AppendError::Unavailable(_) | AppendError::OutcomeUnknown(_)) => failures += 1,
                Err(error) => panic!("event {n} of {writer}: {error:?}"),
            }
            tokio::task::yield_now().await;
        };
        acknowledged.push((id, appended));
        progress.send_modify(|appends| *appends += 1);
    }
    (acknowledged, failures)
}

async fn whole_log(store: &PostgresEventStore) -> Vec<RecordedEvent> {
    let head = store.wait_for_committed().await.unwrap();
    let (mut log, mut after) = (Vec::new(), Position::BEGINNING);
    while after < head {
        let page = store.read_all(ReadAll::after(after)).await.unwrap();
        after = page.resume_after;
        log.extend(page.events);
    }
    log
}

async fn survives(server: &Server, going_down: impl AsyncFn(&Server)) {
    let options = PostgresEventStore::options().migrate_on_connect(true);
    let store = options.connect(&server.url("postgres")).await.unwrap();
    let (progress, mut appends) = watch::channel(0);
    let progress = Arc::new(progress);
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| tokio::spawn(write(store.clone(), writer, Arc::clone(&progress))))
        .collect();
    for round in 1..=3 {
        appends
            .wait_for(|appends| *appends > round * WRITERS * APPENDS / 4)
            .await
            .unwrap();
        going_down(server).await;
        server.start_again().await;
    }
    let written: Vec<_> = future::join_all(writers)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert!(written.iter().any(|(_, failures)| *failures > 0), "nobody noticed");

    let log = whole_log(&store).await;
    assert_eq!(log.len() as u128, WRITERS * APPENDS, "each event once");
    for (acknowledged, _) in &written {
        let own = stream(acknowledged[0].0 / 1_000_000);
        let stored = store.load_events(own.clone(), None).await.unwrap();
        let found = |events: &[RecordedEvent]| -> Acknowledged {
            let place = |event: &RecordedEvent| Appended::new(event.version, event.position);
            events
                .iter()
                .map(|event| (event.id.as_uuid().as_u128(), place(event)))
                .collect()
        };
        assert_eq!(found(&stored), *acknowledged);
        let in_log: Vec<_> = log.iter().filter(|event| event.stream_id == own).cloned().collect();
        assert_eq!(in_log, stored, "the log has the stream's order");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_acknowledged_event_is_there_after_the_server_was_killed_under_load() {
    let server = Server::start(&[]).await;
    survives(&server, Server::kill).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_acknowledged_event_is_there_after_the_server_was_restarted_under_load() {
    let server = Server::start(&[]).await;
    survives(&server, Server::stop).await;
}
