//! A real browser, where one is installed: headless Chromium, driven over the pipe that it offers (the DevTools protocol, messages of
//! JSON that end with NUL on the descriptors 3 and 4). It reaches this machine alone.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use data_encoding::BASE64;
use serde_json::{Value, json};

use super::PATIENCE;

const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

/// The path of a program that may be installed; says so where none of these is.
pub fn installed(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let found = names.iter().find_map(|name| std::env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.is_file()));
    if found.is_none() {
        eprintln!("{} is not installed: what it would show was NOT tested", names[0]);
    }
    found
}

/// A browser with one page.
pub struct Chromium {
    child: Child,
    to: File,
    from: Receiver<Value>,
    last: u64,
    session: Option<String>,
    /// What the page complained of: scripts that failed, what the policy forbade, files that are not there.
    complaints: Vec<String>,
    events: VecDeque<Value>,
    _folder: tempfile::TempDir,
}

impl Chromium {
    /// `None` where no such browser is installed.
    pub fn start() -> Option<Chromium> {
        let program = installed(&NAMES)?;
        let folder = tempfile::tempdir().unwrap();
        let [to, from] = ["to", "from"].map(|name| folder.path().join(name));
        assert!(Command::new("mkfifo").args([&to, &from]).status().unwrap().success());
        let child = Command::new("/bin/sh")
            .args(["-c", "exec \"$0\" \"$@\" 3<\"$TO\" 4>\"$FROM\""])
            .arg(program)
            .args(["--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
            .args([
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--no-proxy-server",
            ])
            .args(["--hide-scrollbars", "--font-render-hinting=none", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"])
            .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
            .envs([("TO", &to), ("FROM", &from)])
            .env("HOME", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Each waits until the other side has opened it, in the shell's order.
        let to = File::options().write(true).open(to).unwrap();
        let from = follow(File::open(from).unwrap());
        let events = VecDeque::new();
        let mut browser = Chromium { child, to, from, last: 0, session: None, complaints: Vec::new(), events, _folder: folder };
        let target = browser.call("Target.createTarget", json!({"url": "about:blank"}))["targetId"].clone();
        let session = browser.call("Target.attachToTarget", json!({"targetId": target, "flatten": true}))["sessionId"].clone();
        browser.session = Some(session.as_str().unwrap().to_owned());
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        browser.call("Page.setLifecycleEventsEnabled", json!({"enabled": true}));
        Some(browser)
    }

    /// Asks the browser for something and waits for what it says.
    #[track_caller]
    pub fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.last += 1;
        let mut message = json!({"id": self.last, "method": method, "params": parameters});
        if let Some(session) = &self.session {
            message["sessionId"] = Value::from(session.as_str());
        }
        self.to.write_all(message.to_string().as_bytes()).unwrap();
        self.to.write_all(&[0]).unwrap();
        let until = Instant::now() + PATIENCE;
        loop {
            let message = self.receive(until).unwrap_or_else(|| panic!("{method} is not answered"));
            if message["id"] == self.last {
                assert!(message["error"].is_null(), "{method}: {}", message["error"]);
                return message["result"].clone();
            }
            self.events.push_back(message);
        }
    }

    fn receive(&mut self, until: Instant) -> Option<Value> {
        let message = self.from.recv_timeout(until.saturating_duration_since(Instant::now())).ok()?;
        let parameters = &message["params"];
        match message["method"].as_str() {
            Some("Runtime.exceptionThrown") => self.complaints.push(parameters["exceptionDetails"].to_string()),
            Some("Runtime.consoleAPICalled") if parameters["type"] == "error" => self.complaints.push(parameters["args"].to_string()),
            Some("Log.entryAdded") if ["error", "warning"].iter().any(|level| parameters["entry"]["level"] == *level) => {
                self.complaints.push(parameters["entry"].to_string());
            }
            _ => {}
        }
        Some(message)
    }

    /// Opens an address and waits until everything of it is there.
    #[track_caller]
    pub fn open(&mut self, address: &str) {
        self.events.clear();
        let opened = self.call("Page.navigate", json!({"url": address}));
        assert!(opened["errorText"].is_null(), "{address}: {}", opened["errorText"]);
        // Of this navigation: one that a click began before may end only now.
        let until = Instant::now() + PATIENCE;
        loop {
            let event = self.events.pop_front().or_else(|| self.receive(until));
            let event = event.unwrap_or_else(|| panic!("{address} is not loaded"));
            let told = &event["params"];
            if event["method"] == "Page.lifecycleEvent" && told["name"] == "load" && told["loaderId"] == opened["loaderId"] {
                return;
            }
        }
    }

    /// The value of an expression, awaited where it is a promise.
    #[track_caller]
    pub fn value(&mut self, expression: &str) -> Value {
        let evaluated = self.call("Runtime.evaluate", json!({"expression": expression, "awaitPromise": true, "returnByValue": true}));
        assert!(evaluated["exceptionDetails"].is_null(), "{expression}: {}", evaluated["exceptionDetails"]);
        evaluated["result"]["value"].clone()
    }

    /// Waits until an expression is true.
    #[track_caller]
    pub fn until(&mut self, expression: &str) {
        let until = Instant::now() + PATIENCE;
        while self.value(expression) != Value::Bool(true) {
            assert!(Instant::now() < until, "never: {expression}\n{}", self.value("document.body.innerText"));
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Types as a keyboard does into the field of this selector.
    #[track_caller]
    pub fn type_into(&mut self, selector: &str, text: &str) {
        assert_eq!(self.value(&format!("document.querySelector({}).focus() ?? true", Value::from(selector))), true);
        for letter in text.chars() {
            self.call("Input.insertText", json!({"text": letter.to_string()}));
        }
    }

    /// Clicks in the middle of what the selector finds.
    #[track_caller]
    pub fn click(&mut self, selector: &str) {
        let place = self.value(&format!(
            "(() => {{ const e = document.querySelector({}); e.scrollIntoView({{block: 'center'}}); const r = e.getBoundingClientRect();
             return [r.x + r.width / 2, r.y + r.height / 2]; }})()",
            Value::from(selector)
        ));
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({"type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1});
            self.call("Input.dispatchMouseEvent", event);
        }
    }

    /// A window of this width in this colour scheme, `light` or `dark`.
    pub fn look(&mut self, width: u32, scheme: &str) {
        let (height, is_phone) = (if width < 600 { 844 } else { 900 }, width < 600);
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": is_phone});
        self.call("Emulation.setDeviceMetricsOverride", metrics);
        self.call("Emulation.setEmulatedMedia", json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]}));
    }

    /// The whole page as a picture, in `target/screenshots`.
    pub fn picture(&mut self, name: &str) -> PathBuf {
        let taken = self.call("Page.captureScreenshot", json!({"format": "png", "captureBeyondViewport": true}));
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/screenshots");
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join(format!("{name}.png"));
        std::fs::write(&path, BASE64.decode(taken["data"].as_str().unwrap().as_bytes()).unwrap()).unwrap();
        path
    }

    /// What pages have complained of since it was last asked.
    pub fn complaints(&mut self) -> Vec<String> {
        std::mem::take(&mut self.complaints)
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The messages of the pipe, as they come.
fn follow(pipe: File) -> Receiver<Value> {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        loop {
            let mut message = Vec::new();
            match pipe.read_until(0, &mut message) {
                Ok(read) if read > 0 => {}
                _ => return,
            }
            message.pop();
            let Ok(message) = serde_json::from_slice(&message) else { return };
            if tell.send(message).is_err() {
                return;
            }
        }
    });
    told
}
