//! What a scenario finds out about snapshots.

use std::convert::Infallible;

use composable_rust_core::{Aggregate, Codec, Decoded, EncodedEvent, Event, EventError, SnapshotPolicy};
use composable_rust_testing::Scenario;
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::Error};

use crate::said::said;

const FAITHFUL: u8 = 0;
const REFUSED: u8 = 1;
const CUT: u8 = 2;
const FORGETFUL: u8 = 3;

/// A number that is saved in one of several ways.
#[derive(Clone, Debug, Default, PartialEq)]
struct Sum<const KIND: u8>(u64);

impl<const KIND: u8> Serialize for Sum<KIND> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match KIND {
            REFUSED => Err(S::Error::custom("a sum is secret")),
            CUT => serializer.serialize_unit(),
            FORGETFUL => serializer.serialize_u64(0),
            _ => serializer.serialize_u64(self.0),
        }
    }
}

impl<'de, const KIND: u8> Deserialize<'de> for Sum<KIND> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u64::deserialize(deserializer).map(Self)
    }
}

#[derive(Debug, PartialEq)]
struct Added(u64);

impl Event for Added {
    fn event_type(&self) -> &'static str {
        "Added.v1"
    }

    fn encode(&self) -> Result<Vec<u8>, EventError> {
        Codec::BINCODE.encode(&self.0)
    }

    fn decode(stored: EncodedEvent<'_>) -> Result<Decoded<Self>, EventError> {
        Codec::new(stored.encoding)
            .decode(stored.data)
            .map(|number| Self(number).into())
    }
}

struct Adder<const KIND: u8>;

impl<const KIND: u8> Aggregate for Adder<KIND> {
    const CATEGORY: &'static str = "adder";
    const SNAPSHOTS: SnapshotPolicy<Sum<KIND>> = SnapshotPolicy::every(100, 1);
    type State = Sum<KIND>;
    type Command = u64;
    type Event = Added;
    type Rejection = Infallible;
    type Environment = ();

    fn decide(_: &Sum<KIND>, number: &u64, (): &()) -> Result<Vec<Added>, Infallible> {
        Ok(vec![Added(*number)])
    }

    fn apply(sum: &mut Sum<KIND>, added: &Added) {
        sum.0 += added.0;
    }
}

#[test]
fn a_state_that_comes_back_from_its_snapshot_is_fine() {
    Scenario::<Adder<FAITHFUL>>::given([Added(1)])
        .when(2)
        .then_state(&Sum(3));
}

#[test]
fn a_state_that_can_not_be_saved_is_found_at_once() {
    let message = said(|| Scenario::<Adder<REFUSED>>::given([]).when(1));
    assert!(
        message.starts_with("the state after command 1 can't be saved as a snapshot\n\nthe event does not match"),
        "{message}"
    );
    assert!(message.contains("a sum is secret"), "the cause is shown: {message}");
    assert!(
        message.ends_with("of the state, in the encoding of snapshots (bincode)"),
        "{message}"
    );
}

#[test]
fn a_state_that_does_not_come_back_is_found_at_once() {
    let message = said(|| Scenario::<Adder<CUT>>::given([]).when(1));
    assert_eq!(
        message,
        "the state after command 1 does not come back from its snapshot

help: see the serde attributes of the state, in the encoding of snapshots (bincode)"
    );
}

#[test]
fn a_state_that_comes_back_as_another_one_is_shown() {
    let message = said(|| Scenario::<Adder<FORGETFUL>>::given([]).when(1).then_state(&Sum(1)));
    assert_eq!(
        message,
        "the state after command 1 is another one in its snapshot (- saved, + restored)

  Sum(
-     1,
+     0,
  )

help: see the serde attributes of the state, in the encoding of snapshots (bincode)"
    );
}
