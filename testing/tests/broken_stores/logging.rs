//! Promise 9: the log.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use composable_rust_core::{EventLog, LogPage, Position, ReadAll, ReadError};
use composable_rust_testing::{InMemoryEventStore, conformance::the_log_shows_every_event_exactly_once};
use futures::future::{self, BoxFuture};

use super::broken::{Fault, SHORT, assert_caught};

type Page<'a> = BoxFuture<'a, Result<LogPage, ReadError>>;

/// Spoils each page, given what was asked for.
struct Spoils(fn(&ReadAll, &mut LogPage));
impl Fault for Spoils {
    fn read_all<'a>(&'a self, store: &'a InMemoryEventStore, read: ReadAll) -> Page<'a> {
        Box::pin(async move {
            let mut page = store.read_all(read.clone()).await?;
            (self.0)(&read, &mut page);
            Ok(page)
        })
    }
}

#[test]
fn a_log_that_skips_events_is_caught() {
    let fault = Spoils(|read, page| {
        if page.events.len() == read.limit {
            page.events.pop();
        }
    });
    assert_caught(the_log_shows_every_event_exactly_once, fault, "skip or repeat events");
}

#[test]
fn a_log_that_repeats_events_is_caught() {
    let fault = Spoils(|read, page| {
        if read.limit == 7 {
            page.events.extend(page.events.last().cloned());
        }
    });
    assert_caught(
        the_log_shows_every_event_exactly_once,
        fault,
        "a page is larger than its limit 7",
    );
    let fault = Spoils(|read, page| {
        if page.events.len() > 1 && read.limit == 7 {
            page.resume_after = page.events[page.events.len() - 2].position;
        }
    });
    assert_caught(the_log_shows_every_event_exactly_once, fault, "skip or repeat events");
}

#[test]
fn a_log_out_of_order_is_caught() {
    let fault = Spoils(|_, page| page.events.reverse());
    assert_caught(
        the_log_shows_every_event_exactly_once,
        fault,
        "not in the order of its positions",
    );
}

#[test]
fn a_filter_that_never_moves_on_is_caught() {
    let fault = Spoils(|read, page| {
        page.resume_after = page.events.last().map_or(read.after, |event| event.position);
    });
    assert_caught(the_log_shows_every_event_exactly_once, fault, "never gets to the head");
}

/// As if an event became visible only after a later one had been read: one in some, and only beside writers.
#[derive(Default)]
struct SkipsSlowWriters {
    hidden: Mutex<HashSet<Position>>,
}
impl Fault for SkipsSlowWriters {
    fn read_all<'a>(&'a self, store: &'a InMemoryEventStore, read: ReadAll) -> Page<'a> {
        Box::pin(async move {
            let mut page = store.read_all(read).await?;
            let mut hidden = self.hidden.lock().unwrap_or_else(PoisonError::into_inner);
            page.events.retain(|event| {
                let slow = event.stream_id.category() == "live" && event.version.get() % 10 == 3;
                !(slow && hidden.insert(event.position))
            });
            Ok(page)
        })
    }
}

#[test]
fn a_log_that_skips_slow_writers_is_caught() {
    let complaint = "a reader beside writers was to see each event";
    assert_caught(
        the_log_shows_every_event_exactly_once,
        SkipsSlowWriters::default(),
        complaint,
    );
}

struct NeverWakes;
impl Fault for NeverWakes {
    fn patience(&self) -> Duration {
        SHORT
    }
    fn wait<'a>(&'a self, store: &'a InMemoryEventStore, after: Position) -> BoxFuture<'a, Result<(), ReadError>> {
        Box::pin(async move {
            if store.head().await? <= after {
                future::pending::<()>().await;
            }
            Ok(())
        })
    }
}

#[test]
fn a_log_that_never_wakes_who_waits_is_caught() {
    assert_caught(the_log_shows_every_event_exactly_once, NeverWakes, "is stuck");
}

struct WakesAtOnce;
impl Fault for WakesAtOnce {
    fn wait<'a>(&'a self, _: &'a InMemoryEventStore, _: Position) -> BoxFuture<'a, Result<(), ReadError>> {
        Box::pin(async { Ok(()) })
    }
}

#[test]
fn a_log_that_wakes_for_nothing_is_caught() {
    assert_caught(
        the_log_shows_every_event_exactly_once,
        WakesAtOnce,
        "ended with nothing to read",
    );
}
