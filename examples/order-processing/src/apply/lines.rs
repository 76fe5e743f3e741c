//! Lines of bounded length.

use std::io::{self, BufRead, Read};

/// The longest line: room for an order of some twenty thousand items. What is longer is malformed, and is passed over
/// without being kept.
pub(super) const LONGEST_LINE: usize = 1 << 20;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads lines, and remembers where it is.
pub(super) struct Lines<R> {
    input: R,
    line: Vec<u8>,
    number: u64,
    longest: usize,
}

/// One line, without its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Text<'a> {
    /// Whatever the bytes are.
    Bytes(&'a [u8]),
    /// More than [`LONGEST_LINE`] bytes.
    TooLong,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(input: R) -> Self {
        Self::with_longest(input, LONGEST_LINE)
    }

    fn with_longest(input: R, longest: usize) -> Self {
        Self {
            input,
            line: Vec::new(),
            number: 0,
            longest,
        }
    }

    /// The number of the line that was read last, or could not be.
    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    /// The next line, ended by `\n`, `\r\n` or the end of the input; `None` at the end. A byte order mark before the
    /// first one is no part of it.
    pub(super) fn next(&mut self) -> io::Result<Option<Text<'_>>> {
        self.number += 1;
        self.line.clear();
        // Room for the longest line, a byte order mark and its end; what does not end within it is too long.
        let most = (self.longest + BYTE_ORDER_MARK.len() + 2) as u64;
        let read = (&mut self.input).take(most).read_until(b'\n', &mut self.line)?;
        if read == 0 {
            return Ok(None);
        }
        if read as u64 == most && !self.line.ends_with(b"\n") {
            self.input.skip_until(b'\n')?;
            return Ok(Some(Text::TooLong));
        }
        let line = self.line.as_slice();
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let line = match self.number {
            1 => line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line),
            _ => line,
        };
        if line.len() > self.longest {
            return Ok(Some(Text::TooLong));
        }
        Ok(Some(Text::Bytes(line)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(input: &[u8], longest: usize) -> Vec<Option<Vec<u8>>> {
        let mut lines = Lines::with_longest(io::BufReader::with_capacity(3, input), longest);
        let mut all = Vec::new();
        while let Some(text) = lines.next().unwrap() {
            all.push(match text {
                Text::Bytes(bytes) => Some(bytes.to_vec()),
                Text::TooLong => None,
            });
        }
        all
    }

    fn some(texts: &[&str]) -> Vec<Option<Vec<u8>>> {
        texts.iter().map(|text| Some(text.as_bytes().to_vec())).collect()
    }

    #[test]
    fn lines_end_in_three_ways() {
        assert_eq!(lines(b"a\nb\r\n\nc", 10), some(&["a", "b", "", "c"]));
        assert_eq!(lines(b"a\n", 10), some(&["a"]));
        assert_eq!(lines(b"", 10), some(&[]));
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_first_line() {
        assert_eq!(lines(b"\xef\xbb\xbfa\n\xef\xbb\xbfb", 10), some(&["a", "\u{feff}b"]));
    }

    #[test]
    fn a_line_that_is_too_long_is_one_line_and_the_next_is_whole() {
        let input = b"12345\n123456\n1234567890123\n12345\r\nx\n12345678901234567890";
        let whole = |text: &str| Some(text.as_bytes().to_vec());
        assert_eq!(
            lines(input, 5),
            [whole("12345"), None, None, whole("12345"), whole("x"), None]
        );
    }

    proptest! {
        #[test]
        fn lines_are_those_of_split(input in "[ab\n]{0,60}") {
            let mut expected: Vec<&str> = input.split('\n').collect();
            if expected.last() == Some(&"") {
                expected.pop();
            }
            prop_assert_eq!(lines(input.as_bytes(), 100), some(&expected));
        }
    }
}
