//! A folder with a config of its own, the program run in it, and the daemon as a service manager would see it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::time::{Duration, Instant};

/// More than any machine needs; a test that waits so long has failed.
pub const LONG: Duration = Duration::from_secs(60);

/// How a run of the program ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Ended {
    pub status: i32,
    pub out: String,
    pub err: String,
}

impl Ended {
    #[track_caller]
    pub fn succeeds(&self) -> &str {
        assert_eq!(self.status, 0, "{self:?}");
        &self.out
    }

    #[track_caller]
    pub fn fails(&self, status: i32, words: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert!(self.err.contains(words), "no \"{words}\" in {self:?}");
    }
}

pub struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    /// With this text as `gleaner.toml`, the archive beside it.
    pub fn new(config: &str) -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        place.write("gleaner.toml", config);
        place
    }

    /// … and loopback feeds that are polled as fast as can be.
    pub fn with_feeds(more: &str, feeds: &[(&str, String)]) -> Self {
        Self::new(&Self::config(more, feeds))
    }

    pub fn config(more: &str, feeds: &[(&str, String)]) -> String {
        let mut config = format!(
            "{more}\n[database]\npath = \"gleaner.db\"\n[fetch]\nallow_private_networks = true\nhost_delay = \"0s\"\nper_host = 64\n[schedule]\nmin_interval = \"1s\"\n[articles]\nfull_text = \"never\"\n"
        );
        for (name, url) in feeds {
            config.push_str(&format!("[[feed]]\nname = \"{name}\"\nurl = \"{url}\"\n"));
        }
        config
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(self.at(name).parent().unwrap()).unwrap();
        fs::write(self.at(name), text).unwrap();
    }

    /// As editors save: a new file, renamed over the old one.
    pub fn save(&self, name: &str, text: &str) {
        self.write("new~", text);
        fs::rename(self.at("new~"), self.at(name)).unwrap();
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gleaner"));
        command.args(arguments).current_dir(self.folder.path()).env_clear().env("HOME", self.at("home"));
        command.env("GLEANER_CONFIG", self.at("gleaner.toml"));
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ended {
        let output = self.command(arguments).output().unwrap();
        Ended {
            status: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    pub fn spawn(&self, arguments: &[&str]) -> Child {
        self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// The ids and titles of all articles.
    pub fn titles(&self) -> Vec<String> {
        let export = self.run(&["export", "--format", "ndjson", "--copies"]);
        let mut titles: Vec<String> = export
            .succeeds()
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["title"].as_str().unwrap().to_owned())
            .collect();
        titles.sort();
        titles
    }

    /// The archive behind Gleaner's back.
    pub fn database(&self) -> rusqlite::Connection {
        let connection = rusqlite::Connection::open(self.at("gleaner.db")).unwrap();
        connection.busy_timeout(LONG).unwrap();
        connection
    }

    pub fn status(&self) -> serde_json::Value {
        serde_json::from_str(self.run(&["status", "--json"]).succeeds()).unwrap()
    }

    /// `gleaner run`, ready.
    pub fn daemon(&self) -> Daemon {
        self.daemon_with(&[])
    }

    pub fn daemon_with(&self, environment: &[(&str, &str)]) -> Daemon {
        let mut command = self.command(&["run"]);
        command.envs(environment.iter().copied());
        self.daemon_by(command)
    }

    /// … by a command that ends in running it.
    pub fn daemon_by(&self, mut command: Command) -> Daemon {
        let notified = self.at("notify");
        // Where an earlier daemon of this place was told about.
        let _ = fs::remove_file(&notified);
        let socket = UnixDatagram::bind(&notified).unwrap();
        command.env("NOTIFY_SOCKET", &notified);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let log = Arc::new(Log::default());
        let reading = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn({
            let log = Arc::clone(&log);
            move || {
                for line in reading.lines().map_while(Result::ok) {
                    log.lines.lock().unwrap().push(line);
                    log.came.notify_all();
                }
            }
        });
        // Taken off at once: as with the real service manager, nobody waits for room.
        let (telling, told) = mpsc::channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length) = socket.recv(&mut buffer) {
                if length == 0 || telling.send(String::from_utf8_lossy(&buffer[..length]).into_owned()).is_err() {
                    return;
                }
            }
        });
        let daemon = Daemon { child, log, told, notified };
        daemon.hears("READY=1");
        daemon
    }
}

#[derive(Default)]
struct Log {
    lines: Mutex<Vec<String>>,
    came: Condvar,
}

/// A daemon; killed when dropped.
pub struct Daemon {
    child: Child,
    log: Arc<Log>,
    told: mpsc::Receiver<String>,
    notified: PathBuf,
}

impl Daemon {
    /// Waits until so many lines of the log have these words.
    #[track_caller]
    pub fn logs(&self, words: &str, times: usize) {
        let lines = self.log.lines.lock().unwrap();
        let few = |lines: &mut Vec<String>| lines.iter().filter(|line| line.contains(words)).count() < times;
        let (lines, waited) = self.log.came.wait_timeout_while(lines, LONG, few).unwrap();
        assert!(!waited.timed_out(), "no \"{words}\" in\n{}", lines.join("\n"));
    }

    pub fn count(&self, words: &str) -> usize {
        self.log.lines.lock().unwrap().iter().filter(|line| line.contains(words)).count()
    }

    /// The next thing that the service manager is told, within `limit`.
    pub fn told(&self, limit: Duration) -> Option<String> {
        self.told.recv_timeout(limit).ok()
    }

    /// Waits until the service manager is told something with these words.
    #[track_caller]
    pub fn hears(&self, words: &str) -> String {
        let began = Instant::now();
        while let Some(left) = LONG.checked_sub(began.elapsed()) {
            if let Some(told) = self.told(left).filter(|told| told.contains(words)) {
                return told;
            }
        }
        panic!("the service manager is not told \"{words}\"; the log:\n{}", self.log.lines.lock().unwrap().join("\n"));
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, signal: &str) {
        assert!(Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap().success());
    }

    /// SIGTERM, and the end.
    #[track_caller]
    pub fn stop(mut self) {
        self.signal("-TERM");
        assert!(self.child.wait().unwrap().success(), "{}", self.log.lines.lock().unwrap().join("\n"));
    }

    /// SIGKILL, and the end.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // An empty message ends the thread that takes them off; the folder may be gone already.
        let _ = UnixDatagram::unbound().and_then(|socket| socket.send_to(&[], &self.notified));
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An RSS document with these items: guid, title, text.
pub fn rss(items: &[(&str, &str, &str)]) -> String {
    let mut document = String::from("<rss version=\"2.0\"><channel><title>Feed</title><link>https://feed.example/</link>");
    for (guid, title, text) in items {
        document.push_str(&format!(
            "<item><guid isPermaLink=\"false\">{guid}</guid><title>{title}</title><link>https://feed.example/{guid}</link><description>{text}</description></item>"
        ));
    }
    document.push_str("</channel></rss>");
    document
}

pub fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}
