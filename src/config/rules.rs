//! Per-site rules of extraction: the files that `[pages] rules` names.

use std::path::{Path, PathBuf};

use scraper::Selector;

use super::files::{Files, parse_document, unreadable};
use super::mistake::Mistake;
use super::section::{Section, Value, Wrong, line};
use crate::extract::SiteRule;

/// The rules of all files that the patterns name, in their order, and the files. A pattern that names nothing is none of an operator's
/// mistakes; a file that is named plainly must be there.
pub(super) fn read(patterns: &[String], config_file: &Path, files: &Files, mistakes: &mut Vec<Mistake>) -> (Vec<SiteRule>, Vec<PathBuf>) {
    let mut rules = Vec::new();
    let mut read: Vec<PathBuf> = Vec::new();
    for pattern in patterns {
        let plain = PathBuf::from(pattern);
        let is_plain = plain.exists() || !pattern.contains(['*', '?', '[']);
        let paths = if is_plain {
            vec![plain]
        } else {
            match glob::glob(pattern) {
                Ok(paths) => paths.filter_map(Result::ok).filter(|path| path.is_file() && path != config_file).collect(),
                // Patterns were tried when the config was read.
                Err(_) => Vec::new(),
            }
        };
        for path in paths {
            if read.contains(&path) {
                continue;
            }
            read_file(&path, files, &mut rules, mistakes);
            read.push(path);
        }
    }
    (rules, read)
}

fn read_file(path: &Path, files: &Files, rules: &mut Vec<SiteRule>, mistakes: &mut Vec<Mistake>) {
    if path.is_dir() {
        let mistake = unreadable(path, &std::io::Error::from(std::io::ErrorKind::IsADirectory));
        return mistakes.push(mistake.help(format!("did you mean `{}/*.toml`?", path.display())));
    }
    let source = match files.read_text(path) {
        Ok(source) => source,
        Err(mistake) => return mistakes.push(*mistake),
    };
    let Some(table) = parse_document(&source, mistakes) else { return };
    let mut root = Section::new(&source, &table, "a file of site rules", mistakes);
    for (table, span) in root.tables("site") {
        let mut section = Section::new(root.source, table, "[[site]]", root.mistakes);
        rules.extend(site(&mut section, span));
        section.finish();
    }
    root.finish();
}

fn site(section: &mut Section<'_>, span: std::ops::Range<usize>) -> Option<SiteRule> {
    let hosts_span = section.span("hosts").unwrap_or_else(|| span.clone());
    let hosts = section.read_list("hosts", host);
    let rule = SiteRule {
        hosts: hosts.unwrap_or_default(),
        body: section.read("body", selector),
        strip: section.read("strip", selector),
        title: section.read("title", selector),
        author: section.read("author", selector),
        date: section.read("date", selector),
    };
    if !section.has("hosts")
        || section.source.text().get(hosts_span.clone()).is_some_and(|hosts| hosts.trim_matches(['[', ']', ' ', '\n']).is_empty())
    {
        section.wrong(
            hosts_span,
            "a `[[site]]` needs `hosts`",
            Some("name the hosts whose pages it is for, as [\"example.org\"]".to_owned()),
        );
        return None;
    }
    if ["body", "strip", "title", "author", "date"].iter().all(|key| !section.has(key)) {
        let help = "give at least one of body, strip, title, author, date".to_owned();
        section.wrong(span, "a `[[site]]` without a selector changes nothing", Some(help));
    }
    Some(rule)
}

/// A host: no scheme, port or path. Its `www.` goes, since subdomains are meant anyhow.
fn host(value: &Value<'_>) -> Result<String, Wrong> {
    let text = line(value)?;
    match url::Host::parse(text) {
        Ok(url::Host::Domain(host)) => Ok(host.strip_prefix("www.").map(str::to_owned).unwrap_or(host)),
        Ok(host) => Ok(host.to_string()),
        Err(_) => Err(Wrong::new(format!("`{text}` is not a host")).help("as \"example.org\", without scheme, port and path")),
    }
}

fn selector(value: &Value<'_>) -> Result<Selector, Wrong> {
    let text = line(value)?;
    Selector::parse(text).map_err(|error| Wrong::new(format!("`{text}` is not a CSS selector: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> (Vec<SiteRule>, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rules.toml");
        std::fs::write(&path, text).unwrap();
        let mut mistakes = Vec::new();
        let pattern = format!("{}/*.toml", folder.path().display());
        let (rules, files) = read(&[pattern], Path::new("gleaner.toml"), &Files::default(), &mut mistakes);
        assert_eq!(files, [path]);
        let said = mistakes.iter().map(|mistake| {
            let (line, column) = mistake.line_and_column().unwrap_or_default();
            format!("{line}:{column} {mistake}")
        });
        (rules, said.collect())
    }

    #[test]
    fn a_rule_has_hosts_and_selectors() {
        let (rules, mistakes) = read_text(
            "[[site]]\nhosts = [\"www.Example.org\", \"example.net\"]\nbody = \"div.story > p\"\nstrip = \".promo, aside\"\n\n[[site]]\nhosts = [\"example.com\"]\ntitle = \"h1\"\n",
        );
        assert_eq!(mistakes, Vec::<String>::new());
        assert_eq!(rules[0].hosts, ["example.org", "example.net"]);
        assert!(rules[0].body.is_some() && rules[0].strip.is_some() && rules[0].title.is_none());
        assert_eq!(rules.len(), 2);
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        for (text, begins) in [
            ("[[site]]\nhosts = [\"example.org\"]\nbodi = \"p\"\n", "3:1 unknown key `bodi` in [[site]]"),
            ("[[site]]\nhosts = [\"example.org\"]\nbody = \"p[\"\n", "3:8 `body`: `p[` is not a CSS selector"),
            ("[[site]]\nhosts = [\"https://example.org/\"]\nbody = \"p\"\n", "2:10 `hosts`: `https://example.org/` is not a host"),
            ("[[site]]\nbody = \"p\"\n", "1:1 a `[[site]]` needs `hosts`"),
            ("[[site]]\nhosts = [\"example.org\"]\n", "1:1 a `[[site]]` without a selector changes nothing"),
            ("[[sites]]\n", "1:3 unknown key `sites` in a file of site rules"),
            ("site = 1", "1:8 `site`: expected a list, found a whole number"),
        ] {
            let (_, mistakes) = read_text(text);
            assert!(mistakes.iter().any(|mistake| mistake.starts_with(begins)), "{text}: {mistakes:?}");
        }
    }

    #[test]
    fn a_file_that_is_named_plainly_must_be_there_and_a_pattern_may_name_none() {
        let mut mistakes = Vec::new();
        let (rules, _) = read(&["/no/such/folder/*.toml".to_owned()], Path::new("gleaner.toml"), &Files::default(), &mut mistakes);
        assert!(rules.is_empty() && mistakes.is_empty());
        read(&["/no/such/rules.toml".to_owned()], Path::new("gleaner.toml"), &Files::default(), &mut mistakes);
        assert_eq!(mistakes.len(), 1);
    }
}
