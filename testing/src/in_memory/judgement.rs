//! Whether an append is written: one order of questions, the same in every store.

use composable_rust_core::{AppendError, Appended, Conflict, SerializedEvent, StreamAppend};

use super::{log::Log, stream::Stream};

/// What becomes of an append that is not refused.
#[derive(Clone, Copy, Debug)]
pub(super) enum Verdict {
    /// It was written before: this is the first result.
    Repeated(Appended),
    /// It is to be written now.
    New,
}

/// Judges one append, whose limits are checked, against what is stored.
///
/// Repetitions come first, since the version of a repeated append is stale by its own first success.
pub(super) fn judge(log: &Log, append: &StreamAppend) -> Result<Verdict, AppendError> {
    let stream = log.stream(&append.stream_id);
    if let Some(first) = first_result(stream, append) {
        return Ok(Verdict::Repeated(first));
    }
    for event in &append.events {
        refuse_stored_command(stream, append, event)?;
    }
    for event in &append.events {
        refuse_stored_id(stream, append, event)?;
    }
    if append.expected.accepts(stream.head()) {
        return Ok(Verdict::New);
    }
    Err(conflict(stream, append))
}

/// Judges a batch: the first results when all of it was written before, `None` when it is to be written now.
pub(super) fn judge_batch(log: &Log, appends: &[StreamAppend]) -> Result<Option<Vec<Appended>>, AppendError> {
    if let Some(first) = first_results(log, appends) {
        return Ok(Some(first));
    }
    for append in appends {
        if let Verdict::Repeated(_) = judge(log, append)? {
            // Its stream has moved past what this entry expects, by an append that was not this batch.
            return Err(conflict(log.stream(&append.stream_id), append));
        }
    }
    Ok(None)
}

/// The answers of a batch whose events are all stored already. Entries without events are not checked again: their
/// streams may have moved on since the batch was written.
fn first_results(log: &Log, appends: &[StreamAppend]) -> Option<Vec<Appended>> {
    if appends.iter().all(|append| append.events.is_empty()) {
        return None;
    }
    let first = |append: &StreamAppend| {
        let stream = log.stream(&append.stream_id);
        if append.events.is_empty() {
            Some(stream.end())
        } else {
            first_result(stream, append)
        }
    };
    appends.iter().map(first).collect()
}

/// The first result of an append that says where its events are, when exactly these events are there.
fn first_result(stream: &Stream, append: &StreamAppend) -> Option<Appended> {
    let before = append.expected.exact()?;
    let stored = stream.after(before).get(..append.events.len())?;
    let mut pairs = stored.iter().zip(&append.events);
    let last = stored.last()?;
    pairs
        .all(|(record, event)| record.is_record_of(event))
        .then(|| stream.place(last.version))
}

fn refuse_stored_command(stream: &Stream, append: &StreamAppend, event: &SerializedEvent) -> Result<(), AppendError> {
    let stored = event.command.and_then(|mark| Some((mark.id, stream.command(mark.id)?)));
    stored.map_or(Ok(()), |(command_id, first)| {
        Err(AppendError::DuplicateCommand {
            stream_id: append.stream_id.clone(),
            command_id,
            first,
        })
    })
}

fn refuse_stored_id(stream: &Stream, append: &StreamAppend, event: &SerializedEvent) -> Result<(), AppendError> {
    if !stream.holds(event.id) {
        return Ok(());
    }
    Err(AppendError::DuplicateId {
        stream_id: append.stream_id.clone(),
        id: event.id,
    })
}

fn conflict(stream: &Stream, append: &StreamAppend) -> AppendError {
    AppendError::Conflict(Conflict {
        stream_id: append.stream_id.clone(),
        expected: append.expected,
        actual: stream.head(),
    })
}
