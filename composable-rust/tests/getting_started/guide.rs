//! What a guide tells its reader to do.

/// One thing to do, in the order of the text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Write this file.
    Write { path: String, text: String },
    /// Add this to the end of a file.
    Append { path: String, text: String },
    /// Change these lines of a file.
    Patch { path: String, diff: String },
    /// Enter these commands, and see what they print.
    Run(Vec<Command>),
}

/// A line after `$`, and what stands below it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) line: String,
    pub(crate) prints: Vec<String>,
}

/// The steps of a guide: its consoles, and the blocks that a comment above them says to put into a file.
pub(crate) fn steps(guide: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let (mut lines, mut instruction) = (guide.lines(), None);
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            steps.push(step(language, instruction.take(), &body));
        } else if let Some(comment) = line.strip_prefix("<!-- ") {
            let comment = comment.strip_suffix(" -->").unwrap();
            instruction = Some(comment.split_once(": ").unwrap());
        }
    }
    steps
}

fn step(language: &str, instruction: Option<(&str, &str)>, body: &[&str]) -> Step {
    let text = body.iter().flat_map(|line| [*line, "\n"]).collect();
    match (language, instruction) {
        ("console", None) => Step::Run(commands(body)),
        ("diff", Some(("patch", path))) => Step::Patch {
            path: path.to_owned(),
            diff: text,
        },
        (_, Some(("write", path))) => Step::Write {
            path: path.to_owned(),
            text,
        },
        (_, Some(("append", path))) => Step::Append {
            path: path.to_owned(),
            text,
        },
        _ => panic!("nobody is told what to do with this block of {language}:\n{text}"),
    }
}

fn commands(lines: &[&str]) -> Vec<Command> {
    let mut commands: Vec<Command> = Vec::new();
    for line in lines {
        match line.strip_prefix("$ ") {
            Some(line) => commands.push(Command {
                line: line.to_owned(),
                prints: Vec::new(),
            }),
            None => commands.last_mut().unwrap().prints.push((*line).to_owned()),
        }
    }
    commands
}

/// `text` with the change made; the lines to change have to be there, once.
pub(crate) fn patched(text: &str, diff: &str) -> String {
    let side = |left_out: char| -> String {
        let kept = diff.lines().filter(|line| !line.starts_with(left_out));
        kept.flat_map(|line| [line.get(1..).unwrap_or_default(), "\n"])
            .collect()
    };
    let (before, after) = (side('+'), side('-'));
    assert_eq!(
        text.matches(&before).count(),
        1,
        "to be changed:\n{before}\nin:\n{text}"
    );
    text.replace(&before, &after)
}
