//! The queries of the guide, and what it says that they answer.

const GUIDE: &str = include_str!("../../../docs/event-sourcing.md");

/// The query of this name for this database.
pub(crate) fn query(of: &str, database: &str) -> String {
    let marked = format!("<!-- query: {of}, {database} -->\n```sql\n");
    let (_, rest) = GUIDE.split_once(&marked).expect("the guide has lost a query");
    rest.split_once("```").unwrap().0.to_owned()
}

/// The rows of the table that it answers on both.
pub(crate) fn answer(of: &str) -> Vec<Vec<String>> {
    let (_, rest) = GUIDE
        .split_once(&format!("<!-- answer: {of} -->\n"))
        .expect("the guide has lost its answer");
    let rows = rest.lines().take_while(|line| line.starts_with('|')).skip(2);
    let cells = |row: &str| {
        let inner = row.trim_matches('|');
        inner.split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    rows.map(cells).collect()
}

#[test]
fn the_guide_has_each_query_for_both_and_two_rows() {
    for (of, columns) in [("request", 6), ("trace", 4)] {
        assert!(query(of, "postgres").contains("transaction_id") && query(of, "sqlite").contains("BY position"));
        assert!(answer(of).iter().all(|row| row.len() == columns));
        assert_eq!(answer(of).len(), 2);
    }
}
