//! Metadata as the text that is cast to JSONB.
//!
//! JSONB keeps numbers as decimals and forgets how they were written: `1e16` comes back as `10000000000000000`, which is
//! an integer, no longer equal to what was appended. Decimals keep their places, so a float is written with one.

use std::io;

use composable_rust_core::SerializedEvent;
use serde::Serialize;
use serde_json::{Serializer, ser::Formatter};

/// The metadata of an event, if it has any.
pub(crate) fn metadata(event: &SerializedEvent) -> Result<Option<String>, sqlx::Error> {
    let Some(metadata) = &event.metadata else {
        return Ok(None);
    };
    let mut text = Vec::with_capacity(128);
    let written = metadata.serialize(&mut Serializer::with_formatter(&mut text, Plain));
    written.map_err(|error| sqlx::Error::Encode(Box::new(error)))?;
    let text = String::from_utf8(text).map_err(|error| sqlx::Error::Encode(Box::new(error)))?;
    Ok(Some(text))
}

/// Writes floats without an exponent and with a decimal place.
struct Plain;

impl Formatter for Plain {
    fn write_f32<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f32) -> io::Result<()> {
        self.write_f64(writer, value.into())
    }

    /// Display writes the shortest digits that lead back to the same float, and never an exponent.
    fn write_f64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        let places = if value.fract() == 0.0 { ".0" } else { "" };
        write!(writer, "{value}{places}")
    }
}

#[cfg(test)]
mod tests {
    use composable_rust_core::{Encoding, EventId, EventMetadata};
    use proptest::prelude::*;
    use serde_json::Value;
    use uuid::Uuid;

    use super::*;

    fn written(value: Value) -> String {
        let id = EventId::from_uuid(Uuid::nil());
        let event = SerializedEvent::new(id, "Measured.v1", Encoding::JSON, vec![]);
        let event = event.with_metadata(EventMetadata::default().with("value", value));
        metadata(&event).unwrap().unwrap()
    }

    #[test]
    fn a_float_is_told_from_an_integer_by_its_decimal_place() {
        assert_eq!(written(Value::from(1e16)), r#"{"value":10000000000000000.0}"#);
        assert_eq!(written(Value::from(1e-7)), r#"{"value":0.0000001}"#);
        assert_eq!(written(Value::from(-3.0)), r#"{"value":-3.0}"#);
        assert_eq!(written(Value::from(3)), r#"{"value":3}"#);
    }

    #[test]
    fn no_metadata_is_no_text() {
        let event = SerializedEvent::new(EventId::from_uuid(Uuid::nil()), "Measured.v1", Encoding::JSON, vec![]);
        assert_eq!(metadata(&event).unwrap(), None);
    }

    proptest! {
        #[test]
        fn every_float_is_written_plainly_and_read_back(value in proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL) {
            let text = written(Value::from(value));
            prop_assert!(!text.contains(['E', '+']) && text.contains('.'));
            prop_assert_eq!(&serde_json::from_str::<Value>(&text).unwrap()["value"], &Value::from(value));
        }
    }
}
