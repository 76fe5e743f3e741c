//! Reading page by page: the lock is held for a page of pointers, and events are copied outside of it.

use std::sync::Arc;

use composable_rust_core::{
    CommandId, Direction, LogPage, ReadAll, ReadError, ReadStream, RecordedEvent, StreamId, Version,
};
use futures::stream::{self, BoxStream, StreamExt};

use super::store::InMemoryEventStore;

type Page = Vec<Arc<RecordedEvent>>;

/// Records of a stream taken in one go: enough to make the lock cheap, few enough to bound what a reader keeps alive.
const STREAM_PAGE: usize = 256;

/// Records of the log looked at for one page, whether they match or not. A filter that matches little gets pages with
/// few or no events, as from a database, and never holds the lock for long.
const SCAN: usize = 4096;

/// Reads a stream as it is when each page is reached.
pub(super) fn stream(
    store: InMemoryEventStore,
    read: ReadStream,
) -> BoxStream<'static, Result<RecordedEvent, ReadError>> {
    let pages = stream::unfold((store, Some(read)), async |(store, read)| {
        let read = read?;
        let page = stream_page(&store, &read);
        let rest = rest(read, &page);
        Some((page, (store, rest)))
    });
    let records = pages.flat_map(stream::iter);
    records.map(|record| Ok(RecordedEvent::clone(&record))).boxed()
}

fn stream_page(store: &InMemoryEventStore, read: &ReadStream) -> Page {
    let limit = usize::try_from(read.limit.unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
    let size = limit.min(STREAM_PAGE);
    let log = store.log();
    let stream = log.stream(&read.stream_id);
    match read.direction {
        Direction::Forward => {
            let before = read.from.and_then(|from| from.checked_sub(1)).unwrap_or_default();
            stream.after(before).iter().take(size).cloned().collect()
        }
        Direction::Backward => {
            let from = read.from.unwrap_or(Version::MAX);
            stream.until(from).iter().rev().take(size).cloned().collect()
        }
    }
}

/// What is left to be read after `page`; nothing after a page that was not full.
fn rest(read: ReadStream, page: &Page) -> Option<ReadStream> {
    let last = page.last().filter(|_| page.len() == STREAM_PAGE)?;
    let from = match read.direction {
        Direction::Forward => last.version.next()?,
        Direction::Backward => last.version.checked_sub(1)?,
    };
    let mut rest = read.from(from);
    rest.limit = rest.limit.map(|limit| limit.saturating_sub(STREAM_PAGE as u64));
    Some(rest)
}

/// The events of a command.
pub(super) fn command(store: &InMemoryEventStore, stream_id: &StreamId, command_id: CommandId) -> Vec<RecordedEvent> {
    let records = store.log().stream(stream_id).of_command(command_id).to_vec();
    records.iter().map(|record| RecordedEvent::clone(record)).collect()
}

/// A page of the log.
pub(super) fn page(store: &InMemoryEventStore, read: &ReadAll) -> LogPage {
    let (matching, resume_after) = {
        let log = store.log();
        let mut matching = Page::new();
        let mut resume_after = read.after;
        for record in log.after(read.after).iter().take(SCAN) {
            resume_after = record.position;
            if read.filter.matches(record) {
                matching.push(Arc::clone(record));
            }
            if matching.len() >= read.limit.max(1) {
                break;
            }
        }
        (matching, resume_after)
    };
    let events = matching.iter().map(|record| RecordedEvent::clone(record)).collect();
    LogPage::new(events, resume_after)
}
