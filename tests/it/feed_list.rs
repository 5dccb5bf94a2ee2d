//! The feed list: checked, edited and given out by the built program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A folder with a config of its own.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn with(files: &[(&str, &str)]) -> Self {
        let place = Place { folder: tempfile::tempdir().unwrap() };
        for (name, text) in files {
            fs::create_dir_all(place.at(name).parent().unwrap()).unwrap();
            fs::write(place.at(name), text).unwrap();
        }
        place
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.at(name)).unwrap()
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gleaner"));
        command.args(arguments).current_dir(self.folder.path()).env_clear().env("HOME", self.at("home"));
        Ended::from(command.output().unwrap())
    }

    /// Every file's path and bytes.
    fn everything(&self) -> Vec<(PathBuf, Vec<u8>)> {
        fn gather(folder: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { gather(&path, files) } else { files.push((path.clone(), fs::read(&path).unwrap())) }
            }
        }
        let mut files = Vec::new();
        gather(self.folder.path(), &mut files);
        files.sort();
        files
    }
}

#[derive(Debug)]
struct Ended {
    status: i32,
    out: String,
    err: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Ended {
            status: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ended {
    #[track_caller]
    fn fails(&self, status: i32, words: &[&str]) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.out, "", "what failed says nothing on stdout");
        for words in words {
            assert!(self.err.contains(words), "no \"{words}\" in\n{}", self.err);
        }
    }

    #[track_caller]
    fn succeeds(&self) -> &str {
        assert_eq!(self.status, 0, "{self:?}");
        &self.out
    }
}

const LIST: &str = r#"# What we read

# the wire
[[feed]]
url = "https://wire.example/feed" # main
name = "wire"
tags = ["world"]

# podcasts

# a harbour
[[feed]]
name = "harbour"
url = "https://harbour.example/rss.xml"

[[feed]]
url = "https://www.last.example/a"
headers = { Accept = "text/xml" }
# the end
"#;

fn list_place() -> Place {
    Place::with(&[("config/gleaner.toml", "feed_lists = [\"feeds.toml\"]\n"), ("config/feeds.toml", LIST)])
}

const OPML: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<opml version="1.1" xmlns:reader="urn:reader">
  <head><title>Mine</title></head>
  <body>
    <outline text="News" title="News" reader:open="true">
      <outline text="World &amp; more">
        <outline type="rss" text="Wire" title="The Wire" xmlUrl="https://wire.example/feed" htmlUrl="https://wire.example/"/>
        <outline text="Estuary" xmlURL="https://estuary.example/atom?a=1&amp;b=2" htmlUrl="https://estuary.example/" description="Tides, &quot;and&quot; more" language="en-GB" category="/Sea/Tides,News" reader:rank="7"/>
      </outline>
      <outline title="No text" xmlUrl="http://notext.example/rss"/>
    </outline>
    <outline text="Videos">
      <outline text="One" xmlUrl="https://videos.example/feed.xml?channel=1"/>
      <outline text="Two" xmlUrl="https://videos.example/feed.xml?channel=2"/>
    </outline>
    <outline text="Late">
      <outline text="Estuary" xmlUrl="https://estuary.example/atom?a=1&amp;b=2"/>
    </outline>
  </body>
</opml>
"#;

#[test]
fn check_says_what_is_in_each_file_and_touches_nothing() {
    let place = list_place();
    let before = place.everything();
    assert_eq!(place.run(&["check"]).succeeds(), "gleaner.toml: valid\nfeeds.toml: 3 feeds\n");
    assert_eq!(place.everything(), before);
}

#[test]
fn check_shows_every_mistake_of_every_file_with_its_place() {
    let place = Place::with(&[
        ("config/gleaner.toml", "feed_lists = [\"feeds.toml\"]\n[schedule]\nintervall = \"30m\"\n[log]\nformat = \"jsn\"\n"),
        ("config/feeds.toml", "[[feed]]\nurl = \"ftp://example.org/\"\n"),
    ]);
    let ended = place.run(&["check"]);
    ended.fails(
        2,
        &[
            "gleaner.toml:3:1",
            "unknown key `intervall` in [schedule]",
            "did you mean `interval`?",
            "gleaner.toml:5:10",
            "did you mean `json`?",
            "feeds.toml:2:7",
            "a feed cannot be read by `ftp:`",
            "3 mistakes",
        ],
    );
}

#[test]
fn the_config_is_looked_for_at_the_usual_places_and_its_absence_says_where() {
    let place = Place::with(&[("home/.config/gleaner/gleaner.toml", ""), ("named.toml", "[[feed]]\nurl = \"https://example.org/\"\n")]);
    assert_eq!(place.run(&["check"]).succeeds(), "gleaner.toml: valid\n");
    assert_eq!(place.run(&["check", "--config", "named.toml"]).succeeds(), "named.toml: 1 feed\n");
    place.run(&["--config", "nothing.toml", "check"]).fails(2, &["nothing.toml", "there is no such file"]);
    let empty = Place::with(&[]);
    empty.run(&["check"]).fails(2, &["config/gleaner.toml", "home/.config/gleaner/gleaner.toml", "/etc/gleaner/gleaner.toml"]);
}

#[test]
fn a_removed_feed_takes_its_own_comment_along_and_all_else_stays_to_the_byte() {
    let place = list_place();
    let removed = place.run(&["feeds", "remove", "harbour"]);
    assert_eq!(removed.succeeds(), format!("removed `harbour` from {}\n", place.at("config/feeds.toml").display()));
    let want = LIST.replace("# a harbour\n[[feed]]\nname = \"harbour\"\nurl = \"https://harbour.example/rss.xml\"\n\n", "");
    assert_eq!(place.read("config/feeds.toml"), want);
    place.run(&["feeds", "remove", "http://wire.example/feed/", "last.example/a"]).succeeds();
    assert_eq!(place.read("config/feeds.toml"), "# What we read\n\n# podcasts\n# the end\n");
}

#[test]
fn an_unknown_feed_is_not_removed_and_the_nearest_name_is_told() {
    let place = list_place();
    let before = place.everything();
    place.run(&["feeds", "remove", "wire", "harbor"]).fails(1, &["there is no feed `harbor`", "did you mean `harbour`?"]);
    assert_eq!(place.everything(), before);
}

#[test]
fn a_feed_leaves_an_opml_list_and_all_else_stays_to_the_byte() {
    let place = Place::with(&[("config/gleaner.toml", "feed_lists = [\"mine.opml\"]\n"), ("config/mine.opml", OPML)]);
    place.run(&["feeds", "remove", "estuary.example/atom"]).succeeds();
    let want: Vec<&str> = OPML.lines().filter(|line| !line.contains("estuary")).collect();
    assert_eq!(place.read("config/mine.opml"), want.join("\n") + "\n");
}

#[test]
fn import_appends_what_is_new_and_says_what_was_there() {
    let place = list_place();
    fs::write(place.at("mine.opml"), OPML).unwrap();
    let ended = place.run(&["feeds", "import", "mine.opml"]);
    let list = place.at("config/feeds.toml").display().to_string();
    assert_eq!(
        ended.succeeds(),
        format!(
            "skipped: https://wire.example/feed is already the feed `wire`, {list}:4\nadded `estuary.example/atom`\nadded `notext.example/rss`\n\
             added `videos.example/feed.xml`\nadded `videos.example/feed.xml (Two)`\n4 added to {list}, 1 skipped\n"
        )
    );
    let text = place.read("config/feeds.toml");
    assert!(text.starts_with(LIST), "what stood there stays to the byte");
    insta::assert_snapshot!(text.strip_prefix(LIST).unwrap());
    assert_eq!(place.run(&["check"]).succeeds(), "gleaner.toml: valid\nfeeds.toml: 7 feeds\n");
    let again = place.run(&["feeds", "import", "mine.opml"]);
    assert!(again.succeeds().ends_with("0 added, 5 skipped\n"), "{again:?}");
    assert_eq!(place.read("config/feeds.toml"), text);
}

#[test]
fn what_was_imported_is_exported_without_loss() {
    let place = Place::with(&[("config/gleaner.toml", "# mine\n"), ("mine.opml", OPML)]);
    place.run(&["feeds", "import", "mine.opml"]).succeeds();
    let exported = place.run(&["feeds", "export"]);
    let want = r#"<?xml version="1.0" encoding="UTF-8"?>
<opml version="2.0" xmlns:reader="urn:reader">
  <head>
    <title>Subscriptions</title>
  </head>
  <body>
    <outline text="News" title="News" reader:open="true">
      <outline text="World &amp; more">
        <outline type="rss" text="Wire" title="The Wire" xmlUrl="https://wire.example/feed" htmlUrl="https://wire.example/"/>
        <outline type="rss" text="Estuary" xmlUrl="https://estuary.example/atom?a=1&amp;b=2" htmlUrl="https://estuary.example/" description="Tides, &quot;and&quot; more" language="en-GB" category="/Sea/Tides,News" reader:rank="7"/>
      </outline>
      <outline type="rss" text="No text" title="No text" xmlUrl="http://notext.example/rss"/>
    </outline>
    <outline text="Late">
      <outline type="rss" text="Estuary" xmlUrl="https://estuary.example/atom?a=1&amp;b=2"/>
    </outline>
    <outline text="Videos">
      <outline type="rss" text="One" xmlUrl="https://videos.example/feed.xml?channel=1"/>
      <outline type="rss" text="Two" xmlUrl="https://videos.example/feed.xml?channel=2"/>
    </outline>
  </body>
</opml>
"#;
    assert_eq!(exported.succeeds(), want);
    place.run(&["feeds", "export", "-o", "out.opml"]).succeeds();
    assert_eq!(place.read("out.opml"), want);
    // An export read as a list, and imported anew, gives the same export.
    for config in ["feed_lists = [\"../out.opml\"]\n", ""] {
        fs::write(place.at("config/gleaner.toml"), config).unwrap();
        if config.is_empty() {
            place.run(&["feeds", "import", "out.opml"]).succeeds();
        }
        assert_eq!(place.run(&["feeds", "export"]).succeeds(), want);
    }
}

#[test]
fn a_malformed_or_dangerous_opml_file_is_refused_with_its_place_and_changes_nothing() {
    let place = list_place();
    for (text, words) in [
        ("<opml version=\"2.0\"><body>\n  <outline text=\"a\">\n</body></opml>", vec!["bad.opml:3:1", "not OPML"]),
        ("", vec!["bad.opml:1:1", "there is no <opml> element"]),
        ("{\"feeds\": []}", vec!["bad.opml", "there is no <opml> element"]),
        ("<opml><body><outline xmlUrl=\"file:///etc/hostname\"/></body></opml>", vec!["bad.opml:1:13", "OPML may not name local files"]),
        ("<!DOCTYPE opml [<!ENTITY x SYSTEM \"file:///etc/hostname\">]><opml><body/></opml>", vec!["document type"]),
    ] {
        fs::write(place.at("bad.opml"), text).unwrap();
        let before = place.everything();
        place.run(&["feeds", "import", "bad.opml"]).fails(1, &words);
        assert_eq!(place.everything(), before, "{text}");
    }
    place.run(&["feeds", "import", "nothing.opml"]).fails(1, &["nothing.opml", "there is no such file"]);
}

#[test]
fn an_edit_that_cannot_be_written_or_is_wrong_changes_nothing() {
    let place = list_place();
    let before = place.everything();
    place.run(&["feeds", "add", "https://wire.example/feed?utm_source=x"]).fails(1, &["is already the feed `wire`", "feeds.toml:4"]);
    place.run(&["feeds", "add", "wire.example/other"]).fails(2, &["it has no scheme", "did you mean `https://wire.example/other`?"]);
    place.run(&["feeds", "add", "https://a.example/", "https://b.example/", "--name", "x"]).fails(2, &["--name names one feed"]);
    place.run(&["feeds", "add", "https://a.example/", "--interval", "soon"]).fails(2, &["`soon` is not a duration"]);
    place.run(&["feeds", "export", "-o", "none/out.opml"]).fails(1, &["none/out.opml"]);
    place.run(&["feeds", "remove"]).fails(2, &["<FEED>"]);
    assert_eq!(place.everything(), before);
    fs::write(place.at("config/feeds.toml"), format!("{LIST}[[feed]\n")).unwrap();
    place.run(&["feeds", "remove", "wire"]).fails(2, &["not TOML", "feeds.toml:20"]);
}

#[test]
fn a_local_feed_is_added_as_it_is_written_and_must_be_a_feed() {
    let rss = "<?xml version=\"1.0\"?><rss version=\"2.0\"><channel><title>A</title><link>https://a.example/</link><description>d</description>\
               <item><title>One</title><guid>1</guid></item></channel></rss>";
    let place = Place::with(&[
        ("config/gleaner.toml", "feed_lists = [\"feeds.toml\"]\n"),
        ("config/feeds.toml", "# none yet\n"),
        ("config/a.xml", rss),
        ("b.xml", rss),
        ("page.html", "<!DOCTYPE html><title>no feed</title>"),
    ]);
    let before = place.everything();
    place.run(&["feeds", "add", "file:page.html"]).fails(1, &["file:page.html"]);
    place.run(&["feeds", "add", "file:nothing.xml"]).fails(1, &["nothing.xml"]);
    place.run(&["feeds", "add", "file:b.xml", "--interval", "1s"]).fails(1, &["nothing was changed", "shorter than `min_interval` (5m)"]);
    assert_eq!(place.everything(), before);
    place.run(&["feeds", "add", "file:a.xml", "--name", "mine", "--tag", "x", "--tag", "y z", "--interval", "90m"]).succeeds();
    place.run(&["feeds", "add", "file:b.xml"]).succeeds();
    assert_eq!(
        place.read("config/feeds.toml"),
        format!(
            "# none yet\n\n[[feed]]\nurl = \"file:a.xml\"\nname = \"mine\"\ntags = [\"x\", \"y z\"]\ninterval = \"90m\"\n\n[[feed]]\nurl = \"file://{}\"\n",
            place.at("b.xml").display()
        )
    );
    place.run(&["feeds", "add", "file:b.xml"]).fails(1, &["is already the feed"]);
}

#[cfg(unix)]
#[test]
fn an_edit_keeps_links_and_permissions() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let place = list_place();
    fs::rename(place.at("config/feeds.toml"), place.at("real.toml")).unwrap();
    symlink("../real.toml", place.at("config/feeds.toml")).unwrap();
    fs::set_permissions(place.at("real.toml"), fs::Permissions::from_mode(0o600)).unwrap();
    place.run(&["feeds", "remove", "wire"]).succeeds();
    assert!(place.at("config/feeds.toml").is_symlink());
    assert!(!place.read("real.toml").contains("wire"));
    assert_eq!(fs::metadata(place.at("real.toml")).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn edits_at_the_same_time_do_not_undo_one_another() {
    let place = list_place();
    let documents: Vec<String> = (0..8).map(|number| format!("{number}.opml")).collect();
    for (number, document) in documents.iter().enumerate() {
        let text = format!("<opml><body><outline text=\"a\" xmlUrl=\"https://site{number}.example/feed\"/></body></opml>");
        fs::write(place.at(document), text).unwrap();
    }
    std::thread::scope(|scope| {
        for document in &documents {
            scope.spawn(|| place.run(&["feeds", "import", document]).succeeds().len());
        }
    });
    assert_eq!(place.run(&["check"]).succeeds(), "gleaner.toml: valid\nfeeds.toml: 11 feeds\n");
}

#[test]
fn a_windows_line_end_stays_one() {
    let list = LIST.replace('\n', "\r\n");
    let place =
        Place::with(&[("config/gleaner.toml", "feed_lists = [\"feeds.toml\"]\n"), ("config/feeds.toml", &list), ("mine.opml", OPML)]);
    place.run(&["feeds", "import", "mine.opml"]).succeeds();
    place.run(&["feeds", "remove", "harbour"]).succeeds();
    let text = place.read("config/feeds.toml");
    assert!(!text.replace("\r\n", "").contains('\n'), "{text:?}");
    assert!(text.starts_with("# What we read\r\n\r\n# the wire\r\n"), "{text:?}");
}
