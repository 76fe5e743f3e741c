//! Composition: children before parents, scopes by slot and row, presence by path.

use std::collections::BTreeMap;

use composable_rust_core::{
    __engine::{ChildStep, Leaf, Node, Wrapper, into_node},
    BoxedReducer, CancelId, Effect, EffectDescription, InFlight, Prism, Reducer, ReducerExt, Segment, prism,
};

/// Records what it sees, and answers with an effect when asked to.
struct Counter;

#[derive(Debug, PartialEq)]
enum CounterAction {
    Up,
    Start,
    Again,
}

impl Reducer for Counter {
    type State = u64;
    type Action = CounterAction;
    type Environment = u64;

    fn reduce(&self, count: &mut u64, action: &CounterAction, step: &u64) -> Effect<CounterAction> {
        match action {
            CounterAction::Up => *count += step,
            CounterAction::Start => {
                return Effect::task(async { CounterAction::Up }).cancellable("work", InFlight::Replace);
            }
            CounterAction::Again => return Effect::emit(CounterAction::Up),
        }
        Effect::none()
    }
}

#[derive(Default)]
enum Screen {
    #[default]
    Home,
    Detail(u64),
}

#[derive(Default)]
struct AppState {
    one: u64,
    maybe: Option<u64>,
    screen: Screen,
    rows: BTreeMap<String, u64>,
    seen_by_parent: Vec<u64>,
}

#[derive(Debug, PartialEq)]
enum AppAction {
    One(CounterAction),
    Maybe(CounterAction),
    Detail(CounterAction),
    Row(String, CounterAction),
}

struct App;

impl Reducer for App {
    type State = AppState;
    type Action = AppAction;
    type Environment = u64;

    fn reduce(&self, state: &mut AppState, _: &AppAction, _: &u64) -> Effect<AppAction> {
        state.seen_by_parent.push(state.one);
        Effect::none()
    }
}

const DETAIL: Prism<AppAction, CounterAction> = prism!(AppAction::Detail);

fn detail(state: &mut AppState) -> Option<&mut u64> {
    match &mut state.screen {
        Screen::Detail(count) => Some(count),
        Screen::Home => None,
    }
}

fn app() -> BoxedReducer<AppState, AppAction, u64> {
    App.child("one", |state| Some(&mut state.one), prism!(AppAction::One), Counter)
        .child("maybe", |state| state.maybe.as_mut(), prism!(AppAction::Maybe), Counter)
        .child("detail", detail, DETAIL, Counter)
        .for_each(
            "rows",
            |state, key| state.rows.get_mut(key),
            prism!(AppAction::Row[key]),
            Counter,
        )
        .boxed()
}

fn row(action: CounterAction) -> AppAction {
    AppAction::Row("a".to_owned(), action)
}

#[test]
fn a_parent_sees_what_its_child_has_done() {
    let mut state = AppState::default();
    let effect = app().reduce(&mut state, &AppAction::One(CounterAction::Up), &3);
    assert!(effect.is_none());
    assert_eq!(state.seen_by_parent, [3]);
}

#[test]
fn each_kind_of_child_is_reached_where_it_is_there_and_only_there() {
    let mut state = AppState::default();
    let actions = || {
        [
            AppAction::Maybe(CounterAction::Up),
            AppAction::Detail(CounterAction::Up),
            row(CounterAction::Up),
        ]
    };
    let absent = actions().map(|action| app().reduce(&mut state, &action, &1).describe().to_string());
    assert_eq!(
        absent,
        ["absent child maybe", "absent child detail", "absent child rows[a]"]
    );
    assert!(state.maybe.is_none() && state.rows.is_empty(), "nobody is there");
    state = AppState {
        maybe: Some(0),
        screen: Screen::Detail(0),
        rows: [("a".to_owned(), 0)].into(),
        ..state
    };
    for action in actions() {
        assert!(app().reduce(&mut state, &action, &1).is_none());
    }
    assert_eq!(
        (state.maybe, detail(&mut state).copied(), state.rows["a"]),
        (Some(1), Some(1), 1)
    );
}

#[test]
fn effects_of_children_are_scoped_by_slot_and_row() {
    let mut state = AppState {
        rows: [("a".to_owned(), 0)].into(),
        ..AppState::default()
    };
    let started = app().reduce(&mut state, &row(CounterAction::Start), &1).describe();
    let work = EffectDescription::Cancellable {
        id: CancelId::from("work"),
        in_flight: InFlight::Replace,
        effect: Box::new(EffectDescription::Future),
    };
    assert_eq!(
        started,
        EffectDescription::Scoped {
            segment: Segment::row("rows", "a"),
            effect: Box::new(work)
        }
    );
    let one = app()
        .reduce(&mut state, &AppAction::One(CounterAction::Start), &1)
        .describe();
    assert_eq!(one.to_string(), "one: cancellable work (replace): future");
}

#[test]
fn an_emitted_action_of_a_child_comes_back_as_its_parents() {
    let mut state = AppState {
        rows: [("a".to_owned(), 0)].into(),
        ..AppState::default()
    };
    let effect = app().reduce(&mut state, &row(CounterAction::Again), &1);
    assert!(matches!(into_node(effect), Node::Leaf(Leaf::Emit(action)) if action == row(CounterAction::Up)));
}

/// The way to the child that an effect belongs to.
fn path<A>(effect: Effect<A>) -> Vec<ChildStep> {
    let mut path = Vec::new();
    let mut effect = effect;
    while let Node::Wrapped(wrapped) = into_node(effect) {
        effect = wrapped.effect;
        if let Wrapper::Scoped(step) = wrapped.wrapper {
            path.push(step);
        }
    }
    path
}

fn full() -> AppState {
    AppState {
        maybe: Some(0),
        screen: Screen::Detail(0),
        rows: [("a".to_owned(), 0)].into(),
        ..AppState::default()
    }
}

#[test]
fn presence_is_answered_for_every_kind_of_child() {
    let started = |action: AppAction| path(app().reduce(&mut full(), &action, &1));
    let gone = AppState::default;
    for action in [
        AppAction::Maybe(CounterAction::Start),
        AppAction::Detail(CounterAction::Start),
        row(CounterAction::Start),
    ] {
        let path = started(action);
        assert_eq!(path.len(), 1);
        assert!(ChildStep::is_present(&path, &mut full()));
        assert!(!ChildStep::is_present(&path, &mut gone()), "{path:?}");
        assert!(
            ChildStep::is_present(&path, &mut 7_u64),
            "nothing is known of another state"
        );
    }
    let one = started(AppAction::One(CounterAction::Start));
    assert!(ChildStep::is_present(&one, &mut gone()));
}

#[test]
fn a_grandchild_is_there_as_long_as_its_parent_is() {
    struct Root;
    impl Reducer for Root {
        type State = Option<AppState>;
        type Action = AppAction;
        type Environment = u64;
        fn reduce(&self, _: &mut Option<AppState>, _: &AppAction, _: &u64) -> Effect<AppAction> {
            Effect::none()
        }
    }
    let root = Root.child(
        "app",
        Option::as_mut,
        Prism::new(|action| Some(action), |action| action),
        app(),
    );
    let mut state = Some(full());
    let path = path(root.reduce(&mut state, &row(CounterAction::Start), &1));
    assert_eq!(format!("{path:?}"), "[app, rows[a]]");
    assert!(ChildStep::is_present(&path, &mut state));
    assert!(!ChildStep::is_present(&path, &mut None::<AppState>));
    assert!(!ChildStep::is_present(&path, &mut Some(AppState::default())));
}

#[test]
fn a_child_of_another_identity_is_another_child() {
    let root = App
        .child("maybe", |state| state.maybe.as_mut(), prism!(AppAction::Maybe), Counter)
        .identified_by(|count| (*count).into());
    let rows = App
        .for_each(
            "rows",
            |state, key| state.rows.get_mut(key),
            prism!(AppAction::Row[key]),
            Counter,
        )
        .identified_by(|count| (*count).into());
    let mut state = full();
    let child = path(root.reduce(&mut state, &AppAction::Maybe(CounterAction::Start), &1));
    let in_row = path(rows.reduce(&mut state, &row(CounterAction::Start), &1));
    assert!(ChildStep::is_present(&child, &mut state) && ChildStep::is_present(&in_row, &mut state));
    state.maybe = Some(1);
    state.rows.insert("a".to_owned(), 1);
    assert!(!ChildStep::is_present(&child, &mut state));
    assert!(!ChildStep::is_present(&in_row, &mut state));
}

#[test]
fn the_row_that_an_action_is_for_is_told() {
    assert_eq!(
        app().addressed_row(&row(CounterAction::Up)),
        Some(vec![Segment::row("rows", "a")])
    );
    assert_eq!(app().addressed_row(&AppAction::One(CounterAction::Up)), None);
    let outer = App.child(
        "app",
        |state| Some(state),
        Prism::new(|action| Some(action), |action| action),
        app(),
    );
    assert_eq!(
        outer.addressed_row(&row(CounterAction::Up)),
        Some(vec![Segment::slot("app"), Segment::row("rows", "a")])
    );
}

#[test]
fn combined_reducers_run_in_order_and_their_effects_are_merged_in_order() {
    let twice = Counter.combine(Counter);
    let mut count = 0;
    assert!(twice.reduce(&mut count, &CounterAction::Up, &2).is_none());
    assert_eq!(count, 4);
    let effect = twice.reduce(&mut count, &CounterAction::Again, &2).describe();
    assert_eq!(effect.to_string(), "parallel [emit, emit]");
}

#[test]
fn a_reducer_runs_in_a_larger_environment() {
    struct World {
        step: u64,
    }
    let counter = Counter.map_environment(|world: &World| &world.step);
    let mut count = 0;
    assert!(
        counter
            .reduce(&mut count, &CounterAction::Up, &World { step: 7 })
            .is_none()
    );
    assert_eq!(count, 7);
}
