//! The command line.

use std::{path::PathBuf, str::FromStr};

use clap::Parser;

use crate::{
    StoreUrl,
    order::{CustomerId, OrderId, RequestedItem},
};

const AFTER_HELP: &str = "\
Without a command, the demo runs: an order is placed, shipped, found again from the log alone, and refuses to be cancelled.

Exit codes: 0 done; 1 the command was rejected, or there is no such order; 2 wrong usage or bad input; 3 the store failed.
RUST_LOG (such as RUST_LOG=debug) shows on standard error what the framework does.";

const STORE_HELP: &str =
    "sqlite://path, postgres://user@host/database or memory:// [default: $DATABASE_URL, else sqlite://orders.db]";

/// Orders in an event store.
///
/// ```
/// use clap::Parser;
/// use order_processing::{Arguments, Subcommand};
///
/// let arguments = Arguments::try_parse_from(["order-processing", "show", "o-1"])?;
/// assert!(matches!(arguments.command, Some(Subcommand::Show { order_id }) if order_id.as_str() == "o-1"));
/// # Ok::<(), clap::Error>(())
/// ```
#[derive(Debug, Parser)]
#[command(name = "order-processing", version, about = "Orders in an event store", long_about = None, after_help = AFTER_HELP)]
pub struct Arguments {
    /// Where the events are; without it, `DATABASE_URL` says so, and without that it is [`StoreUrl::default`].
    #[arg(long, global = true, value_name = "URL", help = STORE_HELP)]
    pub store: Option<StoreUrl>,
    /// What to do; the demo, if nothing.
    #[command(subcommand)]
    pub command: Option<Subcommand>,
}

/// What the program can be asked to do.
#[derive(Debug, clap::Subcommand)]
pub enum Subcommand {
    /// Place an order
    Place {
        /// The order's name, new
        #[arg(long = "order", value_name = "ID")]
        order_id: OrderId,
        /// Who buys
        #[arg(long = "customer", value_name = "ID")]
        customer_id: CustomerId,
        /// What is bought; PRICE in dollars, such as A-1:2:25.00. Repeat for more
        #[arg(long = "item", value_name = "SKU:QTY:PRICE", required = true, value_parser = requested_item)]
        items: Vec<RequestedItem>,
    },
    /// Ship a placed order
    Ship {
        /// The order
        #[arg(long = "order", value_name = "ID")]
        order_id: OrderId,
        /// The carrier's number
        #[arg(long, value_name = "T")]
        tracking: String,
    },
    /// Cancel a placed order
    Cancel {
        /// The order
        #[arg(long = "order", value_name = "ID")]
        order_id: OrderId,
        /// Why
        #[arg(long, value_name = "R")]
        reason: String,
    },
    /// Show an order on a line
    Show {
        /// The order
        #[arg(value_name = "ID")]
        order_id: OrderId,
    },
    /// Show the events of an order, a line each: version, type, time, summary
    History {
        /// The order
        #[arg(value_name = "ID")]
        order_id: OrderId,
        /// As JSON, an object a line
        #[arg(long)]
        json: bool,
    },
    /// Show every order, a line each, sorted by id
    List,
    /// Apply commands, a JSON object a line, one after the other in order
    Apply {
        /// The file; - is standard input
        #[arg(value_name = "FILE|-")]
        file: PathBuf,
        /// The line to start at
        #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
        from: u64,
        /// How many commands are carried out at the same time; more than 1 is faster, but keeps only the order of each
        /// order's commands: what is killed then is no prefix of the file, and --from can't go on after it
        #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
        jobs: u16,
    },
}

/// Reads `SKU:QTY:PRICE`, from the right: an article may be called `a:b`.
fn requested_item(text: &str) -> Result<RequestedItem, String> {
    let form = || "expected SKU:QTY:PRICE, such as A-1:2:25.00".to_owned();
    let (rest, price) = text.rsplit_once(':').ok_or_else(form)?;
    let (sku, quantity) = rest.rsplit_once(':').ok_or_else(form)?;
    Ok(RequestedItem {
        sku: parsed(sku, "the article")?,
        quantity: parsed(quantity, "the quantity")?,
        unit_price: parsed(price, "the price")?,
    })
}

fn parsed<T: FromStr<Err: std::fmt::Display>>(text: &str, what: &str) -> Result<T, String> {
    text.parse().map_err(|error| format!("{what} {text:?}: {error}"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::order::Money;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn an_item_is_read_from_the_right() {
        let item = requested_item("a:b:2:25.00").unwrap();
        assert_eq!((item.sku.as_str(), item.quantity), ("a:b", 2));
        assert_eq!(item.unit_price, Money::from_cents(2500));
    }

    #[test]
    fn what_is_no_item_is_refused_and_named() {
        for text in [
            "",
            "A",
            "A:1",
            ":1:1",
            "A:x:1",
            "A:1.5:1",
            "A:1:1.234",
            "A:99999999999999999999:1",
        ] {
            assert!(requested_item(text).is_err(), "{text:?}");
        }
        assert!(
            requested_item("A:1:free")
                .unwrap_err()
                .starts_with("the price \"free\": ")
        );
    }

    #[test]
    fn numbers_that_break_a_rule_are_left_to_the_rules() {
        assert!(requested_item("A:0:-1.00").is_ok());
    }
}
