//! A command as a JSON object.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, IntoDeserializer, MapAccess, Visitor, value::MapAccessDeserializer},
};

use crate::{
    one_line::OneLine,
    order::{Currency, CustomerId, Money, OrderCommand, OrderId, RequestedItem, Sku},
};

/// As much of a reason as a person reads.
const LONGEST_REASON: usize = 200;

/// Reads a command from a line.
///
/// Fields that are not known are ignored; one that is known and there twice is malformed, since it can't be told which
/// is meant.
///
/// The line is read twice, first for the name of the command alone. An enum that serde finds by its tag would build
/// every value that comes before the tag, and so refuse what nobody asks for: numbers that are too large, text that is
/// no Unicode, lists that are too deep.
pub(super) fn parse(line: &str) -> Result<OrderCommand, String> {
    let named: Named = object(line)?;
    match named.command {
        Name::Place => place(object(line)?),
        Name::Ship => ship(object(line)?),
        Name::Cancel => cancel(object(line)?),
    }
}

fn object<T: DeserializeOwned>(line: &str) -> Result<T, String> {
    let read = serde_json::from_str(line);
    read.map(|Object(fields)| fields).map_err(|error| reason(&error))
}

#[derive(Deserialize)]
struct Named {
    #[serde(deserialize_with = "name")]
    command: Name,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Name {
    Place,
    Ship,
    Cancel,
}

/// A text, and nothing but a text: a derived enum would take `{"ship":null}` as well.
fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Name, D::Error> {
    Name::deserialize(String::deserialize(deserializer)?.into_deserializer())
}

#[derive(Deserialize)]
struct Place {
    order: String,
    customer: String,
    items: Vec<Object<Item>>,
    currency: Option<String>,
}

#[derive(Deserialize)]
struct Ship {
    order: String,
    tracking: String,
}

#[derive(Deserialize)]
struct Cancel {
    order: String,
    reason: String,
}

#[derive(Deserialize)]
struct Item {
    sku: String,
    quantity: i64,
    price_cents: i64,
}

fn place(place: Place) -> Result<OrderCommand, String> {
    Ok(OrderCommand::PlaceOrder {
        order_id: named::<OrderId>(place.order, "order")?,
        customer_id: named::<CustomerId>(place.customer, "customer")?,
        items: place.items.into_iter().map(item).collect::<Result<_, _>>()?,
        currency: place
            .currency
            .map_or(Ok(Currency::default()), |code| named(code, "currency"))?,
    })
}

fn ship(ship: Ship) -> Result<OrderCommand, String> {
    Ok(OrderCommand::ShipOrder {
        order_id: named::<OrderId>(ship.order, "order")?,
        tracking: ship.tracking,
    })
}

fn cancel(cancel: Cancel) -> Result<OrderCommand, String> {
    Ok(OrderCommand::CancelOrder {
        order_id: named::<OrderId>(cancel.order, "order")?,
        reason: cancel.reason,
    })
}

fn item(Object(item): Object<Item>) -> Result<RequestedItem, String> {
    Ok(RequestedItem {
        sku: named::<Sku>(item.sku, "sku")?,
        quantity: item.quantity,
        unit_price: Money::from_cents(item.price_cents),
    })
}

fn named<T: TryFrom<String, Error: fmt::Display>>(text: String, field: &str) -> Result<T, String> {
    T::try_from(text).map_err(|error| format!("{field}: {error}"))
}

/// What serde says, without a line number that is not the file's, short, and without line breaks out of the input.
fn reason(error: &serde_json::Error) -> String {
    let said = error.to_string();
    let said = said.rsplit_once(" at line ").map_or(&*said, |(said, _)| said);
    let short: String = said.chars().take(LONGEST_REASON).collect();
    let short = OneLine(&short);
    if error.is_data() {
        format!("{short}")
    } else {
        format!("not JSON: {short} at column {}", error.column())
    }
}

/// An object, and nothing but an object: derived structs would take an array as well.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_three_commands_are_read() {
        let place = r#"{"command":"place","order":"o-1","customer":"c-9","items":[{"sku":"A-1","quantity":2,"price_cents":2500}]}"#;
        let Ok(OrderCommand::PlaceOrder { items, .. }) = parse(place) else {
            panic!("not placed");
        };
        assert_eq!(items[0].unit_price, Money::from_cents(2500));
        let ship = parse(r#"{"command":"ship","order":"o-1","tracking":"T1"}"#);
        assert!(matches!(ship, Ok(OrderCommand::ShipOrder { tracking, .. }) if tracking == "T1"));
        let cancel = parse(r#"{"reason":"changed mind","order":"o-1","command":"cancel"}"#);
        assert!(matches!(cancel, Ok(OrderCommand::CancelOrder { reason, .. }) if reason == "changed mind"));
    }

    #[test]
    fn a_currency_is_dollars_unless_another_one_is_said() {
        let place = |currency: &str| {
            let line = format!(r#"{{"command":"place","order":"o","customer":"c","items":[]{currency}}}"#);
            parse(&line).map(|command| match command {
                OrderCommand::PlaceOrder { currency, .. } => currency,
                other => panic!("{other:?}"),
            })
        };
        assert_eq!(place(""), Ok(Currency::Usd));
        assert_eq!(place(r#","currency":"EUR""#), Ok(Currency::Eur));
        let refused = Err("currency: it must be one of USD, EUR and GBP".to_owned());
        assert_eq!(place(r#","currency":"eur""#), refused);
        assert!(place(r#","currency":7"#).is_err());
    }

    #[test]
    fn unknown_fields_are_ignored_wherever_they_are() {
        let line = r#"{"x":[1,{"y":null}],"command":"place","order":"o","customer":"c","items":[{"sku":"A","quantity":1,"price_cents":1,"x":1.5}],"reason":3}"#;
        assert!(parse(line).is_ok(), "{:?}", parse(line));
    }

    #[test]
    fn what_an_unknown_field_holds_is_not_looked_at() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        for value in ["1e400", r#""\ud800""#, "[{\"a\":-1e999}]", r#"{"a":1,"a":1}"#, &deep] {
            for line in [
                format!(r#"{{"note":{value},"command":"ship","order":"o","tracking":"T"}}"#),
                format!(r#"{{"command":"cancel","note":{value},"order":"o","reason":"R","note":{value}}}"#),
                format!(
                    r#"{{"command":"place","order":"o","customer":"c","items":[{{"note":{value},"sku":"A","quantity":1,"price_cents":1}}],"tracking":{value}}}"#
                ),
            ] {
                assert!(parse(&line).is_ok(), "{:.100}: {:?}", line, parse(&line));
            }
        }
    }

    #[test]
    fn what_is_no_json_is_malformed_in_an_unknown_field_too() {
        for value in [
            "", "1e", "01", "nul", "\"\\x\"", "\"\t\"", "[1,]", "[", "{\"a\"}", "'a'",
        ] {
            let line = format!(r#"{{"note":{value},"command":"ship","order":"o","tracking":"T"}}"#);
            assert!(parse(&line).is_err(), "{line}");
        }
    }

    #[test]
    fn numbers_that_break_a_rule_are_left_to_the_rules() {
        let line = r#"{"command":"place","order":"o","customer":"c","items":[{"sku":"A","quantity":-1,"price_cents":9000000000000000000}]}"#;
        assert!(parse(line).is_ok());
    }

    #[test]
    fn anything_else_is_malformed() {
        for line in [
            "null",
            "[]",
            "{",
            "{}",
            "\"ship\"",
            "not json",
            r#"["ship","o","T1"]"#,
            r#"["ship",{"order":"o","tracking":"T1"}]"#,
            r#"{"ship":{"order":"o","tracking":"T1"}}"#,
            r#"{"command":"refund","order":"o"}"#,
            r#"{"command":"Ship","order":"o","tracking":"T1"}"#,
            r#"{"command":"ship","order":"o"}"#,
            r#"{"command":"ship","order":"o","tracking":null}"#,
            r#"{"command":"ship","order":7,"tracking":"T1"}"#,
            r#"{"command":"ship","order":" ","tracking":"T1"}"#,
            r#"{"command":"ship","order":"a\nb","tracking":"T1"}"#,
            r#"{"command":"ship","order":"o","order":"p","tracking":"T1"}"#,
            r#"{"command":"ship","order":"o","tracking":"T1"} {}"#,
            r#"{"command":"ship","order":"o","tracking":"T1","command":"ship"}"#,
            r#"{"command":{"ship":null},"order":"o","tracking":"T1"}"#,
            r#"{"command":"ship","order":"\ud800","tracking":"T1"}"#,
            r#"{"command":"place","order":"o","customer":"c","items":[],"items":[]}"#,
            r#"{"command":"place","order":"o","customer":"c","items":[{"sku":"A","sku":"A","quantity":1,"price_cents":1}]}"#,
            r#"{"command":"place","order":"o","customer":"c","items":[{"sku":"A","quantity":1,"price_cents":1e400}]}"#,
            r#"{"command":"place","order":"o","customer":"c","items":"none"}"#,
            r#"{"command":"place","order":"o","customer":"c","items":[["A",1,1]]}"#,
            r#"{"command":"place","order":"o","customer":"c","items":[{"sku":"A","quantity":"2","price_cents":1}]}"#,
            r#"{"command":"place","order":"o","customer":"c","items":[{"sku":"A","quantity":1.5,"price_cents":1}]}"#,
            r#"{"command":"place","order":"o","customer":"c","items":[{"sku":"A","quantity":1,"price_cents":1e30}]}"#,
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn a_reason_is_short_and_one_line() {
        let line = format!(r#"{{"command":"a\nb{}","order":"o"}}"#, "x".repeat(10_000));
        let reason = parse(&line).unwrap_err();
        assert!(reason.starts_with("unknown variant `a\\nbxxx"), "{reason}");
        assert!(reason.len() < 300 && !reason.contains('\n'));
        assert_eq!(
            parse("{").unwrap_err(),
            "not JSON: EOF while parsing an object at column 1"
        );
    }

    proptest! {
        #[test]
        fn parsing_never_panics(line in ".*") {
            let _ = parse(&line);
        }
    }
}
