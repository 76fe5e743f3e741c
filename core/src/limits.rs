//! The limits of an append, the same in every store and checked before anything is written.

use std::{collections::HashSet, io};

use crate::{AppendError, InvalidAppend, Limit, SerializedEvent, StreamAppend, TooLarge};

impl Limit {
    /// The largest number that is allowed, in the unit that the variant names.
    ///
    /// ```
    /// use composable_rust_core::Limit;
    /// assert_eq!(Limit::EventsPerAppend.max(), 100_000);
    /// ```
    #[must_use]
    pub const fn max(self) -> usize {
        match self {
            Self::EntriesPerBatch => 1_000,
            Self::EventsPerAppend => 100_000,
            Self::BytesPerAppend | Self::MetadataBytesPerAppend => 64 << 20,
            Self::BytesPerEvent => 16 << 20,
            Self::BytesPerEventType => 256,
            Self::BytesPerMetadata => 64 << 10,
        }
    }

    fn check(self, actual: usize) -> Result<(), AppendError> {
        if actual <= self.max() {
            return Ok(());
        }
        Err(AppendError::TooLarge(TooLarge { limit: self, actual }))
    }
}

pub(crate) fn check_append(append: &StreamAppend) -> Result<(), AppendError> {
    if append.events.is_empty() {
        return Err(AppendError::NoEvents);
    }
    check_totals(std::slice::from_ref(append))?;
    Limit::MetadataBytesPerAppend.check(check_entry(append)?)
}

pub(crate) fn check_batch(appends: &[StreamAppend]) -> Result<(), AppendError> {
    Limit::EntriesPerBatch.check(appends.len())?;
    let mut streams = HashSet::with_capacity(appends.len());
    for append in appends {
        if !streams.insert(&append.stream_id) {
            return Err(InvalidAppend::DuplicateStream {
                stream_id: append.stream_id.clone(),
            }
            .into());
        }
    }
    check_totals(appends)?;
    let metadata = appends.iter().try_fold(0, |metadata: usize, append| {
        Ok::<_, AppendError>(metadata.saturating_add(check_entry(append)?))
    });
    Limit::MetadataBytesPerAppend.check(metadata?)
}

fn check_totals(appends: &[StreamAppend]) -> Result<(), AppendError> {
    let events = appends.iter().flat_map(|append| &append.events);
    Limit::EventsPerAppend.check(events.clone().count())?;
    Limit::BytesPerAppend.check(events.map(|event| event.data.len()).sum())
}

/// Checks an entry and returns the bytes of its metadata.
fn check_entry(append: &StreamAppend) -> Result<usize, AppendError> {
    let mut metadata = 0_usize;
    for event in &append.events {
        metadata = metadata.saturating_add(check_event(event)?);
    }
    if append.events.len() > 1 {
        check_distinct_ids(append)?;
    }
    check_commands(&append.events)?;
    Ok(metadata)
}

/// Checks an event and returns the bytes of its metadata.
fn check_event(event: &SerializedEvent) -> Result<usize, AppendError> {
    Limit::BytesPerEvent.check(event.data.len())?;
    Limit::BytesPerEventType.check(event.event_type.len())?;
    if event.event_type.is_empty() || event.event_type.contains('\0') {
        return Err(InvalidAppend::EventType.into());
    }
    let Some(metadata) = &event.metadata else {
        return Ok(0);
    };
    // The depth is checked first: the other checks, and the JSON below, recurse as deep as the values are nested.
    if metadata.is_too_deep() || metadata.holds_nul() || metadata.shadows_a_field() {
        return Err(InvalidAppend::Metadata.into());
    }
    let mut size = ByteCount(0);
    serde_json::to_writer(&mut size, metadata).map_err(|_| InvalidAppend::Metadata)?;
    Limit::BytesPerMetadata.check(size.0)?;
    Ok(size.0)
}

fn check_distinct_ids(append: &StreamAppend) -> Result<(), AppendError> {
    let mut ids = HashSet::with_capacity(append.events.len());
    match append.events.iter().find(|event| !ids.insert(event.id)) {
        Some(twice) => Err(AppendError::DuplicateId {
            stream_id: append.stream_id.clone(),
            id: twice.id,
        }),
        None => Ok(()),
    }
}

/// Each mark covers itself and events after it, and no command occurs twice.
fn check_commands(events: &[SerializedEvent]) -> Result<(), AppendError> {
    let mut commands = HashSet::new();
    let mut covered_until = 0;
    for (index, event) in events.iter().enumerate() {
        let Some(mark) = event.command else { continue };
        let end = index.saturating_add(mark.event_count as usize);
        if mark.event_count == 0 || end > events.len() || index < covered_until || !commands.insert(mark.command_id) {
            return Err(InvalidAppend::CommandMark.into());
        }
        covered_until = end;
    }
    Ok(())
}

struct ByteCount(usize);

impl io::Write for ByteCount {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CommandId, CommandMark, Encoding, EventId, EventMetadata, ExpectedVersion, StreamId};
    use uuid::Uuid;

    fn event(n: u128) -> SerializedEvent {
        SerializedEvent::new(
            EventId::from_uuid(Uuid::from_u128(n)),
            "Happened.v1",
            Encoding::BINCODE,
            vec![],
        )
    }

    fn append(events: Vec<SerializedEvent>) -> StreamAppend {
        StreamAppend::new(StreamId::new("order", 1).unwrap(), ExpectedVersion::Any, events)
    }

    fn mark(n: u128, events: u32) -> CommandMark {
        CommandMark::new(CommandId::from_uuid(Uuid::from_u128(n)), events)
    }

    fn exceeded(append: &StreamAppend) -> Option<Limit> {
        match append.validate() {
            Err(AppendError::TooLarge(too_large)) => Some(too_large.limit),
            _ => None,
        }
    }

    #[test]
    fn each_limit_is_exact() {
        let with_type = |n: usize| {
            append(vec![SerializedEvent {
                event_type: "x".repeat(n).into(),
                ..event(1)
            }])
        };
        assert!(with_type(256).validate().is_ok());
        assert_eq!(exceeded(&with_type(257)), Some(Limit::BytesPerEventType));
        let with_data = |n: usize| {
            append(vec![SerializedEvent {
                data: vec![0; n],
                ..event(1)
            }])
        };
        assert!(with_data(16 << 20).validate().is_ok());
        assert_eq!(exceeded(&with_data((16 << 20) + 1)), Some(Limit::BytesPerEvent));
        let with_metadata = |n: usize| {
            append(vec![
                event(1).with_metadata(EventMetadata::default().with("k", "x".repeat(n))),
            ])
        };
        assert!(with_metadata((64 << 10) - 8).validate().is_ok());
        assert_eq!(exceeded(&with_metadata((64 << 10) - 7)), Some(Limit::BytesPerMetadata));
    }

    #[test]
    fn the_number_of_events_is_limited() {
        let most = append((0..100_000).map(event).collect());
        assert!(most.validate().is_ok());
        let more = append((0..100_001).map(event).collect());
        assert_eq!(exceeded(&more), Some(Limit::EventsPerAppend));
    }

    #[test]
    fn the_number_of_entries_is_limited() {
        let checks = |count: u32| -> Vec<_> {
            let stream = |n: u32| StreamId::new("order", n).unwrap();
            (0..count)
                .map(|n| StreamAppend::check(stream(n), ExpectedVersion::Any))
                .collect()
        };
        assert!(StreamAppend::validate_batch(&checks(1_000)).is_ok());
        let refused = StreamAppend::validate_batch(&checks(1_001));
        assert!(matches!(
            refused,
            Err(AppendError::TooLarge(TooLarge {
                limit: Limit::EntriesPerBatch,
                actual: 1_001
            }))
        ));
    }

    #[test]
    fn a_batch_shares_the_limits_and_names_a_stream_that_occurs_twice() {
        let big = |id: u32| {
            let events = (0..3)
                .map(|n| SerializedEvent {
                    data: vec![0; 15 << 20],
                    ..event(n)
                })
                .collect();
            StreamAppend::new(StreamId::new("order", id).unwrap(), ExpectedVersion::Any, events)
        };
        let batch = StreamAppend::validate_batch(&[big(1), big(2)]);
        assert!(matches!(
            batch,
            Err(AppendError::TooLarge(TooLarge {
                limit: Limit::BytesPerAppend,
                ..
            }))
        ));
        let twice = StreamAppend::validate_batch(&[append(vec![event(1)]), append(vec![event(2)])]);
        assert!(matches!(
            twice,
            Err(AppendError::Invalid(InvalidAppend::DuplicateStream { .. }))
        ));
    }

    #[test]
    fn the_metadata_of_an_append_is_limited_as_a_whole() {
        let large = |n| event(n).with_metadata(EventMetadata::default().with("k", "x".repeat((64 << 10) - 8)));
        let fitting = append((0..1024).map(large).collect());
        assert!(fitting.validate().is_ok());
        let larger = append((0..1025).map(large).collect());
        assert_eq!(exceeded(&larger), Some(Limit::MetadataBytesPerAppend));
        let batch = StreamAppend::validate_batch(&[larger]);
        assert!(matches!(batch, Err(AppendError::TooLarge(_))));
    }

    #[test]
    fn an_id_twice_in_an_append_is_named() {
        let error = append(vec![event(1), event(2), event(1)]).validate();
        assert!(matches!(error, Err(AppendError::DuplicateId { id, .. }) if id == event(1).id));
    }

    #[test]
    fn names_and_metadata_that_a_database_refuses_are_refused_here() {
        for event_type in ["", "a\0b"] {
            let refused = append(vec![SerializedEvent {
                event_type: event_type.into(),
                ..event(1)
            }])
            .validate();
            assert!(matches!(refused, Err(AppendError::Invalid(InvalidAppend::EventType))));
        }
        let nested = EventMetadata::default().with("k", serde_json::json!([{ "deep": "a\0b" }]));
        let shadowing = |key: &str| EventMetadata::default().with(key, "something");
        let fields = ["correlation_id", "causation_id", "actor", "traceparent", "tracestate"];
        for metadata in fields.map(shadowing).into_iter().chain([nested]) {
            let refused = append(vec![event(1).with_metadata(metadata)]).validate();
            assert!(matches!(refused, Err(AppendError::Invalid(InvalidAppend::Metadata))));
        }
    }

    /// A value so many arrays or objects deep.
    fn nested(depth: usize) -> serde_json::Value {
        (0..depth).fold(serde_json::Value::Null, |inner, level| match level % 2 {
            0 => serde_json::Value::Array(vec![inner]),
            _ => std::iter::once(("k".to_owned(), inner)).collect(),
        })
    }

    #[test]
    fn metadata_is_nested_so_deep_and_no_deeper() {
        let with_depth = |depth| {
            let metadata = EventMetadata::default().with("other", 1).with("k", nested(depth));
            append(vec![event(1).with_metadata(metadata)])
        };
        assert!(with_depth(EventMetadata::MAX_DEPTH).validate().is_ok());
        for depth in [EventMetadata::MAX_DEPTH + 1, 127, 1_001] {
            let refused = with_depth(depth).validate();
            assert!(
                matches!(refused, Err(AppendError::Invalid(InvalidAppend::Metadata))),
                "{depth} levels"
            );
        }
    }

    #[test]
    fn metadata_of_any_depth_is_refused_without_exhausting_the_stack() {
        let mut metadata = EventMetadata::default();
        metadata.extra.insert("k".to_owned(), nested(200_000));
        let mut bottomless = append(vec![event(1).with_metadata(metadata)]);
        let refused = bottomless.validate();
        assert!(matches!(refused, Err(AppendError::Invalid(InvalidAppend::Metadata))));
        // Dropping such a value recurses into it, so the test takes it apart level by level.
        let mut value = bottomless.events[0].metadata.take().unwrap().extra.remove("k");
        while let Some(outer) = value {
            value = match outer {
                serde_json::Value::Array(mut items) => items.pop(),
                serde_json::Value::Object(mut entries) => entries.remove("k"),
                _ => None,
            };
        }
    }

    #[test]
    fn a_mark_must_cover_events_of_its_own() {
        let marked = |marks: &[(usize, CommandMark)]| {
            let mut events: Vec<_> = (0..4).map(event).collect();
            for (index, mark) in marks {
                events[*index].command = Some(*mark);
            }
            append(events).validate().is_ok()
        };
        assert!(marked(&[(0, mark(1, 2)), (2, mark(2, 2))]));
        assert!(marked(&[(1, mark(1, 3))]));
        assert!(!marked(&[(0, mark(1, 0))]), "no events");
        assert!(!marked(&[(3, mark(1, 2))]), "beyond the append");
        assert!(!marked(&[(0, mark(1, 3)), (2, mark(2, 1))]), "overlapping");
        assert!(!marked(&[(0, mark(1, 1)), (2, mark(1, 1))]), "the same command twice");
    }
}
