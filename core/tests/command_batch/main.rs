//! A batch of commands answers as if one command after another had been decided and stored.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helper functions of tests")]

mod model;
mod shell;
mod sum;

use std::sync::atomic::AtomicU64;

use composable_rust_core::{
    Aggregate, AggregateSession, Appended, BatchCommand, CommandBatch, CommandId, Conflict, EventMetadata,
    ExpectedVersion, Position, Version,
};
use proptest::{collection::vec, prelude::*};
use uuid::Uuid;

use model::{Told, told};
use shell::{Fate, Shell};
use sum::{Added, Command, Ids, Sum, Wish};

fn wish() -> impl Strategy<Value = Wish> {
    prop_oneof![
        4 => (0..4_u64).prop_map(Wish::Add),
        3 => Just(Wish::AddIfEven),
        1 => Just(Wish::PanicIfOdd),
        1 => Just(Wish::Unlucky),
    ]
}

fn command() -> impl Strategy<Value = Command> {
    let id = prop::option::weighted(
        0.3,
        (0..6_u128).prop_map(|id| CommandId::from_uuid(Uuid::from_u128(id))),
    );
    let expected = prop::option::weighted(0.1, (0..30_u32).prop_map(Version::from));
    (wish(), id, expected).prop_map(|(wish, id, expected)| Command {
        number: 0,
        wish,
        id,
        expected,
        metadata: EventMetadata::default(),
    })
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        4 => Just(Fate::Stored),
        2 => (0..4_u64).prop_map(Fate::OvertakenBy),
        1 => Just(Fate::Withdrawn),
        1 => Just(Fate::Unavailable),
        1 => any::<bool>().prop_map(|is_stored| Fate::Unknown { is_stored }),
        2 => (0..4_usize).prop_map(Fate::TooLarge),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn a_batch_answers_as_one_command_after_another_would_be(
        commands in vec(command(), 1..40),
        fates in vec(fate(), 0..40),
    ) {
        let numbered = (0..).zip(commands).map(|(number, command)| Command { number, ..command });
        let mut shell = Shell::new(numbered.collect());
        // Later appends are stored: then all commands come to an end.
        let mut fates = fates.into_iter().chain(std::iter::repeat(Fate::Stored));
        let mut steps = 0;
        while !shell.waiting.is_empty() {
            steps += 1;
            prop_assert!(steps < 200, "the commands come to no end");
            shell.step(fates.next().unwrap());
        }
        prop_assert!(shell.answers.iter().all(Option::is_some));
    }
}

fn plain(number: usize, wish: Wish) -> Command {
    Command {
        number,
        wish,
        id: None,
        expected: None,
        metadata: EventMetadata::default(),
    }
}

#[test]
fn commands_share_an_append_and_rejections_between_them_wait_for_it() {
    let wishes = [Wish::AddIfEven, Wish::AddIfEven, Wish::Add(1), Wish::AddIfEven];
    let mut shell = Shell::new((0..).zip(wishes).map(|(number, wish)| plain(number, wish)).collect());
    shell.step(Fate::Stored);
    let expected = [
        Told::Stored(vec![Added(1)], 1),
        Told::Odd(1),
        Told::Stored(vec![Added(1)], 2),
        Told::Stored(vec![Added(1)], 3),
    ];
    assert_eq!(shell.answers, expected.map(Some));
    assert_eq!(shell.largest, 4);
}

#[test]
fn a_batch_ends_at_a_thousand_events_and_a_single_command_may_have_more() {
    for (wish, count, in_first) in [
        (Wish::Add(1), 1500, 1000),
        (Wish::Add(600), 3, 1),
        (Wish::Add(1200), 2, 1),
    ] {
        let mut shell = Shell::new((0..count).map(|number| plain(number, wish.clone())).collect());
        shell.step(Fate::Stored);
        assert_eq!(shell.largest, in_first, "{wish:?}");
    }
}

#[test]
fn a_panic_of_apply_is_reported_with_the_outcomes_and_the_events_are_stored() {
    struct Poison(EventMetadata);
    impl BatchCommand<Sum> for Poison {
        fn command(&self) -> &Wish {
            &Wish::Add(1)
        }
        fn command_id(&self) -> Option<CommandId> {
            None
        }
        fn expected_version(&self) -> Option<Version> {
            None
        }
        fn metadata(&self) -> &EventMetadata {
            &self.0
        }
    }
    // The state is so large that adding to it overflows, which panics in the tests' builds.
    let mut session = AggregateSession::<Sum>::restored(Version::from(7), u64::MAX);
    let mut batch = CommandBatch::new(Sum::stream_id("1").unwrap());
    let ids = Ids(AtomicU64::new(0));
    assert!(
        batch
            .try_add(&mut session, Poison(EventMetadata::default()), &(), &ids)
            .is_ok()
    );
    assert!(batch.append(&session).is_some());
    let acknowledged = batch.acknowledged(
        &mut session,
        Appended::new(Version::from(8), Position::from_sequence(8)),
    );
    assert!(acknowledged.apply_panic.is_some());
    let (_, outcome) = acknowledged.outcomes.into_iter().next().unwrap();
    assert_eq!(told(outcome), Told::Stored(vec![Added(1)], 8));
}

#[test]
fn a_conflict_that_is_not_decided_again_fails_those_with_events_and_nobody_else() {
    let wishes = [Wish::Add(1), Wish::AddIfEven, Wish::Add(1)];
    let mut shell = Shell::new((0..).zip(wishes).map(|(number, wish)| plain(number, wish)).collect());
    while let Some(command) = shell.waiting.pop_front() {
        assert!(
            shell
                .batch
                .try_add(&mut shell.session, command, &(), &shell.ids)
                .is_ok()
        );
    }
    let conflict = Conflict {
        stream_id: Sum::stream_id("1").unwrap(),
        expected: ExpectedVersion::NoStream,
        actual: Version::from(3),
    };
    shell.fails(&conflict.into());
    assert_eq!(shell.answers, [Some(Told::Failed), None, Some(Told::Failed)]);
    let again: Vec<_> = shell.waiting.iter().map(|command| command.number).collect();
    assert_eq!(again, [1]);
}
