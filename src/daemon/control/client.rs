//! A command's side of the control socket.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use super::{LONGEST_REPLY, PATIENCE, Reply, Request};
use crate::store::{PollerLock, StoreError};

/// Why a daemon that holds the archive did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The lock cannot be looked at.
    #[error(transparent)]
    Lock(#[from] StoreError),
    /// It cannot be reached.
    #[error("the daemon that polls into this archive cannot be asked at {socket}: {reason}")]
    Unreachable {
        /// Its socket.
        socket: PathBuf,
        /// The system's words.
        reason: io::Error,
    },
    /// The conversation broke off.
    #[error("the daemon at {socket} broke off before the work was done ({reason}); what is said above is committed")]
    BrokenOff {
        /// Its socket.
        socket: PathBuf,
        /// What happened.
        reason: String,
    },
    /// It said no.
    #[error("{0}")]
    Refused(String),
}

/// A connection to the daemon that holds an archive.
#[derive(Debug)]
pub struct Client {
    socket: PathBuf,
    stream: BufReader<UnixStream>,
}

impl Client {
    /// Connects to the daemon that holds the archive at `database`; `None` where its holder takes no requests, as
    /// `gleaner poll` does not.
    ///
    /// # Errors
    /// There is a daemon, but it cannot be reached.
    pub fn connect(database: &Path) -> Result<Option<Self>, ControlError> {
        let Some(socket) = PollerLock::holder(database)?.and_then(|holder| holder.control_socket) else { return Ok(None) };
        let connect = || {
            let stream = UnixStream::connect(&socket)?;
            // It says every ten seconds that it is still there.
            stream.set_read_timeout(Some(6 * PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            Ok(BufReader::new(stream))
        };
        match connect() {
            Ok(stream) => Ok(Some(Self { socket, stream })),
            Err(reason) => Err(ControlError::Unreachable { socket, reason }),
        }
    }

    /// What the daemon of the archive at `database` says is wrong; nothing where no daemon holds it. One that has not answered
    /// within ten seconds is an error.
    ///
    /// # Errors
    /// It cannot be asked.
    pub fn troubles(database: &Path) -> Result<Vec<String>, ControlError> {
        let Some(mut daemon) = Self::connect(database)? else { return Ok(Vec::new()) };
        let limit = daemon.stream.get_ref().set_read_timeout(Some(PATIENCE));
        limit.map_err(|error| daemon.broken_off(error.to_string()))?;
        let mut troubles = Vec::new();
        daemon.ask(&Request::Troubles, |reply| {
            if let Reply::Troubles(told) = reply {
                troubles = told;
            }
            Ok::<_, ControlError>(())
        })?;
        Ok(troubles)
    }

    /// Sends the request and hears the replies until all is done.
    ///
    /// # Errors
    /// The daemon refuses or breaks off, or `hear` fails.
    pub fn ask<E: From<ControlError>>(&mut self, request: &Request, mut hear: impl FnMut(Reply) -> Result<(), E>) -> Result<(), E> {
        let mut line = serde_json::to_string(request).map_err(|error| self.broken_off(error.to_string()))?;
        line.push('\n');
        self.stream.get_mut().write_all(line.as_bytes()).map_err(|error| self.broken_off(error.to_string()))?;
        loop {
            match self.next_reply()? {
                Reply::Done => return Ok(()),
                Reply::Failed(reason) => return Err(ControlError::Refused(reason).into()),
                Reply::Waiting => {}
                reply => hear(reply)?,
            }
        }
    }

    fn next_reply(&mut self) -> Result<Reply, ControlError> {
        let mut line = Vec::new();
        let limit = LONGEST_REPLY as u64;
        match self.stream.by_ref().take(limit).read_until(b'\n', &mut line) {
            Err(error) => Err(self.broken_off(error.to_string())),
            Ok(_) if line.last() != Some(&b'\n') => Err(self.broken_off("it closed the connection".to_owned())),
            Ok(_) => serde_json::from_slice(&line).map_err(|error| self.broken_off(format!("it speaks another version: {error}"))),
        }
    }

    fn broken_off(&self, reason: String) -> ControlError {
        ControlError::BrokenOff { socket: self.socket.clone(), reason }
    }
}
