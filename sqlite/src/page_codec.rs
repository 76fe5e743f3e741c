//! Decodes packed pages: a page of events in one value, as `packed.sql` makes it.
//!
//! The driver copies each value of a row separately, and hands each row from its thread to ours. For small events that
//! took most of the time of a replay. Large events are read row by row; [`PageStrategy`] chooses.

use std::str;

use composable_rust_core::{
    CommandMark, Direction, Encoding, RecordedEvent, SerializedEvent, StreamId, Version,
    backend::{NameInterner, PageSize},
};
use sqlx::{Row, sqlite::SqliteRow};
use uuid::Uuid;

use crate::{
    errors::InvalidRow,
    row::{self, BoxError, Page},
};

/// Stands for a row that is too large to be packed, or that lacks a value that every event has.
const ROW_TOO_LARGE: u8 = b'!';

/// Between two rows. Lengths say where a row ends, and this shows that they were right.
const BETWEEN: u8 = b';';

/// The most rows of a packed page.
const PACKED_ROWS: u64 = 512;

/// The most rows of a page that is read row by row. Larger ones are not faster: the driver's thread hands over each row.
const PLAIN_ROWS: u64 = 256;

/// Whether the next page of a read is packed, and how many rows it asks for.
#[derive(Debug)]
pub(crate) struct PageStrategy {
    pub(crate) is_packed: bool,
    /// Of packed pages.
    size: PageSize,
}

impl PageStrategy {
    pub(crate) const fn new() -> Self {
        Self {
            is_packed: true,
            size: PageSize::new(PACKED_ROWS, row::PAGE_BYTES),
        }
    }

    pub(crate) const fn rows(&self) -> u64 {
        if self.is_packed { self.size.rows() } else { PLAIN_ROWS }
    }

    /// Takes note of a page. A packed page that is not whole ended at a large event, which the next page reads as a row.
    /// The events behind it may be small again, so the page after that is packed, with few rows at first.
    pub(crate) fn record(&mut self, rows: usize, is_whole: bool) {
        if self.is_packed {
            // Each row of a packed page has its share of the page's bytes, so these do not limit the rows.
            self.size.record(rows as u64, 0, is_whole);
        }
        self.is_packed = !self.is_packed || is_whole;
    }
}

/// The most bytes of an event in a page of this many rows: what bounds the page.
pub(crate) fn largest(events: u64) -> i64 {
    let share = row::PAGE_BYTES as u64 / events.max(1);
    i64::try_from(share).unwrap_or(i64::MAX)
}

/// The events of a page that was read in this direction, all of the stream `known` if there is one. They end before one
/// that is too large.
pub(crate) fn decode_page(
    packed: &SqliteRow,
    direction: Direction,
    known: Option<&StreamId>,
    names: &mut NameInterner,
) -> Result<Page, sqlx::Error> {
    // Without any row, the value is NULL.
    let packed: Option<&[u8]> = packed.try_get(0)?;
    unpack(packed.unwrap_or_default(), direction, known, names)
}

fn unpack(
    packed: &[u8],
    direction: Direction,
    known: Option<&StreamId>,
    names: &mut NameInterner,
) -> Result<Page, sqlx::Error> {
    let mut rest = Rest(packed);
    let mut events = Vec::new();
    loop {
        match rest.0.first() {
            None | Some(&ROW_TOO_LARGE) => break,
            Some(_) => events.push(event(&mut rest, known, names)?),
        }
    }
    if !goes(direction, &events) {
        return Err(sqlx::Error::Decode("the rows of a page are out of order".into()));
    }
    let whole = rest.0.is_empty();
    Ok(Page { events, whole })
}

/// SQLite puts a value together in the order of the rows below it, but promises nothing.
fn goes(direction: Direction, events: &[RecordedEvent]) -> bool {
    match direction {
        Direction::Forward => events.is_sorted_by(|one, next| one.position < next.position),
        Direction::Backward => events.is_sorted_by(|one, next| one.position > next.position),
    }
}

fn event(
    rest: &mut Rest<'_>,
    known: Option<&StreamId>,
    names: &mut NameInterner,
) -> Result<RecordedEvent, sqlx::Error> {
    // Without a position, there is no row to name.
    let position = rest.number().map_err(sqlx::Error::Decode)?;
    decode(rest, position, known, names).map_err(|source| {
        let source = source.into();
        InvalidRow { position, source }.into()
    })
}

fn decode(
    rest: &mut Rest<'_>,
    position: i64,
    known: Option<&StreamId>,
    names: &mut NameInterner,
) -> Result<RecordedEvent, BoxError> {
    let (version, recorded_at) = (rest.number()?, rest.number()?);
    let (encoding, command_events) = (rest.number()?, rest.number()?);
    let (stream_id, event_type) = (rest.number()?, rest.number()?);
    let (metadata, data) = (rest.number()?, rest.number()?);
    let id = rest.uuid()?;
    let command = rest.command(command_events)?;
    let stream_id = match (known, rest.text(stream_id)?) {
        (Some(stream_id), _) => stream_id.clone(),
        (None, name) => names.stream_id(name)?,
    };
    let event_type = names.event_type(rest.text(event_type)?);
    let metadata = Some(rest.text(metadata)?).filter(|json| !json.is_empty());
    let data = rest.bytes(data)?.into();
    rest.row_ends()?;
    let mut event = RecordedEvent::new(
        stream_id,
        Version::try_from(version)?,
        row::at(position),
        row::instant(recorded_at)?,
        SerializedEvent::new(id.into(), "", Encoding::from_code(encoding.try_into()?), data),
    );
    event.event_type = event_type;
    event.metadata = row::metadata(metadata)?;
    event.command = command;
    Ok(event)
}

/// The undecoded rest of the value.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    /// Decimal digits, up to a space.
    fn number(&mut self) -> Result<i64, BoxError> {
        let end = self.0.iter().position(|byte| *byte == b' ');
        let (digits, rest) = end.and_then(|end| self.0.split_at_checked(end)).ok_or(CUT_SHORT)?;
        self.0 = rest.get(1..).unwrap_or_default();
        Ok(str::from_utf8(digits)?.parse()?)
    }

    fn bytes(&mut self, length: i64) -> Result<&'a [u8], BoxError> {
        let parts = usize::try_from(length)
            .ok()
            .and_then(|length| self.0.split_at_checked(length));
        let (bytes, rest) = parts.ok_or(CUT_SHORT)?;
        self.0 = rest;
        Ok(bytes)
    }

    fn text(&mut self, length: i64) -> Result<&'a str, BoxError> {
        Ok(str::from_utf8(self.bytes(length)?)?)
    }

    fn uuid(&mut self) -> Result<Uuid, BoxError> {
        Ok(Uuid::from_slice(self.bytes(16)?)?)
    }

    /// The mark of a command, which has no events where there is none.
    fn command(&mut self, events: i64) -> Result<Option<CommandMark>, BoxError> {
        let events = u32::try_from(events)?;
        let id = (events > 0).then(|| self.uuid()).transpose()?;
        Ok(id.map(|id| CommandMark::new(id.into(), events)))
    }

    /// To the next row, if there is one.
    fn row_ends(&mut self) -> Result<(), BoxError> {
        match self.0.split_first() {
            None => Ok(()),
            Some((&BETWEEN, rest)) if !rest.is_empty() => {
                self.0 = rest;
                Ok(())
            }
            Some(_) => Err(OTHER_LENGTH.into()),
        }
    }
}

const CUT_SHORT: &str = "the page ends in the middle of a row";
const OTHER_LENGTH: &str = "the row is not as long as it says";

#[cfg(test)]
mod tests {
    use super::*;

    /// A row as `packed.sql` writes it.
    fn row(position: u32, metadata: &str, data: &str) -> Vec<u8> {
        let (metadata_bytes, data_bytes) = (metadata.len(), data.len());
        let numbers = format!("{position} {position} 0 1 3 7 9 {metadata_bytes} {data_bytes} ");
        [
            numbers.as_bytes(),
            &[7; 16],
            &[8; 16],
            b"order-1Opened.v1",
            metadata.as_bytes(),
            data.as_bytes(),
        ]
        .concat()
    }

    #[test]
    fn paging_recovers_after_a_large_event() {
        let mut strategy = PageStrategy::new();
        strategy.record(0, false);
        assert!(!strategy.is_packed, "the large event is read as a row");
        strategy.record(256, true);
        let mut pages = 0;
        while strategy.rows() < PACKED_ROWS {
            assert!(strategy.is_packed);
            strategy.record(strategy.rows().try_into().unwrap(), true);
            pages += 1;
        }
        assert!(pages <= 6, "{pages}");
    }

    fn read(packed: &[u8]) -> Result<Page, sqlx::Error> {
        unpack(packed, Direction::Forward, None, &mut NameInterner::default())
    }

    #[test]
    fn rows_are_read_up_to_one_that_is_too_large() {
        let packed = [row(1, "{\"actor\":\"a\"}", "! 1 ;"), row(2, "", "")].join(&BETWEEN);
        let page = read(&packed).unwrap();
        assert!(page.whole && page.events.len() == 2);
        let [first, second] = page.events.as_slice() else {
            panic!("{:?}", page.events)
        };
        assert_eq!((first.stream_id.as_str(), &*first.event_type), ("order-1", "Opened.v1"));
        assert_eq!(
            (first.data.as_slice(), first.command.unwrap().event_count),
            (&b"! 1 ;"[..], 3)
        );
        assert_eq!(first.metadata.as_ref().unwrap().actor.as_deref(), Some("a"));
        assert_eq!((second.version, second.metadata.as_ref()), (Version::from(2), None));
        let cut = read(&[packed, b"!;!".to_vec(), row(5, "", "")].join(&BETWEEN)).unwrap();
        assert!(!cut.whole && cut.events.len() == 2);
        assert!(read(b"").unwrap().whole);
    }

    #[test]
    fn a_value_that_ends_too_early_is_an_error_and_no_shorter_page() {
        let packed = row(1, "{}", "data");
        for length in 1..packed.len() {
            assert!(read(&packed[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn numbers_that_mean_nothing_are_errors() {
        let rows = [
            "1 1 0 1 -1 7 9 0 0 ",
            "1 1 0 1 0 -7 9 0 0 ",
            "1 1 0 1 0 7 9 0 9223372036854775807 ",
        ];
        for numbers in rows {
            let packed = [numbers.as_bytes(), &[7; 64]].concat();
            assert!(read(&packed).is_err(), "{numbers}");
        }
        assert!(read(b"99999999999999999999 1 ").is_err());
    }

    #[test]
    fn rows_in_another_order_than_was_asked_for_are_an_error() {
        let rows = |positions: &[u32]| {
            let rows: Vec<_> = positions.iter().map(|position| row(*position, "", "")).collect();
            rows.join(&BETWEEN)
        };
        let (forward, backward) = (rows(&[1, 2, 3]), rows(&[3, 2, 1]));
        let read_backward = |packed: &[u8]| unpack(packed, Direction::Backward, None, &mut NameInterner::default());
        assert!(read(&forward).is_ok() && read_backward(&backward).is_ok());
        assert!(read(&backward).is_err() && read_backward(&forward).is_err());
        for mixed in [rows(&[1, 3, 2]), rows(&[2, 3, 1]), rows(&[1, 1])] {
            assert!(read(&mixed).is_err() && read_backward(&mixed).is_err());
        }
    }

    #[test]
    fn a_row_that_is_longer_or_shorter_than_it_says_is_an_error_that_names_it() {
        let longer = [&row(1, "", "data")[..], b"; 2"].concat();
        let shorter = row(1, "", "data");
        let shorter = [&shorter[..shorter.len() - 1], b";", &row(2, "", "")].concat();
        let ends_like_a_row = [&row(1, "", "data")[..], b";"].concat();
        let early = [&row(1, "", "data")[..], b"2;", &row(2, "", "")].concat();
        for (packed, position) in [
            (longer, None),
            (shorter, Some(1)),
            (ends_like_a_row, Some(1)),
            (early, Some(1)),
        ] {
            let error = read(&packed).err().unwrap().to_string();
            let named = position.map_or("decoding".to_owned(), |position| format!("position {position} "));
            assert!(error.contains(&named), "{error}");
        }
    }
}
