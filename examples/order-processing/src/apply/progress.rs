//! Progress on a terminal, and reports that do not tear it.

use std::io::{self, Read, Write};

use indicatif::{ProgressBar, ProgressStyle};

use super::Tally;

/// A line on standard error that shows how far the input was read; nothing where that is not a terminal. Clones are the
/// same line.
#[derive(Clone)]
pub(super) struct Progress(ProgressBar);

impl Progress {
    /// For an input of so many bytes, if that is known.
    pub(super) fn new(bytes: Option<u64>) -> Self {
        let (bar, template) = match bytes {
            Some(bytes) => (ProgressBar::new(bytes), "{bar:30} {bytes}/{total_bytes}  {msg}"),
            None => (ProgressBar::new_spinner(), "{spinner} {bytes}  {msg}"),
        };
        match ProgressStyle::with_template(template) {
            Ok(style) => Self(bar.with_style(style)),
            Err(_) => Self(bar),
        }
    }

    pub(super) fn follow<R: Read>(self, input: R) -> Follow<R> {
        Follow { input, progress: self }
    }

    /// Shows how far the lines are done; drawn now and then, so a little behind.
    pub(super) fn show(&self, line: u64, tally: &Tally) {
        if !self.0.is_hidden() {
            self.0.set_message(format!("line {line}: {tally}"));
        }
    }

    /// Writes a line to `reports`; where nobody reads it, the work goes on.
    pub(super) fn report(&self, reports: &mut (dyn Write + Send), line: &str) {
        self.0.suspend(|| {
            let _ = writeln!(reports, "{line}");
        });
    }

    pub(super) fn finish(&self) {
        self.0.finish_and_clear();
    }
}

/// An input whose reading is shown.
pub(super) struct Follow<R> {
    input: R,
    progress: Progress,
}

impl<R: Read> Read for Follow<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.input.read(buffer)?;
        self.progress.0.inc(bytes as u64);
        Ok(bytes)
    }
}
