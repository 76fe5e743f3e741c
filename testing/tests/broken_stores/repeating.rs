//! Promise 5: what is sent again.

use composable_rust_core::{
    AppendError, Appended, CommandId, Conflict, EventStore, ExpectedVersion, IdGenerator, RecordedEvent, StreamAppend,
    StreamId, Version,
};
use composable_rust_testing::{
    InMemoryEventStore, SequentialIds,
    conformance::{batches_are_all_or_nothing, repeated_appends_are_stored_once},
};
use futures::TryFutureExt;

use super::broken::{Append, Batch, Command, Fault, assert_caught, gap, head};

struct ForgetsRepetitions;
impl Fault for ForgetsRepetitions {
    fn append<'a>(&'a self, store: &'a InMemoryEventStore, append: StreamAppend) -> Append<'a> {
        let (expected, actual) = (append.expected, head(store, &append.stream_id));
        if expected.accepts(actual) {
            return store.append(append);
        }
        let stream_id = append.stream_id;
        Box::pin(async move {
            Err(Conflict {
                stream_id,
                expected,
                actual,
            }
            .into())
        })
    }
}

#[test]
fn a_store_on_which_a_repeated_append_conflicts_is_caught() {
    let complaint = "the identical append, sent again, was to be written, and was refused";
    assert_caught(repeated_appends_are_stored_once, ForgetsRepetitions, complaint);
}

/// Takes the same ids for the same append.
struct ComparesIdsOnly;
impl Fault for ComparesIdsOnly {
    fn append<'a>(&'a self, store: &'a InMemoryEventStore, append: StreamAppend) -> Append<'a> {
        Box::pin(async move {
            let before = append.expected.exact().unwrap_or(Version::MAX);
            let stored = store
                .events(&append.stream_id)
                .into_iter()
                .filter(|event| event.version > before);
            let stored: Vec<_> = stored.take(append.events.len()).collect();
            let same = stored
                .iter()
                .map(|event| event.id)
                .eq(append.events.iter().map(|event| event.id));
            match stored.last() {
                Some(last) if same => Ok(Appended::new(last.version, last.position).as_repeated()),
                _ => store.append(append).await,
            }
        })
    }
}

#[test]
fn a_store_that_takes_other_content_for_a_repetition_is_caught() {
    let complaint = "an append with a stored id and another payload was to be refused";
    assert_caught(repeated_appends_are_stored_once, ComparesIdsOnly, complaint);
}

/// Which duplicates are written after all.
struct Writes {
    ids: SequentialIds,
    duplicate: fn(&AppendError) -> bool,
}
impl Writes {
    fn despite(duplicate: fn(&AppendError) -> bool) -> Self {
        let ids = SequentialIds::series(9);
        Self { ids, duplicate }
    }
}
impl Fault for Writes {
    fn append<'a>(&'a self, store: &'a InMemoryEventStore, append: StreamAppend) -> Append<'a> {
        Box::pin(async move {
            let mut again = append.clone();
            match store.append(append).await {
                Err(error) if (self.duplicate)(&error) => {
                    for event in &mut again.events {
                        (event.id, event.command) = (self.ids.event_id(), None);
                    }
                    again.expected = ExpectedVersion::Any;
                    store.append(again).await
                }
                outcome => outcome,
            }
        })
    }
}

#[test]
fn a_store_that_does_not_know_its_ids_is_caught() {
    let fault = Writes::despite(|error| matches!(error, AppendError::DuplicateId { .. }));
    assert_caught(
        repeated_appends_are_stored_once,
        fault,
        "was to be refused with DuplicateId",
    );
}

#[test]
fn a_store_that_does_not_know_its_commands_is_caught() {
    let fault = Writes::despite(|error| matches!(error, AppendError::DuplicateCommand { .. }));
    assert_caught(
        repeated_appends_are_stored_once,
        fault,
        "was to be refused with DuplicateCommand",
    );
}

/// Looks a command up, and writes its events a moment later.
struct LooksCommandsUp(Writes);
impl Fault for LooksCommandsUp {
    fn append<'a>(&'a self, store: &'a InMemoryEventStore, append: StreamAppend) -> Append<'a> {
        Box::pin(async move {
            let racing = append.stream_id.category() == "racing" && append.events.iter().any(|e| e.command.is_some());
            if racing && store.events(&append.stream_id).is_empty() {
                gap().await;
                return self.0.append(store, append).await;
            }
            store.append(append).await
        })
    }
}

#[test]
fn a_store_on_which_a_command_can_race_itself_is_caught() {
    let fault = LooksCommandsUp(Writes::despite(|error| {
        matches!(error, AppendError::DuplicateCommand { .. })
    }));
    let complaint = "of many racing appends of one command, one was to be stored";
    assert_caught(repeated_appends_are_stored_once, fault, complaint);
}

/// Says of each answer what `repeated` makes of the answer and of whether its entry has events.
struct Says(fn(Appended, bool) -> Appended);
impl Fault for Says {
    fn append<'a>(&'a self, store: &'a InMemoryEventStore, append: StreamAppend) -> Append<'a> {
        Box::pin(store.append(append).map_ok(|answer| (self.0)(answer, true)))
    }
    fn append_batch<'a>(&'a self, store: &'a InMemoryEventStore, entries: Vec<StreamAppend>) -> Batch<'a> {
        let writes: Vec<bool> = entries.iter().map(|entry| !entry.events.is_empty()).collect();
        let answers = store.append_batch(entries);
        Box::pin(answers.map_ok(|answers| {
            let answers = answers.into_iter().zip(writes);
            answers.map(|(answer, writes)| (self.0)(answer, writes)).collect()
        }))
    }
}

fn as_first(answer: Appended) -> Appended {
    Appended::new(answer.version, answer.position)
}

#[test]
fn a_store_that_never_says_that_an_append_is_repeated_is_caught() {
    let complaint = "sent again, was to return the first result, with `repeated` true";
    assert_caught(
        repeated_appends_are_stored_once,
        Says(|answer, _| as_first(answer)),
        complaint,
    );
}

#[test]
fn a_store_that_always_says_that_an_append_is_repeated_is_caught() {
    let fault = || Says(|answer, _| answer.as_repeated());
    let complaint = "the first append of events was answered as a repeated one";
    assert_caught(repeated_appends_are_stored_once, fault(), complaint);
    assert_caught(batches_are_all_or_nothing, fault(), "answers entry by entry, in order");
}

#[test]
fn a_store_that_says_of_no_check_that_its_batch_is_repeated_is_caught() {
    let fault = Says(|answer, writes| if writes { answer } else { as_first(answer) });
    let complaint = "and the heads of the streams it checks, each with `repeated` true";
    assert_caught(repeated_appends_are_stored_once, fault, complaint);
}

/// Says `repeated` to all but the answer of a batch.
struct SaysItOfAppendsOnly;
impl Fault for SaysItOfAppendsOnly {
    fn append_batch<'a>(&'a self, store: &'a InMemoryEventStore, entries: Vec<StreamAppend>) -> Batch<'a> {
        let answers = store.append_batch(entries);
        Box::pin(answers.map_ok(|answers| answers.into_iter().map(as_first).collect()))
    }
}

#[test]
fn a_store_that_never_says_that_a_batch_is_repeated_is_caught() {
    let complaint = "the identical batch, sent again, was to return the first results";
    assert_caught(repeated_appends_are_stored_once, SaysItOfAppendsOnly, complaint);
}

/// Tells each of many racing senders that it was the first.
struct TellsEverySenderThatItWasFirst;
impl Fault for TellsEverySenderThatItWasFirst {
    fn append<'a>(&'a self, store: &'a InMemoryEventStore, append: StreamAppend) -> Append<'a> {
        let is_racing = append.stream_id.category() == "racing";
        let answer = store.append(append);
        Box::pin(answer.map_ok(move |answer| if is_racing { as_first(answer) } else { answer }))
    }
}

#[test]
fn a_store_that_tells_several_senders_that_they_were_first_is_caught() {
    let complaint = "was to be new once and `repeated` otherwise";
    assert_caught(
        repeated_appends_are_stored_once,
        TellsEverySenderThatItWasFirst,
        complaint,
    );
}

struct ForgetsRepeatedBatches;
impl Fault for ForgetsRepeatedBatches {
    fn append_batch<'a>(&'a self, store: &'a InMemoryEventStore, entries: Vec<StreamAppend>) -> Batch<'a> {
        let stale = entries
            .iter()
            .find(|entry| !entry.expected.accepts(head(store, &entry.stream_id)));
        if let Some(StreamAppend {
            stream_id, expected, ..
        }) = stale.cloned()
        {
            let actual = head(store, &stream_id);
            return Box::pin(async move {
                Err(Conflict {
                    stream_id,
                    expected,
                    actual,
                }
                .into())
            });
        }
        store.append_batch(entries)
    }
}

#[test]
fn a_store_on_which_a_repeated_batch_conflicts_is_caught() {
    let complaint = "the identical batch, sent again, was to be written, and was refused";
    assert_caught(repeated_appends_are_stored_once, ForgetsRepeatedBatches, complaint);
}

/// Looks up no more than the event that bears the mark.
struct FindsTheMarkOnly;
impl Fault for FindsTheMarkOnly {
    fn load_command(&self, store: &InMemoryEventStore, stream: StreamId, command: CommandId) -> Command {
        let found = store.load_command(stream, command);
        Box::pin(found.map_ok(|mut events| {
            events.truncate(1);
            events
        }))
    }
}

#[test]
fn a_store_that_finds_a_part_of_a_command_is_caught() {
    let complaint = "a command's events are those at 1..3 of the stream";
    assert_caught(repeated_appends_are_stored_once, FindsTheMarkOnly, complaint);
}

/// Does not look at the stream.
struct FindsCommandsAnywhere;
impl Fault for FindsCommandsAnywhere {
    fn load_command(&self, store: &InMemoryEventStore, _: StreamId, command: CommandId) -> Command {
        let marked = |event: &&RecordedEvent| event.command.is_some_and(|mark| mark.command_id == command);
        let all = store.all_events();
        let home = all.iter().find(marked).map(|event| event.stream_id.clone());
        match home {
            Some(home) => store.load_command(home, command),
            None => Box::pin(async { Ok(Vec::new()) }),
        }
    }
}

#[test]
fn a_store_that_finds_a_command_in_another_stream_is_caught() {
    let complaint = "a command that the stream does not hold has no events";
    assert_caught(repeated_appends_are_stored_once, FindsCommandsAnywhere, complaint);
}

/// Gives up at the end of a page.
struct FindsAPage;
impl Fault for FindsAPage {
    fn load_command(&self, store: &InMemoryEventStore, stream: StreamId, command: CommandId) -> Command {
        let found = store.load_command(stream, command);
        Box::pin(found.map_ok(|mut events| {
            events.truncate(1000);
            events
        }))
    }
}

#[test]
fn a_store_that_finds_only_a_page_of_a_command_is_caught() {
    let complaint = "a command was found with another number of events";
    assert_caught(repeated_appends_are_stored_once, FindsAPage, complaint);
}
