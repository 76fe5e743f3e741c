//! Commands that pile up on a busy stream share appends, and each caller gets its own answer.

use std::sync::Arc;

use composable_rust_core::Version;
use composable_rust_runtime::{Aggregates, CommandContext, Committed, ExecuteError};
use futures::{FutureExt, future::join_all};
use tokio::task::{JoinHandle, unconstrained};

use crate::{
    account::{Account, AccountCommand, AccountEvent, NotEnough, Scripted, Step, stream},
    balance, host, impatient,
};

type Outcome = Result<Committed<AccountEvent>, ExecuteError<NotEnough>>;

/// Sends the first command, whose append is held, and the others behind it; then lets the first one go.
async fn pile_up(store: &Arc<Scripted>, host: &Aggregates<Account>, commands: Vec<AccountCommand>) -> Vec<Outcome> {
    let answers = held(store, host, commands).await;
    store.proceed.notify_one();
    join_all(answers).await.into_iter().map(Result::unwrap).collect()
}

async fn held(
    store: &Arc<Scripted>,
    host: &Aggregates<Account>,
    commands: Vec<AccountCommand>,
) -> Vec<JoinHandle<Outcome>> {
    let answers = commands.into_iter().map(|command| held_behind(host, command)).collect();
    store.arrived.notified().await;
    answers
}

fn versions(outcomes: &[Outcome]) -> Vec<Option<u64>> {
    let version = |outcome: &Outcome| outcome.as_ref().ok().map(|committed| committed.version.get());
    outcomes.iter().map(version).collect()
}

#[tokio::test]
async fn commands_that_pile_up_share_the_next_append_and_each_has_its_own_answer() {
    let store = Scripted::new([Step::Held]);
    let host = host(&store);
    let deposits = (1..=5).map(AccountCommand::Deposit).collect();
    let outcomes = pile_up(&store, &host, deposits).await;
    assert_eq!(versions(&outcomes), [Some(1), Some(2), Some(3), Some(4), Some(5)]);
    for (amount, outcome) in (1..).zip(&outcomes) {
        assert_eq!(outcome.as_ref().unwrap().events, [AccountEvent::Deposited(amount)]);
    }
    let sizes: Vec<_> = store.appends().iter().map(|append| append.events.len()).collect();
    assert_eq!(sizes, [1, 4]);
    assert_eq!(balance(&host).await, (15, Version::from(5)));
}

#[tokio::test]
async fn later_commands_are_decided_on_what_the_earlier_ones_will_have_done() {
    let store = Scripted::new([Step::Held]);
    let host = host(&store);
    let commands = vec![
        AccountCommand::Deposit(10),
        AccountCommand::Withdraw(4),
        AccountCommand::Withdraw(7),
        AccountCommand::DoNothing,
        AccountCommand::Withdraw(6),
    ];
    let outcomes = pile_up(&store, &host, commands).await;
    assert_eq!(versions(&outcomes), [Some(1), Some(2), None, Some(2), Some(3)]);
    assert!(matches!(
        &outcomes[2],
        Err(ExecuteError::Rejected(NotEnough { balance: 6 }))
    ));
    assert_eq!(store.appends().len(), 2);
}

#[tokio::test]
async fn after_a_conflict_all_that_shared_the_append_are_decided_again() {
    let store = Scripted::new([Step::Held, Step::OvertakenBy(vec![AccountEvent::Withdrawn(9)])]);
    let host = host(&store);
    let commands = vec![
        AccountCommand::Deposit(10),
        AccountCommand::Withdraw(8),
        AccountCommand::Deposit(1),
        AccountCommand::Withdraw(2),
    ];
    let outcomes = pile_up(&store, &host, commands).await;
    assert!(matches!(
        &outcomes[1],
        Err(ExecuteError::Rejected(NotEnough { balance: 1 }))
    ));
    assert_eq!(versions(&outcomes), [Some(1), None, Some(3), Some(4)]);
    assert_eq!(balance(&host).await, (0, Version::from(4)));
}

#[tokio::test]
async fn a_rejection_that_rests_on_what_was_not_stored_is_decided_again() {
    // The withdrawal of 5 is lost; the one of 6 was rejected because of it, and is possible after all.
    let store = Scripted::new([Step::Held, Step::Unavailable, Step::Unavailable]);
    let host = impatient(&store);
    let commands = vec![
        AccountCommand::Deposit(10),
        AccountCommand::Withdraw(5),
        AccountCommand::Withdraw(6),
    ];
    let outcomes = pile_up(&store, &host, commands).await;
    assert!(matches!(&outcomes[1], Err(ExecuteError::Unavailable(_))));
    assert_eq!(outcomes[2].as_ref().unwrap().events, [AccountEvent::Withdrawn(6)]);
    assert_eq!(balance(&host).await, (4, Version::from(2)));
}

#[tokio::test]
async fn an_unknown_outcome_is_told_to_those_whose_events_it_holds_and_nobody_else() {
    let store = Scripted::new([Step::Held, Step::AnswerLost, Step::Lost]);
    let host = impatient(&store);
    let commands = vec![
        AccountCommand::Deposit(10),
        AccountCommand::Withdraw(5),
        AccountCommand::Withdraw(6),
    ];
    let outcomes = pile_up(&store, &host, commands).await;
    assert!(matches!(&outcomes[1], Err(ExecuteError::OutcomeUnknown(_))));
    // The stream was loaded anew: the 5 are gone.
    assert!(matches!(
        &outcomes[2],
        Err(ExecuteError::Rejected(NotEnough { balance: 5 }))
    ));
    assert_eq!(balance(&host).await, (5, Version::from(2)));
}

#[tokio::test]
async fn one_that_the_store_refuses_takes_no_other_with_it() {
    let store = Scripted::new([Step::Held, Step::Full, Step::Pass, Step::Full]);
    let host = impatient(&store);
    let deposits = [1, 20, 300, 4000].map(AccountCommand::Deposit).to_vec();
    let outcomes = pile_up(&store, &host, deposits).await;
    assert_eq!(versions(&outcomes), [Some(1), Some(2), None, Some(3)]);
    assert!(matches!(&outcomes[2], Err(ExecuteError::Append(_))));
    assert_eq!(balance(&host).await, (4021, Version::from(3)));
}

#[tokio::test]
async fn a_panic_in_the_middle_of_the_line_is_only_its_callers() {
    let store = Scripted::new([Step::Held]);
    let host = host(&store);
    let commands = vec![
        AccountCommand::Deposit(1),
        AccountCommand::Deposit(2),
        AccountCommand::Panic,
        AccountCommand::Unwritable,
        AccountCommand::Unencodable,
        AccountCommand::Deposit(3),
    ];
    let outcomes = pile_up(&store, &host, commands).await;
    assert_eq!(versions(&outcomes), [Some(1), Some(2), None, None, None, Some(3)]);
    assert!(matches!(&outcomes[2], Err(ExecuteError::Panicked { .. })));
    assert!(matches!(&outcomes[3], Err(ExecuteError::Panicked { .. })));
    assert!(matches!(&outcomes[4], Err(ExecuteError::Encode(_))));
    assert_eq!(balance(&host).await, (6, Version::from(3)));
}

#[tokio::test]
async fn a_panic_in_apply_is_told_as_stored_and_the_line_goes_on() {
    let store = Scripted::new([Step::Held]);
    let host = host(&store);
    let commands = vec![
        AccountCommand::Deposit(1),
        AccountCommand::Poison,
        AccountCommand::Deposit(2),
    ];
    let outcomes = pile_up(&store, &host, commands).await;
    assert_eq!(outcomes[1].as_ref().unwrap().version, Version::from(2));
    assert!(
        matches!(&outcomes[2], Err(ExecuteError::Panicked { .. })),
        "{:?}",
        outcomes[2]
    );
}

#[tokio::test]
async fn a_caller_that_is_dropped_in_the_line_is_left_out_and_harms_nobody() {
    let store = Scripted::new([Step::Held]);
    let host = host(&store);
    let deposits = [1, 20, 300].map(AccountCommand::Deposit).to_vec();
    let mut answers = held(&store, &host, deposits).await;
    let gone = answers.remove(1);
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    store.proceed.notify_one();
    for answer in answers {
        answer.await.unwrap().unwrap();
    }
    assert_eq!(balance(&host).await, (301, Version::from(2)));
}

#[tokio::test]
async fn the_caller_whose_append_is_under_way_may_be_dropped_and_the_line_goes_on() {
    let store = Scripted::new([Step::Held]);
    let host = host(&store);
    let deposits = [1, 20, 300].map(AccountCommand::Deposit).to_vec();
    let mut answers = held(&store, &host, deposits).await;
    let gone = answers.remove(0);
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    store.proceed.notify_one();
    for answer in answers {
        answer.await.unwrap().unwrap();
    }
    // Others depended on it: it was carried out all the same.
    assert_eq!(balance(&host).await, (321, Version::from(3)));
}

#[tokio::test]
async fn whoever_shares_an_append_may_be_dropped_and_it_is_stored_all_the_same() {
    let store = Scripted::new([Step::Held, Step::Held]);
    let host = host(&store);
    let deposits = [1, 20, 300].map(AccountCommand::Deposit).to_vec();
    let mut answers = held(&store, &host, deposits).await;
    store.proceed.notify_one();
    answers.remove(0).await.unwrap().unwrap();
    store.arrived.notified().await;
    let gone = answers.remove(0);
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    store.proceed.notify_one();
    assert_eq!(answers.remove(0).await.unwrap().unwrap().version, Version::from(3));
    assert_eq!(balance(&host).await, (321, Version::from(3)));
}

#[tokio::test]
async fn a_look_at_the_state_has_its_place_in_the_line() {
    let store = Scripted::new([Step::Held]);
    let host = host(&store);
    let mut answers = held(&store, &host, vec![AccountCommand::Deposit(1)]).await;
    let mut look = host.state("a").boxed();
    assert!(futures::poll!(&mut look).is_pending());
    answers.push(held_behind(&host, AccountCommand::Deposit(10)));
    store.proceed.notify_one();
    assert_eq!(look.await.unwrap().version, Version::from(1));
    for answer in answers {
        answer.await.unwrap().unwrap();
    }
    assert_eq!(balance(&host).await, (11, Version::from(2)));
}

fn held_behind(host: &Aggregates<Account>, command: AccountCommand) -> JoinHandle<Outcome> {
    held_behind_with(host, command, CommandContext::default())
}

/// Polled once: it has its place in the line.
fn held_behind_with(
    host: &Aggregates<Account>,
    command: AccountCommand,
    context: CommandContext,
) -> JoinHandle<Outcome> {
    let host = host.clone();
    // Unconstrained: tokio would make those who come after many others wait before they are in line.
    let mut answer = unconstrained(async move { host.execute_with("a", command, context).await }).boxed();
    assert!(answer.as_mut().now_or_never().is_none());
    tokio::spawn(answer)
}

#[tokio::test]
async fn a_look_that_is_given_up_lets_the_line_go_on() {
    let store = Scripted::new([Step::Held]);
    let host = host(&store);
    let mut answers = held(&store, &host, vec![AccountCommand::Deposit(1)]).await;
    let mut look = host.state("a").boxed();
    assert!(futures::poll!(&mut look).is_pending());
    answers.push(held_behind(&host, AccountCommand::Deposit(10)));
    drop(look);
    store.proceed.notify_one();
    for answer in answers {
        answer.await.unwrap().unwrap();
    }
    assert_eq!(balance(&host).await, (11, Version::from(2)));
}

#[tokio::test]
async fn a_thousand_callers_of_one_stream_need_few_appends() {
    let store = Scripted::new([Step::Held]);
    let host = host(&store);
    let deposits = vec![AccountCommand::Deposit(1); 2500];
    let outcomes = pile_up(&store, &host, deposits).await;
    let expected: Vec<_> = (1..=2500).map(Some).collect();
    assert_eq!(versions(&outcomes), expected);
    let sizes: Vec<_> = store.appends().iter().map(|append| append.events.len()).collect();
    assert_eq!(sizes, [1, 1000, 1000, 499]);
}

#[tokio::test]
async fn a_command_that_expects_a_version_is_held_against_the_version_that_it_will_meet() {
    let store = Scripted::new([Step::Held]);
    let host = host(&store);
    let first = held(
        &store,
        &host,
        vec![AccountCommand::Deposit(1), AccountCommand::Deposit(2)],
    )
    .await;
    let expecting = |version: u32| {
        let context = CommandContext::default().with_expected_version(Version::from(version));
        held_behind_with(&host, AccountCommand::Deposit(5), context)
    };
    let (stale, right) = (expecting(1), expecting(2));
    store.proceed.notify_one();
    for answer in first {
        answer.await.unwrap().unwrap();
    }
    let stale = stale.await.unwrap();
    assert!(matches!(stale, Err(ExecuteError::Conflict(conflict)) if conflict.actual == Version::from(2)));
    assert_eq!(right.await.unwrap().unwrap().version, Version::from(3));
}

#[tokio::test]
async fn another_process_that_keeps_winning_is_a_conflict_for_all_that_shared_the_append() {
    let overtaken = || Step::OvertakenBy(vec![AccountEvent::Deposited(100)]);
    let store = Scripted::new([Step::Held, overtaken(), overtaken(), overtaken()]);
    let host = impatient(&store);
    let deposits = [1, 2, 3].map(AccountCommand::Deposit).to_vec();
    let outcomes = pile_up(&store, &host, deposits).await;
    assert!(matches!(&outcomes[1], Err(ExecuteError::Conflict(_))));
    assert!(matches!(&outcomes[2], Err(ExecuteError::Conflict(_))));
    let stored = store.stored(stream()).await;
    assert!(!stored.contains(&AccountEvent::Deposited(2)));
}
