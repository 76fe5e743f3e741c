//! What has happened to an order, event by event.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use composable_rust::{Aggregate, ReadStream, RecordedEvent, Version};
use futures::{Stream, StreamExt, TryStreamExt, stream};
use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::{
    Failure, Orders,
    list::decode,
    one_line::OneLine,
    order::{LineItem, Order, OrderEvent, OrderId, Sku},
};

/// One event of an order's history.
///
/// As text it is its version, stored name, time and summary, on one line; serialized it is whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its place in the order's stream.
    pub version: Version,
    /// The stored name.
    pub event_type: String,
    /// When the store wrote it.
    pub recorded_at: DateTime<Utc>,
    /// What has happened.
    pub event: OrderEvent,
}

impl Orders {
    /// The order's events, the first one first; in bounded memory.
    pub fn history(&self, order_id: &OrderId) -> impl Stream<Item = Result<Entry, Failure>> + Send + use<> {
        let records = Order::stream_id(order_id.as_str()).map(|stream_id| {
            let records = self.log().read_stream(ReadStream::new(stream_id));
            records.map_err(Failure::from)
        });
        stream::iter([records.map_err(|invalid| Failure::Input(invalid.to_string()))])
            .try_flatten()
            .map(|record| record.and_then(|record| entries(&record)))
            .map_ok(|entries| stream::iter(entries).map(Ok))
            .try_flatten()
    }
}

fn entries(record: &RecordedEvent) -> Result<Vec<Entry>, Failure> {
    let events = decode(record)?;
    let entry = |event: &OrderEvent| Entry {
        version: record.version,
        event_type: record.event_type.as_ref().to_owned(),
        recorded_at: record.recorded_at,
        event: event.clone(),
    };
    Ok(events.as_slice().iter().map(entry).collect())
}

/// An object in the words of the input of `apply`.
impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        object.serialize_entry("version", &self.version)?;
        object.serialize_entry("type", &self.event_type)?;
        object.serialize_entry("time", &time(self.event.occurred_at()))?;
        object.serialize_entry("recorded_at", &time(self.recorded_at))?;
        match &self.event {
            OrderEvent::OrderPlaced {
                order_id,
                customer_id,
                items,
                total,
                currency,
                ..
            } => {
                let items: Vec<Item<'_>> = items.iter().map(Item::from).collect();
                object.serialize_entry("order", order_id)?;
                object.serialize_entry("customer", customer_id)?;
                object.serialize_entry("items", &items)?;
                object.serialize_entry("total_cents", total)?;
                object.serialize_entry("currency", currency)?;
            }
            OrderEvent::OrderShipped { order_id, tracking, .. } => {
                object.serialize_entry("order", order_id)?;
                object.serialize_entry("tracking", tracking)?;
            }
            OrderEvent::OrderCancelled { order_id, reason, .. } => {
                object.serialize_entry("order", order_id)?;
                object.serialize_entry("reason", reason)?;
            }
        }
        object.end()
    }
}

#[derive(Serialize)]
struct Item<'a> {
    sku: &'a Sku,
    quantity: u64,
    price_cents: i64,
}

impl<'a> From<&'a LineItem> for Item<'a> {
    fn from(item: &'a LineItem) -> Self {
        Self {
            sku: &item.sku,
            quantity: item.quantity.get(),
            price_cents: item.unit_price.cents(),
        }
    }
}

fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let when = time(self.event.occurred_at());
        write!(f, "{}  {}  {when}  ", self.version, self.event_type)?;
        match &self.event {
            OrderEvent::OrderPlaced {
                customer_id,
                items,
                total,
                currency,
                ..
            } => {
                let count = items.len();
                let unit = if count == 1 { "item" } else { "items" };
                write!(
                    f,
                    "customer {customer_id}, {count} {unit}, total {}",
                    total.of(*currency)
                )
            }
            OrderEvent::OrderShipped { tracking, .. } => write!(f, "tracking {}", OneLine(tracking)),
            OrderEvent::OrderCancelled { reason, .. } => write!(f, "reason {}", OneLine(reason)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;

    use super::*;
    use crate::order::{Currency, Money};

    fn shipped(tracking: &str) -> Entry {
        Entry {
            version: Version::from(2),
            event_type: "OrderShipped.v1".to_owned(),
            recorded_at: DateTime::UNIX_EPOCH,
            event: OrderEvent::OrderShipped {
                order_id: "o-1".parse().unwrap(),
                tracking: tracking.to_owned(),
                shipped_at: DateTime::UNIX_EPOCH,
            },
        }
    }

    #[test]
    fn an_entry_is_one_line_whatever_it_holds() {
        assert_eq!(
            shipped("T\n1\u{1b}[2J").to_string(),
            "2  OrderShipped.v1  1970-01-01T00:00:00.000000Z  tracking T\\n1\\u{1b}[2J"
        );
    }

    #[test]
    fn one_item_is_no_items() {
        let item = LineItem {
            sku: "A".parse().unwrap(),
            quantity: NonZeroU64::new(2).unwrap(),
            unit_price: Money::from_cents(100),
        };
        let summary = |items: Vec<LineItem>| {
            let event = OrderEvent::OrderPlaced {
                order_id: "o-1".parse().unwrap(),
                customer_id: "c".parse().unwrap(),
                items,
                total: Money::from_cents(200),
                currency: Currency::Usd,
                placed_at: DateTime::UNIX_EPOCH,
            };
            Entry { event, ..shipped("T") }.to_string()
        };
        assert!(summary(vec![item.clone()]).ends_with("  customer c, 1 item, total $2.00"));
        assert!(summary(vec![item.clone(), item]).ends_with("  customer c, 2 items, total $2.00"));
    }

    #[test]
    fn json_speaks_the_words_of_the_input() {
        let expected = concat!(
            r#"{"version":2,"type":"OrderShipped.v1","time":"1970-01-01T00:00:00.000000Z","#,
            r#""recorded_at":"1970-01-01T00:00:00.000000Z","order":"o-1","tracking":"T1"}"#
        );
        assert_eq!(serde_json::to_string(&shipped("T1")).unwrap(), expected);
    }
}
