//! The names that the business gives: orders, customers, articles.

use std::{fmt, str::FromStr};

use composable_rust::{Aggregate, StreamId};
use serde::{Deserialize, Serialize};

use super::Order;

/// Why a text names nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// It is empty, or nothing but white space.
    #[error("it must not be blank")]
    Blank,
    /// It holds a line break or another control character, and could not be shown on a line.
    #[error("it must not hold control characters")]
    Control,
    /// It is too long to name a stream.
    #[error("it must not be longer than {most} bytes")]
    TooLong {
        /// The longest that is allowed.
        most: usize,
    },
}

fn check(name: &str, most: usize) -> Result<(), IdError> {
    if name.trim().is_empty() {
        return Err(IdError::Blank);
    }
    if name.chars().any(char::is_control) {
        return Err(IdError::Control);
    }
    if name.len() > most {
        return Err(IdError::TooLong { most });
    }
    Ok(())
}

/// Checked where a text comes in from outside. Serde does not check: what is stored once is read forever, also when the
/// rules for new names have become stricter.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $most:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The longest, in bytes.
            pub const MAX_BYTES: usize = $most;

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(name: String) -> Result<Self, IdError> {
                check(&name, Self::MAX_BYTES).map(|()| Self(name))
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(name: &str) -> Result<Self, IdError> {
                Self::try_from(name.to_owned())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// The name of an order: not blank, no control characters, short enough for the name of its stream.
    ///
    /// ```
    /// use order_processing::order::{IdError, OrderId};
    ///
    /// assert_eq!("o-1".parse::<OrderId>().map(|id| id.to_string()), Ok("o-1".to_owned()));
    /// assert_eq!(" ".parse::<OrderId>(), Err(IdError::Blank));
    /// assert_eq!("two\nlines".parse::<OrderId>(), Err(IdError::Control));
    /// ```
    OrderId,
    StreamId::MAX_BYTES - Order::CATEGORY.len() - 1
);
name!(
    /// The name of a customer: not blank, no control characters.
    CustomerId,
    StreamId::MAX_BYTES
);
name!(
    /// The name of an article: not blank, no control characters.
    Sku,
    StreamId::MAX_BYTES
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_order_id_names_a_stream_and_a_longer_one_is_refused() {
        let longest = "x".repeat(OrderId::MAX_BYTES);
        let id: OrderId = longest.parse().unwrap();
        assert!(Order::stream_id(id.as_str()).is_ok());
        assert_eq!(
            format!("{longest}x").parse::<OrderId>(),
            Err(IdError::TooLong { most: 506 })
        );
    }

    #[test]
    fn odd_characters_are_part_of_a_name() {
        for odd in ["a-b", "-", "ö", "日本", "a b", "%'\"\\;--", "x/../y"] {
            assert_eq!(odd.parse::<OrderId>().unwrap().as_str(), odd);
        }
    }

    #[test]
    fn what_can_not_stand_on_a_line_is_refused() {
        for control in ["a\nb", "a\r", "\0", "\u{85}x"] {
            assert_eq!(control.parse::<OrderId>(), Err(IdError::Control), "{control:?}");
        }
        for blank in ["", " ", "\t\n", "\u{a0}"] {
            assert_eq!(blank.parse::<OrderId>(), Err(IdError::Blank), "{blank:?}");
        }
    }
}
