//! How commands that give articles ask the archive for them: filters become a selection, a selection a stream.

use std::io;

use chrono::Utc;

use super::Verbosity;
use super::export::{Ended, ExportArgs, ExportError, FilterArgs, run_export};
use super::failure::Failure;
use super::show::{Marks, ShowArgs, run_show};
use crate::config::Config;
use crate::daemon::control::{Client, Reply, Request};
use crate::export::Head;
use crate::export::state::{Start, State};
use crate::report::export_head;
use crate::store::{Reader, Selection, StoreError};

/// Opens the config's archive for reading.
///
/// # Errors
/// Those of opening it.
pub fn open(config: &Config) -> Result<Reader, Failure> {
    Ok(Reader::open(&config.database.path)?)
}

/// Hands work over to the daemon that holds the archive, and gives that one of its replies which `wanted` takes.
///
/// # Errors
/// Nobody who holds it takes requests: then it is `locked`, as was found. Else those of the daemon.
pub fn hand_over<T: Default>(
    config: &Config,
    request: &Request,
    locked: StoreError,
    wanted: impl Fn(Reply) -> Option<T>,
) -> Result<T, Failure> {
    let Some(mut client) = Client::connect(&config.database.path).map_err(|error| Failure::Failed(error.to_string()))? else {
        return Err(locked.into());
    };
    let mut answer = T::default();
    client.ask(request, |reply| {
        if let Some(wanted) = wanted(reply) {
            answer = wanted;
        }
        Ok::<_, Failure>(())
    })?;
    Ok(answer)
}

/// What the filters mean, with names that must be known.
///
/// # Errors
/// A feed or tag that neither the config nor the archive knows, or a query without a word.
pub fn selection(filters: &FilterArgs, config: &Config, reader: &Reader) -> Result<Selection, Failure> {
    let archived = reader.feed_outlines()?.into_keys().collect();
    filters.filters().select(config, &archived, Utc::now()).map_err(|error| Failure::Usage(error.to_string()))
}

/// The failure of a name that nothing has, with the nearest one that something has.
pub fn unknown(what: &str, name: &str, near: Option<&str>) -> Failure {
    let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    Failure::Usage(format!("no {what} is named `{name}`{hint}"))
}

/// `gleaner export`.
///
/// # Errors
/// A filter means nothing, or archive, output or state file cannot be used; a file is then what it was before.
pub fn export(args: &ExportArgs, config: &Config, verbosity: Verbosity) -> Result<(), Failure> {
    let reader = open(config)?;
    let mut selection = selection(&args.filters, config, &reader)?;
    selection.limit = args.limit;
    selection.copies = args.copies;
    selection.revisions = args.revisions;
    selection.order = args.format.order();
    // Everything below comes from one picture of the archive, which this holds.
    let mut changed_after = None;
    let (archive, _) = reader.identity()?;
    if let Some(path) = &args.state {
        match State::start(path, &archive, &args.remembered_filters()).map_err(|error| Failure::Failed(error.to_string()))? {
            Start::First => {}
            Start::After(change) => changed_after = Some(i64::try_from(change).unwrap_or(i64::MAX)),
            Start::OtherArchive => {
                eprintln!(
                    "gleaner: {} belongs to another archive (or one before a restored backup): everything is exported anew",
                    path.display()
                );
            }
        }
    }
    selection.changed_after = changed_after;
    let mut articles = reader.articles(selection)?;
    let (_, change) = reader.identity()?;
    let head = Head { incremental: args.state.is_some(), ..export_head(&reader, config)? };
    let forgotten = match changed_after {
        Some(change) => reader.forgotten_after(change)?,
        None => Vec::new(),
    };
    let ended = run_export(args.format, args.output.as_deref(), &head, articles.by_ref(), forgotten.into_iter().map(Ok));
    match ended {
        Ok(Ended::Complete { articles: given }) => {
            let left_out = articles.copies_left_out();
            if let Some(path) = &args.state {
                let state = State::new(archive, change.unsigned_abs(), args.remembered_filters());
                state.write(path).map_err(|error| Failure::Failed(error.to_string()))?;
            }
            if !verbosity.quiet {
                let copies = if left_out == 0 {
                    String::new()
                } else {
                    format!(", {left_out} left out as copies of others (--copies gives them too)")
                };
                let plural = if given == 1 { "" } else { "s" };
                eprintln!("{given} article{plural}{copies}");
            }
            Ok(())
        }
        Ok(Ended::ReaderLeft) => Ok(()),
        Err(ExportError::Archive(error)) => Err(Failure::from(error)),
        Err(ExportError::Output(error)) => Err(Failure::Failed(error.to_string())),
    }
}

/// `gleaner show`.
///
/// # Errors
/// No article has this id, or the archive cannot be read.
pub fn show(args: &ShowArgs, config: &Config) -> Result<(), Failure> {
    let reader = open(config)?;
    let article = reader.article(&args.id, args.revisions)?;
    let article = article.ok_or_else(|| Failure::Failed(format!("the archive has no article `{}`", args.id)))?;
    let page = reader.page_state(&args.id)?;
    let out = anstream::AutoStream::auto(io::stdout().lock());
    let marks = if out.current_choice() == anstream::ColorChoice::Never { Marks::Brackets } else { Marks::Colours };
    Ok(run_show(out, &article, page.as_ref(), reader.revised_at(&args.id)?, marks)?)
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.to_string())
    }
}
