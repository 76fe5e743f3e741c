//! A model of the resolver: it scans the log for each question, and shares no code with `resolve`.

use composable_rust_core::{
    AppendError, Appended, Conflict, ExpectedVersion, SerializedEvent, StreamAppend, backend::Resolution,
};

use crate::log::{Log, place};

pub(crate) fn resolve(log: &Log, batch: &[StreamAppend]) -> Resolution {
    let writing: Vec<_> = batch.iter().filter(|append| !append.events.is_empty()).collect();
    if !writing.is_empty() && writing.iter().all(|append| repetition(log, append).is_some()) {
        let first = |append| repetition(log, append).unwrap_or_else(|| log.end(&append.stream_id));
        return Resolution::Answer(Ok(batch.iter().map(first).map(Appended::as_repeated).collect()));
    }
    for append in batch {
        if let Some(refusal) = refusal(log, append) {
            return Resolution::Answer(Err(refusal));
        }
    }
    Resolution::Write
}

/// Where the append's last event is, if the stream holds exactly its events after the exact version that it expects.
fn repetition(log: &Log, append: &StreamAppend) -> Option<Appended> {
    let before = match append.expected {
        ExpectedVersion::NoStream => 0,
        ExpectedVersion::Exact(version) => version.get(),
        _ => return None,
    };
    let stored: Vec<_> = log
        .stream(&append.stream_id)
        .filter(|event| event.version.get() > before)
        .collect();
    let is_stored =
        |(place, event): (usize, &SerializedEvent)| stored.get(place).is_some_and(|record| record.is_record_of(event));
    let all = append.events.iter().enumerate().all(is_stored);
    stored
        .get(append.events.len().checked_sub(1)?)
        .filter(|_| all)
        .map(|last| place(last))
}

fn refusal(log: &Log, append: &StreamAppend) -> Option<AppendError> {
    let stream_id = append.stream_id.clone();
    let actual = log.end(&stream_id).version;
    let expected = append.expected;
    let conflict = Conflict {
        stream_id: stream_id.clone(),
        expected,
        actual,
    };
    if repetition(log, append).is_some() {
        return Some(conflict.into());
    }
    for mark in append.events.iter().filter_map(|event| event.command) {
        if let Some(first) = log.end_of_command(&stream_id, mark.command_id) {
            let command_id = mark.command_id;
            return Some(AppendError::DuplicateCommand {
                stream_id,
                command_id,
                first,
            });
        }
    }
    for id in append.events.iter().map(|event| event.id) {
        if log.stream(&stream_id).any(|stored| stored.id == id) {
            return Some(AppendError::DuplicateId { stream_id, id });
        }
    }
    let is_expected = match expected {
        ExpectedVersion::Any => true,
        ExpectedVersion::NoStream => actual.get() == 0,
        ExpectedVersion::StreamExists => actual.get() > 0,
        ExpectedVersion::Exact(version) => version == actual,
    };
    (!is_expected).then(|| conflict.into())
}
