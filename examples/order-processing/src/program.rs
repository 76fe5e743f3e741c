//! What each command does.

use std::{
    io::{self, Write},
    path::Path,
    sync::Arc,
};

use composable_rust::SystemClock;
use futures::{TryStreamExt, pin_mut};

use crate::{Arguments, Failure, Orders, Storage, StoreUrl, demo, order::OrderId, task::Task};

/// Does what `arguments` say, and writes what is asked for to `output`.
///
/// # Errors
/// See [`Failure`]; its exit code tells the caller of the program what to do next.
pub async fn run(arguments: Arguments, output: &mut (dyn Write + Send)) -> Result<(), Failure> {
    let named = match arguments.store {
        Some(url) => Some(url),
        None => from_environment()?,
    };
    let task = arguments.command.map(Task::try_from).transpose()?;
    let url = named.clone().unwrap_or_default();
    let storage = match &task {
        Some(task) if task.only_reads() => open_to_read(named.as_ref()).await?,
        _ => Storage::open(&url).await?,
    };
    let Some(task) = task else {
        return demo::run(storage, &url, output).await;
    };
    let orders = Orders::new(storage.log(), Arc::new(SystemClock));
    let done = perform(task, &orders, output).await;
    storage.close().await;
    // What was written before a failure is shown, too.
    let flushed = output.flush();
    done?;
    Ok(flushed?)
}

/// A store that was named must be there: its name may be misspelt. Without the default one, nothing was ordered yet.
async fn open_to_read(named: Option<&StoreUrl>) -> Result<Storage, Failure> {
    match named {
        Some(url) => Storage::open_to_read(url).await,
        None if Path::new(StoreUrl::DEFAULT_FILE).exists() => Storage::open_to_read(&StoreUrl::default()).await,
        None => Storage::open(&StoreUrl::Memory).await,
    }
}

/// `DATABASE_URL`; set but empty is not set.
fn from_environment() -> Result<Option<StoreUrl>, Failure> {
    match std::env::var("DATABASE_URL") {
        Ok(url) if !url.is_empty() => url
            .parse()
            .map(Some)
            .map_err(|error| Failure::Input(format!("DATABASE_URL: {error}"))),
        Err(std::env::VarError::NotUnicode(_)) => Err(Failure::Input("DATABASE_URL is not Unicode".to_owned())),
        Ok(_) | Err(std::env::VarError::NotPresent) => Ok(None),
    }
}

async fn perform(task: Task, orders: &Orders, output: &mut (dyn Write + Send)) -> Result<(), Failure> {
    match task {
        Task::Execute(command) => {
            let order_id = command.order_id().clone();
            orders.execute(command).await?;
            show(orders, &order_id, output).await
        }
        Task::Show(order_id) => show(orders, &order_id, output).await,
        Task::History { order_id, json } => history(orders, order_id, json, output).await,
        Task::List => list(orders, output).await,
        Task::Apply(apply) => apply.run(orders, output, &mut io::stderr()).await,
    }
}

async fn show(orders: &Orders, order_id: &OrderId, output: &mut (dyn Write + Send)) -> Result<(), Failure> {
    let overview = orders.overview(order_id).await?;
    Ok(writeln!(output, "{order_id}: {overview}")?)
}

async fn history(
    orders: &Orders,
    order_id: OrderId,
    json: bool,
    output: &mut (dyn Write + Send),
) -> Result<(), Failure> {
    let entries = orders.history(&order_id);
    pin_mut!(entries);
    let mut unknown = true;
    while let Some(entry) = entries.try_next().await? {
        unknown = false;
        if json {
            serde_json::to_writer(&mut *output, &entry).map_err(io::Error::from)?;
            writeln!(output)?;
        } else {
            writeln!(output, "{entry}")?;
        }
    }
    if unknown {
        return Err(Failure::UnknownOrder(order_id));
    }
    Ok(())
}

async fn list(orders: &Orders, output: &mut (dyn Write + Send)) -> Result<(), Failure> {
    for (order_id, overview) in orders.list().await? {
        writeln!(output, "{order_id}: {overview}")?;
    }
    Ok(())
}
