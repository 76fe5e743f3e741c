//! Outages, lost answers, panics and bad data.

use composable_rust_core::{AppendError, EventStore, ExpectedVersion, Version};
use composable_rust_runtime::{ExecuteError, LoadError};

use crate::{
    account::{
        self,
        AccountCommand::{self, Deposit, DepositIf},
        AccountEvent::{self, Deposited},
        ReadStep, Scripted, Step, stream, write,
    },
    balance, host, impatient,
};

#[tokio::test(start_paused = true)]
async fn an_outage_is_waited_out_with_the_identical_append() {
    let store = Scripted::new([Step::Unavailable]);
    host(&store).execute("a", Deposit(1)).await.unwrap();
    let appends = store.appends();
    assert_eq!(appends[0], appends[1]);
    assert_eq!(store.stored(stream()).await, [Deposited(1)]);
}

#[tokio::test(start_paused = true)]
async fn an_outage_that_lasts_is_unavailable_and_nothing_is_stored() {
    let store = Scripted::new([Step::Unavailable, Step::Unavailable]);
    let host = impatient(&store);
    assert!(matches!(
        host.execute("a", Deposit(1)).await,
        Err(ExecuteError::Unavailable(_))
    ));
    assert_eq!(balance(&host).await, (0, Version::INITIAL));
    host.execute("a", DepositIf { balance: 0 }).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_asked_for_again_and_stored_once() {
    for step in [Step::AnswerLost, Step::Lost, Step::Panic, Step::Hang] {
        let store = Scripted::new([step]);
        let host = impatient(&store);
        assert_eq!(host.execute("a", Deposit(1)).await.unwrap().version, Version::from(1));
        let appends = store.appends();
        assert_eq!((appends.len(), &appends[0]), (2, &appends[1]), "the identical append");
        assert_eq!(store.stored(stream()).await, [Deposited(1)]);
        assert_eq!(balance(&host).await, (1, Version::from(1)));
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_stays_lost_is_outcome_unknown_even_if_the_last_attempt_was_certain() {
    let store = Scripted::new([Step::AnswerLost, Step::Unavailable]);
    let host = impatient(&store);
    assert!(matches!(
        host.execute("a", Deposit(1)).await,
        Err(ExecuteError::OutcomeUnknown(_))
    ));
    assert_eq!(
        balance(&host).await,
        (1, Version::from(1)),
        "and the next look tells the truth"
    );
}

#[tokio::test]
async fn a_panic_in_decide_is_answered_and_changes_nothing() {
    let store = Scripted::new([]);
    let host = host(&store);
    host.execute("a", Deposit(1)).await.unwrap();
    let error = host.execute("a", AccountCommand::Panic).await;
    assert!(matches!(error, Err(ExecuteError::Panicked { message }) if message == "decided to panic"));
    host.execute("a", DepositIf { balance: 1 }).await.unwrap();
}

#[tokio::test]
async fn a_panic_in_apply_drops_the_hot_state_and_the_next_command_loads() {
    let store = Scripted::new([]);
    let host = host(&store);
    let committed = host.execute("a", AccountCommand::Poison).await.unwrap();
    assert_eq!(
        committed.events,
        [AccountEvent::Poison],
        "what is stored is answered as stored"
    );
    let next = host.execute("a", Deposit(1)).await;
    assert!(matches!(next, Err(ExecuteError::Panicked { message }) if message == "applied poison"));
    assert!(matches!(host.state("a").await, Err(LoadError::Panicked { .. })));
    host.execute("b", Deposit(1)).await.unwrap();
}

#[tokio::test]
async fn an_event_that_cannot_be_encoded_is_an_error_and_nothing_is_stored() {
    let store = Scripted::new([]);
    let host = host(&store);
    assert!(matches!(
        host.execute("a", AccountCommand::Unencodable).await,
        Err(ExecuteError::Encode(_))
    ));
    host.execute("a", DepositIf { balance: 0 }).await.unwrap();
}

#[tokio::test]
async fn an_unknown_event_in_the_history_is_named_and_never_skipped() {
    let store = Scripted::new([]);
    let mut foreign = account::serialized(&[Deposited(1)]);
    foreign[0].event_type = "Renamed.v1".into();
    store
        .inner
        .append_events(stream(), ExpectedVersion::Any, foreign)
        .await
        .unwrap();
    let error = host(&store).execute("a", Deposit(1)).await;
    assert!(matches!(error, Err(ExecuteError::Decode { version, .. }) if version == Version::from(1)));
}

#[tokio::test]
async fn an_id_that_names_no_stream_is_an_error() {
    let host = host(&Scripted::new([]));
    assert!(matches!(
        host.execute("a\0", Deposit(1)).await,
        Err(ExecuteError::InvalidId(_))
    ));
    assert!(matches!(
        host.state(&"x".repeat(600)).await,
        Err(LoadError::InvalidId(_))
    ));
}

#[tokio::test(start_paused = true)]
async fn a_load_waits_an_outage_out_and_then_gives_up() {
    let store = Scripted::new([]);
    write(&store, &[Deposited(5)]).await;
    store.script_reads([ReadStep::Unavailable]);
    assert_eq!(balance(&impatient(&store)).await, (5, Version::from(1)));
    store.script_reads([ReadStep::Unavailable; 2]);
    assert!(matches!(
        impatient(&store).state("a").await,
        Err(LoadError::Unavailable(_))
    ));
}

#[tokio::test]
async fn a_refusal_of_the_store_is_passed_on() {
    let store = Scripted::new([Step::Full]);
    let refused = host(&store).execute("a", Deposit(1)).await;
    assert!(matches!(refused, Err(ExecuteError::Append(AppendError::Backend(_)))));
    assert_eq!(store.appends().len(), 1, "there is no point in repeating it");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_lost_and_then_refused_is_outcome_unknown() {
    let store = Scripted::new([Step::AnswerLost, Step::Full]);
    let host = impatient(&store);
    assert!(matches!(
        host.execute("a", Deposit(1)).await,
        Err(ExecuteError::OutcomeUnknown(_))
    ));
    assert_eq!(balance(&host).await, (1, Version::from(1)), "it was written");
}

#[tokio::test]
async fn a_panic_in_encode_is_answered_and_changes_nothing() {
    let store = Scripted::new([]);
    let host = host(&store);
    let error = host.execute("a", AccountCommand::Unwritable).await;
    assert!(matches!(error, Err(ExecuteError::Panicked { message }) if message == "encoded to panic"));
    host.execute("a", DepositIf { balance: 0 }).await.unwrap();
}

#[tokio::test]
async fn a_panic_while_reading_is_an_error_of_the_store() {
    let store = Scripted::new([]);
    store.script_reads([ReadStep::Panic]);
    assert!(matches!(
        host(&store).execute("a", Deposit(1)).await,
        Err(ExecuteError::Read(_))
    ));
    host(&store).execute("a", Deposit(1)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_read_that_does_not_answer_is_an_outage_and_holds_the_stream_no_longer_than_that() {
    let store = Scripted::new([]);
    let host = impatient(&store);
    store.script_reads([ReadStep::Hang]);
    host.execute("a", Deposit(1)).await.unwrap();
    let cold = impatient(&store);
    store.script_reads([ReadStep::Hang; 2]);
    assert!(matches!(
        cold.execute("a", Deposit(1)).await,
        Err(ExecuteError::Unavailable(_))
    ));
}
