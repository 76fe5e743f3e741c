//! R4: which children are looked for after an action, and what makes one another child.

use std::collections::BTreeMap;

use composable_rust_core::{Effect, Reducer, ReducerExt, prism};
use composable_rust_runtime::Store;
use composable_rust_testing::TestClock;

use crate::{
    children::{Leaf, LeafAction, Page},
    support::{SECOND, advance, settle},
};

/// Rows that count how often one of them is looked for.
#[derive(Default)]
struct Board {
    rows: BTreeMap<u64, u32>,
    looks: u64,
}

enum BoardAction {
    Row(u64, LeafAction),
    /// Removes a row and puts another in its place.
    Replace(u64, u64),
    Nothing,
}

struct Rows;

impl Reducer for Rows {
    type State = Board;
    type Action = BoardAction;
    type Environment = ();

    fn reduce(&self, board: &mut Board, action: &BoardAction, (): &()) -> Effect<BoardAction> {
        match action {
            // A row that is cancelled takes the one behind it with it.
            BoardAction::Row(key, LeafAction::Cancel) => drop(board.rows.remove(&(key + 1))),
            BoardAction::Replace(key, rings) => {
                board.rows.remove(key);
                board.rows.insert(*key, u32::try_from(*rings).unwrap());
            }
            BoardAction::Row(..) | BoardAction::Nothing => {}
        }
        Effect::none()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature of `for_each`")]
fn look<'s>(board: &'s mut Board, key: &u64) -> Option<&'s mut u32> {
    board.looks += 1;
    board.rows.get_mut(key)
}

fn rows() -> composable_rust_core::ForEach<Rows, u64, Leaf> {
    Rows.for_each("rows", look, prism!(BoardAction::Row[key]), Leaf)
}

fn board<R>(reducer: R, rows: u64) -> (Store<R>, TestClock)
where
    R: Reducer<State = Board, Action = BoardAction, Environment = ()>,
{
    let clock = TestClock::new();
    let board = Board {
        rows: (0..rows).map(|key| (key, 0)).collect(),
        looks: 0,
    };
    let builder = Store::builder(reducer, ()).clock(std::sync::Arc::new(clock.clone()));
    (builder.build(board).unwrap(), clock)
}

/// How often the action looks for rows.
async fn looks_of<R>(store: &Store<R>, action: BoardAction) -> u64
where
    R: Reducer<State = Board, Action = BoardAction, Environment = ()>,
{
    let before = store.state(|board| board.looks);
    store.dispatch(action).await.unwrap();
    store.state(|board| board.looks) - before
}

#[tokio::test]
async fn a_child_is_asked_for_only_while_it_has_running_effects() {
    let (store, clock) = board(rows(), 2);
    assert_eq!(looks_of(&store, BoardAction::Nothing).await, 0);
    let start = BoardAction::Row(1, LeafAction::Start);
    assert_eq!(looks_of(&store, start).await, 2, "for the reduce, and after it");
    assert_eq!(looks_of(&store, BoardAction::Nothing).await, 1);
    advance(&clock, SECOND).await;
    assert_eq!(looks_of(&store, BoardAction::Nothing).await, 0);
}

#[tokio::test]
async fn an_action_for_a_row_costs_the_same_however_many_rows_have_running_effects() {
    for count in [10, 10_000] {
        let (store, _) = board(rows(), count);
        for key in 0..count {
            store.dispatch(BoardAction::Row(key, LeafAction::Start)).await.unwrap();
        }
        assert_eq!(store.running().len() as u64, count);
        let looks = looks_of(&store, BoardAction::Row(7, LeafAction::Ring)).await;
        assert_eq!(looks, 2, "for the reduce, and after it");
    }
}

#[tokio::test]
async fn a_row_that_an_action_for_another_row_has_removed_gets_no_actions() {
    let (store, clock) = board(rows(), 3);
    store.dispatch(BoardAction::Row(1, LeafAction::Start)).await.unwrap();
    store.dispatch(BoardAction::Row(0, LeafAction::Cancel)).await.unwrap();
    assert_eq!(store.running(), ["alarm"], "it is not looked for yet");
    let looks = store.state(|board| board.looks);
    advance(&clock, SECOND).await;
    assert_eq!(
        store.state(|board| board.looks) - looks,
        1,
        "looked for before its action is reduced"
    );
    assert_eq!(store.remembered(), 0);
}

#[tokio::test]
async fn an_action_that_is_for_no_row_ends_the_effects_of_all_that_are_gone() {
    let (store, _) = board(rows(), 3);
    store.dispatch(BoardAction::Row(1, LeafAction::Start)).await.unwrap();
    store.dispatch(BoardAction::Row(0, LeafAction::Cancel)).await.unwrap();
    store.dispatch(BoardAction::Nothing).await.unwrap();
    settle().await;
    assert_eq!((store.running(), store.remembered()), (vec![], 0));
}

#[tokio::test]
async fn a_row_that_is_replaced_in_one_reduce_keeps_the_effects_of_its_predecessor() {
    let (store, clock) = board(rows(), 1);
    store.dispatch(BoardAction::Row(0, LeafAction::Start)).await.unwrap();
    store.dispatch(BoardAction::Replace(0, 100)).await.unwrap();
    advance(&clock, SECOND).await;
    assert_eq!(store.state(|board| board.rows[&0]), 101);
}

#[tokio::test]
async fn a_row_of_another_identity_gets_no_effects_of_its_predecessor() {
    let (store, clock) = board(rows().identified_by(|rings| (rings / 100).into()), 1);
    store.dispatch(BoardAction::Row(0, LeafAction::Start)).await.unwrap();
    store.dispatch(BoardAction::Replace(0, 50)).await.unwrap();
    settle().await;
    assert_eq!(store.running(), ["alarm"], "the same identity");
    store.dispatch(BoardAction::Replace(0, 100)).await.unwrap();
    settle().await;
    assert_eq!(store.running(), [""; 0]);
    store.dispatch(BoardAction::Row(0, LeafAction::Start)).await.unwrap();
    advance(&clock, SECOND).await;
    assert_eq!(store.state(|board| board.rows[&0]), 101);
    assert_eq!(store.remembered(), 0);
}

#[tokio::test]
async fn an_optional_child_or_a_case_of_another_identity_gets_no_effects_of_its_predecessor() {
    /// Replaces its child by one with so many rings.
    struct Replacing;
    enum Replace {
        Child(LeafAction),
        By(u32),
    }
    impl Reducer for Replacing {
        type State = Page;
        type Action = Replace;
        type Environment = ();
        fn reduce(&self, page: &mut Page, action: &Replace, (): &()) -> Effect<Replace> {
            if let Replace::By(rings) = action {
                *page = Page::Home(*rings);
            }
            Effect::none()
        }
    }
    const fn rings(page: &mut Page) -> Option<&mut u32> {
        match page {
            Page::Home(rings) => Some(rings),
            Page::Settings => None,
        }
    }
    let reducer = Replacing
        .child("home", rings, prism!(Replace::Child), Leaf)
        .identified_by(|rings| (rings / 100).into());
    let clock = TestClock::new();
    let builder = Store::builder(reducer, ()).clock(std::sync::Arc::new(clock.clone()));
    let store = builder.build(Page::Home(0)).unwrap();
    store.dispatch(Replace::Child(LeafAction::Start)).await.unwrap();
    store.dispatch(Replace::By(100)).await.unwrap();
    advance(&clock, SECOND).await;
    assert!(store.state(|page| matches!(page, Page::Home(100))));
    assert_eq!(store.remembered(), 0);
}
