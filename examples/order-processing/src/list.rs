//! Every order, from the log.

use std::collections::BTreeMap;

use composable_rust::{Aggregate, Decoded, EventFilter, Position, ReadAll, RecordedEvent};

use crate::{
    Failure, Orders, Overview,
    order::{Order, OrderEvent},
};

impl Orders {
    /// Every order and what is shown of it, sorted by its id.
    ///
    /// Reads the log up to where it ended at the call, all that was acknowledged included, page by page; what is kept is a
    /// line an order.
    ///
    /// # Errors
    /// [`Failure::Store`] if the log can't be read, or holds an event of an order that this program does not know.
    pub async fn list(&self) -> Result<BTreeMap<String, Overview>, Failure> {
        let end = self.log().wait_for_committed().await?;
        let filter = EventFilter::all().category(Order::CATEGORY);
        let mut orders = BTreeMap::new();
        let mut after = Position::BEGINNING;
        while after < end {
            let page = self
                .log()
                .read_all(ReadAll::after(after).filter(filter.clone()))
                .await?;
            for record in &page.events {
                follow(&mut orders, record)?;
            }
            if page.resume_after <= after {
                break;
            }
            after = page.resume_after;
        }
        Ok(orders)
    }
}

fn follow(orders: &mut BTreeMap<String, Overview>, record: &RecordedEvent) -> Result<(), Failure> {
    let Some(order_id) = record.stream_id.id() else {
        return Ok(());
    };
    let decoded = decode(record)?;
    if !orders.contains_key(order_id) {
        orders.insert(order_id.to_owned(), Overview::default());
    }
    if let Some(overview) = orders.get_mut(order_id) {
        for event in decoded.as_slice() {
            overview.apply(event);
        }
        overview.version = record.version;
    }
    Ok(())
}

/// What a record means today; an error says where it is.
pub(crate) fn decode(record: &RecordedEvent) -> Result<Decoded<OrderEvent>, Failure> {
    record.decode().map_err(|error| {
        let context = format!("event {} of {} can't be decoded", record.version, record.stream_id);
        Failure::store(context, error)
    })
}
