//! Bytes found in a stream that comes in chunks.

/// No pattern may be longer.
const LONGEST: usize = 4096;

/// The end of what has passed, for patterns that lie across two chunks.
#[derive(Debug, Default)]
pub(crate) struct Window {
    bytes: Vec<u8>,
    /// How many of them are of the newest chunk.
    newest: usize,
}

impl Window {
    pub(crate) fn push(&mut self, chunk: &[u8]) {
        let old = self.bytes.len().saturating_sub(LONGEST);
        self.bytes.drain(..old);
        self.bytes.extend_from_slice(chunk);
        self.newest = chunk.len();
    }

    /// Whether the pattern ends in the newest chunk: each occurrence is found once.
    pub(crate) fn completes(&self, pattern: &[u8]) -> bool {
        let before = self.bytes.len() - self.newest;
        let from = before.saturating_sub(pattern.len().saturating_sub(1));
        let rest = self.bytes.get(from..).unwrap_or_default();
        !pattern.is_empty() && rest.windows(pattern.len()).any(|bytes| bytes == pattern)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_across_chunks_is_found_once_where_it_ends() {
        let mut window = Window::default();
        let mut found = |chunk: &[u8]| {
            window.push(chunk);
            window.completes(b"order-42")
        };
        assert!(!found(b"... ord"));
        assert!(!found(b"er-"));
        assert!(found(b"42 ..."));
        assert!(!found(b"order-43"));
        assert!(!found(&[b'x'; 2 * LONGEST]));
        assert!(found(b"order-42"));
    }

    #[test]
    fn nothing_is_no_pattern() {
        let mut window = Window::default();
        window.push(b"x");
        assert!(!window.completes(b""));
    }
}
