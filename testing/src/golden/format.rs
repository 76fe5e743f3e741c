//! How bytes stand in a file: as text that a person can review, with an empty line between two values.

use super::bytes::{from_hex, to_hex};

/// What stands for no bytes at all.
const EMPTY: &str = "-";

/// How bytes stand in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Pairs of hexadecimal digits.
    Hex,
    /// The bytes are text, and stand there as they are.
    Text,
}

impl Format {
    pub(super) fn write(self, values: &[Vec<u8>]) -> String {
        let paragraph = |bytes: &Vec<u8>| match (self, bytes.as_slice()) {
            (_, []) => EMPTY.to_owned(),
            (Self::Hex, bytes) => to_hex(bytes),
            (Self::Text, bytes) => String::from_utf8_lossy(bytes).into_owned(),
        };
        values.iter().map(paragraph).collect::<Vec<_>>().join("\n\n")
    }

    /// What [`Format::write`] wrote, whatever the line ends; `None` if there is anything else. A file that was written by
    /// hand may say no bytes by holding nothing.
    pub(super) fn read(self, text: &str) -> Option<Vec<Vec<u8>>> {
        let text = text.replace("\r\n", "\n");
        let paragraphs = text.split("\n\n").map(|paragraph| paragraph.trim_matches('\n'));
        let values = paragraphs.filter(|paragraph| !paragraph.is_empty());
        let values: Option<Vec<_>> = values.map(|value| self.value(value)).collect();
        values.map(|values| if values.is_empty() { vec![vec![]] } else { values })
    }

    fn value(self, paragraph: &str) -> Option<Vec<u8>> {
        match self {
            _ if paragraph == EMPTY => Some(vec![]),
            Self::Hex => from_hex(paragraph),
            Self::Text => Some(paragraph.as_bytes().to_vec()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bytes_come_back_from_a_file(mut values: Vec<Vec<u8>>, last: Vec<u8>) {
            values.push(last);
            prop_assert_eq!(Format::Hex.read(&Format::Hex.write(&values)), Some(values));
        }

        #[test]
        fn texts_come_back_from_a_file(texts in proptest::collection::vec("[a-z]{2}\n?[a-zö]", 1..4)) {
            let values: Vec<Vec<u8>> = texts.into_iter().map(String::into_bytes).collect();
            prop_assert_eq!(Format::Text.read(&Format::Text.write(&values)), Some(values));
        }
    }

    #[test]
    fn a_file_that_holds_nothing_says_no_bytes() {
        for nothing in ["", "\n", "\r\n\r\n", "-", "-\n"] {
            assert_eq!(Format::Hex.read(nothing), Some(vec![vec![]]), "{nothing:?}");
        }
        assert_eq!(Format::Hex.read("-\n\n07\n"), Some(vec![vec![], vec![7]]));
        assert_eq!(Format::Hex.read("07\n\n0"), None);
    }
}
