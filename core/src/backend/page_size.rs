//! How many rows the next page of a read asks for.

/// The number of rows that the next page asks for, learned from the pages before it. A page of large events is cut off at
/// a number of bytes and its remaining rows were read in vain: the next page asks for fewer. While events are small, each
/// page asks for twice as many as the one before, up to the maximum.
///
/// ```
/// use composable_rust_core::backend::PageSize;
///
/// let mut size = PageSize::new(2048, 4 << 20);
/// assert_eq!(size.rows(), 2048);
/// size.record(1, 5 << 20, false); // one event of 5 MiB filled the page
/// assert_eq!(size.rows(), 1);
/// size.record(1, 100, true); // the next one is small
/// assert_eq!(size.rows(), 32);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct PageSize {
    rows: u64,
    max_rows: u64,
    max_bytes: usize,
}

/// The least number of rows that a page after a large event grows to: cheap even if the next event is large too.
const FEW_ROWS: u64 = 32;

impl PageSize {
    /// Pages of at most `max_rows` rows (0 means 1) and about `max_bytes` bytes. The first asks for `max_rows`.
    #[must_use]
    pub const fn new(max_rows: u64, max_bytes: usize) -> Self {
        let max_rows = if max_rows == 0 { 1 } else { max_rows };
        Self {
            rows: max_rows,
            max_rows,
            max_bytes,
        }
    }

    /// How many rows the next page asks for: at least 1.
    #[must_use]
    pub const fn rows(self) -> u64 {
        self.rows
    }

    /// Takes note of a page: its rows, their bytes, and whether it was read to its end (not cut off for its size).
    pub fn record(&mut self, rows: u64, bytes: usize, is_whole: bool) {
        if !is_whole {
            self.rows = (rows / 2).max(1);
            return;
        }
        // As many as fit, if the rows to come are like these; but not many more at once than were asked for.
        let per_row = (bytes as u64 / rows.max(1)).max(1);
        let fitting = (self.max_bytes as u64 / per_row).max(1);
        let more = self.rows.saturating_mul(2).max(FEW_ROWS);
        self.rows = more.min(fitting).min(self.max_rows);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_recover_after_a_large_event() {
        let mut size = PageSize::new(2048, 4 << 20);
        size.record(1, 5 << 20, false);
        let mut trips = 0;
        while size.rows() < 2048 {
            let rows = size.rows();
            size.record(rows, usize::try_from(rows).unwrap() * 66, true);
            trips += 1;
        }
        assert!(trips <= 8, "{trips}");
    }

    #[test]
    fn pages_of_large_events_stay_small() {
        let mut size = PageSize::new(2048, 4 << 20);
        size.record(5, 5 << 20, false);
        for _ in 0..10 {
            let rows = size.rows();
            size.record(rows, usize::try_from(rows).unwrap() << 20, true);
            assert!((1..=4).contains(&size.rows()), "{size:?}");
        }
    }

    #[test]
    fn a_page_that_was_cut_off_halves_the_next_and_a_page_asks_for_one_row_at_least() {
        let mut size = PageSize::new(2048, 4 << 20);
        size.record(100, 4 << 20, false);
        assert_eq!(size.rows(), 50);
        assert_eq!(PageSize::new(0, 1).rows(), 1);
        for _ in 0..10 {
            size.record(size.rows(), 4 << 20, false);
        }
        assert_eq!(size.rows(), 1);
        size.record(0, 0, false);
        assert_eq!(size.rows(), 1);
    }

    #[test]
    fn no_page_asks_for_more_than_the_maximum() {
        for max in [1, 10, 2048] {
            let mut size = PageSize::new(max, 4 << 20);
            assert_eq!(size.rows(), max);
            for (rows, bytes) in [(0, 0), (1, 1), (max, 0), (max, usize::MAX), (u64::MAX, 1)] {
                size.record(rows, bytes, true);
                assert!((1..=max).contains(&size.rows()), "{size:?}");
            }
        }
    }
}
