//! However long the log is, a page of it costs the same; and it is read by its index, however short it is.

use composable_rust_postgres_fixture::{TestDatabase, wait_for};
use sqlx::{AssertSqlSafe, PgConnection};

use super::reader::{PATIENCE, run};
use crate::support::{database, partitioned_database, stranger};

const READ_LOG: &str = include_str!("../../../sql/read_log.sql");
const READ_LOG_FILTERED: &str = include_str!("../../../sql/read_log_filtered.sql");
const HIGH_WATER_MARK: &str = include_str!("../../../sql/high_water_mark.sql");
const BLOCKING_TRANSACTIONS: &str = include_str!("../../../sql/blocking_transactions.sql");

/// The plan of a statement with these parameters, as the server runs it when it does not know them.
async fn plan(connection: &mut PgConnection, statement: &str, parameters: &str) -> String {
    let prepare = format!("DEALLOCATE ALL; SET plan_cache_mode = force_generic_plan; PREPARE asked AS {statement}");
    run(connection, prepare).await;
    let explain = format!("EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, SUMMARY OFF, COSTS OFF) EXECUTE asked{parameters}");
    let lines: Vec<String> = sqlx::query_scalar(AssertSqlSafe(explain))
        .persistent(false)
        .fetch_all(connection)
        .await
        .unwrap();
    lines.join("\n")
}

/// What the plan's root has touched, in pages.
fn buffers(plan: &str) -> u32 {
    let line = plan.lines().find(|line| line.contains("Buffers:")).unwrap();
    let counts = line
        .split_whitespace()
        .filter(|word| word.starts_with("hit=") || word.starts_with("read="));
    counts
        .map(|word| word.split_once('=').unwrap().1.parse::<u32>().unwrap())
        .sum()
}

fn assert_by_index(plan: &str) {
    assert!(
        plan.contains("events_in_order") || plan.contains("generation_transaction_id_position_idx"),
        "{plan}"
    );
    for detour in [
        "->  Sort ",
        "Seq Scan on events ",
        "Seq Scan on events_p",
        "Bitmap",
        "JIT",
    ] {
        assert!(!plan.contains(detour), "{detour}: {plan}");
    }
}

/// 300,000 events in 3,000 transactions.
async fn fill(connection: &mut PgConnection) {
    let fill = "DO $$ BEGIN FOR i IN 1..3000 LOOP
        INSERT INTO events (stream_id, version, event_id, event_type, encoding, event_data)
        SELECT 'test-' || i || '.' || n, 1, gen_random_uuid(), 'Happened.v1', 1, 'some content'
          FROM generate_series(1, 100) AS n;
        COMMIT; END LOOP; END $$";
    run(connection, fill).await;
}

/// The parameters that a page after the event at this place begins with.
async fn after(connection: &mut PgConnection, place: i64) -> String {
    let parts = "SELECT format('1, %L, %s', transaction_id, position) FROM events
                  ORDER BY generation, transaction_id, position OFFSET $1 LIMIT 1";
    sqlx::query_scalar(parts)
        .bind(place)
        .persistent(false)
        .fetch_one(connection)
        .await
        .unwrap()
}

async fn every_statement(connection: &mut PgConnection, after: &str) -> [(u32, String); 3] {
    let page = plan(connection, READ_LOG, &format!("({after}, 500)")).await;
    let filtered = plan(
        connection,
        READ_LOG_FILTERED,
        &format!("({after}, 500, '{{nothing}}', NULL)"),
    )
    .await;
    let (generation, rest) = after.split_once(", ").unwrap();
    let (transaction, position) = rest.split_once(", ").unwrap();
    let asked = format!("(ARRAY[{generation}], ARRAY[{transaction}]::xid8[], ARRAY[{position}])");
    let end = plan(connection, HIGH_WATER_MARK, &asked).await;
    for plan in [&page, &filtered, &end] {
        assert_by_index(plan);
    }
    [page, filtered, end].map(|plan| (buffers(&plan), plan))
}

async fn depth_does_not_matter(database: &TestDatabase) {
    let mut connection = stranger(database).await;
    // An empty table is where the planner would rather read everything and sort it.
    every_statement(&mut connection, "1, '5', 5").await;
    fill(&mut connection).await;
    let settled = async || {
        let query = "SELECT max(transaction_id) < pg_snapshot_xmin(pg_current_snapshot()) FROM events";
        sqlx::query_scalar(query).fetch_one(&mut connection).await.unwrap()
    };
    wait_for(settled, PATIENCE, "the transactions of other tests").await;
    // Before the first ANALYZE, and after it.
    for analyze in ["SELECT 1", "ANALYZE events, event_log"] {
        run(&mut connection, analyze).await;
        let shallow = after(&mut connection, 1000).await;
        let deep = after(&mut connection, 290_000).await;
        let shallow = every_statement(&mut connection, &shallow).await;
        let deep = every_statement(&mut connection, &deep).await;
        for ((few, _), (many, plan)) in shallow.iter().zip(&deep) {
            assert!(
                *many <= few + few / 2 + 16,
                "{few} pages near the beginning, {many} near the end: {plan}"
            );
        }
    }
    assert_by_index(
        &plan(&mut connection, BLOCKING_TRANSACTIONS, "")
            .await
            .replace("->  Sort ", ""),
    );
}

#[tokio::test]
async fn deep_in_the_log_a_page_costs_what_the_first_did() {
    depth_does_not_matter(&database().await).await;
}

#[tokio::test]
async fn deep_in_a_partitioned_log_too() {
    depth_does_not_matter(&partitioned_database().await).await;
}

#[tokio::test]
async fn what_older_transactions_hold_back_is_not_walked_again_and_again() {
    let database = database().await;
    let mut older = super::reader::open_transaction(&database).await;
    let mut connection = stranger(&database).await;
    fill(&mut connection).await;
    let page = plan(&mut connection, READ_LOG, "(1, '0', 0, 500)").await;
    assert_by_index(&page);
    assert!(buffers(&page) < 30, "{page}");
    run(&mut older, "COMMIT").await;
}
