//! Several effects as one, without a level of nesting for each.

use std::collections::VecDeque;

use super::{
    Effect,
    node::{Group, Grouping, Node, from_node, into_node},
};

/// Puts `right` behind `left`. A group of the same kind is extended, at the end that costs less: so building in either
/// direction takes linear time, and a list that was nested is flat.
pub(super) fn join<A>(grouping: Grouping, left: Effect<A>, right: Effect<A>) -> Effect<A> {
    let group = match (opened(grouping, left), opened(grouping, right)) {
        (Ok(mut left), Ok(mut right)) => {
            append(&mut left.effects, &mut right.effects);
            left
        }
        (Ok(mut group), Err(right)) => {
            group.effects.push_back(right);
            group
        }
        (Err(left), Ok(mut group)) => {
            group.effects.push_front(left);
            group
        }
        (Err(left), Err(right)) => Box::new(Group {
            grouping,
            effects: VecDeque::from([left, right]),
        }),
    };
    from_node(Node::Group(group))
}

/// The group itself, if it is one of this kind; an empty one stays a part, since an empty race completes at once.
fn opened<A>(grouping: Grouping, effect: Effect<A>) -> Result<Box<Group<A>>, Effect<A>> {
    match into_node(effect) {
        Node::Group(group) if group.grouping == grouping && !group.effects.is_empty() => Ok(group),
        node => Err(from_node(node)),
    }
}

fn append<T>(left: &mut VecDeque<T>, right: &mut VecDeque<T>) {
    if left.len() >= right.len() {
        return left.append(right);
    }
    while let Some(last) = left.pop_back() {
        right.push_front(last);
    }
    std::mem::swap(left, right);
}

/// A race between `effects`; a race among them is a part of it.
pub(super) fn race_of<A>(effects: impl IntoIterator<Item = Effect<A>>) -> Effect<A> {
    let mut race = Box::new(Group {
        grouping: Grouping::Race,
        effects: VecDeque::new(),
    });
    for effect in effects {
        match opened(Grouping::Race, effect) {
            Ok(mut nested) => append(&mut race.effects, &mut nested.effects),
            Err(effect) => race.effects.push_back(effect),
        }
    }
    from_node(Node::Group(race))
}
