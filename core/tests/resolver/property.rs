//! The resolver answers what a naive model answers, for any history.

use std::collections::BTreeMap;

use composable_rust_core::{AppendError, ExpectedVersion, StreamAppend, backend::Resolution};
use proptest::{collection::vec, prelude::*, sample::Index, strategy::ValueTree, test_runner::TestRunner};

use crate::{
    log::{Log, entry, of_command},
    model,
};

/// Few streams, ids, contents and commands, so that they meet often.
fn entries() -> impl Strategy<Value = StreamAppend> {
    let events = vec((0..12_u8, prop_oneof![5 => Just(0_u8), 1 => Just(1)]), 0..3);
    let command = prop::option::weighted(0.3, 0..3_u8);
    ("[ab]", expected(), events, command).prop_map(|(stream, expected, events, command)| {
        let ids: Vec<_> = events.iter().map(|(id, _)| *id).collect();
        let mut append = entry(&stream, expected, &ids);
        for (event, (_, data)) in append.events.iter_mut().zip(events) {
            event.data = vec![data];
        }
        match command {
            Some(id) if !append.events.is_empty() => of_command(append, id),
            _ => append,
        }
    })
}

fn expected() -> impl Strategy<Value = ExpectedVersion> {
    prop_oneof![
        3 => Just(ExpectedVersion::Any),
        1 => Just(ExpectedVersion::NoStream),
        1 => Just(ExpectedVersion::StreamExists),
        3 => (0..6_u32).prop_map(|version| ExpectedVersion::Exact(version.into())),
    ]
}

/// What a writer sends: entries of its own, or some of those that were sent before, perhaps with one of its own.
#[derive(Clone, Debug)]
enum Send {
    New(Vec<StreamAppend>),
    Again(Index),
    AgainWith(Index, StreamAppend),
}

fn sends() -> impl Strategy<Value = Vec<Send>> {
    let send = prop_oneof![
        4 => vec(entries(), 1..3).prop_map(Send::New),
        2 => any::<Index>().prop_map(Send::Again),
        1 => (any::<Index>(), entries()).prop_map(|(sent, other)| Send::AgainWith(sent, other)),
    ];
    vec(send, 1..40)
}

fn batch(send: Send, earlier: &[Vec<StreamAppend>]) -> Vec<StreamAppend> {
    let again = |index: Index| {
        if earlier.is_empty() {
            Vec::new()
        } else {
            index.get(earlier).clone()
        }
    };
    match send {
        Send::New(batch) => batch,
        Send::Again(index) => again(index),
        Send::AgainWith(index, other) => again(index).into_iter().take(1).chain([other]).collect(),
    }
}

/// Sends one after the other; `seen` gets each answer. The model must agree with it.
fn run(sends: Vec<Send>, mut seen: impl FnMut(&Resolution)) -> Result<(), TestCaseError> {
    let (mut log, mut sent) = (Log::default(), Vec::new());
    for send in sends {
        let batch = batch(send, &sent);
        if StreamAppend::validate_batch(&batch).is_err() {
            continue; // a store refuses it before it asks the resolver
        }
        let answer = log.resolve(&batch);
        prop_assert_eq!(format!("{answer:?}"), format!("{:?}", model::resolve(&log, &batch)));
        seen(&answer);
        if matches!(answer, Resolution::Write) {
            log.write(batch.clone());
        }
        sent.push(batch);
    }
    Ok(())
}

proptest! {
    #[test]
    fn the_resolver_answers_as_the_model_does(sends in sends()) {
        run(sends, |_| {})?;
    }
}

fn kind(resolution: &Resolution) -> &'static str {
    match resolution {
        Resolution::Write => "write",
        Resolution::Answer(Ok(_)) => "repetition",
        Resolution::Answer(Err(AppendError::Conflict(_))) => "conflict",
        Resolution::Answer(Err(AppendError::DuplicateCommand { .. })) => "command",
        Resolution::Answer(Err(AppendError::DuplicateId { .. })) => "id",
        Resolution::Answer(Err(_)) => "another error",
    }
}

/// Otherwise the property would compare too little.
#[test]
fn the_histories_meet_every_answer_often() {
    let (mut runner, mut met) = (TestRunner::deterministic(), BTreeMap::<_, u32>::new());
    for _ in 0..100 {
        let sends = sends().new_tree(&mut runner).unwrap().current();
        run(sends, |answer| *met.entry(kind(answer)).or_default() += 1).unwrap();
    }
    let kinds: Vec<_> = met.keys().copied().collect();
    assert_eq!(kinds, ["command", "conflict", "id", "repetition", "write"]);
    assert!(met.values().all(|times| *times >= 30), "{met:?}");
}
