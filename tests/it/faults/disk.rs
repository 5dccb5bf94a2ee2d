//! A disk that is full, or may only be read from now on: the daemon says so once, stays up, asks nobody in vain for what it
//! cannot store, and goes on by itself when there is room again.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{titles, whole};
use crate::place::{Daemon, LONG, Place};
use crate::support::{Answer, FeedServer, stories, within};

/// Two feeds, asked every second; the archive is on `disk/`.
fn place(server: &FeedServer) -> Place {
    let feeds = [("one", server.url("/one")), ("two", server.url("/two"))];
    let config = Place::config("", &feeds).replace("path = \"gleaner.db\"", "path = \"disk/gleaner.db\"");
    let place = Place::new(&config.replace("[schedule]", "[schedule]\ninterval = \"1s\"\nadaptive = false"));
    fs::create_dir(place.at("disk")).unwrap();
    place
}

/// Feed one shows the stories up to this one, feed two a single one.
fn show(server: &FeedServer, shown: u32) {
    server.on("/one", Answer::feed(stories(1..=shown)).etag(format!("\"{shown}\"")).conditional());
    server.on("/two", Answer::feed(stories(9_000..=9_000)));
}

/// The articles of the archive, which must be whole.
type Look<'a> = dyn Fn() -> BTreeSet<String> + 'a;

#[track_caller]
fn has(look: &Look<'_>, shown: u32) {
    let wanted = &titles(1..=shown) | &titles(9_000..=9_000);
    assert!(within(LONG, || look().len() >= wanted.len()));
    assert_eq!(look(), wanted);
}

/// The daemon cannot write what the feed shows: it says so once and lives; when `mend` was called, that is there.
#[track_caller]
fn refuses_and_recovers(server: &FeedServer, daemon: &Daemon, look: &Look<'_>, reason: &str, mend: impl FnOnce()) {
    daemon.hears(reason);
    // It tries again, now and then.
    let asked = server.requests().len();
    assert!(within(LONG, || server.requests().len() > asked + 2));
    assert_eq!(daemon.count("refused a poll"), 1);
    mend();
    daemon.logs("the archive takes polls again", 1);
    has(look, 90);
    assert_eq!(daemon.count("refused a poll"), 1);
}

/// Fills a file system to its last byte.
fn fill(folder: &Path) -> PathBuf {
    let path = folder.join("filler");
    let mut filler = File::create(&path).unwrap();
    for size in [1 << 16, 1 << 10, 1] {
        while filler.write_all(&vec![0; size]).is_ok() {}
    }
    path
}

#[test]
fn a_full_disk_stops_nothing_for_good() {
    let server = FeedServer::start();
    show(&server, 3);
    let place = place(&server);
    let disk = place.at("disk");
    // A name space of its own: the file system is gone with the daemon.
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "/bin/sh", "-c"]);
    command.arg("mount -t tmpfs -o size=4m tmpfs \"$0\" || exit 9; exec \"$@\"").arg(&disk);
    let program = place.command(&["run"]);
    command.arg(program.get_program()).args(program.get_args()).current_dir(place.at(""));
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("GLEANER_CONFIG", place.at("gleaner.toml"));
    let possible =
        Command::new("unshare").args(["--user", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "tmpfs"]).arg(&disk).status();
    if !possible.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: this machine gives no mount name spaces to users; a limit of the file size stands for a full disk");
        return;
    }
    let daemon = place.daemon_by(command);
    let inside = |arguments: &[&str]| {
        let mut command = Command::new("nsenter");
        command.args(["--preserve-credentials", "--user", "--mount", "--target", &daemon.pid().to_string()]);
        let program = place.command(arguments);
        command.arg(program.get_program()).args(program.get_args()).current_dir(place.at(""));
        command.env("GLEANER_CONFIG", place.at("gleaner.toml")).output().unwrap()
    };
    let look = || {
        let exported = inside(&["export", "--copies", "--format", "ndjson"]);
        let lines = String::from_utf8(exported.stdout).unwrap();
        let titles =
            lines.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["title"].as_str().unwrap().to_owned());
        let articles: Vec<String> = titles.collect();
        assert_eq!(articles.len(), articles.iter().collect::<BTreeSet<_>>().len(), "something is there twice");
        articles.into_iter().collect()
    };
    has(&look, 3);
    let filler = fill(&PathBuf::from(format!("/proc/{}/root{}", daemon.pid(), disk.display())));
    show(&server, 90);
    refuses_and_recovers(&server, &daemon, &look, "database or disk is full", || fs::remove_file(filler).unwrap());
    assert!(inside(&["db", "check"]).status.success());
    daemon.stop();
}

#[test]
fn files_that_may_not_grow_stop_nothing_for_good() {
    let server = FeedServer::start();
    show(&server, 3);
    let place = place(&server);
    let database = place.at("disk/gleaner.db");
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]);
    let program = place.command(&["run"]);
    command.arg(program.get_program()).args(program.get_args()).current_dir(place.at(""));
    command.env_clear().env("GLEANER_CONFIG", place.at("gleaner.toml"));
    let daemon = place.daemon_by(command);
    let look = || whole(&database);
    has(&look, 3);
    let limit = |bytes: &str| {
        let pid = daemon.pid().to_string();
        Command::new("prlimit").args(["--pid", &pid, &format!("--fsize={bytes}:")]).status().is_ok_and(|status| status.success())
    };
    let length = fs::metadata(place.at("disk/gleaner.db-wal")).unwrap().len();
    if !limit(&length.to_string()) {
        eprintln!("SKIPPED: there is no prlimit to limit a running process with");
        return;
    }
    show(&server, 90);
    // While it is so, whoever asks is told, and the exit status says so to monitoring.
    let told = || {
        let status = place.run(&["status", "--check"]);
        assert_eq!(status.status, 1, "{status:?}");
        assert!(status.out.contains("care      cannot write the archive"), "{status:?}");
        assert!(limit("unlimited"));
    };
    refuses_and_recovers(&server, &daemon, &look, "cannot write the archive", told);
    assert!(!place.run(&["status"]).succeeds().contains("cannot write"));
    daemon.stop();
}

/// An ext4 file system in a file, mounted until dropped.
struct Mounted {
    image: PathBuf,
    at: PathBuf,
}

impl Mounted {
    fn new(place: &Place) -> Option<Mounted> {
        let mounted = Mounted { image: place.at("image"), at: place.at("disk") };
        File::create(&mounted.image).unwrap().set_len(16 << 20).unwrap();
        let is_made = run("mkfs.ext4", &["-q", "-F", mounted.image.to_str().unwrap()]);
        (is_made && mounted.mount()).then_some(mounted)
    }

    fn mount(&self) -> bool {
        run("mount", &["-o", "loop,errors=remount-ro", self.image.to_str().unwrap(), self.at.to_str().unwrap()])
    }

    /// Has the kernel find an error, upon which it writes no more.
    fn fail(&self) -> bool {
        let devices = Command::new("losetup").arg("-j").arg(&self.image).output().unwrap();
        let devices = String::from_utf8(devices.stdout).unwrap();
        let device = devices.split(':').next().and_then(|path| path.strip_prefix("/dev/")).unwrap_or_default();
        fs::write(format!("/sys/fs/ext4/{device}/trigger_fs_error"), "1").is_ok()
    }

    fn unmount(&self) -> bool {
        run("umount", &["-l", self.at.to_str().unwrap()])
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        self.unmount();
    }
}

fn run(program: &str, arguments: &[&str]) -> bool {
    Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
}

#[test]
fn a_disk_that_the_kernel_has_made_read_only_keeps_what_was_committed() {
    let server = FeedServer::start();
    show(&server, 3);
    let place = place(&server);
    let Some(disk) = Mounted::new(&place) else {
        eprintln!("SKIPPED: only root can mount a file system that fails");
        return;
    };
    let database = place.at("disk/gleaner.db");
    let daemon = place.daemon();
    let look = || whole(&database);
    has(&look, 3);
    if !disk.fail() {
        eprintln!("SKIPPED: this kernel cannot be made to find an error");
        return;
    }
    show(&server, 90);
    daemon.hears("cannot write the archive");
    daemon.logs("refused a poll", 1);
    daemon.stop();
    // A new one cannot even begin, and says why.
    place.run(&["run"]).fails(1, "Read-only file system");
    assert!(disk.unmount());
    // 1: errors were corrected.
    let repaired = Command::new("e2fsck").args(["-p", "-f"]).arg(&disk.image).output().unwrap();
    assert!(repaired.status.code().is_some_and(|status| status <= 1), "{repaired:?}");
    assert!(disk.mount());
    has(&look, 3);
    place.run(&["poll", "--all"]).succeeds();
    has(&look, 90);
}
