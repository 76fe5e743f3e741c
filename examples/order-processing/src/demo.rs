//! The demo: four parts on one order, through the loop of the framework.

use std::{io::Write, sync::Arc, time::Duration};

use composable_rust::{
    Aggregate, EventSourced, EventSourcedAction, EventSourcedEnvironment, EventSourcedState, IdGenerator, Store,
    SystemClock, SystemIds, Version,
};

use crate::{
    Failure, Overview, Storage, StoreUrl,
    order::{Currency, CustomerId, Money, Order, OrderCommand, OrderEnvironment, OrderId, RequestedItem, Sku},
};

type OrderStore = Store<EventSourced<Order>>;

/// Runs the demo on an order of its own, so that it can be run any number of times on the same file.
pub(crate) async fn run(storage: Storage, url: &StoreUrl, output: &mut (dyn Write + Send)) -> Result<(), Failure> {
    let order_id = OrderId::try_from(format!("demo-{}", SystemIds.uuid())).map_err(bad_name)?;
    let store = open(&storage, &order_id)?;
    writeln!(output, "1. Place an order of 2 items")?;
    execute(&store, place(&order_id)?).await?;
    writeln!(output, "{order_id}: {}", overview(&store))?;

    writeln!(output, "\n2. Ship it")?;
    let tracking = "TRACK-1".to_owned();
    execute(
        &store,
        OrderCommand::ShipOrder {
            order_id: order_id.clone(),
            tracking,
        },
    )
    .await?;
    let shipped = overview(&store);
    writeln!(output, "{order_id}: {shipped}")?;

    writeln!(output, "\n3. Start over, from the log alone")?;
    close(store).await;
    let storage = storage.reopen(url).await?;
    let store = open(&storage, &order_id)?;
    settle(&store, EventSourcedAction::load()).await?;
    let reconstructed = overview(&store);
    if reconstructed != shipped || reconstructed.version != Version::from(2) {
        return Err(lost(reconstructed));
    }
    writeln!(output, "Reconstructed state: {reconstructed}")?;

    writeln!(output, "\n4. Try to cancel the shipped order")?;
    let reason = "changed mind".to_owned();
    execute(
        &store,
        OrderCommand::CancelOrder {
            order_id: order_id.clone(),
            reason,
        },
    )
    .await?;
    let rejection = store.state(|order| order.last_rejection().cloned());
    match rejection {
        Some(rejection) => writeln!(output, "Rejected: {rejection}")?,
        None => writeln!(output, "{order_id}: {}", overview(&store))?,
    }
    close(store).await;
    storage.close().await;
    Ok(output.flush()?)
}

fn open(storage: &Storage, order_id: &OrderId) -> Result<OrderStore, Failure> {
    let environment = EventSourcedEnvironment::new(
        Arc::new(storage.log()),
        Arc::new(SystemIds),
        OrderEnvironment::new(Arc::new(SystemClock)),
    );
    let stream_id = Order::stream_id(order_id.as_str()).map_err(bad_name)?;
    let order = EventSourcedState::<Order>::new(stream_id);
    Store::builder(EventSourced::new(), environment)
        .build(order)
        .map_err(|error| Failure::store("the loop could not be started", error))
}

async fn execute(store: &OrderStore, command: OrderCommand) -> Result<(), Failure> {
    settle(store, EventSourcedAction::execute(command)).await
}

/// Sends `action` and waits for all that comes of it. That is a rejection, too; only what is not an answer of the order
/// is a failure.
async fn settle(store: &OrderStore, action: EventSourcedAction<Order>) -> Result<(), Failure> {
    let context = "the loop did not carry out the action";
    // The action that was not taken stays behind: it is no part of the story.
    let taken = store.send(action).await.map_err(|error| error.to_string());
    let sent = taken.map_err(|reason| Failure::store(context, std::io::Error::other(reason)))?;
    sent.settled().await.map_err(|error| Failure::store(context, error))?;
    match store.state(|order| order.last_failure().cloned()) {
        Some(failure) => Err(Failure::store("the command could not be carried out", failure)),
        None => Ok(()),
    }
}

fn overview(store: &OrderStore) -> Overview {
    store.state(|order| Overview::of(order.state(), order.version()))
}

async fn close(store: OrderStore) {
    // Everything has settled: nothing is left that could be aborted.
    store.shutdown(Duration::from_secs(10)).await;
}

fn lost(found: Overview) -> Failure {
    let found = std::io::Error::other(format!("it leads to {found}"));
    Failure::store("the log did not bring the order back", found)
}

fn bad_name(error: impl std::fmt::Display) -> Failure {
    Failure::Input(error.to_string())
}

fn place(order_id: &OrderId) -> Result<OrderCommand, Failure> {
    let item = |sku: &str| -> Result<RequestedItem, Failure> {
        Ok(RequestedItem {
            sku: sku.parse::<Sku>().map_err(bad_name)?,
            quantity: 2,
            unit_price: Money::from_cents(2500),
        })
    };
    Ok(OrderCommand::PlaceOrder {
        order_id: order_id.clone(),
        customer_id: "demo-customer".parse::<CustomerId>().map_err(bad_name)?,
        items: vec![item("SKU-1")?, item("SKU-2")?],
        currency: Currency::Usd,
    })
}
