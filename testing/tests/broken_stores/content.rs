//! Promise 6: names and payloads.

use composable_rust_core::{EventStore, StreamAppend};
use composable_rust_testing::{InMemoryEventStore, conformance::names_and_payloads_come_back_equal};

use super::broken::{Append, Fault, assert_caught};

/// Changes what is written.
struct Changes(fn(&mut StreamAppend));
impl Fault for Changes {
    fn append<'a>(&'a self, store: &'a InMemoryEventStore, mut append: StreamAppend) -> Append<'a> {
        (self.0)(&mut append);
        store.append(append)
    }
}

fn pad_empty(append: &mut StreamAppend) {
    for event in append.events.iter_mut().filter(|event| event.data.is_empty()) {
        event.data.push(0);
    }
}

fn cut_at_nul(append: &mut StreamAppend) {
    for event in &mut append.events {
        event.data = event.data.split(|byte| *byte == 0).next().unwrap_or_default().to_vec();
    }
}

fn integers_to_floats(append: &mut StreamAppend) {
    for metadata in append.events.iter_mut().filter_map(|event| event.metadata.as_mut()) {
        for value in metadata.extra.values_mut().filter(|value| value.is_u64()) {
            *value = value.as_f64().into();
        }
    }
}

fn fold_case(append: &mut StreamAppend) {
    append.stream_id = append
        .stream_id
        .as_str()
        .to_lowercase()
        .parse()
        .unwrap_or(append.stream_id.clone());
}

#[test]
fn a_store_that_mangles_payloads_is_caught() {
    for mangle in [pad_empty, cut_at_nul, integers_to_floats] {
        assert_caught(names_and_payloads_come_back_equal, Changes(mangle), "came back changed");
    }
}

#[test]
fn a_store_that_folds_the_case_of_names_is_caught() {
    assert_caught(
        names_and_payloads_come_back_equal,
        Changes(fold_case),
        "conflict on a: expected no stream",
    );
}
