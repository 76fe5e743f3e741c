//! What stores have in common that read their events from a database: pages, and the names in them.
//!
//! For authors of stores; applications have no use for it. A read that is long goes from page to page, each a statement of
//! its own, so that nothing is held open between them and memory stays bounded. [`Paging`] says which page is next,
//! [`Names`] shares the texts that its rows repeat, and [`rest_of_command`] says what a command's page lacked.
//!
//! ```
//! use composable_rust_core::{ReadStream, StreamId, reading::Paging};
//!
//! let mut paging = Paging::of(&ReadStream::new(StreamId::new("order", 1)?).limit(10));
//! let page = paging.next(500).ok_or("the first page is always wanted")?;
//! assert_eq!((page.from.get(), page.events), (1, 10));
//! paging.turn(&[], false); // nothing was there
//! assert_eq!(paging.next(500), None);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod names;
mod paging;

pub use names::Names;
pub use paging::{Paging, Wanted, rest_of_command};
