//! The built program in a folder of its own: what an operator has, and what a test may ask of it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long a test waits for something that happens within milliseconds on an idle machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Settings under which loopback may be asked, and at once.
pub const SETTINGS: &str = r#"
[database]
path = "gleaner.db"

[fetch]
host_delay = "0s"
per_host = 16
timeout = "20s"
allow_private_networks = true

[schedule]
min_interval = "1s"
adaptive = false

[articles]
full_text = "never"

[http]
listen = ""
"#;

/// A folder with a config, and the archive that comes of it.
pub struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    /// Subscribed to these feeds: name and URL.
    pub fn with_feeds<'a>(feeds: impl IntoIterator<Item = (&'a str, String)>) -> Place {
        Place::with_config(&with_feeds(SETTINGS, feeds))
    }

    /// With this config.
    pub fn with_config(config: &str) -> Place {
        let place = Place { folder: tempfile::tempdir().unwrap() };
        place.write("gleaner.toml", config);
        place
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.at(name)).unwrap()
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.at(name), content).unwrap();
    }

    /// Another config from now on.
    pub fn subscribe<'a>(&self, feeds: impl IntoIterator<Item = (&'a str, String)>) {
        self.write("gleaner.toml", with_feeds(SETTINGS, feeds));
    }

    /// Every file's path and bytes.
    pub fn everything(&self) -> Vec<(PathBuf, Vec<u8>)> {
        fn gather(folder: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    gather(&path, files);
                } else {
                    // A lock file says who held it last, which is nothing that a command changes.
                    let is_lock = path.to_string_lossy().ends_with("-lock");
                    files.push((path.clone(), if is_lock { Vec::new() } else { fs::read(&path).unwrap() }));
                }
            }
        }
        let mut files = Vec::new();
        gather(self.path(), &mut files);
        files.sort();
        files
    }

    /// A command that is about to run here, with nothing of this machine's surroundings.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gleaner"));
        command.args(["--config", "gleaner.toml"]).args(arguments).current_dir(self.path()).env_clear().env("HOME", self.at("home"));
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ended {
        Ended::from(self.command(arguments).output().unwrap())
    }

    /// One line of a shell, in which `$GLEANER` is the program with its config.
    pub fn shell(&self, line: &str) -> Ended {
        let mut shell = Command::new("/bin/sh");
        let gleaner = format!("{} --config gleaner.toml", env!("CARGO_BIN_EXE_gleaner"));
        shell.args(["-c", line]).current_dir(self.path()).env("GLEANER", gleaner).env("HOME", self.at("home"));
        Ended::from(shell.output().unwrap())
    }

    /// Polls every feed, due or not, and gives the lines of `--json` by the names of the feeds.
    #[track_caller]
    pub fn poll(&self) -> Vec<Value> {
        let ended = self.run(&["poll", "--all", "--json"]);
        let mut lines: Vec<Value> = ended.succeeds().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        lines.sort_by_key(|line| line["feed"].as_str().unwrap().to_owned());
        lines
    }

    /// … and gives how many articles were new and how many were updated, over all feeds, none of which may fail.
    #[track_caller]
    pub fn poll_counts(&self) -> (u64, u64) {
        let lines = self.poll();
        assert!(lines.iter().all(|line| line["error"].is_null()), "{lines:#?}");
        let sum = |key: &str| lines.iter().map(|line| line[key].as_u64().unwrap()).sum();
        (sum("new"), sum("updated"))
    }

    /// All articles, copies included, as `export` gives them with these filters.
    #[track_caller]
    pub fn articles_with(&self, filters: &[&str]) -> Vec<Value> {
        let ended = self.run(&[&["export", "--format", "json"], filters].concat());
        let document: Value = serde_json::from_str(ended.succeeds()).unwrap();
        document["articles"].as_array().unwrap().clone()
    }

    #[track_caller]
    pub fn articles(&self) -> Vec<Value> {
        self.articles_with(&["--copies"])
    }

    /// The articles' titles, oldest first.
    #[track_caller]
    pub fn titles(&self) -> Vec<String> {
        strings(&self.articles(), "title")
    }

    /// `feeds list --json`.
    #[track_caller]
    pub fn feeds(&self) -> Vec<Value> {
        serde_json::from_str(self.run(&["feeds", "list", "--json"]).succeeds()).unwrap()
    }

    #[track_caller]
    pub fn feed(&self, name: &str) -> Value {
        self.feeds().into_iter().find(|feed| feed["name"] == name).unwrap()
    }

    /// The database file itself, for what cannot be seen through a command.
    pub fn database(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.at("gleaner.db")).unwrap()
    }

    /// The program in the background; what it says on stderr goes to a file here.
    pub fn start(&self, arguments: &[&str]) -> Running {
        self.start_with(self.command(arguments))
    }

    pub fn start_with(&self, mut command: Command) -> Running {
        let log = tempfile::Builder::new().prefix("log-").tempfile_in(self.path()).unwrap().into_temp_path();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log).unwrap());
        Running { child: command.spawn().unwrap(), log }
    }
}

/// A config: settings, then a feed a name and URL.
pub fn with_feeds<'a>(settings: &str, feeds: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let mut config = settings.to_owned();
    for (name, url) in feeds {
        config.push_str(&format!("\n[[feed]]\nname = \"{name}\"\nurl = \"{url}\"\n"));
    }
    config
}

/// The strings under one key.
pub fn strings(values: &[Value], key: &str) -> Vec<String> {
    values.iter().map(|value| value[key].as_str().unwrap().to_owned()).collect()
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    pub status: i32,
    pub out: String,
    pub err: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Ended {
            status: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ended {
    /// It failed with this status, said nothing on stdout, and one thing that holds these words on stderr.
    #[track_caller]
    pub fn fails(&self, status: i32, words: &[&str]) {
        assert_eq!(self.status, status, "{self:#?}");
        assert_eq!(self.out, "", "what failed says nothing on stdout");
        assert!(!self.err.contains("panicked"), "{}", self.err);
        for words in words {
            assert!(self.err.contains(words), "no \"{words}\" in\n{}", self.err);
        }
    }

    #[track_caller]
    pub fn succeeds(&self) -> &str {
        assert_eq!(self.status, 0, "{self:#?}");
        &self.out
    }
}

/// A program in the background. It is killed when dropped.
pub struct Running {
    child: Child,
    log: tempfile::TempPath,
}

impl Running {
    /// What it has said on stderr until now.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Sends a signal, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success(), "kill -s {name}");
    }

    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Its status, once it has ended by itself or by a signal sent before.
    #[track_caller]
    pub fn ends_within(&mut self, limit: Duration) -> ExitStatus {
        assert!(within(limit, || self.has_ended()), "it still runs after {limit:?}:\n{}", self.log());
        self.child.wait().unwrap()
    }

    /// Waits until it has said this.
    #[track_caller]
    pub fn says(&self, words: &str) {
        assert!(within(PATIENCE, || self.log().contains(words)), "no \"{words}\" in\n{}", self.log());
    }

    /// As a crash or `kill -9` ends it: at once, wherever it is.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended; then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Does it become true before the limit?
pub fn within(limit: Duration, mut is_true: impl FnMut() -> bool) -> bool {
    let began = Instant::now();
    loop {
        if is_true() {
            return true;
        }
        if began.elapsed() > limit {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
