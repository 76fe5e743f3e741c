//! `docs/database-setup.md` as what can be run: its blocks, in order.

use std::{fs, path::Path};

/// The whole text.
pub(crate) fn text() -> String {
    fs::read_to_string(repository().join("docs/database-setup.md")).unwrap()
}

/// Where the files are that the guide names.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// A fenced block.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    pub(crate) heading: String,
    /// The line of the document on which its text begins.
    pub(crate) line: usize,
    pub(crate) language: String,
    pub(crate) text: String,
}

/// Who runs a block of SQL, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) role: String,
    pub(crate) database: String,
    pub(crate) on_subscriber: bool,
}

/// What the guide claims about a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    Works,
    Refused(String),
    Answers(String),
    AnswersInTheEnd(String),
}

/// One statement with its claim.
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    pub(crate) line: usize,
    pub(crate) sql: String,
    pub(crate) claim: Claim,
}

/// All blocks in order.
pub(crate) fn blocks() -> Vec<Block> {
    let (mut blocks, mut heading, mut open) = (Vec::new(), String::new(), None::<Block>);
    for (index, line) in text().lines().enumerate() {
        match (&mut open, line.strip_prefix("```")) {
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(block), None) => block.text.extend([line, "\n"]),
            (None, Some(language)) => {
                open = Some(Block {
                    heading: heading.clone(),
                    line: index + 2,
                    language: language.to_owned(),
                    text: String::new(),
                });
            }
            (None, None) if line.starts_with('#') => line.trim_start_matches('#').trim().clone_into(&mut heading),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block does not end");
    blocks
}

impl Block {
    pub(crate) fn is_sql(&self) -> bool {
        self.language == "sql"
    }

    /// Whether it is of the shell, and for a server that the test has.
    pub(crate) fn is_runnable_shell(&self) -> bool {
        self.language == "sh" && self.text.contains("_URL\"")
    }

    /// From its first line: `-- as orders_app, in the database orders`.
    pub(crate) fn session(&self) -> Session {
        let first = self.text.lines().next().and_then(|line| line.strip_prefix("-- as "));
        let first = first.unwrap_or_else(|| panic!("line {}: the block does not say as whom", self.line));
        let mut parts = first.split(", ");
        let role = match parts.next().unwrap() {
            "a superuser" => "postgres",
            role => role,
        };
        let mut session = Session {
            role: role.to_owned(),
            database: "orders".to_owned(),
            on_subscriber: false,
        };
        for part in parts {
            match part.strip_prefix("in the database ") {
                Some(database) => database.clone_into(&mut session.database),
                None if part == "on the subscriber" => session.on_subscriber = true,
                None => panic!("line {}: {part:?} is no place to run SQL", self.line),
            }
        }
        session
    }

    /// Its statements: each ends with a semicolon at the end of a line, where its claim may follow.
    pub(crate) fn statements(&self) -> Vec<Statement> {
        let (mut statements, mut sql, mut begun) = (Vec::new(), String::new(), 0);
        for (index, line) in self.text.lines().enumerate() {
            let (code, comment) = line.split_once("--").unwrap_or((line, ""));
            if code.trim().is_empty() {
                continue;
            }
            if sql.is_empty() {
                begun = self.line + index;
            }
            sql.extend([code.trim_end(), "\n"]);
            if code.trim_end().ends_with(';') {
                let claim = Claim::of(comment.trim());
                statements.push(Statement {
                    line: begun,
                    sql: std::mem::take(&mut sql),
                    claim,
                });
            }
        }
        assert!(sql.is_empty(), "line {begun}: the statement has no end");
        statements
    }
}

impl Claim {
    fn of(comment: &str) -> Self {
        let is = |prefix| comment.strip_prefix(prefix).map(str::to_owned);
        match (is("refused: "), is("answers: "), is("answers in the end: ")) {
            (Some(code), _, _) => Self::Refused(code),
            (_, Some(answer), _) => Self::Answers(answer),
            (_, _, Some(answer)) => Self::AnswersInTheEnd(answer),
            _ => {
                let is_claim = ["refuse", "answer"].iter().any(|word| comment.starts_with(word));
                assert!(!is_claim, "a claim that nobody checks: {comment}");
                Self::Works
            }
        }
    }
}
