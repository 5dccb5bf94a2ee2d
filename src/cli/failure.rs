//! How a command ends when it does not end well: the one place that prints errors and knows the exit statuses.

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

use miette::{MietteHandlerOpts, ReportHandler};

use crate::config::edit::EditError;
use crate::config::{ConfigError, Mistake};

/// Why a command ended.
#[derive(Debug)]
pub enum Failure {
    /// The command line is wrong: exit status 2.
    Usage(String),
    /// The config is wrong: exit status 2.
    Config(ConfigError),
    /// What the command was given to read or to write would be wrong: exit status 1.
    Input {
        /// What came of it.
        message: String,
        /// What is wrong, and where.
        mistakes: Vec<Mistake>,
    },
    /// It failed: exit status 1.
    Failed(String),
    /// Nobody reads the output any more (`gleaner … | head`): that is no failure, but the end.
    BrokenPipe,
}

impl Failure {
    /// Says on stderr what went wrong, and gives the exit status.
    pub fn report(self) -> ExitCode {
        match self {
            Failure::Usage(message) => {
                say(&message);
                ExitCode::from(2)
            }
            Failure::Config(ConfigError::Mistakes(mistakes)) => {
                show_mistakes(&mistakes);
                ExitCode::from(2)
            }
            Failure::Config(error) => {
                say(&error.to_string());
                ExitCode::from(2)
            }
            Failure::Input { message, mistakes } => {
                show_mistakes(&mistakes);
                say(&message);
                ExitCode::FAILURE
            }
            Failure::Failed(message) => {
                say(&message);
                ExitCode::FAILURE
            }
            Failure::BrokenPipe => ExitCode::SUCCESS,
        }
    }
}

fn say(message: &str) {
    write_line(&format!("gleaner: {message}"));
}

/// Writes to stderr. Where even that is gone there is nobody left to tell.
fn write_line(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Failure::Config(error)
    }
}

impl From<EditError> for Failure {
    fn from(error: EditError) -> Self {
        match error {
            EditError::Config(error) => Failure::Config(error),
            EditError::Import(mistakes) => Failure::Input { message: "nothing was imported".to_owned(), mistakes },
            EditError::Invalid(ConfigError::Mistakes(mistakes)) => {
                Failure::Input { message: "nothing was changed: the config would not be valid afterwards".to_owned(), mistakes }
            }
            EditError::BadUrl(message) => Failure::Usage(message),
            other => Failure::Failed(other.to_string()),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::BrokenPipe,
            _ => Failure::Failed(error.to_string()),
        }
    }
}

/// Shows mistakes and warnings on stderr, each with its place.
pub fn show_mistakes(mistakes: &[Mistake]) {
    /// A mistake as miette draws it.
    struct Drawn<'a>(&'a dyn ReportHandler, &'a Mistake);
    impl fmt::Display for Drawn<'_> {
        fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.debug(self.1, out)
        }
    }
    // Lines are left whole, so that they can be searched for.
    let handler = MietteHandlerOpts::new().wrap_lines(false).build();
    for mistake in mistakes {
        write_line(Drawn(&handler, mistake).to_string().trim_end());
    }
    let (warnings, errors): (Vec<_>, Vec<_>) = mistakes.iter().partition(|mistake| mistake.is_warning());
    if mistakes.len() > 1 {
        let count = |count: usize, what: &str| match count {
            0 => None,
            1 => Some(format!("1 {what}")),
            count => Some(format!("{count} {what}s")),
        };
        let counts: Vec<String> = [count(errors.len(), "mistake"), count(warnings.len(), "warning")].into_iter().flatten().collect();
        write_line(&counts.join(", "));
    }
}
