//! The queries of the guide, and what it says that they answer.

const GUIDE: &str = include_str!("../../../docs/event-sourcing.md");

/// The query for this database.
pub(crate) fn query(database: &str) -> String {
    let marked = format!("<!-- query: {database} -->\n```sql\n");
    let (_, rest) = GUIDE.split_once(&marked).expect("the guide has lost a query");
    rest.split_once("```").unwrap().0.to_owned()
}

/// The rows of the table that both answer.
pub(crate) fn answer() -> Vec<Vec<String>> {
    let (_, rest) = GUIDE
        .split_once("<!-- answer -->\n")
        .expect("the guide has lost its answer");
    let rows = rest.lines().take_while(|line| line.starts_with('|')).skip(2);
    let cells = |row: &str| {
        let inner = row.trim_matches('|');
        inner.split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    rows.map(cells).collect()
}

#[test]
fn the_guide_has_both_queries_and_two_rows() {
    assert!(query("postgres").contains("transaction_id") && query("sqlite").contains("BY position"));
    assert!(answer().iter().all(|row| row.len() == 6));
    assert_eq!(answer().len(), 2);
}
