//! What differs between two texts.

use similar::{ChangeTag, TextDiff};

/// Lines of context around what differs.
const CONTEXT: usize = 1;

/// Only the lines that differ, with one line around them: `-` was expected, `+` is actual, `…` stands for what is equal.
pub(crate) fn diff(expected: &str, actual: &str) -> String {
    let diff = TextDiff::from_lines(expected, actual);
    let lines = diff
        .grouped_ops(CONTEXT)
        .into_iter()
        .enumerate()
        .flat_map(|(number, group)| {
            let gap = (number > 0).then(|| "  …".to_owned());
            let changes = group.iter().flat_map(|op| diff.iter_changes(op));
            let lines: Vec<_> = changes.map(|change| line(change.tag(), change.value())).collect();
            gap.into_iter().chain(lines)
        });
    lines.collect::<Vec<_>>().join("\n")
}

fn line(tag: ChangeTag, text: &str) -> String {
    let sign = match tag {
        ChangeTag::Delete => '-',
        ChangeTag::Insert => '+',
        ChangeTag::Equal => ' ',
    };
    format!("{sign} {}", text.trim_end_matches('\n'))
}

#[cfg(test)]
mod tests {
    use super::diff;

    #[test]
    fn only_what_differs_is_shown_with_a_line_around_it() {
        let expected = "Order {\n    id: 1,\n    lines: 2,\n    paid: false,\n    name: \"a\",\n}";
        let actual = "Order {\n    id: 1,\n    lines: 2,\n    paid: true,\n    name: \"a\",\n}";
        assert_eq!(
            diff(expected, actual),
            "      lines: 2,\n-     paid: false,\n+     paid: true,\n      name: \"a\","
        );
    }

    #[test]
    fn what_is_equal_between_two_differences_is_left_out() {
        let (expected, actual) = ("1\n2\n3\n4\n5\n6\n7", "one\n2\n3\n4\n5\n6\nseven");
        assert_eq!(diff(expected, actual), "- 1\n+ one\n  2\n  …\n  6\n- 7\n+ seven");
    }

    #[test]
    fn equal_texts_have_no_difference() {
        assert_eq!(diff("1\n2", "1\n2"), "");
    }
}
