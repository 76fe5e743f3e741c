//! A serializer for JSON that refuses NaN and infinities, wherever they are nested.
//!
//! JSON has no such numbers. `serde_json` writes `null` for them, which is read as another value or not at all. Its
//! `Formatter` can't tell this `null` from that of an `Option`, and a second pass over the value would cost as much as the
//! first, so each value is wrapped on its way to the serializer.

use serde::{
    Serialize, Serializer,
    ser::{
        Error, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
        SerializeTupleStruct, SerializeTupleVariant,
    },
};

/// Around a value: it is written with a wrapped serializer. Around a serializer: it refuses floats that are not finite.
pub(crate) struct Finite<T>(pub(crate) T);

impl<T: Serialize + ?Sized> Serialize for Finite<&T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(Finite(serializer))
    }
}

fn check<E: Error>(number: f64) -> Result<(), E> {
    if number.is_finite() {
        return Ok(());
    }
    Err(E::custom(format_args!("JSON has no number for {number}")))
}

macro_rules! forward {
    ($($method:ident($($argument:ident: $type:ty),*) -> $ok:ty;)*) => {$(
        fn $method(self, $($argument: $type),*) -> Result<$ok, S::Error> {
            self.0.$method($($argument),*)
        }
    )*};
}

macro_rules! forward_compound {
    ($($method:ident($($argument:ident: $type:ty),*) -> $ok:ident;)*) => {$(
        fn $method(self, $($argument: $type),*) -> Result<Self::$ok, S::Error> {
            self.0.$method($($argument),*).map(Finite)
        }
    )*};
}

impl<S: Serializer> Serializer for Finite<S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Finite<S::SerializeSeq>;
    type SerializeTuple = Finite<S::SerializeTuple>;
    type SerializeTupleStruct = Finite<S::SerializeTupleStruct>;
    type SerializeTupleVariant = Finite<S::SerializeTupleVariant>;
    type SerializeMap = Finite<S::SerializeMap>;
    type SerializeStruct = Finite<S::SerializeStruct>;
    type SerializeStructVariant = Finite<S::SerializeStructVariant>;

    fn serialize_f32(self, number: f32) -> Result<S::Ok, S::Error> {
        check(number.into())?;
        self.0.serialize_f32(number)
    }

    fn serialize_f64(self, number: f64) -> Result<S::Ok, S::Error> {
        check(number)?;
        self.0.serialize_f64(number)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.0.serialize_some(&Finite(value))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Result<S::Ok, S::Error> {
        self.0.serialize_newtype_struct(name, &Finite(value))
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        self.0.serialize_newtype_variant(name, index, variant, &Finite(value))
    }

    fn collect_str<T: std::fmt::Display + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.0.collect_str(value)
    }

    fn is_human_readable(&self) -> bool {
        self.0.is_human_readable()
    }

    forward! {
        serialize_bool(value: bool) -> S::Ok;
        serialize_i8(value: i8) -> S::Ok;
        serialize_i16(value: i16) -> S::Ok;
        serialize_i32(value: i32) -> S::Ok;
        serialize_i64(value: i64) -> S::Ok;
        serialize_i128(value: i128) -> S::Ok;
        serialize_u8(value: u8) -> S::Ok;
        serialize_u16(value: u16) -> S::Ok;
        serialize_u32(value: u32) -> S::Ok;
        serialize_u64(value: u64) -> S::Ok;
        serialize_u128(value: u128) -> S::Ok;
        serialize_char(value: char) -> S::Ok;
        serialize_str(value: &str) -> S::Ok;
        serialize_bytes(value: &[u8]) -> S::Ok;
        serialize_none() -> S::Ok;
        serialize_unit() -> S::Ok;
        serialize_unit_struct(name: &'static str) -> S::Ok;
        serialize_unit_variant(name: &'static str, index: u32, variant: &'static str) -> S::Ok;
    }

    forward_compound! {
        serialize_seq(len: Option<usize>) -> SerializeSeq;
        serialize_tuple(len: usize) -> SerializeTuple;
        serialize_tuple_struct(name: &'static str, len: usize) -> SerializeTupleStruct;
        serialize_tuple_variant(
            name: &'static str, index: u32, variant: &'static str, len: usize
        ) -> SerializeTupleVariant;
        serialize_map(len: Option<usize>) -> SerializeMap;
        serialize_struct(name: &'static str, len: usize) -> SerializeStruct;
        serialize_struct_variant(
            name: &'static str, index: u32, variant: &'static str, len: usize
        ) -> SerializeStructVariant;
    }
}

macro_rules! elements {
    ($($trait:ident::$method:ident;)*) => {$(
        impl<S: $trait> $trait for Finite<S> {
            type Ok = S::Ok;
            type Error = S::Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
                self.0.$method(&Finite(value))
            }

            fn end(self) -> Result<S::Ok, S::Error> {
                self.0.end()
            }
        }
    )*};
}

elements! {
    SerializeSeq::serialize_element;
    SerializeTuple::serialize_element;
    SerializeTupleStruct::serialize_field;
    SerializeTupleVariant::serialize_field;
}

macro_rules! fields {
    ($($trait:ident),*) => {$(
        impl<S: $trait> $trait for Finite<S> {
            type Ok = S::Ok;
            type Error = S::Error;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), S::Error> {
                self.0.serialize_field(key, &Finite(value))
            }

            fn skip_field(&mut self, key: &'static str) -> Result<(), S::Error> {
                self.0.skip_field(key)
            }

            fn end(self) -> Result<S::Ok, S::Error> {
                self.0.end()
            }
        }
    )*};
}

fields!(SerializeStruct, SerializeStructVariant);

impl<S: SerializeMap> SerializeMap for Finite<S> {
    type Ok = S::Ok;
    type Error = S::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), S::Error> {
        self.0.serialize_key(&Finite(key))
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
        self.0.serialize_value(&Finite(value))
    }

    fn end(self) -> Result<S::Ok, S::Error> {
        self.0.end()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::{Codec, Encoding, EventError};

    const JSON: Codec = Codec::new(Encoding::JSON);

    /// Every kind of value that serde knows, with a float in each that can hold one.
    #[derive(Clone, Serialize)]
    enum Nested {
        Newtype(f64),
        Tuple(u8, f32),
        Struct { number: f64 },
        Unit,
    }

    #[derive(Clone, Serialize)]
    struct Everything {
        plain: f64,
        short: f32,
        maybe: Option<f64>,
        list: Vec<f64>,
        tuple: (u8, f64),
        map: BTreeMap<String, f64>,
        newtype: Newtype,
        pair: Pair,
        nested: Vec<Nested>,
        #[serde(flatten)]
        spread: Spread,
    }

    #[derive(Clone, Serialize)]
    struct Newtype(f32);

    #[derive(Clone, Serialize)]
    struct Pair(f64, f64);

    #[derive(Clone, Serialize)]
    struct Spread {
        inner: f64,
    }

    fn everything(map_value: f64) -> Everything {
        Everything {
            plain: 1.5,
            short: 0.1,
            maybe: None,
            list: vec![1.0, -2.25],
            tuple: (1, 1e300),
            map: [("key".to_owned(), map_value)].into(),
            newtype: Newtype(0.5),
            pair: Pair(0.0, -0.0),
            nested: vec![
                Nested::Newtype(1.0),
                Nested::Tuple(1, 2.0),
                Nested::Struct { number: 3.0 },
                Nested::Unit,
            ],
            spread: Spread { inner: 4.0 },
        }
    }

    fn assert_refused(value: &impl Serialize, number: f64) {
        let Err(EventError::Malformed(source)) = JSON.encode(value) else {
            panic!("{number} was to be refused")
        };
        assert_eq!(source.to_string(), format!("JSON has no number for {number}"));
    }

    #[test]
    fn numbers_that_are_not_finite_are_refused_wherever_they_are() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            #[expect(clippy::cast_possible_truncation, reason = "these stay what they are")]
            let short = bad as f32;
            let changes: [&dyn Fn(&mut Everything); 14] = [
                &|value| value.plain = bad,
                &|value| value.short = short,
                &|value| value.maybe = Some(bad),
                &|value| value.list.push(bad),
                &|value| value.tuple.1 = bad,
                &|value| value.map = [("a".to_owned(), 1.0), ("b".to_owned(), bad)].into(),
                &|value| value.newtype = Newtype(short),
                &|value| value.pair.0 = bad,
                &|value| value.pair.1 = bad,
                &|value| value.nested.push(Nested::Newtype(bad)),
                &|value| value.nested.push(Nested::Tuple(0, short)),
                &|value| value.nested.push(Nested::Struct { number: bad }),
                &|value| value.spread.inner = bad,
                &|value| value.map = [("key".to_owned(), bad)].into(),
            ];
            for change in changes {
                let mut value = everything(1.0);
                change(&mut value);
                assert_refused(&value, bad);
            }
            assert_refused(&bad, bad);
        }
    }

    #[test]
    fn everything_else_is_written_as_serde_json_writes_it() {
        let value = (
            everything(f64::MAX),
            i128::MIN,
            u128::MAX,
            'c',
            (),
            Some("text"),
            json!({"a": [null, 1.5, true]}),
        );
        assert_eq!(JSON.encode(&value).unwrap(), serde_json::to_vec(&value).unwrap());
    }

    proptest! {
        #[test]
        fn any_finite_number_comes_back(number in prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO) {
            let bytes = JSON.encode(&[number]).unwrap();
            prop_assert_eq!(&bytes, &serde_json::to_vec(&[number]).unwrap());
            prop_assert_eq!(JSON.decode::<[f64; 1]>(&bytes).unwrap()[0].to_bits(), number.to_bits());
        }
    }
}
