//! Values to bytes and back, with the limits that hostile or damaged bytes call for.

use std::sync::Arc;

use serde::{Serialize, de::DeserializeOwned};

#[cfg(feature = "json")]
use crate::finite::Finite;
use crate::{Encoding, EventError};

/// Turns values into bytes and back in one [`Encoding`].
///
/// What is written is capped ([`EventError::TooLarge`]); what is read may claim at most 16 times the cap in memory
/// (bincode counts memory, not bytes; of a cap below the default, 16 times the default), and every byte of it must belong
/// to the value. A cap can be lowered, therefore, without losing what was written before.
///
/// ```
/// use composable_rust_core::{Codec, EventError};
///
/// let bytes = Codec::BINCODE.encode(&(7_u8, "seven"))?;
/// assert_eq!(Codec::BINCODE.decode::<(u8, String)>(&bytes)?, (7, "seven".to_owned()));
///
/// let tail = Codec::BINCODE.decode::<u8>(&bytes);
/// assert!(matches!(tail, Err(EventError::TrailingBytes { .. })));
/// # Ok::<(), EventError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Codec {
    encoding: Encoding,
    max_bytes: usize,
}

const MEBIBYTE: usize = 1 << 20;

impl Codec {
    /// The default cap of an encoded value: 4 MiB.
    pub const DEFAULT_MAX_BYTES: usize = 4 * MEBIBYTE;
    /// The highest cap that can be chosen: 16 MiB, the most that every store takes for one event.
    pub const HIGHEST_MAX_BYTES: usize = 16 * MEBIBYTE;
    /// bincode with the default cap.
    pub const BINCODE: Self = Self::new(Encoding::BINCODE);

    /// A codec for `encoding` with the default cap.
    #[must_use]
    pub const fn new(encoding: Encoding) -> Self {
        Self {
            encoding,
            max_bytes: Self::DEFAULT_MAX_BYTES,
        }
    }

    /// Caps the encoded size, in bytes; more than [`Codec::HIGHEST_MAX_BYTES`] means that.
    #[must_use]
    pub const fn with_max_bytes(self, max_bytes: usize) -> Self {
        let highest = Self::HIGHEST_MAX_BYTES;
        Self {
            max_bytes: if max_bytes < highest { max_bytes } else { highest },
            ..self
        }
    }

    /// Writes `value`.
    ///
    /// # Errors
    /// [`EventError::TooLarge`] above the cap, [`EventError::UnknownEncoding`] for an encoding that this build does
    /// not have, [`EventError::Malformed`] when the value itself refuses to be serialized. All are final: fix the value.
    pub fn encode<T: Serialize + ?Sized>(&self, value: &T) -> Result<Vec<u8>, EventError> {
        let bytes = match self.encoding {
            Encoding::BINCODE => {
                bincode::serde::encode_to_vec(value, bincode::config::standard()).map_err(malformed)?
            }
            #[cfg(feature = "json")]
            Encoding::JSON => serde_json::to_vec(&Finite(value)).map_err(malformed)?,
            other => return Err(EventError::UnknownEncoding(other)),
        };
        self.check(bytes.len()).map(|()| bytes)
    }

    /// Reads what [`Codec::encode`] wrote.
    ///
    /// # Errors
    /// [`EventError::Malformed`] or [`EventError::TrailingBytes`] when the bytes are not such a value, or claim more
    /// memory than 16 times the cap; [`EventError::UnknownEncoding`] when this build does not have the encoding. All are
    /// final: the bytes were written by another shape of the value, or are damaged.
    pub fn decode<T: DeserializeOwned>(&self, data: &[u8]) -> Result<T, EventError> {
        match self.encoding {
            Encoding::BINCODE => self.decode_bincode(data),
            #[cfg(feature = "json")]
            Encoding::JSON => serde_json::from_slice(data).map_err(malformed),
            other => Err(EventError::UnknownEncoding(other)),
        }
    }

    fn decode_bincode<T: DeserializeOwned>(&self, data: &[u8]) -> Result<T, EventError> {
        let standard = bincode::config::standard();
        // bincode takes its limit as a constant: one step for the default cap, one for all above it.
        let (value, read) = if self.max_bytes <= Self::DEFAULT_MAX_BYTES {
            bincode::serde::decode_from_slice(data, standard.with_limit::<{ 16 * Self::DEFAULT_MAX_BYTES }>())
        } else {
            bincode::serde::decode_from_slice(data, standard.with_limit::<{ 16 * Self::HIGHEST_MAX_BYTES }>())
        }
        .map_err(malformed)?;
        match data.len() - read {
            0 => Ok(value),
            unread => Err(EventError::TrailingBytes { unread }),
        }
    }

    fn check(&self, bytes: usize) -> Result<(), EventError> {
        if bytes <= self.max_bytes {
            Ok(())
        } else {
            Err(EventError::TooLarge {
                bytes,
                limit: self.max_bytes,
            })
        }
    }
}

fn malformed(error: impl std::error::Error + Send + Sync + 'static) -> EventError {
    EventError::Malformed(Arc::new(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_length_is_an_error_and_allocates_nothing_of_the_kind() {
        let claims_eight_exbibytes = [253, 255, 255, 255, 255, 255, 255, 255, 127];
        assert!(matches!(
            Codec::BINCODE.decode::<String>(&claims_eight_exbibytes),
            Err(EventError::Malformed(_))
        ));
    }

    #[test]
    fn the_cap_is_exact() {
        let codec = Codec::BINCODE.with_max_bytes(11);
        assert_eq!(codec.encode("0123456789").unwrap().len(), 11);
        assert!(matches!(
            codec.encode("0123456789x"),
            Err(EventError::TooLarge { bytes: 12, limit: 11 })
        ));
    }

    #[test]
    fn what_was_written_under_a_higher_cap_is_still_read() {
        let written = Codec::BINCODE.encode(&"x".repeat(100_000)).unwrap();
        let lowered = Codec::BINCODE.with_max_bytes(10);
        assert_eq!(lowered.decode::<String>(&written).unwrap().len(), 100_000);
    }

    #[test]
    fn a_value_at_the_highest_cap_comes_back() {
        let codec = Codec::BINCODE.with_max_bytes(usize::MAX);
        let value = "x".repeat(Codec::HIGHEST_MAX_BYTES - 5);
        assert_eq!(codec.decode::<String>(&codec.encode(&value).unwrap()).unwrap(), value);
    }

    #[test]
    fn unknown_encodings_are_named_and_never_guessed_at() {
        let codec = Codec::new(Encoding::from_code(99));
        assert!(matches!(codec.encode(&1), Err(EventError::UnknownEncoding(e)) if e.code() == 99));
        assert!(matches!(codec.decode::<u8>(&[1]), Err(EventError::UnknownEncoding(_))));
    }
}
