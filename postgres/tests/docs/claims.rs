//! The statements of the guide, and what the text around them claims.

use sqlx::Connection;

use crate::{
    guide::{Block, blocks},
    reader::{Reader, Rows, first, rows},
    support,
};

fn sql_below(heading: &str) -> Block {
    let below = |block: &Block| block.heading == heading && block.is_sql();
    let block = blocks().into_iter().find(below);
    block.unwrap_or_else(|| panic!("no block of SQL below {heading:?}"))
}

/// What one query answers to a role in a database.
async fn ask(reader: &Reader, role: &str, database: &str, query: &str) -> Rows {
    let mut connection = reader.session(role, database).await;
    let answer = rows(&mut connection, query)
        .await
        .unwrap_or_else(|error| panic!("{query}: {error}"));
    connection.close().await.unwrap();
    answer
}

#[tokio::test]
async fn whoever_follows_the_guide_line_by_line_gets_what_it_says() {
    let reader = Reader::new().await;
    for block in blocks() {
        reader.follow(&block).await;
    }
}

#[tokio::test]
async fn the_query_for_what_holds_readers_back_names_it() {
    let heading = "What holds readers back";
    let reader = Reader::with(&[]).await;
    let (lag, culprits) = (sql_below("Lag of the log"), sql_below(heading));

    assert_eq!(reader.follow(&lag).await[0][0][0].as_deref(), Some("0"));
    assert_eq!(reader.follow(&culprits).await[0], Rows::new(), "nobody does");

    // In another database, and of no interest to the log.
    let mut idle = reader.session("postgres", "elsewhere").await;
    rows(&mut idle, "BEGIN; CREATE TEMPORARY TABLE notes (id INTEGER)")
        .await
        .unwrap();
    let pid = first(&rows(&mut idle, "SELECT pg_backend_pid()").await.unwrap());
    let mut forgotten = reader.session("postgres", "elsewhere").await;
    rows(
        &mut forgotten,
        "BEGIN; SELECT pg_current_xact_id(); PREPARE TRANSACTION 'forgotten'",
    )
    .await
    .unwrap();
    let append = "INSERT INTO events (stream_id, version, event_id, event_type, encoding, event_data)
                  VALUES ('order-7', 1, gen_random_uuid(), 'OrderPlaced.v1', 2, '{}')";
    ask(&reader, "orders_app", "orders", append).await;

    assert_eq!(
        reader.follow(&lag).await[0][0][0].as_deref(),
        Some("1"),
        "one event waits"
    );
    let named = &reader.follow(&culprits).await[0];
    assert_eq!(named.len(), 2);
    assert_eq!(named[0][0].as_deref(), Some(pid.as_str()), "the oldest comes first");
    assert_eq!(named[0][2].as_deref(), Some("elsewhere"));
    assert_eq!(named[0][5].as_deref(), Some("idle in transaction"));
    assert!(
        named[0][7].as_deref().unwrap().contains("pg_backend_pid"),
        "with its last query"
    );
    assert_eq!(named[1][1].as_deref(), Some("forgotten"));

    rows(&mut idle, "ROLLBACK").await.unwrap();
    rows(&mut forgotten, "ROLLBACK PREPARED 'forgotten'").await.unwrap();
    assert_eq!(reader.follow(&lag).await[0][0][0].as_deref(), Some("0"));
    assert_eq!(reader.follow(&culprits).await[0], Rows::new());
}

#[tokio::test]
async fn idle_readers_and_listeners_hold_nobody_back() {
    let reader = Reader::with(&[]).await;
    let mut idle = reader.session("orders_reader", "orders").await;
    rows(&mut idle, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM events")
        .await
        .unwrap();
    let mut listening = reader.session("orders_app", "orders").await;
    rows(&mut listening, "LISTEN something").await.unwrap();
    assert_eq!(
        reader.follow(&sql_below("What holds readers back")).await[0],
        Rows::new()
    );
}

#[tokio::test]
async fn the_rate_is_that_of_the_log() {
    let reader = Reader::with(&[]).await;
    let minutes = &reader.follow(&sql_below("Rate")).await[0];
    let count = |column: usize| {
        minutes
            .iter()
            .map(|row| row[column].as_deref().unwrap().parse::<i64>().unwrap())
            .sum::<i64>()
    };
    assert_eq!(count(1), 3, "three events were appended by now");
    assert!(count(2) >= 2, "to two streams");
}

#[tokio::test]
async fn the_statements_for_a_partitioned_log_and_the_migration_make_what_the_migration_makes() {
    let reader = Reader::with(&["Partitioning"]).await;
    let databases = ["orders", "orders_in_parts", "orders_by_category"];
    for facts in [COLUMNS, CHECKS, UNIQUE_KEYS] {
        let mut seen = Vec::new();
        for database in databases {
            seen.push(ask(&reader, "orders_owner", database, facts).await);
        }
        assert!(!seen[0].is_empty());
        assert_eq!(seen[0], seen[1], "{facts}");
        assert_eq!(seen[0], seen[2], "{facts}");
    }
    assert_eq!(
        support::partitioned_schema(),
        sql_below("Partitioning").text,
        "what other tests take"
    );
}

const COLUMNS: &str = "SELECT attname, format_type(atttypid, atttypmod), attnotnull, attcollation::regcollation,
                              pg_get_expr(adbin, adrelid)
                         FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
                        WHERE attrelid = 'events'::regclass AND attnum > 0 ORDER BY attnum";
const CHECKS: &str = "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
                       WHERE conrelid = 'events'::regclass AND contype IN ('c', 'p') ORDER BY conname";
const UNIQUE_KEYS: &str = "SELECT indexrelid::regclass, indisunique, indkey FROM pg_index
                            WHERE indrelid = 'events'::regclass AND indexrelid::regclass::text <> 'events_by_type'
                            ORDER BY indexrelid::regclass::text";
