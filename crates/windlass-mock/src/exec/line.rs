//! Command lines: one string, as Windows passes them.

/// The command and its arguments as one line.
pub(super) fn join(command: &str, arguments: &[impl AsRef<str>]) -> String {
    let mut line = command.to_owned();
    for argument in arguments {
        line.push(' ');
        line.push_str(argument.as_ref());
    }
    line
}

/// Splits a line into a program and its arguments, as programs of Windows do: blanks part arguments unless
/// they stand between double quotes, and a backslash before a double quote takes its meaning.
pub(crate) fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    let mut rest = line.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '\\' => {
                let mut count = 1;
                while rest.next_if_eq(&'\\').is_some() {
                    count += 1;
                }
                let word = word.get_or_insert_default();
                if rest.peek() == Some(&'"') {
                    word.extend(std::iter::repeat_n('\\', count / 2));
                    if count % 2 == 1 {
                        rest.next();
                        word.push('"');
                    }
                } else {
                    word.extend(std::iter::repeat_n('\\', count));
                }
            }
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            ' ' | '\t' | '\n' | '\r' if !quoted => words.extend(word.take()),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_split_as_on_windows() {
        for (line, expected) in [
            ("echo a b", vec!["echo", "a", "b"]),
            ("echo \"a b\"  c", vec!["echo", "a b", "c"]),
            ("a \"\" b", vec!["a", "", "b"]),
            (r#"a \"b\" "c\\" d\\e"#, vec!["a", "\"b\"", r"c\", r"d\\e"]),
            ("  ", vec![]),
            ("a \"b", vec!["a", "b"]),
        ] {
            assert_eq!(split(line), expected, "{line}");
        }
        assert_eq!(join("a", &["b", "c d"]), "a b c d");
    }
}
