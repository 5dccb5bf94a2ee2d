//! The forms of `controls`, received: who sends one is known by his session, the form by its word; what came of it is said on
//! the page that the answer leads to (303, RFC 9110, section 15.4.4), or beside what was typed where that can be mended.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::{FromRequest, Multipart, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use super::controls::{self, Typed, Visitor};
use super::feeds::{self, Wanted};
use super::layout::{About, Part, page};
use super::words;
use crate::config::edit::{FeedChange, Imported};
use crate::daemon::control::Which;
use crate::http::changes::Added;
use crate::http::connections::Client;
use crate::http::orders::Polled;
use crate::http::parameters::Parameters;
use crate::http::problem::Problem;
use crate::http::sessions::{Notice, SignedIn, must_be_own_form};
use crate::http::token::{Token, none_configured};
use crate::http::writes::{self, FeedToAdd};
use crate::http::{Served, sent};
use crate::poll::PollLine;

/// So long a person waits for the end of a poll.
const POLLING: Duration = Duration::from_secs(8);

impl Served {
    /// Who sends these headers, without what is to be said to him.
    fn known(&self, headers: &HeaderMap) -> Result<Option<SignedIn>, Problem> {
        let token = Token::configured(&self.config())?;
        Ok(token.and_then(|token| self.sessions.of(headers, token, Instant::now())))
    }

    /// Who looks at a page, which says to him what is to be said.
    pub(super) fn visitor(&self, headers: &HeaderMap) -> Visitor {
        match self.known(headers) {
            Ok(Some(signed_in)) => {
                let notice = self.sessions.notice(&signed_in);
                Visitor::Known(signed_in, notice)
            }
            Ok(None) if self.config().http.token_file.is_some() => Visitor::Stranger,
            // The log says why the token cannot be used; reading needs none.
            Ok(None) | Err(_) => Visitor::Reader,
        }
    }
}

/// 303: what the form asked for is over, and the answer is another page.
fn see(place: &str) -> Response {
    // A name in a path is ASCII: it is percent-encoded.
    let place = HeaderValue::from_str(place).unwrap_or(HeaderValue::from_static("/feeds"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, place)]).into_response()
}

/// A page about something that was asked for and did not come, with its status.
fn with_status(problem: &Problem, mut response: Response) -> Response {
    *response.status_mut() = problem.status();
    response
}

/// Why a form is not taken.
pub enum Refusal {
    /// Whoever sends it is not known: he is led to where the token is shown.
    Stranger,
    /// It is none of ours, or cannot be read.
    Problem(Problem),
    /// What it asks for cannot be done: the page that says so, with what was typed.
    Shown(Box<Response>),
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Stranger => see("/login"),
            Self::Problem(problem) => problem.into_response(),
            Self::Shown(page) => *page,
        }
    }
}

/// A form of a browser that has shown the token, sent from one of our pages.
pub struct Form {
    signed_in: SignedIn,
    fields: Parameters,
}

impl FromRequest<Arc<Served>> for Form {
    type Rejection = Refusal;

    async fn from_request(request: Request, served: &Arc<Served>) -> Result<Self, Refusal> {
        let signed_in = sender(request.headers(), served)?;
        let text = sent::form(request).await?;
        let mut fields = Parameters::of(Some(&text));
        let word = fields.one("form_word")?.unwrap_or_default();
        signed_in.must_have_given(&word)?;
        Ok(Self { signed_in, fields })
    }
}

/// Who sends a form.
fn sender(headers: &HeaderMap, served: &Served) -> Result<SignedIn, Refusal> {
    must_be_own_form(headers, served.config().http.base_url.as_ref())?;
    served.known(headers)?.ok_or(Refusal::Stranger)
}

impl Form {
    /// Which feed it is about.
    fn feed(&mut self) -> Result<String, Problem> {
        self.fields.one("feed")?.ok_or_else(|| Problem::bad_request("the form names no feed"))
    }

    /// Where the answer leads: back to the page of feeds that the form was on.
    fn back(&mut self) -> Result<String, Problem> {
        let back = self.fields.one("back")?.unwrap_or_default();
        let is_ours = back == "/feeds" || back.starts_with("/feeds?") || back.starts_with("/feeds/");
        Ok(if is_ours { back } else { "/feeds".to_owned() })
    }

    /// Says on the next page what came of it, and leads there.
    fn leads(self, served: &Served, place: &str, came: Result<String, Problem>) -> Response {
        let notice = match came {
            Ok(words) => Notice::Done(words),
            Err(problem) => Notice::Failed(problem.detail().to_owned()),
        };
        served.sessions.tell(&self.signed_in, notice);
        see(place)
    }
}

/// `GET /login`.
pub async fn login_page(State(served): State<Arc<Served>>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    Parameters::of(uri.query()).finish()?;
    served.config().http.token_file.as_ref().ok_or_else(none_configured)?;
    Ok(served.known(&headers)?.map_or_else(|| login(&served, None), |_| see("/feeds")))
}

fn login(served: &Served, wrong: Option<&str>) -> Response {
    let about = About { title: "Sign in".to_owned(), part: Some(Part::Feeds), ..served.about() };
    page(&about, controls::sign_in(wrong))
}

/// `POST /login`: the token, once; from then on the cookie.
pub async fn log_in(State(served): State<Arc<Served>>, request: Request) -> Result<Response, Problem> {
    let config = served.config();
    must_be_own_form(request.headers(), config.http.base_url.as_ref())?;
    let token = Token::configured(&config)?.ok_or_else(none_configured)?;
    let client = Client::of(request.extensions());
    let text = sent::form(request).await?;
    let mut fields = Parameters::of(Some(&text));
    let shown = fields.one("token")?.unwrap_or_default();
    fields.finish()?;
    if Token::shown(shown.as_bytes()) != token {
        let problem = served.attempts.wrong(client);
        let words = match problem.status() {
            StatusCode::TOO_MANY_REQUESTS => "Too many wrong tokens: wait a little.",
            _ => "This is not the token.",
        };
        let mut response = with_status(&problem, login(&served, Some(words)));
        let told = problem.into_response();
        for name in [header::WWW_AUTHENTICATE, header::RETRY_AFTER] {
            response.headers_mut().extend(told.headers().get(&name).cloned().map(|value| (name, value)));
        }
        return Ok(response);
    }
    let is_https = config.http.base_url.as_ref().is_some_and(|base| base.scheme() == "https");
    let mut response = see("/feeds");
    response.headers_mut().insert(header::SET_COOKIE, served.sessions.open(token, is_https, Instant::now())?);
    Ok(response)
}

/// `POST /logout`.
pub async fn log_out(State(served): State<Arc<Served>>, form: Form) -> Response {
    let mut response = see("/feeds");
    response.headers_mut().insert(header::SET_COOKIE, served.sessions.close(&form.signed_in));
    response
}

/// `POST /feeds`: adds a feed.
pub async fn add(State(served): State<Arc<Served>>, mut form: Form) -> Result<Response, Problem> {
    let mut field = |name| form.fields.one(name).map(Option::unwrap_or_default);
    let mut typed =
        Typed { url: field("url")?, name: field("name")?, tags: field("tags")?, interval: field("interval")?, ..Typed::default() };
    form.fields.clone().finish()?;
    let text = |text: &str| (!text.trim().is_empty()).then(|| text.trim().to_owned());
    let feed = FeedToAdd {
        url: with_scheme(&typed.url),
        name: text(&typed.name),
        title: None,
        tags: typed.tags.split(',').filter_map(text).collect(),
        interval: text(&typed.interval),
        language: None,
    };
    let added = match feed.into_new() {
        Ok(new) => served.add_feed(new).await,
        Err(problem) => Err(problem),
    };
    match added {
        Ok(added) => {
            let place = words::feed_page(&added.name);
            Ok(form.leads(&served, &place, Ok(added_in_words(&added))))
        }
        Err(problem) => {
            typed.not_added = Some(problem.detail().to_owned());
            let visitor = Visitor::Known(form.signed_in, None);
            Ok(with_status(&problem, feeds::show(&served, Wanted::all(), &visitor, &typed).await?))
        }
    }
}

/// People leave it out.
fn with_scheme(typed: &str) -> String {
    let typed = typed.trim();
    let has_none = !typed.contains("://") && typed.split(['/', '?']).next().is_some_and(|host| host.contains('.'));
    if has_none { format!("https://{typed}") } else { typed.to_owned() }
}

fn added_in_words(added: &Added) -> String {
    let history = added.history.as_ref().map(|history| {
        let back = history.oldest.map(|oldest| format!(", at least to {}", oldest.format("%B %-d, %Y"))).unwrap_or_default();
        format!(" It can tell more of its past ({}{back}): `gleaner feeds backfill` fetches that.", history.way)
    });
    format!("Added {}. It is being polled.{}", added.url, history.unwrap_or_default())
}

/// `POST /pause`.
pub async fn pause(State(served): State<Arc<Served>>, form: Form) -> Result<Response, Problem> {
    enable(&served, form, false).await
}

/// `POST /resume`.
pub async fn resume(State(served): State<Arc<Served>>, form: Form) -> Result<Response, Problem> {
    enable(&served, form, true).await
}

async fn enable(served: &Served, mut form: Form, enabled: bool) -> Result<Response, Problem> {
    let (name, back) = (form.feed()?, form.back()?);
    let changed = served.change_feed(&name, FeedChange { enabled: Some(enabled), ..FeedChange::default() }).await;
    let words = if enabled { format!("{name} is polled again.") } else { format!("{name} is paused. Its articles stay.") };
    Ok(form.leads(served, &back, changed.map(|()| words)))
}

/// `POST /poll`: a feed, or where none is named all that are due.
pub async fn poll(State(served): State<Arc<Served>>, mut form: Form) -> Result<Response, Problem> {
    let (name, back) = (form.fields.one("feed")?, form.back()?);
    let words = match name {
        None => served.poll_many(Which::Due).await.map(|feeds| match feeds {
            0 => "No feed is due.".to_owned(),
            feeds => format!("{} being polled.", words::count(feeds, "feed is", "feeds are")),
        }),
        Some(name) => served.poll_one(&name, POLLING).await.map(|polled| match polled {
            Polled::Ended(line) => polled_in_words(&line),
            Polled::Begun => format!("{name} is being polled."),
        }),
    };
    Ok(form.leads(&served, &back, words))
}

fn polled_in_words(line: &PollLine) -> String {
    let name = &line.feed;
    match (&line.error, line.outcome.as_ref()) {
        (Some(error), _) => format!("{name} was polled: {error}"),
        (None, "not_modified") => format!("{name} was polled. Nothing has changed there."),
        (None, _) if line.updated > 0 => {
            let updated = words::count(line.updated, "updated article", "updated articles");
            format!("{name} was polled: {}, {updated}.", words::count(line.new, "new article", "new articles"))
        }
        (None, _) => format!("{name} was polled: {}.", words::count(line.new, "new article", "new articles")),
    }
}

/// `GET /remove`: shall it go?
pub async fn removal_page(State(served): State<Arc<Served>>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let mut parameters = Parameters::of(uri.query());
    let name = parameters.one("feed")?.unwrap_or_default();
    parameters.finish()?;
    served.config().http.token_file.as_ref().ok_or_else(none_configured)?;
    let Some(signed_in) = served.known(&headers)? else { return Ok(see("/login")) };
    let line = writes::line(&served, &name).await?;
    let about = About { title: "Remove a feed".to_owned(), part: Some(Part::Feeds), ..served.about() };
    Ok(page(&about, controls::removal(&line, &signed_in)))
}

/// `POST /remove`.
pub async fn remove(State(served): State<Arc<Served>>, mut form: Form) -> Result<Response, Problem> {
    let name = form.feed()?;
    let removed = served.remove_feed(&name).await;
    Ok(form.leads(&served, "/feeds", removed.map(|()| format!("{name} is removed. Its articles stay."))))
}

/// `POST /opml`: an uploaded list.
pub async fn import(State(served): State<Arc<Served>>, request: Request) -> Result<Response, Refusal> {
    let (signed_in, document) = uploaded(&served, request).await?;
    let imported = match document.filter(|document| !document.is_empty()) {
        Some(document) => served.import_feeds(document.into()).await,
        None => Err(Problem::unprocessable("choose a file first")),
    };
    match imported {
        Ok(imported) => {
            served.sessions.tell(&signed_in, Notice::Done(imported_in_words(&imported)));
            Ok(see("/feeds"))
        }
        Err(problem) => {
            let typed = Typed { not_imported: Some(problem.detail().to_owned()), ..Typed::default() };
            let shown = feeds::show(&served, Wanted::all(), &Visitor::Known(signed_in, None), &typed).await?;
            Err(Refusal::Shown(Box::new(with_status(&problem, shown))))
        }
    }
}

/// The form with a file in it (RFC 7578), and who sent it.
async fn uploaded(served: &Arc<Served>, request: Request) -> Result<(SignedIn, Option<Bytes>), Refusal> {
    let signed_in = sender(request.headers(), served)?;
    let reading = async {
        let no_form = |error: &dyn std::fmt::Display| Problem::bad_request(format!("the form could not be read: {error}"));
        let mut parts = Multipart::from_request(request, served).await.map_err(|error| no_form(&error))?;
        let (mut word, mut document) = (String::new(), None);
        while let Some(part) = parts.next_field().await.map_err(|error| no_form(&error))? {
            let name = part.name().unwrap_or_default().to_owned();
            let content = part.bytes().await.map_err(|error| match error.status() {
                StatusCode::PAYLOAD_TOO_LARGE => sent::too_large(),
                _ => no_form(&error),
            })?;
            match name.as_str() {
                "form_word" => word = String::from_utf8_lossy(&content).into_owned(),
                "file" => document = Some(content),
                _ => return Err(Problem::bad_request(format!("unknown field `{name}`"))),
            }
        }
        Ok((word, document))
    };
    let (word, document) = sent::in_time(reading).await?;
    signed_in.must_have_given(&word)?;
    Ok((signed_in, document))
}

fn imported_in_words(imported: &Imported) -> String {
    let added = words::count(imported.added.len(), "feed added", "feeds added");
    match imported.skipped.len() {
        0 => format!("{added}."),
        skipped => format!("{added}; {} there already.", words::count(skipped, "was", "were")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_host_is_one_of_the_web() {
        for (typed, want) in [
            (" example.org ", "https://example.org"),
            ("example.org/blog?x=1", "https://example.org/blog?x=1"),
            ("http://example.org", "http://example.org"),
            ("news", "news"),
        ] {
            assert_eq!(with_scheme(typed), want);
        }
    }
}
