//! Shares the names that rows repeat.

use std::sync::Arc;

use crate::{StreamId, StreamIdError};

/// How many event types are remembered: the events of a stream are of few types.
const TYPES: usize = 8;

/// Remembers the stream and the event types of the rows before, and shares them with rows that repeat them: most rows of
/// a page then allocate no name.
///
/// ```
/// use std::sync::Arc;
/// use composable_rust_core::backend::NameInterner;
///
/// let mut names = NameInterner::default();
/// let (first, other) = (names.event_type("DoorOpened.v1"), names.event_type("DoorShut.v1"));
/// assert!(Arc::ptr_eq(&first, &names.event_type("DoorOpened.v1")));
/// assert_eq!(&*other, "DoorShut.v1");
/// ```
#[derive(Debug, Default)]
pub struct NameInterner {
    /// Only the last one: in a log of many streams, a larger cache rarely hits.
    stream_id: Option<StreamId>,
    event_types: Vec<Arc<str>>,
    /// The index of the type that the next new one replaces.
    oldest: usize,
}

impl NameInterner {
    /// The stream id with this name.
    ///
    /// # Errors
    /// [`StreamIdError`]: no store wrote this row.
    pub fn stream_id(&mut self, name: &str) -> Result<StreamId, StreamIdError> {
        match &self.stream_id {
            Some(last) if last.as_str() == name => Ok(last.clone()),
            _ => Ok(self.stream_id.insert(name.parse()?).clone()),
        }
    }

    /// The event type with this name.
    pub fn event_type(&mut self, name: &str) -> Arc<str> {
        match self.event_types.iter().find(|known| ***known == *name) {
            Some(known) => Arc::clone(known),
            None => self.remember(name.into()),
        }
    }

    fn remember(&mut self, name: Arc<str>) -> Arc<str> {
        if let Some(place) = self.event_types.get_mut(self.oldest).filter(|_| self.oldest < TYPES) {
            *place = Arc::clone(&name);
        } else {
            self.event_types.push(Arc::clone(&name));
        }
        self.oldest = (self.oldest + 1) % TYPES;
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_that_take_turns_are_shared() {
        let mut names = NameInterner::default();
        let first: Vec<_> = (0..TYPES).map(|n| names.event_type(&format!("Type{n}"))).collect();
        for (n, first) in first.iter().enumerate() {
            assert!(Arc::ptr_eq(first, &names.event_type(&format!("Type{n}"))));
        }
    }

    #[test]
    fn no_more_types_are_remembered_than_that_however_many_there_are() {
        let mut names = NameInterner::default();
        for n in 0..10 * TYPES {
            assert_eq!(*names.event_type(&format!("Type{n}")), *format!("Type{n}"));
        }
        assert_eq!(names.event_types.len(), TYPES);
        // The newest stay.
        let newest = format!("Type{}", 10 * TYPES - 1);
        assert!(Arc::ptr_eq(&names.event_type(&newest), &names.event_type(&newest)));
        assert_eq!(names.event_types.iter().filter(|name| ***name == *newest).count(), 1);
    }

    #[test]
    fn a_stream_is_shared_as_long_as_its_rows_go_on() {
        let mut names = NameInterner::default();
        let first = names.stream_id("order-1").unwrap();
        assert_eq!(names.stream_id("order-1"), Ok(first));
        assert_eq!(names.stream_id("order-2").unwrap().as_str(), "order-2");
        assert_eq!(names.stream_id(""), Err(StreamIdError::Empty));
    }
}
