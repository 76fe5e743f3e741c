//! The thread that reads and parses.

use std::{io::BufRead, str, thread};

use tokio::sync::mpsc::{self, Receiver, Sender};

use super::{
    document,
    lanes::{Line, Task},
    lines::{LONGEST_LINE, Lines, Text},
    progress::Progress,
    source::Source,
};
use crate::Failure;

/// Lines that are read ahead.
const READ_AHEAD: usize = 64;

/// Reads `source` from line `from` on; blank lines are left out.
///
/// A thread, not a task: a read of standard input may never return, and a runtime waits for its blocking tasks when it
/// ends. The thread ends with the input, or when nobody listens any more.
pub(super) fn spawn(source: Source, from: u64, progress: Progress) -> Result<Receiver<Line>, Failure> {
    let (sender, receiver) = mpsc::channel(READ_AHEAD);
    let read = move || {
        let name = source.name();
        read(Lines::new(source.reader(progress)), &name, from, &sender);
    };
    let spawned = thread::Builder::new().name("apply-reader".to_owned()).spawn(read);
    spawned.map_err(|error| Failure::store("no thread could be started", error))?;
    Ok(receiver)
}

fn read(mut lines: Lines<impl BufRead>, name: &str, from: u64, sender: &Sender<Line>) {
    loop {
        let number = lines.number() + 1;
        let task = match lines.next() {
            Ok(None) => return,
            Ok(Some(_)) if number < from => continue,
            Ok(Some(text)) => task(&text),
            Err(error) => Some(Task::Unreadable(format!("{name}: {error}"))),
        };
        let Some(task) = task else { continue };
        let is_last = matches!(task, Task::Unreadable(_));
        if sender.blocking_send(Line { number, task }).is_err() || is_last {
            return;
        }
    }
}

fn task(text: &Text<'_>) -> Option<Task> {
    let Text::Bytes(bytes) = text else {
        return Some(Task::Malformed(format!("longer than {LONGEST_LINE} bytes")));
    };
    let Ok(text) = str::from_utf8(bytes) else {
        return Some(Task::Malformed("not UTF-8".to_owned()));
    };
    if text.trim().is_empty() {
        return None;
    }
    Some(match document::parse(text) {
        Ok(command) => Task::Execute(command),
        Err(reason) => Task::Malformed(reason),
    })
}
