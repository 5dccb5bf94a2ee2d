//! A request's query parameters: those of the command line's filters, by the same names and with the same meaning.
//!
//! A parameter that nobody knows is an error with the nearest name, as an unknown key of the config is: silently
//! ignored, `langauge=de` would give everything.

use std::str::FromStr;

use super::problem::Problem;
use crate::config::nearest;
use crate::export::when::When;
use crate::selection::Filters;

/// The parameters that were not taken yet.
#[derive(Debug, Clone, Default)]
pub struct Parameters {
    given: Vec<(String, String)>,
    known: Vec<&'static str>,
}

impl Parameters {
    /// Of a URL's query.
    pub fn of(query: Option<&str>) -> Self {
        let given = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect();
        Self { given, known: Vec::new() }
    }

    /// All values of a parameter; empty ones, as forms send them, are none.
    pub fn all(&mut self, name: &'static str) -> Vec<String> {
        self.known.push(name);
        let mut values = Vec::new();
        self.given.retain(|(given, value)| {
            let is_this = given == name;
            if is_this && !value.trim().is_empty() {
                values.push(value.clone());
            }
            !is_this
        });
        values
    }

    /// The value of a parameter that may stand once.
    ///
    /// # Errors
    /// It stands more than once.
    pub fn one(&mut self, name: &'static str) -> Result<Option<String>, Problem> {
        let mut values = self.all(name);
        match values.len() {
            0 | 1 => Ok(values.pop()),
            _ => Err(Problem::bad_request(format!("`{name}` is given more than once"))),
        }
    }

    /// As [`Parameters::one`], of a parameter that no form sends empty: there, nothing is no value.
    ///
    /// # Errors
    /// As [`Parameters::one`], or it is empty.
    pub fn word(&mut self, name: &'static str) -> Result<Option<String>, Problem> {
        if self.given.iter().any(|(given, value)| given == name && value.trim().is_empty()) {
            return Err(Problem::bad_request(format!("`{name}` is empty")));
        }
        self.one(name)
    }

    /// The value of a parameter of some type.
    ///
    /// # Errors
    /// As [`Parameters::one`], or it is no value of this type.
    pub fn parsed<T: FromStr>(&mut self, name: &'static str) -> Result<Option<T>, Problem>
    where
        T::Err: std::fmt::Display,
    {
        let Some(text) = self.one(name)? else { return Ok(None) };
        text.trim().parse().map(Some).map_err(|error| Problem::bad_request(format!("`{name}`: {error}")))
    }

    /// Is a switch on? `copies=true`, `copies=1`, or the bare name.
    ///
    /// # Errors
    /// It has another value.
    pub fn switch(&mut self, name: &'static str) -> Result<bool, Problem> {
        let is_bare = self.given.iter().any(|(given, value)| given == name && value.is_empty());
        match self.one(name)?.as_deref() {
            None => Ok(is_bare),
            Some("true" | "1") => Ok(true),
            Some("false" | "0") => Ok(false),
            Some(other) => Err(Problem::bad_request(format!("`{name}` is `true` or `false`, not `{other}`"))),
        }
    }

    /// How many are wanted; `usual` where nobody says.
    ///
    /// # Errors
    /// It is no number from 1 to `most`.
    pub fn limit(&mut self, usual: u32, most: u32) -> Result<u32, Problem> {
        let limit = self.word("limit")?.map_or(Ok(usual), |text| text.trim().parse());
        limit
            .ok()
            .filter(|limit| (1..=most).contains(limit))
            .ok_or_else(|| Problem::bad_request(format!("`limit` is a number from 1 to {most}")))
    }

    /// The filters that all requests for articles share.
    ///
    /// # Errors
    /// One of them means nothing.
    pub fn filters(&mut self) -> Result<Filters, Problem> {
        Ok(Filters {
            since: self.parsed::<When>("since")?,
            until: self.parsed::<When>("until")?,
            feeds: self.all("feed"),
            tags: self.all("tag"),
            languages: self.all("language"),
            query: self.one("query")?,
        })
    }

    /// All that this request understands has been taken.
    ///
    /// # Errors
    /// Something is left.
    pub fn finish(self) -> Result<(), Problem> {
        let Some((name, _)) = self.given.first() else { return Ok(()) };
        let near = nearest(name, self.known.iter().copied()).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        Err(Problem::bad_request(format!("unknown parameter `{name}`{near}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finished(query: &str) -> Result<Filters, String> {
        let mut parameters = Parameters::of(Some(query));
        let filters = parameters.filters().map_err(|problem| problem.detail().to_owned())?;
        parameters.finish().map_err(|problem| problem.detail().to_owned())?;
        Ok(filters)
    }

    #[test]
    fn filters_are_those_of_the_command_line() {
        let filters = finished("feed=a&feed=b+c&tag=world&language=de&query=%22tide+table%22&since=2026-01-31&until=7d").unwrap();
        assert_eq!(filters.feeds, ["a", "b c"]);
        assert_eq!((filters.tags.as_slice(), filters.languages.as_slice()), (&["world".to_owned()][..], &["de".to_owned()][..]));
        assert_eq!(filters.query.as_deref(), Some("\"tide table\""));
        assert!(filters.since.is_some() && filters.until.is_some());
    }

    #[test]
    fn what_a_form_leaves_empty_is_not_asked_for() {
        assert_eq!(finished("feed=&query=&since=").unwrap(), Filters::default());
    }

    #[test]
    fn what_nobody_knows_is_an_error_with_the_nearest_name() {
        assert_eq!(finished("langauge=de").unwrap_err(), "unknown parameter `langauge`; did you mean `language`?");
        assert_eq!(finished("query=a&query=b").unwrap_err(), "`query` is given more than once");
        assert!(finished("since=yesterday").unwrap_err().starts_with("`since`: "));
    }

    #[test]
    fn a_switch_is_on_by_its_name_alone() {
        let on = |query| Parameters::of(Some(query)).switch("copies");
        assert_eq!((on("copies"), on("copies=true"), on("copies=0"), on("")), (Ok(true), Ok(true), Ok(false), Ok(false)));
        assert!(on("copies=perhaps").is_err());
    }
}
