//! The least that an application could do itself: prepared statements in autocommit, on connections that it holds.

use std::{hint::black_box, sync::Arc};

use chrono::{DateTime, Utc};
use composable_rust::{Decoded, EncodedEvent, Encoding, Event, SerializedEvent};
use composable_rust_benches::{LineAdded, stream};
use futures::FutureExt;
use sqlx::{Connection, Executor, PgConnection, Row, postgres::PgRow};
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::{
    cell::{Caller, Columns, Work},
    ours::{decided, event, line, next, serialized, stored},
};

const SCHEMA: &str = include_str!("sql/schema.sql");
const COPY_LOG: &str = include_str!("sql/copy_log.sql");
const INSERT: &str = include_str!("sql/insert.sql");
const INSERT_MANY: &str = include_str!("sql/insert_many.sql");
const LOAD: &str = include_str!("sql/load.sql");
const LOAD_TWO: &str = include_str!("sql/load_two.sql");
const PAGE: &str = include_str!("sql/page.sql");
const PAGE_TWO: &str = include_str!("sql/page_two.sql");

/// As many connections as callers, but no more than this.
const MOST: usize = 32;

type Shared = Arc<Mutex<PgConnection>>;

pub(crate) struct Bare {
    connections: Vec<Shared>,
}

/// All that a recorded event has.
#[expect(dead_code, reason = "decoded to be measured")]
struct Record {
    position: i64,
    stream_id: String,
    version: i64,
    event_id: Uuid,
    event_type: String,
    metadata: Option<serde_json::Value>,
    recorded_at: DateTime<Utc>,
    line: LineAdded,
}

impl Bare {
    pub(crate) async fn new(url: &str) -> Self {
        let mut connections = Vec::new();
        for _ in 0..MOST {
            connections.push(Arc::new(Mutex::new(PgConnection::connect(url).await.unwrap())));
        }
        let mut first = connections[0].lock().await;
        first.execute(SCHEMA).await.unwrap();
        first.execute(COPY_LOG).await.unwrap();
        first.execute("ANALYZE").await.unwrap();
        drop(first);
        Self { connections }
    }

    pub(crate) fn caller(&self, work: Work, number: usize) -> Caller {
        let connection = Arc::clone(&self.connections[number % MOST]);
        match work {
            Work::Append { .. } | Work::Crowd { .. } => {
                Box::new(move || insert(Arc::clone(&connection), line()).boxed())
            }
            Work::Execute | Work::Busy { .. } => Box::new(move || insert(Arc::clone(&connection), decided()).boxed()),
            Work::Batch { events, .. } => Box::new(move || insert_many(Arc::clone(&connection), events).boxed()),
            Work::Load(columns) => Box::new(move || load(Arc::clone(&connection), columns).boxed()),
            Work::Log(columns) => Box::new(move || log(Arc::clone(&connection), columns).boxed()),
        }
    }
}

async fn insert_many(connection: Shared, events: usize) -> usize {
    let batch: Vec<SerializedEvent> = (0..events).map(|_| event()).collect();
    let versions: Vec<i64> = (1..).take(events).collect();
    let types: Vec<&str> = batch.iter().map(|event| &*event.event_type).collect();
    let data: Vec<&[u8]> = batch.iter().map(|event| &*event.data).collect();
    let ids: Vec<Uuid> = batch.iter().map(|event| *event.id.as_uuid()).collect();
    let query = sqlx::query(INSERT_MANY)
        .bind(stream(next()).unwrap().to_string())
        .bind(versions)
        .bind(ids)
        .bind(types)
        .bind(data)
        .bind(vec![None::<String>; events]);
    query.execute(&mut *connection.lock().await).await.unwrap();
    events
}

async fn load(connection: Shared, columns: Columns) -> usize {
    let statement = match columns {
        Columns::All => LOAD,
        Columns::Two => LOAD_TWO,
    };
    let query = sqlx::query(statement).bind(stored(next() % 100).to_string());
    let rows = query.fetch_all(&mut *connection.lock().await).await.unwrap();
    for row in &rows {
        decode(row, columns);
    }
    rows.len()
}

async fn log(connection: Shared, columns: Columns) -> usize {
    let statement = match columns {
        Columns::All => PAGE,
        Columns::Two => PAGE_TWO,
    };
    let mut connection = connection.lock().await;
    let (mut after, mut events) = (0_i64, 0);
    loop {
        let rows = sqlx::query(statement)
            .bind(after)
            .fetch_all(&mut *connection)
            .await
            .unwrap();
        let Some(last) = rows.iter().map(|row| decode(row, columns)).last() else {
            return events;
        };
        events += rows.len();
        after = last;
    }
}

async fn insert(connection: Shared, line: LineAdded) -> usize {
    let (event, stream) = (serialized(&line), stream(next()).unwrap());
    let query = sqlx::query(INSERT)
        .bind(stream.as_str())
        .bind(1_i64)
        .bind(&*event.event_type)
        .bind(&*event.data)
        .bind(None::<String>);
    query.execute(&mut *connection.lock().await).await.unwrap();
    1
}

/// The row's first number.
fn decode(row: &PgRow, columns: Columns) -> i64 {
    let data = |column| {
        let encoded = EncodedEvent {
            event_type: "LineAdded.v1",
            encoding: Encoding::BINCODE,
            data: row.get(column),
        };
        match LineAdded::decode(encoded).unwrap() {
            Decoded::One(line) => line,
            Decoded::Nothing | Decoded::Many(_) => line(),
        }
    };
    match columns {
        Columns::Two => drop(black_box(data(1))),
        Columns::All => drop(black_box(Record {
            position: row.get(0),
            stream_id: row.get(1),
            version: row.get(2),
            event_id: row.get(3),
            event_type: row.get(4),
            metadata: row
                .get::<Option<&str>, _>(6)
                .map(|json| serde_json::from_str(json).unwrap()),
            recorded_at: row.get(7),
            line: data(5),
        })),
    }
    row.get(0)
}
