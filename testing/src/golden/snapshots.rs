//! The bytes of states.

use std::{fmt::Debug, path::PathBuf};

use composable_rust_core::{Aggregate, Snapshot, Version};

use super::{bytes::difference as difference_of_bytes, file::File, findings::Findings, folder::Folder, format::Format};
use crate::failed::{causes, difference, stop};

/// How often a state is saved anew, to see whether its bytes are always the same.
const TRIES: usize = 16;

/// Checks the golden file of an aggregate's snapshots; [`golden_snapshots!`](crate::golden_snapshots) makes one.
#[must_use = "call `check`"]
pub struct GoldenSnapshots<A: Aggregate> {
    folder: Folder,
    states: Vec<A::State>,
}

impl<A: Aggregate<State: PartialEq + Debug>> GoldenSnapshots<A> {
    /// The file in this folder.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: Folder::new(folder.into()),
            states: Vec::new(),
        }
    }

    /// A state, always the same value and in the same place: a file holds them in their order. Add new ones at the end.
    pub fn state(mut self, state: A::State) -> Self {
        self.states.push(state);
        self
    }

    /// Compares the states with the file.
    ///
    /// # Panics
    /// If a state is saved in other bytes than before under the same schema number, or is not in the file.
    #[track_caller]
    pub fn check(self) {
        if let Some(text) = self.findings().into_text() {
            stop(&text);
        }
    }

    fn findings(&self) -> Findings {
        let mut findings = Findings::default();
        let Some(schema) = A::SNAPSHOTS.schema() else {
            let what = format!("the aggregate of the category {:?} has no snapshots", A::CATEGORY);
            let help =
                "give it a policy: `const SNAPSHOTS: SnapshotPolicy<Self::State> = SnapshotPolicy::every(100, 1);`";
            findings.add(&what, "", help);
            return findings;
        };
        if self.states.is_empty() {
            findings.add("no state is checked", "", "add `.state(...)` with a state of each kind");
        }
        let saved = (1..).zip(&self.states).map(|state| Self::save(state, &mut findings));
        let saved: Option<Vec<_>> = saved.collect();
        if let Some(saved) = saved {
            self.compare(schema, &saved, &mut findings);
        }
        findings
    }

    /// Its bytes, if they are always the same and the state is restored from them.
    fn save((number, state): (usize, &A::State), findings: &mut Findings) -> Option<Vec<u8>> {
        let what = |does: &str| format!("state {number} of {:?} {does}", A::CATEGORY);
        let help = "see the serde attributes of the state, in the encoding of snapshots (bincode)";
        let snapshot = match A::SNAPSHOTS.save(Version::INITIAL, state)? {
            Ok(snapshot) => snapshot,
            Err(error) => {
                findings.add(&what("can't be saved"), &causes(&error), help);
                return None;
            }
        };
        let restored = A::SNAPSHOTS.restore(&snapshot);
        if restored.as_ref() != Some(state) {
            let details = restored.map_or_else(String::new, |restored| difference(state, &restored));
            findings.add(&what("does not come back (- saved, + restored)"), &details, help);
            return None;
        }
        if let Some(again) = saved_otherwise::<A>(&snapshot) {
            findings.unsteady(&what("is not saved"), &snapshot.data, &again);
            return None;
        }
        Some(snapshot.data)
    }

    fn compare(&self, schema: u32, saved: &[Vec<u8>], findings: &mut Findings) {
        let name = format!("{}.schema{schema}", A::CATEGORY);
        let file = self.folder.file(&name, "snapshot", Format::Hex);
        let Some(released) = file.read(findings) else { return };
        let mut is_kept = true;
        for (number, ((state, saved), released)) in (1..).zip(self.states.iter().zip(saved).zip(&released)) {
            if saved != released {
                is_kept = false;
                changed::<A>((number, state), schema, (released, saved), findings);
            }
        }
        file.check_all_used(released.len(), saved.len(), "state", findings);
        if is_kept && released.len() < saved.len() {
            complete::<A>(&file, schema, saved, released.len(), findings);
        }
    }
}

/// Other bytes of the same state: it is restored anew each time, since a hash map keeps its order until then.
fn saved_otherwise<A: Aggregate>(snapshot: &Snapshot) -> Option<Vec<u8>> {
    (0..TRIES).find_map(|_| {
        let restored = A::SNAPSHOTS.restore(snapshot)?;
        let again = A::SNAPSHOTS.save(snapshot.version, &restored)?.ok()?;
        (again.data != snapshot.data).then_some(again.data)
    })
}

fn complete<A: Aggregate>(file: &File<'_>, schema: u32, saved: &[Vec<u8>], released: usize, findings: &mut Findings) {
    let what = match released {
        0 => format!(
            "the golden file of the snapshots of {:?} under schema {schema} is missing: {file}",
            A::CATEGORY,
        ),
        _ => format!("state {} is not in {file}", released + 1),
    };
    let help = "if the schema number or the state is new, run this test once with GOLDEN=write in the environment and \
                commit the file";
    file.complete(saved, &what, help, findings);
}

fn changed<A: Aggregate<State: PartialEq + Debug>>(
    (number, state): (usize, &A::State),
    schema: u32,
    (released, saved): (&[u8], &[u8]),
    findings: &mut Findings,
) {
    let what = format!(
        "state {number} of {:?} is saved in other bytes under the same schema number, {schema}",
        A::CATEGORY
    );
    let snapshot = Snapshot {
        version: Version::INITIAL,
        schema,
        data: released.to_vec(),
    };
    let meaning = match A::SNAPSHOTS.restore(&snapshot) {
        None => "stored snapshots can't be read any more".to_owned(),
        Some(restored) if restored == *state => "stored snapshots are still read as this state".to_owned(),
        Some(restored) => format!(
            "stored snapshots are read as another state (- this test, + restored):\n{}",
            difference(state, &restored)
        ),
    };
    let details = format!(
        "{meaning}\n\n{}",
        difference_of_bytes(("released", released), ("now", saved))
    );
    let help = format!(
        "if only the example in this test has changed, change it back. Otherwise raise the number, \
         `SnapshotPolicy::every(..., {})`, and run this test with GOLDEN=write: snapshots of schema {schema} are then \
         ignored, and replaced after a replay",
        schema.saturating_add(1)
    );
    findings.add(&what, &details, &help);
}
