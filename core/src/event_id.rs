//! Identifiers of events and commands.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! uuid_newtype {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// The identifier with this UUID.
            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID itself.
            #[must_use]
            pub const fn as_uuid(&self) -> &Uuid {
                &self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

uuid_newtype! {
    /// Identifies an event, unique within its stream: a UUIDv7, chosen by the writer.
    ///
    /// It makes an append idempotent: sent again with the same ids, it returns the first result instead of writing twice.
    ///
    /// ```
    /// use composable_rust_core::EventId;
    /// let id: EventId = "01890a5d-ac96-774b-bcce-b302099a8057".parse()?;
    /// assert_eq!(id.to_string(), "01890a5d-ac96-774b-bcce-b302099a8057");
    /// # Ok::<(), uuid::Error>(())
    /// ```
    EventId
}

uuid_newtype! {
    /// Identifies a command. A stream stores the events of a command once, however often the command is sent.
    ///
    /// ```
    /// use composable_rust_core::CommandId;
    /// let id: CommandId = "01890a5d-ac96-774b-bcce-b302099a8057".parse()?;
    /// assert_eq!(CommandId::from(*id.as_uuid()), id);
    /// # Ok::<(), uuid::Error>(())
    /// ```
    CommandId
}
