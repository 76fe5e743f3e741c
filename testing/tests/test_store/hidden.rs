//! States of which more is compared than shown.

use std::fmt::{self, Debug};

use composable_rust_core::{Effect, Reducer};
use composable_rust_testing::{Exhaustivity, TestStore};

use crate::said::said;

#[derive(Clone, Default, PartialEq)]
struct Secretive {
    secret: u32,
}

impl Debug for Secretive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secretive")
    }
}

struct Changing;

impl Reducer for Changing {
    type State = Secretive;
    type Action = ();
    type Environment = ();

    fn reduce(&self, state: &mut Secretive, (): &(), (): &()) -> Effect<()> {
        state.secret += 1;
        Effect::none()
    }
}

#[test]
fn a_change_that_is_not_shown_is_said_to_be_one() {
    let message = said(|| TestStore::new(Changing, Secretive::default(), ()).send((), |_| {}));
    assert_eq!(
        message,
        "\
send(()): it changed the state, which was not asserted

  - asserted, + actual:
    both are shown as:
    Secretive
    but `==` says that they differ: look at their `PartialEq` and `Debug`

help: assert the change in the closure, or prevent it"
    );
}

#[test]
fn a_skipped_change_that_is_not_shown_is_said_to_be_one() {
    let builder = TestStore::builder(Changing, Secretive::default(), ());
    let mut store = builder.exhaustivity(Exhaustivity::OffShowingSkipped).build();
    store.send((), |_| {});
    assert!(
        store.skipped()[0].contains("both are shown as:\nSecretive\n"),
        "{:?}",
        store.skipped()
    );
    store.finish();
}

#[test]
fn without_effects_there_is_no_list_of_them() {
    assert_eq!(
        said(|| TestStore::new(Changing, Secretive::default(), ()).skip_received()),
        "\
skip_received(): nothing was received that could be skipped

help: leave this out, or let the effects run that bring something before it"
    );
}
