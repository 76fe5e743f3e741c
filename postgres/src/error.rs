//! Why a store could not be opened.

use composable_rust_core::Source;

/// Why a store could not be opened; nothing was changed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The server, or the driver, failed for a reason of its own; the source says which.
    #[error("the store could not be opened")]
    Backend(#[source] Source),
}
