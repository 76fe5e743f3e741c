//! What a failing test says: what was expected, what happened, what to do.

use std::{
    fmt::{self, Debug},
    time::Duration,
};

use crate::failed::difference;

/// What a failing test says.
pub(super) struct Message {
    headline: String,
    parts: Vec<String>,
    advice: String,
}

impl Message {
    pub(super) fn new(headline: impl Into<String>) -> Self {
        Self {
            headline: headline.into(),
            parts: Vec::new(),
            advice: String::new(),
        }
    }

    /// Lines under a title; without lines there is nothing to have one.
    pub(super) fn part(mut self, title: &str, lines: impl IntoIterator<Item = String>) -> Self {
        let lines = lines.into_iter().map(|line| format!("    {}", indented(&line)));
        let lines = lines.collect::<Vec<_>>().join("\n");
        if !lines.is_empty() {
            self.parts.push(format!("  {title}:\n{lines}"));
        }
        self
    }

    /// Only what differs.
    pub(super) fn differing<T: Debug>(self, expected: &T, actual: &T) -> Self {
        let difference = difference(expected, actual);
        let lines = difference.lines().map(str::to_owned).collect::<Vec<_>>();
        self.part("- asserted, + actual", lines)
    }

    pub(super) fn advice(self, advice: impl Into<String>) -> Self {
        Self {
            advice: advice.into(),
            ..self
        }
    }
}

fn indented(text: &str) -> String {
    text.replace('\n', "\n    ").replace("\n    \n", "\n\n")
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.headline)?;
        for part in &self.parts {
            write!(f, "\n\n{part}")?;
        }
        if self.advice.is_empty() {
            return Ok(());
        }
        write!(f, "\n\nhelp: {}", self.advice)
    }
}

/// "3 s", "1.5 ms".
pub(super) fn spaced(duration: Duration) -> String {
    let text = format!("{duration:?}");
    let unit = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(unit);
    format!("{number} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_space_before_their_unit() {
        let texts = [3_000, 1_500, 20].map(|millis| spaced(Duration::from_millis(millis)));
        assert_eq!(texts, ["3 s", "1.5 s", "20 ms"]);
    }
}
