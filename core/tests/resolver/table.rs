//! The table: one row for each kind of answer.

use composable_rust_core::{ExpectedVersion, StreamAppend};

use crate::log::{Log, entry, event, in_words, of_command, stream};

const NO_STREAM: ExpectedVersion = ExpectedVersion::NoStream;
const EXISTS: ExpectedVersion = ExpectedVersion::StreamExists;
const ANY: ExpectedVersion = ExpectedVersion::Any;

fn exact(version: u32) -> ExpectedVersion {
    ExpectedVersion::Exact(version.into())
}

fn check(name: &str, expected: ExpectedVersion) -> StreamAppend {
    StreamAppend::check(stream(name), expected)
}

/// Stream a: events 1 and 2 of command 7, then 3. Stream b: event 4. Their positions are 1 to 4.
fn log() -> Log {
    let mut log = Log::default();
    log.write(vec![of_command(entry("a", NO_STREAM, &[1, 2]), 7)]);
    log.write(vec![entry("a", exact(2), &[3])]);
    log.write(vec![entry("b", NO_STREAM, &[4])]);
    log
}

/// Each append, alone, gets this answer.
fn assert_answer<const N: usize>(appends: [StreamAppend; N], answer: &str) {
    for append in appends {
        assert_batch_answer(&[append], answer);
    }
}

fn assert_batch_answer(batch: &[StreamAppend], answer: &str) {
    assert_eq!(in_words(log().resolve(batch)), answer, "{batch:#?}");
}

fn conflict(name: &str, expected: ExpectedVersion, actual: u32) -> String {
    format!("conflict on {name}: expected {expected}, actual version {actual}")
}

fn duplicate_id(id: u8) -> String {
    format!("stream a already holds another event with the id {}", event(id, 0).id)
}

const COMMAND_7: &str = "command 00000000-0000-0000-0000-000000000007 is already stored in a up to version 2";

#[test]
fn new_events_are_written_where_the_stream_is_as_expected() {
    assert_answer(
        [exact(3), ANY, EXISTS].map(|expected| entry("a", expected, &[9])),
        "write",
    );
    assert_answer(
        [exact(0), ANY, NO_STREAM].map(|expected| entry("c", expected, &[9])),
        "write",
    );
    assert_answer([entry("c", NO_STREAM, &[1])], "write"); // ids are unique within a stream only
    assert_answer([of_command(entry("c", NO_STREAM, &[9]), 7)], "write"); // so are commands
}

#[test]
fn new_events_conflict_where_the_stream_is_not_as_expected() {
    for expected in [NO_STREAM, exact(0), exact(2), exact(4)] {
        assert_answer([entry("a", expected, &[9])], &conflict("a", expected, 3));
    }
    for expected in [EXISTS, exact(1)] {
        assert_answer([entry("c", expected, &[9])], &conflict("c", expected, 0));
    }
}

#[test]
fn the_identical_append_at_its_own_version_is_a_repetition() {
    let first = [NO_STREAM, exact(0)].map(|expected| of_command(entry("a", expected, &[1, 2]), 7));
    assert_answer(first, "repeated 2@2");
    assert_answer([entry("a", exact(2), &[3])], "repeated 3@3");
}

#[test]
fn stored_events_with_other_content_or_at_another_place_are_duplicates() {
    let elsewhere = [ANY, EXISTS, NO_STREAM, exact(1), exact(3), exact(9)];
    assert_answer(elsewhere.map(|expected| entry("a", expected, &[3])), &duplicate_id(3));
    assert_answer([entry("a", exact(2), &[3, 9])], &duplicate_id(3)); // one event more
    assert_answer([entry("a", NO_STREAM, &[1, 2])], &duplicate_id(1)); // without its mark
    assert_answer([of_command(entry("a", exact(2), &[3]), 8)], &duplicate_id(3)); // with another
    let mut changed = entry("a", exact(2), &[3]);
    changed.events[0].data.push(0);
    assert_answer([changed], &duplicate_id(3));
}

#[test]
fn a_stored_command_is_a_duplicate_whatever_is_expected() {
    let every = [ANY, EXISTS, NO_STREAM, exact(2), exact(3), exact(9)];
    assert_answer(
        every.map(|expected| of_command(entry("a", expected, &[9]), 7)),
        COMMAND_7,
    );
    assert_answer(
        [ANY, exact(2)].map(|expected| of_command(entry("a", expected, &[1, 2]), 7)),
        COMMAND_7,
    );
    assert_answer([of_command(entry("a", NO_STREAM, &[1, 2, 9]), 7)], COMMAND_7); // before the id
}

#[test]
fn a_batch_is_a_repetition_if_all_of_its_events_are_stored() {
    let (a, b) = (entry("a", exact(2), &[3]), entry("b", NO_STREAM, &[4]));
    assert_batch_answer(&[b.clone(), a.clone()], "repeated 1@4, 3@3");
    let stale = check("a", NO_STREAM); // not checked again
    assert_batch_answer(&[check("c", EXISTS), b.clone()], "repeated 0@0, 1@4");
    assert_batch_answer(&[stale, b], "repeated 3@3, 1@4");
}

#[test]
fn a_batch_of_which_a_part_is_stored_conflicts_with_that_part() {
    let (new, stored) = (entry("c", NO_STREAM, &[9]), entry("b", NO_STREAM, &[4]));
    assert_batch_answer(&[new.clone(), stored.clone()], &conflict("b", NO_STREAM, 1));
    assert_batch_answer(&[stored.clone(), new], &conflict("b", NO_STREAM, 1));
    let command = of_command(entry("a", ANY, &[9]), 7);
    assert_batch_answer(&[command.clone(), stored.clone()], COMMAND_7);
    assert_batch_answer(&[stored, command], &conflict("b", NO_STREAM, 1));
}

#[test]
fn the_first_entry_that_is_refused_answers_for_the_batch() {
    let (stale, taken) = (entry("b", exact(7), &[9]), entry("a", exact(3), &[1]));
    assert_batch_answer(
        &[check("c", NO_STREAM), stale.clone(), taken.clone()],
        &conflict("b", exact(7), 1),
    );
    assert_batch_answer(&[taken, stale], &duplicate_id(1));
}

#[test]
fn a_batch_that_only_checks_is_never_a_repetition() {
    assert_batch_answer(&[], "write");
    assert_batch_answer(&[check("a", exact(3)), check("c", NO_STREAM), check("b", ANY)], "write");
    assert_batch_answer(&[check("a", EXISTS), check("c", EXISTS)], &conflict("c", EXISTS, 0));
    assert_batch_answer(
        &[entry("c", NO_STREAM, &[9]), check("a", exact(2))],
        &conflict("a", exact(2), 3),
    );
}
