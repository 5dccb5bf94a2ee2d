//! The tables of `gleaner.toml` beside the feeds: each key with its rule and its default.

use std::path::{Path, PathBuf};
use std::time::Duration;

use url::Url;

use super::mistake::{Mistake, SourceText, nearest};
use super::section::{self, Section, Value, Wrong, boolean, choice, in_order, integer, line, string};
use super::surroundings::{Surroundings, tidy};
use super::units::{parse_duration, parse_size, write_duration};
use super::{Articles, Database, Fetch, Filter, FilterAction, FilterField, FullText, Http, Log, LogFormat, Pages, Schedule};

/// The words of `full_text`.
pub(super) const FULL_TEXT: &[(&str, FullText)] = &[("never", FullText::Never), ("auto", FullText::Auto), ("always", FullText::Always)];

/// The shortest interval that can be configured.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);

/// Reads one table of the config file, or gives the rule an empty one where it is absent, so that defaults stand in
/// one place.
pub(super) fn sub_section<T>(
    parent: &mut Section<'_>,
    key: &'static str,
    surroundings: &Surroundings,
    rule: fn(&mut Section<'_>, &Surroundings) -> T,
) -> T {
    let empty = toml::de::DeTable::new();
    let table = parent.table(key);
    let mut section = Section::new(parent.source, table.unwrap_or(&empty), format!("[{key}]"), parent.mistakes);
    let read = rule(&mut section, surroundings);
    section.finish();
    read
}

pub(super) fn database(section: &mut Section<'_>, surroundings: &Surroundings) -> Database {
    let source = section.source;
    let path = section.read("path", |value| path(source, value));
    let url = section.read("url", |value| {
        let url = Url::parse(line(value)?)?;
        if !matches!(url.scheme(), "postgres" | "postgresql") {
            return Err(Wrong::new("must begin with postgres://"));
        }
        if url.password().is_some() {
            return Err(Wrong::new("a password must not stand in the config").help("put it into a file and name that as `password_file`"));
        }
        Ok(url.to_string())
    });
    let password_file = section.read("password_file", |value| secret_file(source, surroundings, value));
    let keep_entries = section.read("keep_entries", boolean).unwrap_or(true);
    let retention = section
        .read("retention", |value| if string(value)? == "forever" { Ok(None) } else { positive_duration(value).map(Some) })
        .unwrap_or_default();
    if let (Some(span), true) = (section.span("url"), section.has("path")) {
        section.wrong(
            span,
            "`url` and `path` are both set",
            Some("an archive is either a SQLite file or a PostgreSQL database".to_owned()),
        );
    }
    if let (Some(span), false) = (section.span("password_file"), section.has("url")) {
        section.wrong(span, "`password_file` without `url`", Some("a SQLite file has no password".to_owned()));
    }
    let path = path.or_else(|| surroundings.default_database()).unwrap_or_else(|| {
        if url.is_none() && !section.has("path") {
            let message = "no place for the database: neither $STATE_DIRECTORY, $XDG_DATA_HOME nor $HOME is set";
            let mistake = Mistake::in_file(&source.path, message).help("set `path` in [database]");
            section.mistakes.push(mistake);
        }
        source.folder().join("gleaner.db")
    });
    Database { path, url, password_file, keep_entries, retention }
}

pub(super) fn fetch(section: &mut Section<'_>, _: &Surroundings) -> Fetch {
    // `memory` is shared by all bodies in flight and must have room for one: where one of the two is not set, it follows.
    let max_body = section.read("max_body", size);
    let memory = section.read("memory", size);
    if let (Some(max_body), Some(memory), Some(span)) = (max_body, memory, section.span("memory"))
        && memory < max_body
    {
        let message = format!("`memory` ({memory} bytes) is less than `max_body` ({max_body} bytes)");
        section.wrong(span, message, Some("`memory` is shared by all bodies in flight: it must have room for one".to_owned()));
    }
    Fetch {
        user_agent: section.read("user_agent", user_agent).unwrap_or_else(default_user_agent),
        concurrency: section.read("concurrency", |value| count(value, 10_000)).unwrap_or(64),
        per_host: section.read("per_host", |value| count(value, 10_000)).unwrap_or(2),
        host_delay: section.read("host_delay", duration).unwrap_or(Duration::from_secs(1)),
        timeout: section.read("timeout", positive_duration).unwrap_or(Duration::from_secs(30)),
        connect_timeout: section.read("connect_timeout", positive_duration).unwrap_or(Duration::from_secs(10)),
        max_body: max_body.unwrap_or_else(|| memory.map_or(16 << 20, |memory| memory.min(16 << 20))),
        memory: memory.unwrap_or_else(|| max_body.map_or(32 << 20, |max_body| max_body.max(32 << 20))),
        max_redirects: section.read("max_redirects", |value| Ok(u32::try_from(integer(value, 0..=100)?)?)).unwrap_or(5),
        proxy: section.read("proxy", proxy),
        headers: headers(section),
        allow_private_networks: section.read("allow_private_networks", boolean).unwrap_or(false),
    }
}

pub(super) fn schedule(section: &mut Section<'_>, _: &Surroundings) -> Schedule {
    let schedule = Schedule {
        interval: section.read("interval", interval).unwrap_or(Duration::from_secs(30 * 60)),
        min_interval: section.read("min_interval", interval).unwrap_or(Duration::from_secs(5 * 60)),
        max_interval: section.read("max_interval", interval).unwrap_or(Duration::from_secs(24 * 60 * 60)),
        adaptive: section.read("adaptive", boolean).unwrap_or(true),
        retire_after: section.read("retire_after", positive_duration).unwrap_or(Duration::from_secs(30 * 24 * 60 * 60)),
    };
    in_sequence(section, ("min_interval", schedule.min_interval), ("max_interval", schedule.max_interval));
    in_sequence(section, ("min_interval", schedule.min_interval), ("interval", schedule.interval));
    in_sequence(section, ("interval", schedule.interval), ("max_interval", schedule.max_interval));
    schedule
}

/// Notes a mistake where `shorter` is longer than `longer`; one of them may be a default, the mistake names both.
fn in_sequence(section: &mut Section<'_>, shorter: (&str, Duration), longer: (&str, Duration)) {
    if shorter.1 <= longer.1 {
        return;
    }
    let (span, other) = match (section.span(longer.0), section.span(shorter.0)) {
        (Some(span), _) => (span, shorter),
        (None, Some(span)) => (span, longer),
        (None, None) => return,
    };
    let is_default = if section.has(other.0) { "" } else { ", the default" };
    let message = format!(
        "`{}` ({}) is longer than `{}` ({}){is_default}",
        shorter.0,
        write_duration(shorter.1),
        longer.0,
        write_duration(longer.1),
    );
    let wanted = if other.0 == shorter.0 { longer.1 } else { shorter.1 };
    section.wrong(span, message, Some(format!("set `{} = \"{}\"` too, if that is meant", other.0, write_duration(wanted))));
}

pub(super) fn articles(section: &mut Section<'_>, _: &Surroundings) -> Articles {
    Articles {
        reading_speed: section.read("reading_speed", |value| Ok(u32::try_from(integer(value, 1..=100_000)?)?)).unwrap_or(180),
        full_text: section.read("full_text", |value| choice(value, FULL_TEXT)).unwrap_or(FullText::Auto),
        near_copies: section.read("near_copies", boolean).unwrap_or(true),
        similar: section.read("similar", |value| Ok(usize::try_from(integer(value, 0..=100)?)?)).unwrap_or(5),
        languages: section.read_list("languages", language).unwrap_or_default(),
    }
}

pub(super) fn pages(section: &mut Section<'_>, _: &Surroundings) -> Pages {
    let source = section.source;
    Pages {
        host_delay: section.read("host_delay", duration).unwrap_or(Duration::from_secs(2)),
        per_host: section.read("per_host", |value| count(value, 10_000)).unwrap_or(1),
        robots: section.read("robots", boolean).unwrap_or(true),
        rules: section
            .read_list("rules", |value| glob_pattern(source, value))
            .unwrap_or_else(|| vec![absolute_pattern(source, "rules/*.toml")]),
    }
}

pub(super) fn http(section: &mut Section<'_>, surroundings: &Surroundings) -> Http {
    let source = section.source;
    Http {
        listen: section.read("listen", |value| listen(source, value)).unwrap_or_else(|| Some("127.0.0.1:8420".to_owned())),
        base_url: section.read("base_url", |value| web_url(line(value)?)),
        token_file: section.read("token_file", |value| secret_file(source, surroundings, value)),
    }
}

pub(super) fn log(section: &mut Section<'_>, _: &Surroundings) -> Log {
    let level = section.read("level", |value| Ok(log_filter(line(value)?)?.to_owned()));
    let formats = &[("auto", LogFormat::Auto), ("text", LogFormat::Text), ("json", LogFormat::Json)];
    Log {
        level: level.unwrap_or_else(|| "info".to_owned()),
        format: section.read("format", |value| choice(value, formats)).unwrap_or(LogFormat::Auto),
    }
}

/// A level, or a filter by module. What is neither would be taken for a module's name and log everything.
fn log_filter(text: &str) -> Result<&str, Wrong> {
    const LEVELS: &[&str] = &["off", "error", "warn", "info", "debug", "trace"];
    for part in text.split(',').map(str::trim).filter(|part| !part.contains(['=', '[', '{', '}'])) {
        if !LEVELS.iter().any(|level| level.eq_ignore_ascii_case(part)) {
            let help = match nearest(part, LEVELS.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("a module needs a level, as `{part}=debug`"),
            };
            return Err(Wrong::new(format!("unknown level `{part}`")).help(help));
        }
    }
    text.parse::<tracing_subscriber::EnvFilter>()
        .map_err(|error| Wrong::new(format!("not a tracing filter: {error}")).help("as \"info\", or \"gleaner=debug,reqwest=warn\""))?;
    Ok(text)
}

/// Reads a list of filters: `[[filter]]`, or a feed's `filters`.
pub(super) fn filters(section: &mut Section<'_>, key: &'static str) -> Vec<Filter> {
    let tables = section.tables(key);
    let mut filters = Vec::new();
    for (table, span) in tables {
        let mut section = Section::new(section.source, table, "a filter", section.mistakes);
        filters.extend(filter(&mut section, span));
        section.finish();
    }
    filters
}

fn filter(section: &mut Section<'_>, span: std::ops::Range<usize>) -> Option<Filter> {
    let actions = &[("drop", FilterAction::Drop), ("keep", FilterAction::Keep)];
    let fields = &[
        ("title", FilterField::Title),
        ("text", FilterField::Text),
        ("author", FilterField::Author),
        ("category", FilterField::Category),
        ("url", FilterField::Url),
        ("language", FilterField::Language),
    ];
    let action = section.read("action", |value| choice(value, actions));
    let field = section.read("field", |value| choice(value, fields));
    let matches = section.read("matches", |value| {
        let pattern = string(value)?;
        regex::Regex::new(pattern).map_err(|error| {
            // The error draws the pattern with a caret of its own; its last line says what is wrong.
            let error = error.to_string();
            Wrong::new(format!("not a regular expression: {}", error.lines().last().unwrap_or(&error).trim_start_matches("error: ")))
        })
    });
    let contains = section.read("contains", |value| {
        let words = line(value)?;
        Ok((regex::RegexBuilder::new(&regex::escape(words)).case_insensitive(true).build()?, words.to_owned()))
    });
    for key in ["action", "field"] {
        if !section.has(key) {
            section.wrong(span.clone(), format!("a filter without `{key}`"), None);
        }
    }
    match (section.has("matches"), section.span("contains")) {
        (true, Some(contains)) => section.wrong(contains, "`matches` and `contains` in one filter", Some("keep one of them".to_owned())),
        (false, None) => {
            let help = "`matches` is a regular expression, `contains` plain words".to_owned();
            section.wrong(span, "a filter without `matches` or `contains`", Some(help));
        }
        _ => {}
    }
    let (pattern, words) = match contains {
        Some((pattern, words)) => (pattern, Some(words)),
        None => (matches?, None),
    };
    Some(Filter { action: action?, field: field?, pattern, words })
}

/// `Gleaner/VERSION (+project URL)`.
pub fn default_user_agent() -> String {
    format!("Gleaner/{} (+{})", env!("CARGO_PKG_VERSION"), env!("CARGO_PKG_REPOSITORY"))
}

pub(super) fn user_agent(value: &Value<'_>) -> Result<String, Wrong> {
    let text = line(value)?;
    http::HeaderValue::from_str(text).map_err(|_| Wrong::new("cannot be sent as a header: use printable characters alone"))?;
    Ok(text.to_owned())
}

/// Reads the table `headers` of a section, in the file's order.
pub(super) fn headers(section: &mut Section<'_>) -> Vec<(String, String)> {
    let Some(table) = section.table("headers") else { return Vec::new() };
    let mut headers = Vec::new();
    for (name, value) in in_order(table) {
        match header(name, value) {
            Ok(header) => headers.push(header),
            Err(wrong) => section.wrong(value.span(), format!("`headers`: {wrong}"), None),
        }
    }
    headers
}

fn header(name: &str, value: &Value<'_>) -> Result<(String, String), String> {
    http::HeaderName::try_from(name).map_err(|_| format!("`{name}` is not the name of a header"))?;
    let Ok(text) = string(value) else { return Err(format!("`{name}`: expected a string, found {}", section::kind(value.get_ref()))) };
    http::HeaderValue::from_str(text).map_err(|_| format!("`{name}`: the value cannot be sent as a header"))?;
    Ok((name.to_owned(), text.to_owned()))
}

pub(super) fn proxy(value: &Value<'_>) -> Result<Url, Wrong> {
    let url = Url::parse(line(value)?)?;
    match url.scheme() {
        "http" | "https" | "socks5h" if url.has_host() => Ok(url),
        "socks5" => Err(Wrong::new("socks5: would resolve names here, past the proxy").help("write socks5h://")),
        scheme => Err(Wrong::new(format!("a proxy cannot be reached by `{scheme}:`")).help("write http://, https:// or socks5h://")),
    }
}

/// An `http:` or `https:` URL.
pub(super) fn web_url(text: &str) -> Result<Url, Wrong> {
    let url = Url::parse(text).map_err(|error| Wrong::new(format!("not a URL: {error}")))?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        scheme => Err(Wrong::new(format!("`{scheme}:` is not http: or https:"))),
    }
}

/// A language tag by the form of RFC 5646, as it stands.
pub(super) fn language(value: &Value<'_>) -> Result<String, Wrong> {
    let text = line(value)?;
    if is_language(text) {
        Ok(text.to_owned())
    } else {
        Err(Wrong::new(format!("`{text}` is not a language tag")).help("as \"en\", \"pt-BR\" or \"zh-Hant\""))
    }
}

/// Has a text the form of a language tag (RFC 5646)?
pub(super) fn is_language(text: &str) -> bool {
    let mut parts = text.split('-');
    let primary = parts.next().unwrap_or_default();
    (2..=8).contains(&primary.len())
        && primary.bytes().all(|byte| byte.is_ascii_alphabetic())
        && parts.all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

pub(super) fn duration(value: &Value<'_>) -> Result<Duration, Wrong> {
    if let toml::de::DeValue::Integer(number) = value.get_ref() {
        return Err(Wrong::new("a duration needs a unit").help(format!("write \"{}s\" for seconds", number.as_str())));
    }
    Ok(parse_duration(string(value)?)?)
}

fn positive_duration(value: &Value<'_>) -> Result<Duration, Wrong> {
    match duration(value)? {
        Duration::ZERO => Err(Wrong::new("must be longer than nothing")),
        duration => Ok(duration),
    }
}

/// A duration of at least a second.
pub(super) fn interval(value: &Value<'_>) -> Result<Duration, Wrong> {
    match duration(value)? {
        short if short < SHORTEST_INTERVAL => Err(Wrong::new("must be at least \"1s\"")),
        duration => Ok(duration),
    }
}

/// A size above nothing, as "8MiB" or a plain number of bytes.
pub(super) fn size(value: &Value<'_>) -> Result<u64, Wrong> {
    if let toml::de::DeValue::Integer(_) = value.get_ref() {
        return Ok(u64::try_from(integer(value, 1..=i64::MAX)?)?);
    }
    match parse_size(string(value)?)? {
        0 => Err(Wrong::new("must be more than nothing")),
        size => Ok(size),
    }
}

fn count(value: &Value<'_>, most: i64) -> Result<usize, Wrong> {
    Ok(usize::try_from(integer(value, 1..=most)?)?)
}

fn path(source: &SourceText, value: &Value<'_>) -> Result<PathBuf, Wrong> {
    let text = string(value)?;
    if text.is_empty() || text.contains('\0') {
        return Err(Wrong::new("not a path"));
    }
    Ok(tidy(&source.folder().join(text)))
}

/// The absolute path of a file, which can be read.
pub(super) fn readable_file(source: &SourceText, value: &Value<'_>) -> Result<PathBuf, Wrong> {
    let path = path(source, value)?;
    can_be_read(&path)?;
    Ok(path)
}

/// The absolute path of a secret's file, which can be read. A relative one that is not there, or is there for root's eyes
/// alone, is looked for among systemd's credentials: root's file is where the credential comes from.
pub(super) fn secret_file(source: &SourceText, surroundings: &Surroundings, value: &Value<'_>) -> Result<PathBuf, Wrong> {
    let beside = path(source, value)?;
    let name = Path::new(string(value)?);
    let credential = surroundings.credentials_directory.as_ref().filter(|_| name.is_relative()).map(|folder| folder.join(name));
    let credential = credential.filter(|credential| credential.exists());
    let is_closed = || std::fs::File::open(&beside).is_err_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied);
    if beside.try_exists().unwrap_or(true) && !(credential.is_some() && is_closed()) {
        can_be_read(&beside)?;
        return Ok(beside);
    }
    if let Some(credential) = credential {
        can_be_read(&credential)?;
        return Ok(credential);
    }
    Err(match &surroundings.credentials_directory {
        Some(folder) if name.is_relative() => {
            Wrong::new(format!("there is neither {} nor a credential in {}", beside.display(), folder.display()))
        }
        _ => Wrong::new(format!("there is no file {}", beside.display())),
    })
}

fn can_be_read(path: &Path) -> Result<(), Wrong> {
    let cannot = |reason: &dyn std::fmt::Display| Wrong::new(format!("cannot read {}: {reason}", path.display()));
    let file = std::fs::File::open(path).map_err(|error| cannot(&error))?;
    match file.metadata() {
        Ok(metadata) if metadata.is_dir() => Err(cannot(&"it is a folder")),
        Ok(_) => Ok(()),
        Err(error) => Err(cannot(&error)),
    }
}

/// An absolute pattern for paths; the folder of the file that it stands in is taken as it is, whatever its name.
pub(super) fn absolute_pattern(source: &SourceText, pattern: &str) -> String {
    if Path::new(pattern).is_absolute() {
        return pattern.to_owned();
    }
    let folder = glob::Pattern::escape(&source.folder().to_string_lossy());
    format!("{}/{}", folder.trim_end_matches('/'), pattern.trim_start_matches("./"))
}

pub(super) fn glob_pattern(source: &SourceText, value: &Value<'_>) -> Result<String, Wrong> {
    let pattern = absolute_pattern(source, line(value)?);
    glob::Pattern::new(&pattern).map_err(|error| Wrong::new(format!("not a pattern for paths: {}", error.msg)))?;
    Ok(pattern)
}

/// `host:port` or `unix:/path`; `None` for "".
fn listen(source: &SourceText, value: &Value<'_>) -> Result<Option<String>, Wrong> {
    let text = string(value)?.trim();
    if text.is_empty() {
        return Ok(None);
    }
    if let Some(socket) = text.strip_prefix("unix:") {
        if socket.is_empty() {
            return Err(Wrong::new("unix: without a path"));
        }
        return Ok(Some(format!("unix:{}", tidy(&source.folder().join(socket)).display())));
    }
    let help = "as \"127.0.0.1:8420\", \"[::1]:8420\", \"unix:/path\", or \"\" to turn it off";
    let wrong = || Wrong::new(format!("`{text}` is not an address and a port")).help(help);
    let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
    port.parse::<u16>().map_err(|_| wrong())?;
    url::Host::parse(host).map_err(|_| wrong())?;
    Ok(Some(text.to_owned()))
}
