//! For authors of stores: the pure parts that every store on a database has. Applications don't need this module.
//!
//! - [`resolve`] decides what becomes of an append: repetition, duplicate, conflict, or write.
//! - [`GroupSize`] says how much a group of appends that share a transaction holds.
//! - [`PageCursor`], [`PageSize`] and [`VersionCheck`] read a stream in pages, each a statement of its own, so that no
//!   transaction stays open and memory is bounded.
//! - [`NameInterner`] shares the names that rows repeat, and [`rest_of_command`] says what a command's page lacks.
//!
//! ```
//! use composable_rust_core::{ReadStream, StreamId, backend::PageCursor};
//!
//! let mut cursor = PageCursor::of(&ReadStream::new(StreamId::new("order", 1)?).limit(10));
//! let page = cursor.next(500).ok_or("the first page is always wanted")?;
//! assert_eq!((page.from.get(), page.events), (1, 10));
//! cursor.advance(&[], false); // nothing was there
//! assert_eq!(cursor.next(500), None);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod group_size;
mod name_interner;
mod page_cursor;
mod page_size;
mod resolve;
mod version_check;

pub use group_size::GroupSize;
pub use name_interner::NameInterner;
pub use page_cursor::{PageCursor, PageRequest, rest_of_command};
pub use page_size::PageSize;
pub use resolve::{RecordedFacts, Resolution, resolve};
pub use version_check::{GapError, VersionCheck};
