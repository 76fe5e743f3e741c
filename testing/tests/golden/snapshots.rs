//! Golden files of snapshots.

use std::{collections::HashMap, convert::Infallible, path::Path};

use composable_rust_core::{Aggregate, Codec, Decoded, EncodedEvent, Event, EventError, SnapshotPolicy};
use composable_rust_testing::{GoldenSnapshots, golden_snapshots};
use serde::{Deserialize, Serialize};

use crate::{Folder, told, writing};

struct Nothing;

impl Event for Nothing {
    fn event_type(&self) -> &'static str {
        "Nothing.v1"
    }

    fn encode(&self) -> Result<Vec<u8>, EventError> {
        Codec::BINCODE.encode(&())
    }

    fn decode(_: EncodedEvent<'_>) -> Result<Decoded<Self>, EventError> {
        Ok(Decoded::Nothing)
    }
}

/// An aggregate with this state and policy.
macro_rules! aggregate {
    ($name:ident, $state:ty, $policy:expr) => {
        struct $name;

        impl Aggregate for $name {
            const CATEGORY: &'static str = "door";
            const SNAPSHOTS: SnapshotPolicy<$state> = $policy;
            type State = $state;
            type Command = ();
            type Event = Nothing;
            type Rejection = Infallible;
            type Environment = ();

            fn decide(_: &$state, (): &(), (): &()) -> Result<Vec<Nothing>, Infallible> {
                Ok(vec![])
            }

            fn apply(_: &mut $state, _: &Nothing) {}
        }
    };
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct State {
    code: u32,
    by: String,
}

/// The same fields in another order: the bytes of the one may be read as the other.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Another {
    code: u32,
    by: String,
    open: bool,
}

aggregate!(Door, State, SnapshotPolicy::every(100, 3));
aggregate!(Changed, Another, SnapshotPolicy::every(100, 3));
aggregate!(Raised, Another, SnapshotPolicy::every(100, 4));
aggregate!(Never, State, SnapshotPolicy::never());
aggregate!(Blank, (), SnapshotPolicy::every(1, 1));

const FILE: &str = "door.schema3.snapshot";

fn state(code: u32, by: &str) -> State {
    let by = by.to_owned();
    State { code, by }
}

fn two(path: &Path) -> GoldenSnapshots<Door> {
    golden_snapshots!(Door, path)
        .state(State::default())
        .state(state(7, "ada"))
}

#[test]
fn a_state_that_is_saved_as_before_passes() {
    let folder = Folder::with(&[(FILE, "0000\n\n0703\n616461\n")]);
    two(folder.path()).check();
    let windows = Folder::with(&[(FILE, "0000\r\n\r\n0703616461\r\n")]);
    two(windows.path()).check();
}

#[test]
fn a_state_that_changed_under_the_same_number_is_explained() {
    let folder = Folder::with(&[(FILE, "0703616461\n")]);
    let another = Another {
        code: 7,
        by: "ada".to_owned(),
        open: true,
    };
    let said = folder.said(|path| golden_snapshots!(Changed, path).state(another.clone()).check());
    assert_eq!(
        said,
        "state 1 of \"door\" is saved in other bytes under the same schema number, 3

stored snapshots can't be read any more

the bytes differ from byte 6 on (- released, + now):
- 0703616461 (5 bytes)
+ 070361646101 (6 bytes)

help: if only the example in this test has changed, change it back. Otherwise raise the number, \
`SnapshotPolicy::every(..., 4)`, and run this test with GOLDEN=write: snapshots of schema 3 are then ignored, and replaced \
after a replay"
    );
    let said = folder.said(|path| golden_snapshots!(Raised, path).state(another).check());
    assert!(
        said.starts_with(
            "the golden file of the snapshots of \"door\" under schema 4 is missing: golden/door.schema4.snapshot\n\nhelp: if \
             the schema number or the state is new, run this test once with GOLDEN=write"
        ),
        "{said}"
    );
}

#[test]
fn a_state_that_would_be_misread_in_silence_is_shown() {
    let folder = Folder::with(&[(FILE, "0703616462\n")]);
    let said = folder.said(|path| golden_snapshots!(Door, path).state(state(7, "ada")).check());
    assert!(
        said.contains(
            "stored snapshots are read as another state (- this test, + restored):\n      code: 7,\n-     by: \"ada\",\n+     by: \"adb\","
        ),
        "{said}"
    );
}

#[test]
fn new_states_are_written_at_the_end_when_asked_for_and_nothing_else() {
    if let Some(told) = told() {
        return two(&told).check();
    }
    let test = "snapshots::new_states_are_written_at_the_end_when_asked_for_and_nothing_else";
    for before in [None, Some((FILE, "0000\n"))] {
        let folder = Folder::with(before.as_slice());
        let said = folder.said(|path| two(path).check());
        let missing = [
            "the golden file of the snapshots of \"door\" under schema 3 is missing",
            "state 2 is not in",
        ];
        assert!(said.starts_with(missing[usize::from(before.is_some())]), "{said}");
        writing(test, &folder);
        assert_eq!(folder.read(FILE), "0000\n\n0703616461\n");
        two(folder.path()).check();
    }
}

#[test]
fn states_that_are_gone_from_the_test_are_missed() {
    let folder = Folder::with(&[(FILE, "0000\n\n0703616461\n")]);
    let said = folder.said(|path| golden_snapshots!(Door, path).state(State::default()).check());
    assert!(
        said.starts_with("golden/door.schema3.snapshot holds more than 1 state"),
        "{said}"
    );
}

#[test]
fn a_state_of_no_bytes_is_a_state() {
    let folder = Folder::with(&[("door.schema1.snapshot", "-\n\n-\n")]);
    golden_snapshots!(Blank, folder.path()).state(()).state(()).check();
}

#[test]
fn an_aggregate_without_snapshots_and_a_check_without_states_are_mistakes() {
    let folder = Folder::with(&[]);
    let said = folder.said(|path| golden_snapshots!(Never, path).state(State::default()).check());
    assert!(
        said.starts_with("the aggregate of the category \"door\" has no snapshots"),
        "{said}"
    );
    let said = folder.said(|path| golden_snapshots!(Door, path).check());
    assert!(said.starts_with("no state is checked"), "{said}");
}

aggregate!(Unsteady, HashMap<u8, u8>, SnapshotPolicy::every(1, 1));

#[test]
fn a_state_whose_bytes_are_not_the_same_every_time_is_told_from_one_that_has_changed() {
    let folder = Folder::with(&[("door.schema1.snapshot", "00")]);
    let state: HashMap<u8, u8> = (0..50).map(|key| (key, key)).collect();
    let said = folder.said(|path| golden_snapshots!(Unsteady, path).state(state).check());
    assert!(
        said.starts_with(
            "state 1 of \"door\" is not saved in the same bytes every time\n\nthe bytes differ from byte "
        ),
        "{said}"
    );
    assert!(said.contains(" on (- once, + again):\n- "), "{said}");
    assert!(
        said.ends_with("help: a hash map or set has no order of its own: use a `BTreeMap` or a `BTreeSet`"),
        "{said}"
    );
}

aggregate!(Lossy, Forgets, SnapshotPolicy::every(1, 1));

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Forgets {
    #[serde(skip)]
    secret: u8,
}

#[test]
fn a_state_that_does_not_come_back_is_shown() {
    let folder = Folder::with(&[]);
    let said = folder.said(|path| golden_snapshots!(Lossy, path).state(Forgets { secret: 7 }).check());
    assert!(
        said.starts_with(
            "state 1 of \"door\" does not come back (- saved, + restored)\n\n  Forgets {\n-     secret: 7,"
        ),
        "{said}"
    );
}
