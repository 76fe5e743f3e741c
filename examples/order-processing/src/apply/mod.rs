//! Commands from a file, a JSON object a line.
//!
//! Three parts work at the same time: a thread reads and parses, lanes carry out, and the caller counts and reports in
//! the order of the lines. What lies between them is bounded, so memory is, however large the input.

mod document;
mod lanes;
mod lines;
mod progress;
mod reader;
mod source;
mod tally;

use std::{io::Write, path::Path};

use futures::{Stream, StreamExt, stream};

pub use tally::Tally;

use crate::{Failure, Orders};
use lanes::{Lanes, Verdict};
use progress::Progress;
use source::Source;

/// Lines under way for each lane: a lane that works on a slow order does not stop the others at once.
const LINES_PER_LANE: usize = 4;

/// Applies commands to orders.
///
/// They are carried out one after the other, in the order of their lines: whatever interrupts the work, what is in the
/// store is what the first lines lead to. [`Apply::jobs`] trades that for speed.
///
/// ```
/// use composable_rust::{SystemClock, prelude::InMemoryEventStore};
/// use order_processing::{Apply, Orders};
/// use std::{io::Write, sync::Arc};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut file = tempfile::NamedTempFile::new()?;
/// writeln!(file, r#"{{"command":"ship","order":"o-1","tracking":"T1"}}"#)?;
///
/// let orders = Orders::new(Arc::new(InMemoryEventStore::new()), Arc::new(SystemClock));
/// let (mut output, mut reports) = (Vec::new(), Vec::new());
/// Apply::open(file.path())?.run(&orders, &mut output, &mut reports).await?;
/// assert_eq!(output, b"applied 0, rejected 1, malformed 0\n");
/// assert_eq!(reports, b"line 1: rejected: order o-1 has not been placed\n");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Apply {
    source: Source,
    from: u64,
    jobs: u16,
}

impl Apply {
    /// The commands in `file`; `-` is standard input.
    ///
    /// # Errors
    /// [`Failure::Input`] if the file can't be opened: name another one.
    pub fn open(file: impl AsRef<Path>) -> Result<Self, Failure> {
        Ok(Self {
            source: Source::open(file.as_ref())?,
            from: 1,
            jobs: 1,
        })
    }

    /// Starts at this line, 1 for the first.
    #[must_use]
    pub fn from(self, line: u64) -> Self {
        Self { from: line, ..self }
    }

    /// How many commands are carried out at the same time; 0 means 1. They share commits, which is where the time goes.
    ///
    /// With more than one, only the commands of one order keep their order. What is interrupted then leaves behind no
    /// prefix of the lines, and there is no line to go on from: what comes again may be decided differently. A shipment
    /// that was refused because it came before the order was placed is accepted the second time.
    #[must_use]
    pub fn jobs(self, jobs: u16) -> Self {
        Self { jobs, ..self }
    }

    /// Applies line by line; goes on after one that is rejected or malformed, having named it in `reports`. Ends by
    /// writing the tally to `output`. Where standard error is a terminal, it shows the progress.
    ///
    /// # Errors
    /// [`Failure::Malformed`] at the end, if a line was; [`Failure::Input`] if the file can't be read;
    /// [`Failure::Store`] as soon as the store fails. Both name the line: what came before it is done, and nothing after
    /// it is, so that [`Apply::from`] goes on there. Only when the store fails among several jobs, some of what comes
    /// after it may be done as well.
    pub async fn run(
        self,
        orders: &Orders,
        output: &mut (dyn Write + Send),
        reports: &mut (dyn Write + Send),
    ) -> Result<(), Failure> {
        let progress = Progress::new(self.source.bytes());
        let lanes = Lanes::start(orders, self.jobs.max(1));
        let mut read = reader::spawn(self.source, self.from, progress.clone())?;
        let verdicts = stream::poll_fn(|context| read.poll_recv(context))
            .map(|line| lanes.carry_out(line))
            .buffered(lanes.len() * LINES_PER_LANE);
        let tally = count(verdicts, &progress, reports)
            .await
            .map_err(|stop| stop.explain(lanes.len()));
        progress.finish();
        let tally = tally?;
        writeln!(output, "{tally}")?;
        match tally.malformed {
            0 => Ok(()),
            malformed => Err(Failure::Malformed(malformed)),
        }
    }
}

async fn count(
    verdicts: impl Stream<Item = (u64, Verdict)>,
    progress: &Progress,
    reports: &mut (dyn Write + Send),
) -> Result<Tally, Stop> {
    futures::pin_mut!(verdicts);
    let mut tally = Tally::default();
    while let Some((line, verdict)) = verdicts.next().await {
        match verdict {
            Verdict::Applied => tally.applied += 1,
            Verdict::Rejected(reason) => {
                tally.rejected += 1;
                progress.report(reports, &format!("line {line}: rejected: {reason}"));
            }
            Verdict::Malformed(reason) => {
                tally.malformed += 1;
                progress.report(reports, &format!("line {line}: malformed: {reason}"));
            }
            Verdict::Failed(failure) => return Err(Stop { line, tally, failure }),
        }
        progress.show(line, &tally);
    }
    Ok(tally)
}

/// The line that could not be carried out, and what came before it.
struct Stop {
    line: u64,
    tally: Tally,
    failure: Failure,
}

impl Stop {
    /// Whether the line was written or not: to go on with it is right, since to repeat it at once changes nothing.
    fn explain(self, lanes: usize) -> Failure {
        let Self { line, tally, failure } = self;
        let at = format!("stopped at line {line} ({tally} before it");
        let go_on = format!("go on with --from {line})");
        match failure {
            Failure::Store { context, source } if lanes > 1 => Failure::Store {
                context: format!("{at}; of what comes after it, some may be done): {context}"),
                source,
            },
            Failure::Store { context, source } => Failure::Store {
                context: format!("{at}; {go_on}: {context}"),
                source,
            },
            // Nothing comes after a line that can't be read.
            other => Failure::Input(format!("{at}; {go_on}: {other}")),
        }
    }
}
