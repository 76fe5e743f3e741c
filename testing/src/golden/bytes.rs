//! Bytes as text, and where two of them differ.

use std::fmt::Write;

/// Digits in a line of a file.
const LINE: usize = 64;
/// Bytes shown before and after the first difference.
const CONTEXT: usize = 12;

/// Hexadecimal digits, in lines.
pub(super) fn to_hex(bytes: &[u8]) -> String {
    let digits = digits(bytes);
    let lines = digits.as_bytes().chunks(LINE).map(String::from_utf8_lossy);
    lines.collect::<Vec<_>>().join("\n")
}

/// What [`to_hex`] wrote, whatever the white space; `None` if there is anything else.
pub(super) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text
        .chars()
        .filter(|char| !char.is_whitespace())
        .map(|char| char.to_digit(16))
        .collect();
    let pairs = digits?;
    let byte = |pair: &[u32]| match *pair {
        [high, low] => u8::try_from(high * 16 + low).ok(),
        _ => None,
    };
    pairs.chunks(2).map(byte).collect()
}

/// Where two that are not equal differ first, each with what it is called.
pub(super) fn difference((before, old): (&str, &[u8]), (after, new): (&str, &[u8])) -> String {
    let same = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    format!(
        "the bytes differ from byte {} on (- {before}, + {after}):\n- {}\n+ {}",
        same + 1,
        around(old, same),
        around(new, same)
    )
}

fn around(bytes: &[u8], at: usize) -> String {
    let (start, end) = (at.saturating_sub(CONTEXT), bytes.len().min(at + CONTEXT));
    let shown = bytes.get(start..end).unwrap_or_default();
    let before = if start > 0 { "…" } else { "" };
    let after = if end < bytes.len() { "…" } else { "" };
    let unit = if bytes.len() == 1 { "byte" } else { "bytes" };
    format!("{before}{}{after} ({} {unit})", digits(shown), bytes.len())
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut digits, byte| {
        // Writing into a String does not fail.
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bytes_come_back_from_their_digits(bytes: Vec<u8>) {
            prop_assert_eq!(from_hex(&to_hex(&bytes)), Some(bytes));
        }
    }

    #[test]
    fn what_is_no_pair_of_digits_is_refused() {
        assert_eq!(from_hex("0A 0b\r\n0c\n"), Some(vec![10, 11, 12]));
        assert_eq!(from_hex("0"), None);
        assert_eq!(from_hex("0x"), None);
        assert_eq!(to_hex(&[0; 33]).lines().map(str::len).collect::<Vec<_>>(), [64, 2]);
    }

    #[test]
    fn the_first_difference_is_shown_with_what_is_around_it() {
        assert_eq!(
            difference(("released", &[1, 2, 3]), ("now", &[1, 2])),
            "the bytes differ from byte 3 on (- released, + now):\n- 010203 (3 bytes)\n+ 0102 (2 bytes)"
        );
        let long = [[7; 20], [8; 20]].concat();
        assert_eq!(
            difference(("released", &long), ("now", &[7])).lines().nth(1),
            Some("- 07070707070707070707070707… (40 bytes)")
        );
        assert_eq!(
            difference(("released", &long), ("now", &[7; 20])).lines().nth(1),
            Some("- …070707070707070707070707080808080808080808080808… (40 bytes)")
        );
    }
}
