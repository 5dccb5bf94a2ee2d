//! People: RSS and Dublin Core name them in one text, as name, e-mail address or both.

use super::Person;

/// Reads `name`, `address`, `address (name)`, `name <address>` and their like.
pub fn parse(text: &str) -> Option<Person> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let Some((start, end)) = email(text) else { return Some(Person { name: Some(text.to_owned()), ..Person::default() }) };
    let address = text.get(start..end)?;
    let before = text.get(..start)?;
    let before = strip_suffix_ignoring_case(before, "mailto:");
    let rest = format!("{before}{}", text.get(end..)?);
    let rest = rest.replace("()", "").replace("<>", "").replace("&lt;&gt;", "").replace("[]", "");
    let mut name = rest.trim();
    name = name.strip_prefix('(').unwrap_or(name);
    name = name.strip_suffix(')').unwrap_or(name);
    name = name.trim().trim_matches(['<', '>', '"']).trim();
    let name = (!name.is_empty()).then(|| name.split_whitespace().collect::<Vec<_>>().join(" "));
    Some(Person { name, email: Some(address.to_owned()), uri: None })
}

fn strip_suffix_ignoring_case<'a>(text: &'a str, suffix: &str) -> &'a str {
    match text.len().checked_sub(suffix.len()).and_then(|at| Some((text.get(..at)?, text.get(at..)?))) {
        Some((head, tail)) if tail.eq_ignore_ascii_case(suffix) => head,
        _ => text,
    }
}

/// Where the first e-mail address stands.
fn email(text: &str) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    for (at, _) in text.match_indices('@') {
        let local = bytes.get(..at)?.iter().rev().take_while(|b| b.is_ascii_alphanumeric() || b"_-.+%".contains(b)).count();
        let host = bytes.get(at + 1..)?.iter().take_while(|b| b.is_ascii_alphanumeric() || b"-.".contains(b)).count();
        let host_text = text.get(at + 1..at + 1 + host)?.trim_end_matches(['.', '-']);
        if local > 0 && host_text.contains('.') {
            return Some((at - local, at + 1 + host_text.len()));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_an_address_are_told_apart() {
        for (text, name, email) in [
            ("Staff writer", Some("Staff writer"), None),
            ("editor@example.org", None, Some("editor@example.org")),
            ("editor@example.org (A. Editor)", Some("A. Editor"), Some("editor@example.org")),
            ("A. Editor <editor@example.org>", Some("A. Editor"), Some("editor@example.org")),
            ("A. Editor (editor@example.org)", Some("A. Editor"), Some("editor@example.org")),
            ("mailto:editor@example.org", None, Some("editor@example.org")),
            ("A. Editor editor@example.org", Some("A. Editor"), Some("editor@example.org")),
            ("A. Editor (mailto:editor@example.org)", Some("A. Editor"), Some("editor@example.org")),
            ("@staff", Some("@staff"), None),
        ] {
            let person = parse(text).unwrap();
            assert_eq!((person.name.as_deref(), person.email.as_deref()), (name, email), "{text}");
        }
        assert_eq!(parse("  "), None);
    }
}
