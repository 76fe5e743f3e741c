//! The children that have running effects, as a tree of their paths.

use std::{collections::HashMap, sync::Arc};

use composable_rust_core::{__engine::ChildStep, Segment};

/// A child, or the root, with the children in it that have running effects.
#[derive(Default)]
pub(super) struct Children {
    /// How many scopes this child has; none for one that is only on the way to others.
    scopes: usize,
    /// By slot, then by row: after an action for one row the others are not looked at, however many there are.
    slots: HashMap<&'static str, Rows>,
}

/// The rows of a slot, and of each those of different identities.
type Rows = HashMap<Segment, Vec<(ChildStep, Children)>>;

impl Children {
    pub(super) fn enter(&mut self, path: &[ChildStep]) {
        let mut at = self;
        for step in path {
            let segment = step.segment();
            let same = at
                .slots
                .entry(segment.slot)
                .or_default()
                .entry(segment.clone())
                .or_default();
            let index = same.iter().position(|(known, _)| known == step).unwrap_or_else(|| {
                same.push((step.clone(), Self::default()));
                same.len() - 1
            });
            let Some((_, child)) = same.get_mut(index) else { return };
            at = child;
        }
        at.scopes += 1;
    }

    /// Recursive: a path is as long as reducers are nested.
    pub(super) fn leave(&mut self, path: &[ChildStep]) {
        let Some((step, rest)) = path.split_first() else {
            self.scopes -= 1;
            return;
        };
        let segment = step.segment();
        let Some(rows) = self.slots.get_mut(segment.slot) else {
            return;
        };
        let Some(same) = rows.get_mut(segment) else { return };
        if let Some((_, child)) = same.iter_mut().find(|(known, _)| known == step) {
            child.leave(rest);
        }
        same.retain(|(_, child)| child.scopes > 0 || !child.slots.is_empty());
        if same.is_empty() {
            rows.remove(segment);
        }
        if rows.is_empty() {
            self.slots.remove(segment.slot);
        }
    }

    /// The paths to the children that an action can have removed: all but the rows beside the one that it was for.
    pub(super) fn removable(&self, addressed: Option<&[Segment]>) -> Vec<Arc<[ChildStep]>> {
        let mut found = Vec::new();
        self.collect(&mut Vec::new(), addressed.unwrap_or_default(), &mut found);
        found
    }

    fn collect(&self, way: &mut Vec<ChildStep>, addressed: &[Segment], found: &mut Vec<Arc<[ChildStep]>>) {
        if self.scopes > 0 {
            found.push(way.as_slice().into());
        }
        for (slot, rows) in &self.slots {
            let here = addressed.first().filter(|segment| segment.slot == *slot);
            match here.and_then(|segment| rows.get(segment)) {
                Some(same) => Self::collect_each(same, way, addressed.get(1..).unwrap_or_default(), found),
                // The row that the action was for has no effects, and the others are not looked at.
                None if here.is_some_and(|segment| segment.row.is_some()) => {}
                None => rows.values().for_each(|same| Self::collect_each(same, way, &[], found)),
            }
        }
    }

    fn collect_each(
        same: &[(ChildStep, Self)],
        way: &mut Vec<ChildStep>,
        addressed: &[Segment],
        found: &mut Vec<Arc<[ChildStep]>>,
    ) {
        for (step, child) in same {
            way.push(step.clone());
            child.collect(way, addressed, found);
            way.pop();
        }
    }
}
