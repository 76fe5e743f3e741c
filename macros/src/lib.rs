//! `#[derive(Event)]`: stored names, and the code that writes and reads each kind of event alone.
//!
//! The derive is sugar: what it writes for an enum is what the example of core's `Event` trait writes by hand. Use it
//! through the facade `composable-rust`, or beside `composable-rust-core`.
//!
//! ```
//! use composable_rust_core::{Decoded, EncodedEvent, Event, EventError};
//! use composable_rust_macros::Event;
//!
//! #[derive(Debug, PartialEq, Event)]
//! enum DoorEvent {
//!     #[event("DoorOpened.v1")]
//!     Opened,
//!     #[event("DoorLocked.v1")]
//!     Locked { code: u32 },
//! }
//!
//! let locked = DoorEvent::Locked { code: 7 };
//! let data = locked.encode()?;
//! let stored = EncodedEvent { event_type: "DoorLocked.v1", encoding: DoorEvent::ENCODING, data: &data };
//! assert_eq!(locked.event_type(), "DoorLocked.v1");
//! assert_eq!(data, [7]);
//! assert_eq!(DoorEvent::decode(stored)?, Decoded::One(locked));
//! # Ok::<(), EventError>(())
//! ```

mod attribute;
mod crate_path;
mod errors;
mod expand;
mod model;
mod names;
mod payload;
mod serde_attribute;
mod stored_name;
mod upcast;

use proc_macro::TokenStream;
use syn::{DeriveInput, Error, parse_macro_input};

/// Implements `Event` for an enum, each variant of which is a kind of event, or for a struct that is one.
///
/// | attribute | where | what it says |
/// |---|---|---|
/// | `#[event("OrderPlaced.v1")]` | variant, struct | the stored name: chosen once, and kept for ever |
/// | `#[event("OrderPlaced.v1", alias("order_placed"))]` | variant, struct | names that the same bytes were stored under before a renaming |
/// | `#[event(flatten)]` | variant with one unnamed field | the field is an event; its names and bytes are stored as if it stood alone |
/// | `#[event(encoding = "json")]` | enum, struct | how new events are written; `"bincode"` is the default, `"json"` a feature |
/// | `#[event(max_bytes = 64 * 1024)]` | enum, struct | the largest encoded event (4 MiB is the default; a flattened event keeps its own) |
/// | `#[event(verify_round_trip = false)]` | enum, struct | stores events without decoding them first; see core's `Event::VERIFY_ROUND_TRIP` (a flattened event follows the type around it) |
/// | `#[event("OrderPlaced.v2", from("OrderPlaced.v1" = OrderPlacedV1))]` | variant, struct | old stored names with their payloads, oldest first: see below |
/// | `#[event(skip("OrderViewed.v1"))]` | enum, struct | stored names that mean nothing any more: their events decode to none |
/// | `#[event(crate = "path")]` | enum, struct | where core's items are, if not in `composable-rust` or `composable-rust-core` |
///
/// # What is stored
///
/// A kind of event without fields is written as `()`, one unnamed field as itself, several as a tuple, and named
/// fields as a struct of these names. The variant itself leaves no trace, so that variants may be added, removed,
/// renamed and reordered. The types of fields implement `Serialize` and `Deserialize`; the event needs neither, and may
/// have them for other uses. Serde's attributes on fields hold (`with`, `rename`, in JSON also `default`), as do `rename_all` of a
/// variant or struct, `rename_all_fields` of an enum and `deny_unknown_fields`.
///
/// ```
/// use composable_rust_core::Event;
/// use composable_rust_macros::Event;
///
/// #[derive(Event)]
/// #[event(encoding = "json")]
/// enum OrderEvent {
///     #[event("OrderShipped.v1")]
///     #[serde(rename_all = "camelCase")]
///     Shipped { tracking_code: String },
///     #[event("OrderClosed.v1")]
///     Closed,
///     #[event(flatten)]
///     Payment(PaymentTaken),
/// }
///
/// #[derive(Event)]
/// #[event("PaymentTaken.v1", encoding = "json")]
/// struct PaymentTaken {
///     cents: u64,
/// }
///
/// let shipped = OrderEvent::Shipped { tracking_code: "T1".to_owned() };
/// assert_eq!(shipped.encode()?, br#"{"trackingCode":"T1"}"#);
/// assert_eq!(OrderEvent::Closed.encode()?, b"null");
/// let payment = OrderEvent::Payment(PaymentTaken { cents: 250 });
/// assert_eq!((payment.event_type(), payment.encode()?), ("PaymentTaken.v1", br#"{"cents":250}"#.to_vec()));
/// # Ok::<(), composable_rust_core::EventError>(())
/// ```
///
/// # Old stored forms
///
/// `from(...)` lists what a kind of event was once, oldest first: each stored name with the type that its bytes are.
/// An old form becomes the nearest of these that it has a `From` for: the forms listed after it, the type that the
/// variant holds, the event, a `Vec` of events. Such types are kept as they were for ever. An event that only has a new
/// name lists the old one under `alias(...)`, and needs no type and no `From`.
///
/// ```
/// use composable_rust_core::{Decoded, EncodedEvent, Encoding, Event};
/// use composable_rust_macros::Event;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, PartialEq, Event)]
/// enum OrderEvent {
///     #[event("OrderPlaced.v2", from("OrderPlaced.v1" = PlacedV1))]
///     Placed(Placed),
/// }
///
/// #[derive(Debug, PartialEq, Serialize, Deserialize)]
/// struct Placed {
///     cents: u64,
/// }
///
/// #[derive(Serialize, Deserialize)]
/// struct PlacedV1 {
///     dollars: u32,
/// }
///
/// impl From<PlacedV1> for Placed {
///     fn from(old: PlacedV1) -> Self {
///         Self { cents: u64::from(old.dollars) * 100 }
///     }
/// }
///
/// let stored = EncodedEvent { event_type: "OrderPlaced.v1", encoding: Encoding::BINCODE, data: &[3] };
/// assert_eq!(OrderEvent::decode(stored)?, Decoded::One(OrderEvent::Placed(Placed { cents: 300 })));
/// # Ok::<(), composable_rust_core::EventError>(())
/// ```
///
/// # What does not compile
///
/// A missing, empty, too long (256 bytes) or repeated stored name, also one that a flattened event shares with others;
/// a flattened event in another encoding; type parameters, since a stored name stands for bytes of one shape; an enum
/// without variants; a union; `event` on a field; and what serde was told but the stored form can't keep. That is, among
/// others, `default`, `skip_serializing_if` and `flatten` on a field where events are written in bincode: it finds a field
/// by its place. Within the types of fields the derive does not see them. An event that can't be read back is then refused
/// before it is stored, with core's `EventError::NotRoundTrippable`; a field that was added with `default` is found by
/// golden files of the events. Names of a
/// flattened event whose `Event` is written by hand are not known to the compiler: the type's own names are tried first,
/// then the flattened events in their order.
#[proc_macro_derive(Event, attributes(event, serde))]
pub fn derive_event(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    let event = model::EventType::parse(&input);
    event
        .map_or_else(Error::into_compile_error, |event| expand::expand(&event))
        .into()
}
