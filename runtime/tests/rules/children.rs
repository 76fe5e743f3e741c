//! R4: what ends with a child.

use std::collections::BTreeMap;

use composable_rust_core::{CancelId, Effect, InFlight, Reducer, ReducerExt, prism};
use composable_rust_runtime::Store;
use composable_rust_testing::TestClock;

use crate::support::{SECOND, advance, settle};

/// What a leaf does.
#[derive(Clone)]
enum LeafAction {
    /// Rings after a second.
    Start,
    Cancel,
    Ring,
}

struct Leaf;

impl Reducer for Leaf {
    type State = u32;
    type Action = LeafAction;
    type Environment = ();

    fn reduce(&self, rings: &mut u32, action: &LeafAction, (): &()) -> Effect<LeafAction> {
        match action {
            LeafAction::Start => Effect::emit(LeafAction::Ring)
                .delay(SECOND)
                .cancellable("alarm", InFlight::Keep)
                .label("alarm"),
            LeafAction::Cancel => Effect::cancel("alarm"),
            LeafAction::Ring => {
                *rings += 1;
                Effect::none()
            }
        }
    }
}

enum NodeAction {
    Leaf(u64, LeafAction),
    RemoveLeaf(u64),
}

struct Node;

impl Reducer for Node {
    type State = BTreeMap<u64, u32>;
    type Action = NodeAction;
    type Environment = ();

    fn reduce(&self, leaves: &mut BTreeMap<u64, u32>, action: &NodeAction, (): &()) -> Effect<NodeAction> {
        if let NodeAction::RemoveLeaf(key) = action {
            leaves.remove(key);
        }
        Effect::none()
    }
}

enum Page {
    Home(u32),
    Settings,
}

struct App {
    node: Option<BTreeMap<u64, u32>>,
    page: Page,
    /// How many rings reached the root, whatever became of the child.
    heard: u32,
}

enum AppAction {
    Node(NodeAction),
    Home(LeafAction),
    RemoveNode,
    /// Starts a leaf and removes the node in the same reduce.
    ReplaceNode,
    OpenSettings,
    CancelAlarm,
}

struct Root;

impl Reducer for Root {
    type State = App;
    type Action = AppAction;
    type Environment = ();

    fn reduce(&self, app: &mut App, action: &AppAction, (): &()) -> Effect<AppAction> {
        match action {
            AppAction::RemoveNode => app.node = None,
            AppAction::ReplaceNode => app.node = Some(BTreeMap::from([(1, 0)])),
            AppAction::OpenSettings => app.page = Page::Settings,
            AppAction::CancelAlarm => return Effect::cancel(CancelId::from("alarm")),
            AppAction::Node(NodeAction::Leaf(_, LeafAction::Ring)) | AppAction::Home(LeafAction::Ring) => {
                app.heard += 1;
            }
            AppAction::Node(_) | AppAction::Home(_) => {}
        }
        Effect::none()
    }
}

type AppReducer = composable_rust_core::BoxedReducer<App, AppAction, ()>;

fn app() -> (Store<AppReducer>, TestClock) {
    let node = Node.for_each("leaves", BTreeMap::get_mut, prism!(NodeAction::Leaf[key]), Leaf);
    let root = Root
        .child("node", |app| app.node.as_mut(), prism!(AppAction::Node), node)
        .child("home", home, prism!(AppAction::Home), Leaf)
        .boxed();
    let state = App {
        node: Some(BTreeMap::from([(1, 0), (2, 0)])),
        page: Page::Home(0),
        heard: 0,
    };
    let clock = TestClock::new();
    let store = Store::builder(root, ())
        .clock(std::sync::Arc::new(clock.clone()))
        .build(state);
    (store.unwrap(), clock)
}

const fn home(app: &mut App) -> Option<&mut u32> {
    match &mut app.page {
        Page::Home(rings) => Some(rings),
        Page::Settings => None,
    }
}

fn leaf(key: u64, action: LeafAction) -> AppAction {
    AppAction::Node(NodeAction::Leaf(key, action))
}

fn heard(store: &Store<AppReducer>) -> u32 {
    store.state(|app| app.heard)
}

#[tokio::test]
async fn a_childs_effects_reach_it() {
    let (store, clock) = app();
    store.dispatch(leaf(1, LeafAction::Start)).await.unwrap();
    advance(&clock, SECOND).await;
    assert_eq!(store.state(|app| app.node.as_ref().map(|leaves| leaves[&1])), Some(1));
    assert_eq!(store.remembered(), 0);
}

#[tokio::test]
async fn removing_a_row_cancels_its_effects_and_no_others() {
    let (store, clock) = app();
    store.dispatch(leaf(1, LeafAction::Start)).await.unwrap();
    store.dispatch(leaf(2, LeafAction::Start)).await.unwrap();
    store
        .dispatch(AppAction::Node(NodeAction::RemoveLeaf(1)))
        .await
        .unwrap();
    settle().await;
    assert_eq!(store.running(), ["alarm"]);
    advance(&clock, SECOND).await;
    assert_eq!(heard(&store), 1);
}

#[tokio::test]
async fn removing_an_optional_child_cancels_its_grandchildrens_effects() {
    let (store, clock) = app();
    store.dispatch(leaf(1, LeafAction::Start)).await.unwrap();
    store.dispatch(leaf(2, LeafAction::Start)).await.unwrap();
    store.dispatch(AppAction::RemoveNode).await.unwrap();
    advance(&clock, SECOND).await;
    assert_eq!(heard(&store), 0);
    assert_eq!(store.remembered(), 0);
}

#[tokio::test]
async fn leaving_a_case_cancels_its_effects() {
    let (store, clock) = app();
    store.dispatch(AppAction::Home(LeafAction::Start)).await.unwrap();
    store.dispatch(AppAction::OpenSettings).await.unwrap();
    advance(&clock, SECOND).await;
    assert_eq!(heard(&store), 0);
}

#[tokio::test]
async fn a_grandchild_that_is_missing_in_the_new_child_is_removed() {
    let (store, clock) = app();
    store.dispatch(leaf(1, LeafAction::Start)).await.unwrap();
    store.dispatch(leaf(2, LeafAction::Start)).await.unwrap();
    store.dispatch(AppAction::ReplaceNode).await.unwrap();
    advance(&clock, SECOND).await;
    assert_eq!(heard(&store), 1);
}

#[tokio::test]
async fn a_row_that_comes_back_starts_anew() {
    let (store, clock) = app();
    store.dispatch(leaf(1, LeafAction::Start)).await.unwrap();
    store.dispatch(AppAction::RemoveNode).await.unwrap();
    store.dispatch(AppAction::ReplaceNode).await.unwrap();
    store.dispatch(leaf(1, LeafAction::Start)).await.unwrap();
    advance(&clock, SECOND).await;
    assert_eq!(heard(&store), 1);
}

#[tokio::test]
async fn ids_are_scoped_by_slot_and_key() {
    let (store, clock) = app();
    for start in [
        leaf(1, LeafAction::Start),
        leaf(2, LeafAction::Start),
        AppAction::Home(LeafAction::Start),
    ] {
        store.dispatch(start).await.unwrap();
    }
    store.dispatch(AppAction::CancelAlarm).await.unwrap();
    store.dispatch(leaf(2, LeafAction::Cancel)).await.unwrap();
    advance(&clock, SECOND).await;
    assert_eq!(heard(&store), 2);
}

/// A child whose parent removes it on the action that starts an effect.
struct Removed;

impl Reducer for Removed {
    type State = (Option<u32>, u32);
    type Action = LeafAction;
    type Environment = ();

    fn reduce(&self, state: &mut Self::State, action: &LeafAction, (): &()) -> Effect<LeafAction> {
        match action {
            LeafAction::Ring => state.1 += 1,
            LeafAction::Start | LeafAction::Cancel => state.0 = None,
        }
        Effect::none()
    }
}

/// Rings without being asked whether anyone is there.
struct Hasty;

impl Reducer for Hasty {
    type State = u32;
    type Action = LeafAction;
    type Environment = ();

    fn reduce(&self, _: &mut u32, _: &LeafAction, (): &()) -> Effect<LeafAction> {
        Effect::task(async { LeafAction::Ring })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_effect_of_the_reduce_that_removed_its_child_never_starts() {
    for _ in 0..200 {
        let prism = composable_rust_core::Prism::new(|action: &LeafAction| Some(action), |action| action);
        let reducer = Removed.child("leaf", |state| state.0.as_mut(), prism, Hasty);
        let store = Store::builder(reducer, ()).build((Some(0), 0)).unwrap();
        let sent = store.send(LeafAction::Start).await.unwrap();
        sent.settled().await.unwrap();
        assert_eq!(store.state(|state| state.1), 0);
    }
}

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

/// Notes the events of a trace, each in a line.
#[derive(Clone, Default)]
struct Trace(std::sync::Arc<std::sync::Mutex<String>>);

impl tracing_subscriber::Layer<tracing_subscriber::Registry> for Trace {
    fn on_event(
        &self,
        event: &tracing::Event<'_>,
        _: tracing_subscriber::layer::Context<'_, tracing_subscriber::Registry>,
    ) {
        use std::fmt::Write;
        let mut line = event.metadata().level().to_string();
        event.record(&mut |field: &tracing::field::Field, value: &dyn std::fmt::Debug| {
            write!(line, " {field}={value:?}").unwrap();
        });
        self.0.lock().unwrap().push_str(&(line + "\n"));
    }
}

#[tokio::test]
async fn an_action_for_a_child_that_does_not_exist_is_traced() {
    use tracing_subscriber::layer::SubscriberExt;
    let trace = Trace::default();
    let _default = tracing::subscriber::set_default(tracing_subscriber::registry().with(trace.clone()));
    let (store, _) = app();
    store.dispatch(leaf(7, LeafAction::Ring)).await.unwrap();
    assert_eq!(heard(&store), 1, "its parents have reduced it");
    let said = trace.0.lock().unwrap().clone();
    assert!(said.starts_with("WARN "), "{said}");
    for part in ["slot=\"leaves\"", "key=7", "path=\"node/leaves[7]\""] {
        assert!(said.contains(part), "{part} in {said}");
    }
}
