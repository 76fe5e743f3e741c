//! R4: what ends with a child.

use std::collections::BTreeMap;

use composable_rust_core::{CancelId, Effect, InFlight, Reducer, ReducerExt, prism};
use composable_rust_runtime::Store;
use composable_rust_testing::TestClock;

use crate::support::{SECOND, advance, settle};

/// What a leaf does.
#[derive(Clone)]
pub(crate) enum LeafAction {
    /// Rings after a second.
    Start,
    Cancel,
    Ring,
}

pub(crate) struct Leaf;

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

pub(crate) enum Page {
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
