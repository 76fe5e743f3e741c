//! An effect with other leaves, at any depth.

use std::collections::{VecDeque, vec_deque::IntoIter};

use super::{
    Effect,
    node::{Group, Grouping, Leaf, Node, Wrapper, from_node, into_node},
};

/// A part whose own parts are being changed.
enum Open<A, B> {
    Wrapped(Wrapper),
    Group {
        grouping: Grouping,
        rest: IntoIter<Effect<A>>,
        changed: VecDeque<Effect<B>>,
    },
}

/// The same effect with every leaf changed by `change`. A loop with a stack of its own: recursion would overflow that of
/// the thread.
pub fn transform<A, B>(effect: Effect<A>, mut change: impl FnMut(Leaf<A>) -> Leaf<B>) -> Effect<B> {
    let mut open = Vec::new();
    let mut next = effect;
    loop {
        let changed = match into_node(next) {
            Node::None => Node::None,
            Node::Leaf(leaf) => Node::Leaf(change(leaf)),
            Node::Cancel(id) => Node::Cancel(id),
            Node::AbsentChild(path) => Node::AbsentChild(path),
            Node::Wrapped(wrapped) => {
                open.push(Open::Wrapped(wrapped.wrapper));
                next = wrapped.effect;
                continue;
            }
            Node::Group(group) => {
                open.push(Open::Group {
                    grouping: group.grouping,
                    changed: VecDeque::with_capacity(group.effects.len()),
                    rest: group.effects.into_iter(),
                });
                match close(&mut open, None) {
                    Closed::Next(effect) => next = effect,
                    Closed::Whole(whole) => return whole,
                }
                continue;
            }
        };
        match close(&mut open, Some(from_node(changed))) {
            Closed::Next(effect) => next = effect,
            Closed::Whole(whole) => return whole,
        }
    }
}

enum Closed<A, B> {
    /// This part is still to be changed.
    Next(Effect<A>),
    /// Everything was changed.
    Whole(Effect<B>),
}

/// Adds a part to what it belongs to, and closes what is complete by that.
fn close<A, B>(open: &mut Vec<Open<A, B>>, mut part: Option<Effect<B>>) -> Closed<A, B> {
    while let Some(around) = open.pop() {
        match around {
            Open::Wrapped(wrapper) => part = part.map(|effect| effect.wrapped(wrapper)),
            Open::Group {
                grouping,
                mut rest,
                mut changed,
            } => {
                changed.extend(part.take());
                if let Some(next) = rest.next() {
                    open.push(Open::Group {
                        grouping,
                        rest,
                        changed,
                    });
                    return Closed::Next(next);
                }
                part = Some(from_node(Node::Group(Box::new(Group {
                    grouping,
                    effects: changed,
                }))));
            }
        }
    }
    Closed::Whole(part.unwrap_or_default())
}
