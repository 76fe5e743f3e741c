//! Decides what becomes of an append: one order of questions, the same in every store.

use std::{
    collections::{HashMap, HashSet},
    iter,
};

use crate::{AppendError, Appended, CommandId, Conflict, EventId, RecordedEvent, StreamAppend, Version};

/// What the log holds about one entry of an append: the input of [`resolve`].
///
/// The default is an empty stream. A store fills in what it has read; a store that writes several appends in one
/// transaction counts those that it has decided to write as read.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct RecordedFacts {
    /// Where the stream ends: its version, and the position of its last event.
    pub end: Appended,
    /// Those ids of the entry's events that the stream holds already.
    pub event_ids: HashSet<EventId>,
    /// Those commands of the entry that the stream holds already, each with the place of its last event.
    pub commands: HashMap<CommandId, Appended>,
    /// The place of the entry's last event, if the stream holds exactly the entry's events after the expected version.
    /// See [`RecordedFacts::versions_to_compare`].
    pub repeated: Option<Appended>,
}

impl RecordedFacts {
    /// The first version and the number of the stored events that decide whether `append` is a repetition. `None` if it
    /// can't be one: it expects no exact version, the stream is too short, or the stream lacks its first event's id.
    /// An ordinary conflict is therefore recognised without reading events.
    #[must_use]
    pub fn versions_to_compare(&self, append: &StreamAppend) -> Option<(Version, u64)> {
        let before = append.expected.exact()?;
        let count = append.events.len() as u64;
        let last = before.checked_add(count)?;
        let may_repeat = last <= self.end.version && self.event_ids.contains(&append.events.first()?.id);
        Some((before.next()?, count)).filter(|_| may_repeat)
    }

    /// Compares `append` with the stored events at [`RecordedFacts::versions_to_compare`], in their order.
    pub fn compare<'e>(&mut self, append: &StreamAppend, stored: impl IntoIterator<Item = &'e RecordedEvent>) {
        let mut stored = stored.into_iter();
        let mut last = None;
        for event in &append.events {
            match stored.next() {
                Some(record) if record.is_record_of(event) => last = Some(record),
                _ => return,
            }
        }
        self.repeated = last.map(|last| Appended::new(last.version, last.position));
    }
}

/// What becomes of an append; see [`resolve`].
#[derive(Clone, Debug)]
pub enum Resolution {
    /// Nothing speaks against it: write it.
    Write,
    /// It is not written: this is the answer to its caller. `Ok` for a repetition, with the first results.
    Answer(Result<Vec<Appended>, AppendError>),
}

/// Decides what becomes of an append, or of a batch, from what the log holds. The entries have passed
/// [`StreamAppend::validate`]; `facts` has an element for each of them.
///
/// 1. **Repetition**: every entry with events is stored already. The answer has the first results; entries without
///    events are not checked again. This comes first, because a repetition's expected version is out of date by its own
///    first success.
/// 2. **Command**, entry by entry: the stream holds one of its commands: [`AppendError::DuplicateCommand`].
/// 3. **Id**: the stream holds one of its event ids: [`AppendError::DuplicateId`].
/// 4. **Version**: the stream is not as expected: [`AppendError::Conflict`]. An entry that seems repeated in a batch that
///    is not is a conflict too: the first attempt was all or nothing.
///
/// ```
/// use composable_rust_core::{
///     AppendError, Appended, Encoding, EventId, ExpectedVersion, Position, SerializedEvent, StreamAppend, StreamId,
///     Version, backend::{RecordedFacts, Resolution, resolve},
/// };
///
/// let id: EventId = "01890a5d-ac96-774b-bcce-b302099a8057".parse()?;
/// let opened = SerializedEvent::new(id, "DoorOpened.v1", Encoding::BINCODE, vec![]);
/// let append = StreamAppend::new(StreamId::new("door", 1)?, ExpectedVersion::NoStream, vec![opened]);
///
/// let mut facts = RecordedFacts::default();
/// assert!(matches!(resolve(&[append.clone()], &[facts.clone()]), Resolution::Write));
///
/// // Another writer was first:
/// facts.end = Appended::new(Version::from(1), Position::from_sequence(1));
/// let Resolution::Answer(Err(AppendError::Conflict(conflict))) = resolve(&[append], &[facts]) else { panic!() };
/// assert_eq!(conflict.actual, Version::from(1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn resolve(appends: &[StreamAppend], facts: &[RecordedFacts]) -> Resolution {
    if let Some(first) = first_results(appends, facts) {
        return Resolution::Answer(Ok(first));
    }
    let refusal = iter::zip(appends, facts).find_map(|(append, facts)| refusal(append, facts));
    refusal.map_or(Resolution::Write, |refusal| Resolution::Answer(Err(refusal)))
}

/// The first results, if every entry with events is a repetition and there is one.
fn first_results(appends: &[StreamAppend], facts: &[RecordedFacts]) -> Option<Vec<Appended>> {
    if appends.iter().all(|append| append.events.is_empty()) {
        return None;
    }
    let first = |(append, facts): (&StreamAppend, &RecordedFacts)| {
        let place = if append.events.is_empty() {
            Some(facts.end)
        } else {
            facts.repeated
        };
        place.map(Appended::as_repeated)
    };
    iter::zip(appends, facts).map(first).collect()
}

fn refusal(append: &StreamAppend, facts: &RecordedFacts) -> Option<AppendError> {
    if facts.repeated.is_some() {
        return Some(conflict(append, facts.end.version));
    }
    duplicate(append, facts).or_else(|| {
        let is_expected = append.expected.accepts(facts.end.version);
        (!is_expected).then(|| conflict(append, facts.end.version))
    })
}

fn duplicate(append: &StreamAppend, facts: &RecordedFacts) -> Option<AppendError> {
    let mut commands = append.events.iter().filter_map(|event| event.command);
    let stored = commands.find_map(|mark| Some((mark.command_id, *facts.commands.get(&mark.command_id)?)));
    if let Some((command_id, first)) = stored {
        return Some(AppendError::DuplicateCommand {
            stream_id: append.stream_id.clone(),
            command_id,
            first,
        });
    }
    let taken = append.events.iter().find(|event| facts.event_ids.contains(&event.id))?;
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
