//! Checks that the log was read without a gap.
//!
//! Positions are dense, which the file's own triggers enforce. SQLite notices most of what a broken disk does to its pages,
//! but not everything: a page that lost rows may look like one that never had them. A gap between two positions is such a
//! loss, and an error: a reader that went on behind it would never know.

use composable_rust_core::{Position, RecordedEvent};

use crate::row;

/// A position of the log is missing.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("position {missing} of the log is missing: the file is damaged")]
pub(crate) struct PositionGap {
    missing: Position,
}

impl From<PositionGap> for sqlx::Error {
    fn from(gap: PositionGap) -> Self {
        Self::Decode(Box::new(gap))
    }
}

/// Checks a page of the whole log against the positions after `after`, which go on at least to `end`; `None` if the page
/// is full and the next one begins behind it.
pub(crate) fn check_page(page: &[RecordedEvent], after: i64, end: Option<i64>) -> Result<(), PositionGap> {
    let gap = |position| PositionGap {
        missing: row::at(position),
    };
    let mut next = after.saturating_add(1);
    for event in page {
        if event.position != row::at(next) {
            return Err(gap(next));
        }
        next = next.saturating_add(1);
    }
    match end {
        Some(end) if next <= end => Err(gap(next)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use composable_rust_core::{Encoding, EventId, SerializedEvent, Version};
    use uuid::Uuid;

    use super::*;

    fn events(places: &[u32]) -> Vec<RecordedEvent> {
        let event = |place: &u32| {
            let id = EventId::from_uuid(Uuid::from_u128((*place).into()));
            let written = SerializedEvent::new(id, "Happened.v1", Encoding::BINCODE, vec![]);
            let (version, position) = (Version::from(*place), Position::from_sequence((*place).into()));
            RecordedEvent::new(
                "test-1".parse().unwrap(),
                version,
                position,
                DateTime::UNIX_EPOCH,
                written,
            )
        };
        places.iter().map(event).collect()
    }

    #[test]
    fn positions_go_on_to_the_end() {
        assert!(check_page(&events(&[4, 5]), 3, Some(5)).is_ok() && check_page(&[], 9, Some(5)).is_ok());
        assert!(
            check_page(&events(&[4, 5]), 3, Some(4)).is_ok(),
            "a page may be newer than the end"
        );
        assert!(check_page(&events(&[4, 5]), 3, None).is_ok() && check_page(&[], i64::MAX, Some(5)).is_ok());
        let gap = check_page(&events(&[4, 5]), 3, Some(6)).unwrap_err();
        assert_eq!(gap.to_string(), "position 6 of the log is missing: the file is damaged");
        assert!(check_page(&events(&[4, 6]), 3, None).is_err() && check_page(&events(&[5]), 3, None).is_err());
    }
}
