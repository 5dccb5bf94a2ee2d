//! Text that stays text in Markdown: nothing that an article says becomes markup.

/// Text in which no character is markup, wherever but at the start of a line it stands.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 16);
    push_escaped(&mut out, text);
    out
}

/// The same for a text at the start of a line.
pub(super) fn escaped_line(line: &str) -> String {
    guarded(&escaped(line))
}

/// Appends text so escaped; what `out` ends in decides whether an underscore stands within a word.
pub(super) fn push_escaped(out: &mut String, text: &str) {
    let mut before = out.chars().next_back().unwrap_or(' ');
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        let next = characters.peek().copied().unwrap_or(' ');
        let is_markup = match c {
            '\\' | '`' | '*' | '[' | ']' | '<' | '>' | '~' | '|' => true,
            '_' => !(before.is_alphanumeric() && next.is_alphanumeric()),
            '&' => next.is_ascii_alphanumeric() || next == '#',
            _ => false,
        };
        if is_markup {
            out.push('\\');
        }
        if !c.is_control() {
            out.push(c);
        }
        before = c;
    }
}

/// A line whose first characters would make it a heading, list, rule or the underline of a heading, with a backslash
/// that keeps it a paragraph.
pub(super) fn guarded(line: &str) -> String {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = line.split_at(digits);
    if (1..=9).contains(&digits) && rest.starts_with(['.', ')']) {
        return format!("{number}\\{rest}");
    }
    let needs = match line.chars().next() {
        Some('#' | '=') => true,
        Some('-' | '+') => line.chars().nth(1).is_none_or(|second| second == ' ' || second == '-'),
        _ => false,
    };
    if needs { format!("\\{line}") } else { line.to_owned() }
}

/// A heading. Number signs at its end would be taken for its closing marks (CommonMark §4.2).
pub(super) fn heading(level: usize, text: &str) -> String {
    let marks = "#".repeat(level);
    match text.strip_suffix('#') {
        Some(before) => format!("{marks} {before}\\#"),
        None => format!("{marks} {text}").trim_end().to_owned(),
    }
}

/// A link's destination, so written that nothing in it ends it.
pub(super) fn destination(url: &str) -> String {
    let mut out = String::with_capacity(url.len());
    for c in url.chars() {
        match c {
            ' ' => out.push_str("%20"),
            '(' => out.push_str("%28"),
            ')' => out.push_str("%29"),
            '<' => out.push_str("%3C"),
            '>' => out.push_str("%3E"),
            '\\' => out.push_str("%5C"),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_would_be_markup_gets_a_backslash() {
        for (line, want) in [
            ("plain - text + 1. with # signs = all", "plain - text + 1. with # signs = all"),
            ("# a", "\\# a"),
            ("12) a", "12\\) a"),
            ("1234567890. too long for a list", "1234567890. too long for a list"),
            ("- a", "\\- a"),
            ("-a", "-a"),
            ("snake_case _a_", "snake_case \\_a\\_"),
            ("a & b &amp; &#1;", "a & b \\&amp; \\&#1;"),
        ] {
            assert_eq!(escaped_line(line), want);
        }
    }

    #[test]
    fn a_destination_holds_nothing_that_ends_it() {
        assert_eq!(destination("https://e.org/a b(c)<d>\\\n"), "https://e.org/a%20b%28c%29%3Cd%3E%5C");
    }
}
