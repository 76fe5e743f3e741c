//! The answer to a job that was not written, from what the statement said and from what the log says.

use composable_rust_core::{AppendError, Appended, Conflict, StreamAppend, Version};

use crate::{facts::Facts, insert::Verdict, job::Answer};

enum Judgement {
    Accepted,
    Repeated(Appended),
    Refused(AppendError),
}

/// The answer to a job that its statement alone can give: it was written, or its streams are so new that the log knows
/// nothing of it.
pub(crate) fn at_once(appends: &[StreamAppend], verdicts: &[Verdict]) -> Option<Answer> {
    let ends: Option<Vec<_>> = verdicts.iter().map(|verdict| verdict.end).collect();
    if let Some(ends) = ends {
        return Some(Ok(ends));
    }
    if verdicts.iter().any(|verdict| verdict.head != Some(Version::INITIAL)) {
        return None;
    }
    let refused = appends.iter().zip(verdicts).find(|(_, verdict)| !verdict.accepted);
    refused.map(|(append, _)| Err(conflict(append, Version::INITIAL)))
}

/// What to answer to a job; `None` where nothing speaks against it, and it is worth another try.
///
/// `verdicts` are those of the statement that refused it. Without them, after a statement that failed as a whole, versions
/// decide only where the log is asked about them anyway: the next try judges them.
pub(crate) fn answer(appends: &[StreamAppend], facts: &[Facts], verdicts: Option<&[Verdict]>) -> Option<Answer> {
    let entries = || appends.iter().zip(facts).enumerate();
    let judgements: Vec<_> = entries()
        .map(|(index, (append, facts))| {
            let verdict = verdicts.and_then(|verdicts| verdicts.get(index));
            judge(append, facts, verdict)
        })
        .collect();
    if is_repetition(appends, &judgements) {
        let first_results = judgements.iter().zip(facts).map(|(judgement, facts)| match judgement {
            Judgement::Repeated(first) => *first,
            _ => facts.end,
        });
        return Some(Ok(first_results.collect()));
    }
    for ((_, (append, facts)), judgement) in entries().zip(judgements) {
        match judgement {
            Judgement::Accepted => {}
            // Half of a batch can't be a repetition of it.
            Judgement::Repeated(_) => return Some(Err(conflict(append, facts.end.version))),
            Judgement::Refused(error) => return Some(Err(error)),
        }
    }
    None
}

/// Whether every entry with events is a repetition: the first attempt was all or nothing.
fn is_repetition(appends: &[StreamAppend], judgements: &[Judgement]) -> bool {
    let mut writing = appends
        .iter()
        .zip(judgements)
        .filter(|(append, _)| !append.events.is_empty());
    let has_events = writing.clone().next().is_some();
    has_events && writing.all(|(_, judgement)| matches!(judgement, Judgement::Repeated(_)))
}

/// In the order of the contract: a repetition, a command, an id, the version.
fn judge(append: &StreamAppend, facts: &Facts, verdict: Option<&Verdict>) -> Judgement {
    if let Some(first) = facts.repeated {
        return Judgement::Repeated(first);
    }
    if let Some(error) = duplicate(append, facts) {
        return Judgement::Refused(error);
    }
    match verdict {
        Some(Verdict {
            accepted: false,
            head: Some(head),
            ..
        }) => Judgement::Refused(conflict(append, *head)),
        _ => Judgement::Accepted,
    }
}

fn duplicate(append: &StreamAppend, facts: &Facts) -> Option<AppendError> {
    let mut marks = append.events.iter().filter_map(|event| event.command);
    let stored = marks.find_map(|mark| Some((mark.command_id, *facts.commands.get(&mark.command_id)?)));
    if let Some((command_id, first)) = stored {
        let stream_id = append.stream_id.clone();
        return Some(AppendError::DuplicateCommand {
            stream_id,
            command_id,
            first,
        });
    }
    let taken = append.events.iter().find(|event| facts.ids.contains(&event.id))?;
    Some(AppendError::DuplicateId {
        stream_id: append.stream_id.clone(),
        id: taken.id,
    })
}

fn conflict(append: &StreamAppend, actual: Version) -> AppendError {
    AppendError::Conflict(Conflict {
        stream_id: append.stream_id.clone(),
        expected: append.expected,
        actual,
    })
}
