//! Names of the user's that generated code must not take for its own.

use std::marker::PhantomData;

use composable_rust_core::Decoded;
use composable_rust_macros::Event;
use serde::{Deserialize, Serialize};

use crate::{back, read};

/// As short as a type parameter.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct T(u8);

#[derive(Debug, PartialEq)]
struct S(u8);

#[derive(Deserialize)]
struct Old(u8);

impl From<Old> for T {
    fn from(old: Old) -> Self {
        Self(old.0)
    }
}

mod number {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::S;

    pub(crate) fn serialize<Z: Serializer>(value: &S, serializer: Z) -> Result<Z::Ok, Z::Error> {
        value.0.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<S, D::Error> {
        u8::deserialize(deserializer).map(S)
    }
}

#[derive(Debug, PartialEq, Event)]
#[expect(non_camel_case_types, reason = "a name that is a keyword")]
enum r#match {
    #[event("Renewed.v2", from("Renewed.v1" = Old))]
    Renewed(T),
    #[event("Counted.v1")]
    Counted {
        #[serde(with = "number")]
        r#type: S,
        codec: u8,
        stored: PhantomData<Self>,
    },
}

#[test]
fn keywords_and_names_as_short_as_parameters_are_the_users_own() {
    let counted = || r#match::Counted {
        r#type: S(1),
        codec: 2,
        stored: PhantomData,
    };
    assert_eq!(back(&counted()), Decoded::One(counted()));
    assert_eq!(read("Renewed.v1", &7_u8).unwrap(), Decoded::One(r#match::Renewed(T(7))));
}
