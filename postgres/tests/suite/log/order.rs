//! The order of the log while transactions overlap.

use composable_rust_core::{EventFilter, EventLog, Position, ReadAll};

use super::reader::{append, follow, insert, open_transaction, readable, run};
use crate::support::{database, open, stranger};

#[tokio::test]
async fn a_newer_transaction_with_the_lower_position_is_not_skipped() {
    let database = database().await;
    let store = open(&database).await;
    let mut older = open_transaction(&database).await;
    let mut newer = open_transaction(&database).await;
    insert(&mut newer, 1).await;
    insert(&mut older, 2).await;
    run(&mut newer, "COMMIT").await;
    assert_eq!(follow(&store, Position::BEGINNING).await, (vec![], Position::BEGINNING));
    run(&mut older, "COMMIT").await;
    readable(&store, append(&store, 3).await).await;
    assert_eq!(follow(&store, Position::BEGINNING).await.0, [2, 1, 3]);
}

#[tokio::test]
async fn a_slow_transaction_is_waited_for_and_nobody_else_is_skipped() {
    let database = database().await;
    let store = open(&database).await;
    readable(&store, append(&store, 1).await).await;
    let mut slow = open_transaction(&database).await;
    insert(&mut slow, 2).await;
    let (_, after) = follow(&store, Position::BEGINNING).await;
    let newest = append(&store, 3).await;
    assert_eq!(store.head().await.unwrap(), after);
    for filter in [EventFilter::all(), EventFilter::all().category("test")] {
        let page = store.read_all(ReadAll::after(after).filter(filter)).await.unwrap();
        assert_eq!((page.events, page.resume_after), (vec![], after));
    }
    run(&mut slow, "COMMIT").await;
    readable(&store, newest).await;
    assert_eq!(follow(&store, after).await.0, [2, 3]);
}

#[tokio::test]
async fn a_rolled_back_append_stalls_nobody() {
    let database = database().await;
    let store = open(&database).await;
    let mut failing = open_transaction(&database).await;
    insert(&mut failing, 1).await;
    let newest = append(&store, 2).await;
    assert_eq!(follow(&store, Position::BEGINNING).await.0, []);
    run(&mut failing, "ROLLBACK").await;
    readable(&store, newest).await;
    assert_eq!(follow(&store, Position::BEGINNING).await.0, [2]);
}

/// Numbers without a pattern, the same in every run (Steele's `SplitMix`).
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        ((mixed ^ (mixed >> 27)) >> 11) % sides
    }
}

/// Four writers whose transactions overlap at random, commit or roll back, and a reader between any two of their steps.
async fn overlap(dice_seed: u64) {
    let database = database().await;
    let store = open(&database).await;
    let mut dice = Dice(dice_seed);
    let mut writers = Vec::new();
    for _ in 0..4 {
        writers.push((stranger(&database).await, Vec::new()));
    }
    let (mut committed, mut seen, mut after) = (Vec::new(), Vec::new(), Position::BEGINNING);
    for step in 0..120 {
        let own = usize::try_from(dice.below(4)).unwrap();
        let (connection, pending) = &mut writers[own];
        match dice.below(6) {
            0..4 => {
                if pending.is_empty() {
                    run(connection, "BEGIN").await;
                }
                insert(connection, step).await;
                pending.push(step);
            }
            4 if !pending.is_empty() => {
                run(connection, "COMMIT").await;
                committed.append(pending);
            }
            _ => {
                run(connection, "ROLLBACK").await;
                pending.clear();
            }
        }
        let (events, resume_after) = follow(&store, after).await;
        seen.extend(events);
        after = resume_after;
    }
    for (connection, pending) in &mut writers {
        run(connection, "COMMIT").await;
        committed.append(pending);
    }
    committed.push(1000);
    readable(&store, append(&store, 1000).await).await;
    seen.extend(follow(&store, after).await.0);
    assert_eq!(
        seen,
        follow(&store, Position::BEGINNING).await.0,
        "seed {dice_seed}: read in another order at first"
    );
    seen.sort_unstable();
    committed.sort_unstable();
    assert_eq!(seen, committed, "seed {dice_seed}");
}

#[tokio::test]
async fn however_transactions_overlap_each_committed_event_is_read_exactly_once() {
    for seed in 0..8 {
        overlap(seed).await;
    }
}

#[tokio::test]
async fn a_filter_moves_on_over_more_than_it_looks_at_and_stops_where_the_page_is_full() {
    let database = database().await;
    let store = open(&database).await;
    let mut writer = stranger(&database).await;
    let fill = "INSERT INTO events (stream_id, version, event_id, event_type, encoding, event_data)
                SELECT CASE n % 1000 WHEN 0 THEN 'rare-' ELSE 'often-' END || n, 1, gen_random_uuid(), 'Happened.v1', 1, 'x'
                  FROM generate_series(1, 10000) AS n";
    run(&mut writer, fill).await;
    let head = append(&store, 1).await;
    readable(&store, head).await;
    let mut read = ReadAll::after(Position::BEGINNING).filter(EventFilter::all().category("rare"));
    let mut pages = Vec::new();
    loop {
        let page = store.read_all(read.clone().limit(3)).await.unwrap();
        if page.resume_after == read.after {
            break;
        }
        assert!(
            page.events
                .iter()
                .all(|event| event.stream_id.category() == "rare" && event.data == b"x")
        );
        read.after = page.resume_after;
        pages.push(page.events.len());
    }
    // 4,096 events hold four rare ones: a full page, and the fourth in the next.
    assert_eq!(pages, [3, 3, 3, 1]);
    assert_eq!(read.after, head);
}

#[tokio::test]
async fn pages_of_large_events_end_early_and_lose_nothing() {
    let database = database().await;
    let store = open(&database).await;
    let mut writer = stranger(&database).await;
    let fill = "INSERT INTO events (stream_id, version, event_id, event_type, encoding, event_data)
                SELECT 'test-' || n, 1, gen_random_uuid(), 'Happened.v1', 1, decode(repeat('ab', 1 << 20), 'hex')
                  FROM generate_series(1, 12) AS n";
    run(&mut writer, fill).await;
    readable(&store, append(&store, 1).await).await;
    let (mut after, mut sizes) = (Position::BEGINNING, Vec::new());
    loop {
        let page = store.read_all(ReadAll::after(after)).await.unwrap();
        if page.resume_after == after {
            break;
        }
        assert_eq!(page.events.last().unwrap().position, page.resume_after);
        sizes.push(page.events.len());
        after = page.resume_after;
    }
    assert_eq!(sizes.iter().sum::<usize>(), 13);
    assert!(
        sizes.iter().all(|size| *size <= 5),
        "pages of {sizes:?} events of 1 MiB"
    );
}
