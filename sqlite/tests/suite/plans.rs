//! Every statement of the store is prepared, and uses the index that its header names.

use std::{fs, path::Path};

use sqlx::{AssertSqlSafe, Executor, Row, SqliteConnection};

use crate::support;

/// What a plan may say about each statement; those that are no queries have none.
const PLANS: [(&str, &[&str]); 30] = [
    ("append_one", &["events_by_version", "SEARCH events"]),
    ("backup", &[]),
    ("begin", &[]),
    ("checkpoint", &[]),
    ("commit", &[]),
    ("delete_snapshot", &["sqlite_autoindex_snapshots_1 (stream_id=?)"]),
    (
        "delete_snapshot_part",
        &[
            "sqlite_autoindex_snapshot_parts_1 (stream_id=?)",
            "sqlite_autoindex_snapshots_1 (stream_id=?)",
        ],
    ),
    (
        "finish_snapshot",
        &[
            "events_by_version",
            "sqlite_autoindex_snapshot_parts_1 (stream_id=? AND save_id=?)",
        ],
    ),
    ("insert", &[]),
    ("journal_mode_wal", &[]),
    (
        "load_command",
        &[
            "events_by_command (command_id=? AND stream_id=?)",
            "events_by_version (stream_id=? AND version>? AND version<?)",
        ],
    ),
    (
        "load_snapshot",
        &[
            "sqlite_autoindex_snapshots_1 (stream_id=?)",
            "sqlite_autoindex_snapshot_parts_1 (stream_id=? AND save_id=?)",
        ],
    ),
    ("log_end", &["SEARCH events"]),
    ("page_size", &[]),
    (
        "packed",
        &["CO-ROUTINE", "events_by_version (stream_id=? AND version>?)"],
    ),
    ("read_backward", &["events_by_version (stream_id=? AND version<?)"]),
    ("read_forward", &["events_by_version (stream_id=? AND version>?)"]),
    ("read_log", &["INTEGER PRIMARY KEY (rowid>? AND rowid<?)"]),
    ("read_log_filtered", &["INTEGER PRIMARY KEY (rowid>? AND rowid<?)"]),
    ("record_migration", &[]),
    ("rollback", &[]),
    ("save_snapshot", &["events_by_version"]),
    ("save_snapshot_part", &[]),
    ("schema_version", &["SEARCH event_store_migrations"]),
    ("stored_commands", &["events_by_command (command_id=? AND stream_id=?)"]),
    (
        "stored_events",
        &["events_by_version (stream_id=? AND version>? AND version<?)"],
    ),
    ("stored_ids", &["events_by_id (event_id=? AND stream_id=?)"]),
    ("stream_heads", &["events_by_version (stream_id=? AND version=?)"]),
    ("tables", &[]),
    ("wal_frames", &[]),
];

#[tokio::test]
async fn every_statement_uses_its_index() {
    let directory = support::directory();
    let path = directory.path().join("events.db");
    support::open(&path).await.close().await;
    let mut connection = support::stranger(&path).await;
    let statements = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql");
    assert_eq!(fs::read_dir(&statements).unwrap().count(), PLANS.len());
    for (name, expected) in PLANS {
        let file = statements.join(format!("{name}.sql"));
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("-- "), "{name} has no header");
        let page = fs::read_to_string(statements.join("read_forward.sql")).unwrap();
        let sql = text
            .replace("{rows}", "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
            .replace("{stream_id}", "stream_id")
            .replace("{largest}", "?4")
            .replace(
                "{page}",
                page[page.find("FROM events").unwrap()..]
                    .trim_end()
                    .trim_end_matches(';'),
            );
        let plan = plan(&mut connection, sql).await;
        for part in expected {
            assert!(plan.contains(part), "{name} does not use {part}:\n{plan}");
        }
        assert!(!plan.contains("SCAN events"), "{name} walks the whole log:\n{plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{name} sorts:\n{plan}");
    }
}

async fn plan(connection: &mut SqliteConnection, sql: String) -> String {
    let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
    let is_query = ["SELECT", "INSERT", "DELETE", "WITH"].iter().any(|verb| {
        let mut lines = sql.lines().filter(|line| !line.starts_with("--"));
        lines.next().is_some_and(|line| line.starts_with(verb))
    });
    if !is_query {
        return String::new();
    }
    let rows = connection.fetch_all(explain).await.unwrap();
    let steps: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
    steps.join("\n")
}

#[tokio::test]
async fn the_head_of_a_long_stream_is_found_at_once() {
    let directory = support::directory();
    let path = directory.path().join("events.db");
    let store = support::open(&path).await;
    support::append(&store, 1, 0..20_000).await;
    // The number of steps of SQLite's machine is counted, not the time: a walk along the stream would take 20,000.
    let mut connection = support::stranger(&path).await;
    let steps = support::count_steps(&mut connection, 1000).await;
    let head = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/append_one.sql")).unwrap();
    let append = sqlx::query(AssertSqlSafe(head))
        .bind("test-1")
        .bind(1)
        .bind(19_999)
        .bind(vec![9_u8; 16])
        .bind("Happened.v1")
        .bind(1)
        .bind(vec![0_u8])
        .bind(None::<String>)
        .bind(None::<Vec<u8>>)
        .bind(None::<i64>)
        .bind(0);
    connection.execute(append).await.unwrap();
    assert_eq!(steps.load(std::sync::atomic::Ordering::Relaxed), 0);
}
