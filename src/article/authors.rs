//! The byline: one name each, out of what feeds write into their author fields.

use super::title;
use crate::parse::Person;

/// Words that make a part after a comma a piece of the same name, not another name.
const SUFFIXES: &[&str] =
    &["jr", "sr", "ii", "iii", "iv", "phd", "md", "esq", "dds", "mba", "ma", "msc", "rn", "cpa", "inc", "ltd", "llc", "gmbh", "co", "dr"];

/// Names of the authors in their order, without doubles.
pub fn names(people: &[Person]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for person in people {
        let name = person.name.as_deref().map(title::label).unwrap_or_default();
        let (name, address) = without_address(&name);
        let parts = split(&name);
        if parts.is_empty() {
            // An address is a byline only where nothing better is known.
            if let Some(email) = person.email.as_deref().map(title::label).filter(|email| !email.is_empty()) {
                let (name, address) = without_address(&email);
                let parts = split(&name);
                if !parts.is_empty() {
                    parts.into_iter().for_each(|name| add(&mut names, name));
                } else if let Some(address) = address {
                    add(&mut names, address);
                } else {
                    add(&mut names, email);
                }
            } else if let Some(address) = address {
                add(&mut names, address);
            }
        }
        for name in parts {
            add(&mut names, name);
        }
    }
    names
}

fn add(names: &mut Vec<String>, name: String) {
    let lower = name.to_lowercase();
    if !names.iter().any(|known| known.to_lowercase() == lower) {
        names.push(name);
    }
}

/// "mail@example.org (Name)" and "Name <mail@example.org>" without the address, and the address.
fn without_address(text: &str) -> (String, Option<String>) {
    let Some(at) = text.find('@') else { return (text.to_owned(), None) };
    let begin = text[..at]
        .rfind(|c: char| c.is_whitespace() || matches!(c, '<' | '(' | '[' | ',' | ';' | '"' | ':'))
        .map_or(0, |n| n + text[n..].chars().next().map_or(1, char::len_utf8));
    let end = text[at..].find(|c: char| c.is_whitespace() || matches!(c, '>' | ')' | ']' | ',' | ';' | '"')).map_or(text.len(), |n| at + n);
    let address = &text[begin..end];
    if at == begin || !address[at - begin + 1..].contains('.') {
        // "@name" of a network is a name.
        return (text.to_owned(), None);
    }
    let opening = |c: char| c.is_whitespace() || matches!(c, '<' | '(' | '[' | ':' | ',');
    let before = text[..begin].trim_end_matches(opening).trim_end_matches("mailto").trim_end_matches(opening);
    let after = text[end..].trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '>' | ')' | ']' | ','));
    let name = [before.trim(), after.trim()].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    (name, Some(address.to_owned()))
}

/// One name each. Splits only where both sides look like names: "A and B", "A, B and C", "A; B".
fn split(byline: &str) -> Vec<String> {
    let bare = byline.trim().trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '“' | '”' | '|' | '<' | '>'));
    let bare = match bare.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) {
        Some(inner) if !inner.contains('(') => inner.trim(),
        _ => bare,
    };
    let bare = ["by ", "By ", "BY ", "Written by ", "Posted by ", "by: ", "By: "]
        .iter()
        .find_map(|start| bare.strip_prefix(start))
        .unwrap_or(bare)
        .trim();
    if bare.is_empty() || !bare.contains(char::is_alphanumeric) {
        return Vec::new();
    }
    let parts: Vec<&str> = bare.split(';').map(str::trim).filter(|part| !part.is_empty()).collect();
    let mut names = Vec::new();
    for part in parts {
        names.extend(split_list(part));
    }
    names
}

fn split_list(list: &str) -> Vec<String> {
    let parts: Vec<&str> = list.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
    if parts.len() >= 4 && parts.len().is_multiple_of(2) && parts.chunks(2).all(|pair| is_initials(pair[1]) && !is_initials(pair[0])) {
        // "Last, F., Last, G. H.", as scientific journals have it.
        return parts.chunks(2).map(|pair| pair.join(", ")).collect();
    }
    const JOINTS: &[&str] = &[" and ", " & ", " und ", " et ", " y "];
    let (head, tail) = match JOINTS.iter().find_map(|joint| list.rsplit_once(joint)) {
        Some((head, tail)) => (head.trim().trim_end_matches(','), Some(tail.trim())),
        None => (list, None),
    };
    let mut parts: Vec<&str> = head.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
    let commas = parts.len() > 1;
    parts.extend(tail);
    let names = |part: &&str| is_full_name(part);
    // "Last, First" has two parts as well: only full names on both sides of a comma are two people.
    let safe = parts.len() > 1 && parts.iter().all(names) && (!commas || parts.iter().all(|part| !is_suffix(part)));
    if safe { parts.into_iter().map(str::to_owned).collect() } else { vec![list.to_owned()] }
}

fn is_suffix(part: &str) -> bool {
    SUFFIXES.contains(&part.replace('.', "").to_lowercase().as_str())
}

/// "N.", "P.-L.", "R. J."
fn is_initials(part: &str) -> bool {
    part.ends_with('.') && part.split(['.', '-', ' ']).all(|letter| letter.chars().count() <= 2 && letter.chars().all(char::is_alphabetic))
}

/// Two to five words, each beginning like a name's.
fn is_full_name(part: &str) -> bool {
    let words: Vec<&str> = part.split_whitespace().collect();
    let particle = |word: &str| {
        matches!(
            word,
            "de" | "da" | "di" | "van" | "von" | "der" | "den" | "la" | "le" | "del" | "al" | "bin" | "ten" | "dos" | "du" | "el" | "y"
        )
    };
    let organisation = |word: &str| {
        matches!(
            word.to_lowercase().as_str(),
            "news"
                | "team"
                | "staff"
                | "editors"
                | "press"
                | "agency"
                | "department"
                | "company"
                | "group"
                | "media"
                | "the"
                | "university"
                | "institute"
                | "of"
        )
    };
    (2..=5).contains(&words.len())
        && words.iter().all(|word| !organisation(word) && (particle(word) || word.chars().next().is_some_and(char::is_uppercase)))
        && !part.contains(|c: char| c.is_ascii_digit() || matches!(c, '(' | ')' | '/' | '@'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str) -> Vec<String> {
        names(&[Person { name: Some(name.to_owned()), ..Person::default() }])
    }

    #[test]
    fn a_byline_becomes_one_name_each() {
        for (byline, want) in [
            ("Staff writer", &["Staff writer"][..]),
            ("By Staff Writer", &["Staff Writer"]),
            ("editor@example.org (Desk Editor)", &["Desk Editor"]),
            ("Desk Editor <editor@example.org>", &["Desk Editor"]),
            ("\"Desk Editor\" <editor@example.org>", &["Desk Editor"]),
            ("Desk Editor (mailto:editor@example.org)", &["Desk Editor"]),
            ("editor@example.org", &["editor@example.org"]),
            ("Author, A., Other, B. C., O'Third, D.-E.", &["Author, A.", "Other, B. C.", "O'Third, D.-E."]),
            ("A. Author and B. Author", &["A. Author", "B. Author"]),
            ("A. Author, B. Author and C. Author", &["A. Author", "B. Author", "C. Author"]),
            ("A. Author, B. Author, and C. Author", &["A. Author", "B. Author", "C. Author"]),
            ("A. Author; B. Author", &["A. Author", "B. Author"]),
            ("A. Author & A. AUTHOR", &["A. Author"]),
            ("Author, A.", &["Author, A."]),
            ("A. Author, Jr.", &["A. Author, Jr."]),
            ("News and Weather", &["News and Weather"]),
            ("Example News, City Desk", &["Example News, City Desk"]),
            ("@example", &["@example"]),
            ("O&#39;Author", &["O'Author"]),
            ("(Editor)", &["Editor"]),
            ("  ", &[]),
            ("-", &[]),
        ] {
            assert_eq!(of(byline), want, "{byline}");
        }
    }

    #[test]
    fn an_address_is_taken_only_where_there_is_no_name() {
        let person =
            |name: Option<&str>, email: Option<&str>| Person { name: name.map(str::to_owned), email: email.map(str::to_owned), uri: None };
        assert_eq!(names(&[person(Some("Editor"), Some("e@example.org"))]), ["Editor"]);
        assert_eq!(names(&[person(None, Some("e@example.org"))]), ["e@example.org"]);
        assert_eq!(names(&[person(None, Some("e@example.org (Editor)"))]), ["Editor"]);
        assert_eq!(names(&[person(Some("Editor"), None), person(Some("editor"), None)]), ["Editor"]);
    }
}
