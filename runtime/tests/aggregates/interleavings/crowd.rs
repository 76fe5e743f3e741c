//! What callers do: they come, are polled or not, move to a task, go, and send a command again.

use std::{sync::Arc, time::Duration};

use futures::{FutureExt, future::BoxFuture};
use tokio::task::JoinHandle;

use super::world::{Call, STREAMS, Told, Wants, World, context};

/// A caller at the driver's hand.
type Caller = BoxFuture<'static, ()>;

/// Until all of them have come, and all who have not gone are answered.
pub(super) async fn let_loose(world: &mut World) {
    let (mut callers, mut tasks): (Vec<Caller>, Vec<JoinHandle<()>>) = (Vec::new(), Vec::new());
    let mut steps = 30 + world.dice.below(120);
    while steps > 0 {
        steps -= 1;
        let nth = world.dice.below(callers.len().max(1));
        match world.dice.below(12) {
            0..=4 => callers.extend(come(world)),
            _ if callers.is_empty() => {}
            5 => drop(callers.swap_remove(nth)),
            6 | 7 => tasks.push(tokio::spawn(callers.swap_remove(nth))),
            8 => {
                if !tasks.is_empty() {
                    let gone = tasks.swap_remove(world.dice.below(tasks.len()));
                    gone.abort();
                }
            }
            9 | 10 => {
                if futures::poll!(&mut callers[nth]).is_ready() {
                    drop(callers.swap_remove(nth));
                }
            }
            _ => {
                for _ in 0..world.dice.below(6) {
                    world.go_on().await;
                }
            }
        }
        if world.dice.shows(50) {
            tokio::task::yield_now().await;
        }
    }
    // Some are not looked at any more, and kept nevertheless: they hold up none of the others.
    let unpolled = callers.split_off(callers.len() / 2);
    futures::future::join_all(callers).await;
    for task in tasks {
        task.await.unwrap();
    }
    if world.dice.shows(50) {
        futures::future::join_all(unpolled).await;
    } else {
        for host in &world.hosts {
            assert!(host.shutdown(super::FOR_EVER).await, "somebody holds on to a place");
        }
    }
}

/// A caller comes with a new command or an old one, and is polled once.
fn come(world: &mut World) -> Option<Caller> {
    let stream = world.dice.below(STREAMS.len());
    let host = world.hosts[world.dice.below(world.hosts.len())].clone();
    let calls = Arc::clone(&world.calls);
    let (wants, stream) = wanted(world, stream);
    let nth = {
        let before = world.len(stream);
        let mut calls = calls.lock().unwrap();
        calls.push(Call {
            stream,
            wants: wants.clone(),
            before,
            after: before,
            told: None,
        });
        calls.len() - 1
    };
    let memory = world.memory.clone();
    let mut caller = async move {
        let told = match &wants {
            Wants::Look => Told::Look(host.state(STREAMS[stream]).await),
            Wants::Command { command, .. } => {
                Told::Command(host.execute_with(STREAMS[stream], *command, context(&wants)).await)
            }
        };
        let after = memory.events(&super::world::stream_id(stream)).len();
        let call = &mut calls.lock().unwrap()[nth];
        (call.after, call.told) = (after, Some(told));
    }
    .boxed();
    // In the context of the runtime, but woken for nothing.
    (&mut caller).now_or_never().is_none().then_some(caller)
}

fn wanted(world: &mut World, stream: usize) -> (Wants, usize) {
    if world.dice.shows(15) {
        return (Wants::Look, stream);
    }
    if world.dice.shows(30) {
        let calls = Arc::clone(&world.calls);
        let calls = calls.lock().unwrap();
        let nth = world.dice.below(calls.len().max(1));
        if let Some(call) = calls.get(nth)
            && matches!(call.wants, Wants::Command { has_id: true, .. })
        {
            return (call.wants.clone(), call.stream);
        }
    }
    let wants = Wants::Command {
        command: world.new_command(),
        has_id: world.dice.shows(50),
        expected: world.dice.shows(10).then(|| world.len(stream)),
        deadline: world
            .dice
            .shows(25)
            .then(|| Duration::from_millis(world.dice.number() % 20)),
    };
    (wants, stream)
}
