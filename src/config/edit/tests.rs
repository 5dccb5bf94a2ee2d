//! Edits of whole configs, and what they must never lose.

use std::fs;

use proptest::prelude::*;

use super::*;
use crate::config::{load_in, subscription_list};
use crate::opml::{Attributes, Opml, Outline};

struct Place {
    folder: tempfile::TempDir,
    surroundings: Surroundings,
}

impl Place {
    fn with(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let surroundings =
            Surroundings { current_folder: folder.path().to_path_buf(), home: Some(folder.path().join("home")), ..Surroundings::default() };
        Place { folder, surroundings }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.at(name)).unwrap()
    }

    fn edit(&self) -> Editor<'_> {
        Editor::open(&self.at("gleaner.toml"), &self.surroundings).unwrap()
    }

    fn config(&self) -> Config {
        load_in(&self.at("gleaner.toml"), &self.surroundings).unwrap()
    }

    fn add(&self, feed: NewFeed) -> Result<Vec<Edited>, EditError> {
        let editor = self.edit();
        editor.add(&[feed], &editor.target())
    }
}

fn feed(url: &str) -> NewFeed {
    NewFeed { url: url.to_owned(), ..NewFeed::default() }
}

#[test]
fn feeds_go_into_the_first_list_in_toml_else_into_the_config_itself() {
    let data = ("data/added.toml", "");
    for (config, want) in [
        ("[database]\npath = \"data/x.db\"\n", "gleaner.toml"),
        ("feed_lists = [\"a.opml\", \"b.toml\", \"c.toml\"]\n[database]\npath = \"data/x.db\"\n", "b.toml"),
    ] {
        let place = Place::with(&[("gleaner.toml", config), data, ("a.opml", "<opml><body/></opml>"), ("b.toml", ""), ("c.toml", "")]);
        let added = place.add(feed("https://example.org/a")).unwrap();
        assert_eq!(added, [Edited { name: "example.org/a".to_owned(), file: place.at(want) }]);
        assert_eq!(place.config().feeds[0].list, place.at(want));
        assert!(place.read("gleaner.toml").starts_with(config));
    }
}

#[test]
fn the_list_of_added_feeds_is_made_by_the_first() {
    let place = Place::with(&[("gleaner.toml", "[database]\npath = \"x.db\"\n")]);
    let editor = place.edit();
    let list = editor.config().added_list().unwrap();
    let bad = NewFeed { name: Some("\n".to_owned()), ..feed("https://example.org/a") };
    assert!(matches!(editor.add(&[bad], &list), Err(EditError::Invalid(_))), "judged before it exists");
    assert!(!list.exists());
    editor.add(&[feed("https://example.org/a")], &list).unwrap();
    assert_eq!(place.config().feeds[0].list, place.at("added.toml"));
}

#[test]
fn a_feed_that_is_there_by_url_or_name_is_refused() {
    let text = "[[feed]]\nurl = \"https://example.org/a\"\nname = \"A\"\n";
    let place = Place::with(&[("gleaner.toml", text)]);
    let by_url = place.add(feed("http://www.example.org/a/?fbclid=1")).unwrap_err();
    assert!(matches!(by_url, EditError::AlreadyThere(AlreadyThere { line: 1, .. })), "{by_url:?}");
    let by_name = place.add(NewFeed { name: Some("A".to_owned()), ..feed("https://example.org/b") }).unwrap_err();
    assert!(by_name.to_string().contains("already a feed named `A`"), "{by_name}");
    let editor = place.edit();
    let twice = editor.add(&[feed("https://example.org/b"), feed("https://example.org/b/")], &editor.target()).unwrap_err();
    assert!(twice.to_string().contains("named twice"), "{twice}");
    assert_eq!(place.read("gleaner.toml"), text);
}

#[test]
fn an_edit_after_which_the_config_would_be_broken_is_refused() {
    let place = Place::with(&[("gleaner.toml", "")]);
    let too_often = NewFeed { interval: Some(Duration::from_secs(1)), ..feed("https://example.org/b") };
    assert!(matches!(place.add(too_often), Err(EditError::Invalid(_))));
    let two_lines = NewFeed { name: Some("a\nb".to_owned()), ..feed("https://example.org/b") };
    assert!(matches!(place.add(two_lines), Err(EditError::Invalid(_))));
    assert!(matches!(place.add(feed("ftp://example.org/b")), Err(EditError::BadUrl(_))));
    assert_eq!(place.read("gleaner.toml"), "");
}

#[test]
fn feeds_leave_whatever_list_they_stand_in_all_or_none() {
    let opml =
        "<opml><body>\n<outline text=\"F\"><outline text=\"B\" xmlUrl=\"https://b.example/\"/></outline>\n<!-- end -->\n</body></opml>";
    let place = Place::with(&[
        ("gleaner.toml", "feed_lists = [\"a.toml\", \"b.opml\"]\n[database]\npath = \"x.db\"\n"),
        ("a.toml", "feed = [{ url = \"https://a.example/\" }, { url = \"https://keep.example/\" }]\n"),
        ("b.opml", opml),
        ("added.toml", "[[feed]]\nurl = \"https://c.example/\"\n[feed.headers]\nAccept = \"x\"\n"),
    ]);
    let asked = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    assert!(place.edit().remove(&asked(&["a.example/", "nothing"])).is_err());
    assert_eq!(place.config().feeds.len(), 4);
    place.edit().remove(&asked(&["a.example/", "https://b.example", "c.example/"])).unwrap();
    assert_eq!(place.read("a.toml"), "feed = [ { url = \"https://keep.example/\" }]\n");
    assert_eq!(place.read("b.opml"), "<opml><body>\n<outline text=\"F\"></outline>\n<!-- end -->\n</body></opml>");
    assert_eq!(place.read("added.toml"), "");
    assert_eq!(place.config().feeds.len(), 1);
}

#[test]
fn an_opml_list_in_another_character_set_is_utf8_after_a_removal() {
    let place = Place::with(&[("gleaner.toml", "feed_lists = [\"b.xml\"]\n")]);
    let text = "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n<opml><body>\n<outline text=\"Gazette \u{e9}\" xmlUrl=\"https://a.example/\"/>\n<outline text=\"B\" xmlUrl=\"https://b.example/\"/>\n</body></opml>\n";
    fs::write(place.at("b.xml"), text.chars().map(|character| u8::try_from(character).unwrap()).collect::<Vec<u8>>()).unwrap();
    place.edit().remove(&["b.example/".to_owned()]).unwrap();
    let want = text.replace("ISO-8859-1", "UTF-8").replace("<outline text=\"B\" xmlUrl=\"https://b.example/\"/>\n", "");
    assert_eq!(place.read("b.xml"), want);
}

#[test]
fn an_outline_with_others_in_it_is_not_cut_out() {
    let opml = "<opml><body><outline text=\"A\" xmlUrl=\"https://a.example/\"><outline text=\"B\" xmlUrl=\"https://b.example/\"/></outline></body></opml>";
    let place = Place::with(&[("gleaner.toml", "feed_lists = [\"b.opml\"]\n"), ("b.opml", opml)]);
    let error = place.edit().remove(&["a.example/".to_owned()]).unwrap_err();
    assert!(error.to_string().contains("b.opml:1:13 has others in it"), "{error}");
    assert_eq!(place.read("b.opml"), opml);
}

#[test]
fn a_url_of_several_feeds_does_not_say_which_to_remove() {
    let text = "[[feed]]\nurl = \"https://a.example/\"\n[[feed]]\nurl = \"https://www.a.example/\"\nname = \"other\"\n";
    let place = Place::with(&[("gleaner.toml", text)]);
    let error = place.edit().remove(&["http://a.example".to_owned()]).unwrap_err();
    assert!(error.to_string().contains("a.example/, other"), "{error}");
    place.edit().remove(&["other".to_owned()]).unwrap();
    assert_eq!(place.read("gleaner.toml"), "[[feed]]\nurl = \"https://a.example/\"\n");
}

/// Everywhere that a feed stands: the attributes of its folders and its own, sorted.
fn places(outlines: &[Outline], folders: &mut Vec<Attributes>, found: &mut Vec<(Vec<Attributes>, Attributes)>) {
    for outline in outlines {
        if outline.feed_url().is_some() {
            let mut attributes = outline.attributes.clone();
            attributes.sort();
            found.push((folders.clone(), attributes));
        }
        folders.push(outline.attributes.clone());
        places(&outline.children, folders, found);
        folders.pop();
    }
}

fn places_of(opml: &Opml) -> Vec<(Vec<Attributes>, Attributes)> {
    let mut found = Vec::new();
    places(&opml.outlines, &mut Vec::new(), &mut found);
    found.sort();
    found.dedup();
    found
}

fn words() -> impl Strategy<Value = String> {
    proptest::string::string_regex("[A-Za-z,/&<>\"'\\\\#=äЖ漢\n\t ]{0,8}[a-zé漢]").unwrap()
}

fn attributes(required: &'static [&'static str], optional: &'static [&'static str]) -> impl Strategy<Value = Attributes> {
    let required = required.iter().map(|name| words().prop_map(|value| Some(((*name).to_owned(), value)))).collect::<Vec<_>>();
    let optional =
        optional.iter().map(|name| proptest::option::of(words().prop_map(|value| ((*name).to_owned(), value)))).collect::<Vec<_>>();
    (required, optional).prop_map(|(required, optional)| required.into_iter().chain(optional).flatten().collect())
}

fn outline(url: usize) -> impl Strategy<Value = Outline> {
    let own = attributes(&["text", "type"], &["title", "htmlUrl", "description", "category", "x1", "Größe", "x-y.z", "language"]);
    own.prop_map(move |mut attributes| {
        attributes.push(("xmlUrl".to_owned(), format!("https://site.example/feed?id={url}")));
        Outline { attributes, ..Outline::default() }
    })
}

fn tree() -> impl Strategy<Value = Vec<Outline>> {
    let feed = (0_usize..4).prop_flat_map(outline);
    let node =
        feed.prop_recursive(3, 12, 4, |inner| {
            (attributes(&[], &["text", "title", "isOpen"]), proptest::collection::vec(inner, 0..4))
                .prop_map(|(attributes, children)| Outline { attributes, children, ..Outline::default() })
        });
    proptest::collection::vec(node, 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_imported_comes_out_again_with_its_folders_and_every_attribute(outlines in tree()) {
        let opml = Opml { outlines, ..Opml::default() };
        let place = Place::with(&[("gleaner.toml", ""), ("in.opml", &opml.to_string())]);
        let imported = place.edit().import(&place.at("in.opml")).unwrap();
        let config = place.config();
        prop_assert_eq!(imported.added.len(), config.feeds.len());
        let exported = subscription_list("T", &config.feeds);
        prop_assert_eq!(places_of(&exported), places_of(&opml));
        // What an export says is what a reader of it sees: the list itself as OPML gives the same again.
        fs::write(place.at("gleaner.toml"), "feed_lists = [\"out.opml\"]\n").unwrap();
        fs::write(place.at("out.opml"), exported.to_string()).unwrap();
        prop_assert_eq!(places_of(&subscription_list("T", &place.config().feeds)), places_of(&opml));
    }

    #[test]
    fn adding_and_removing_gives_back_the_file(name in words(), tag in words()) {
        let text = "# c\n[log] # d\nlevel = 'info'\n\n[[feed]]\nurl = 'https://first.example/' # e\n";
        let place = Place::with(&[("gleaner.toml", text)]);
        let name: String = name.split_whitespace().collect();
        place.add(NewFeed { name: Some(name.clone()), tags: vec![tag.split_whitespace().collect()], ..feed("https://b.example/") }).unwrap();
        prop_assert_eq!(&place.config().feeds[1].name, &name);
        place.edit().remove(&[name]).unwrap();
        prop_assert_eq!(place.read("gleaner.toml"), text);
    }
}
