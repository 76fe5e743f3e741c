//! A panic of an effect.

use std::{error::Error, fmt};

/// A panic of an effect: the store has caught it, and goes on with everything else.
///
/// It is in the error of [`ActionHandle::settled`](crate::ActionHandle::settled), passed to the hook of
/// [`StoreBuilder::on_effect_panic`](crate::StoreBuilder::on_effect_panic), and counted by
/// [`Store::effect_panics`](crate::Store::effect_panics).
///
/// ```
/// # use composable_rust_core::{Effect, Reducer};
/// # use composable_rust_runtime::{SettleError, Store};
/// # struct Careless;
/// # impl Reducer for Careless {
/// #     type State = (); type Action = (); type Environment = ();
/// #     fn reduce(&self, _: &mut (), (): &(), (): &()) -> Effect<()> {
/// #         Effect::fire_and_forget(async { panic!("no network") }).label("upload")
/// #     }
/// # }
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let store = Store::builder(Careless, ()).build(()).unwrap();
/// let handle = store.send(()).await.unwrap();
/// let Err(SettleError::EffectPanicked(panic)) = handle.settled().await else { panic!("it panicked") };
/// assert_eq!((panic.label, panic.message.as_str()), (Some("upload"), "no network"));
/// assert_eq!(store.effect_panics(), 1);
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EffectPanic {
    /// The effect's label, if it has one.
    pub label: Option<&'static str>,
    /// Which reduce returned the effect: 1 for the store's first.
    pub cause: u64,
    /// What the panic said.
    pub message: String,
}

impl fmt::Display for EffectPanic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.label {
            Some(label) => write!(f, "the effect `{label}` panicked: {}", self.message),
            None => write!(f, "an effect panicked: {}", self.message),
        }
    }
}

impl Error for EffectPanic {}
