//! The bytes of states.

use std::{fmt::Debug, path::PathBuf};

use composable_rust_core::{Aggregate, Snapshot, Version};

use super::{
    bytes::{difference as difference_of_bytes, from_hex, to_hex},
    findings::Findings,
    folder::{Folder, file_name},
};
use crate::failed::{causes, count, difference, stop};

/// What stands for no bytes at all, where states are separated by empty lines.
const EMPTY: &str = "-";

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

    pub(super) fn findings(&self) -> Findings {
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
        let name = file_name(&format!("{}.schema{schema}", A::CATEGORY), "snapshot");
        if let Some(saved) = self.saved(&mut findings) {
            self.compare(&name, schema, &saved, &mut findings);
        }
        findings
    }

    /// The states' bytes now; each is restored as well.
    fn saved(&self, findings: &mut Findings) -> Option<Vec<Vec<u8>>> {
        let mut all = Vec::new();
        for (number, state) in (1..).zip(&self.states) {
            let what = |does: &str| format!("state {number} of {:?} {does}", A::CATEGORY);
            let help = "see the serde attributes of the state, in the encoding of snapshots (bincode)";
            match A::SNAPSHOTS.save(Version::INITIAL, state) {
                Some(Ok(snapshot)) => {
                    let restored = A::SNAPSHOTS.restore(&snapshot);
                    if restored.as_ref() != Some(state) {
                        let details = restored.map_or_else(String::new, |restored| difference(state, &restored));
                        findings.add(&what("does not come back (- saved, + restored)"), &details, help);
                        return None;
                    }
                    all.push(snapshot.data);
                }
                Some(Err(error)) => {
                    findings.add(&what("can't be saved"), &causes(&error), help);
                    return None;
                }
                None => return None,
            }
        }
        Some(all)
    }

    fn compare(&self, name: &str, schema: u32, saved: &[Vec<u8>], findings: &mut Findings) {
        let file = self.folder.file(name);
        let released = match self.folder.read(name) {
            Ok(text) => text.as_deref().map_or(Some(vec![]), paragraphs),
            Err(error) => return findings.unreadable(&file, &error),
        };
        let Some(released) = released else {
            return findings.not_hex(&file);
        };
        let mut is_kept = true;
        for (number, ((state, saved), released)) in (1..).zip(self.states.iter().zip(saved).zip(&released)) {
            if saved != released {
                is_kept = false;
                changed::<A>((number, state), schema, (released, saved), findings);
            }
        }
        if saved.len() < released.len() {
            let what = format!("{} holds more than {}", file.display(), count(saved.len(), "state"));
            findings.add(
                &what,
                "",
                "get the states back that this test had: they tell whether old snapshots are read",
            );
        } else if saved.len() > released.len() && is_kept {
            self.write(name, schema, saved, released.len(), findings);
        }
    }

    fn write(&self, name: &str, schema: u32, saved: &[Vec<u8>], released: usize, findings: &mut Findings) {
        let file = self.folder.file(name);
        if self.folder.writes() {
            if let Err(error) = self.folder.write(name, &text(saved)) {
                findings.unreadable(&file, &error);
            }
            return;
        }
        let what = match released {
            0 => format!(
                "the golden file of the snapshots of {:?} under schema {schema} is missing: {}",
                A::CATEGORY,
                file.display()
            ),
            _ => format!("state {} is not in {}", released + 1, file.display()),
        };
        let help = "if the schema number or the state is new, run this test once with GOLDEN=write in the environment and \
                    commit the file";
        findings.add(&what, "", help);
    }
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
    let details = format!("{meaning}\n\n{}", difference_of_bytes(released, saved));
    let help = format!(
        "if only the example in this test has changed, change it back. Otherwise raise the number, \
         `SnapshotPolicy::every(..., {})`, and run this test with GOLDEN=write: snapshots of schema {schema} are then \
         ignored, and replaced after a replay",
        schema.saturating_add(1)
    );
    findings.add(&what, &details, &help);
}

fn text(saved: &[Vec<u8>]) -> String {
    let paragraph = |bytes: &Vec<u8>| match bytes.as_slice() {
        [] => EMPTY.to_owned(),
        bytes => to_hex(bytes),
    };
    saved.iter().map(paragraph).collect::<Vec<_>>().join("\n\n")
}

fn paragraphs(text: &str) -> Option<Vec<Vec<u8>>> {
    let text = text.replace('\r', "");
    let paragraphs = text
        .split("\n\n")
        .map(str::trim)
        .filter(|paragraph| !paragraph.is_empty());
    let bytes = paragraphs.map(|paragraph| match paragraph {
        EMPTY => Some(vec![]),
        digits => from_hex(digits),
    });
    bytes.collect()
}
