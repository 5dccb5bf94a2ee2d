//! Where the server listens: an address, a Unix socket, or a socket that systemd opened.

use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

use listenfd::ListenFd;
use tokio::net::{TcpListener, UnixListener};

/// A socket that takes connections.
#[derive(Debug)]
pub enum Listener {
    /// An address.
    Tcp(TcpListener),
    /// A path in the file system. Browsers cannot be led there by a name that changes its address.
    Unix(UnixListener),
}

/// Why nobody can connect.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The configured address.
    #[error("cannot listen on {address}: {reason}; `listen` in [http] says where, \"\" turns the server off")]
    Address {
        /// As configured.
        address: String,
        /// What the system says.
        reason: io::Error,
    },
    /// A socket of systemd's.
    #[error("the socket that systemd opened cannot be used: {0}")]
    Inherited(io::Error),
}

/// Opens the configured address: `host:port` or `unix:/path`.
///
/// # Errors
/// [`ListenError::Address`].
pub async fn listen(address: &str) -> Result<Listener, ListenError> {
    let opened = match address.strip_prefix("unix:") {
        Some(path) => open_unix(Path::new(path)).map(Listener::Unix),
        None => TcpListener::bind(address).await.map(Listener::Tcp),
    };
    opened.map_err(|reason| ListenError::Address { address: address.to_owned(), reason })
}

/// The socket that systemd opened for this process (`gleaner.socket`), if it did: sd_listen_fds(3).
///
/// # Errors
/// [`ListenError::Inherited`].
pub fn inherited() -> Result<Option<Listener>, ListenError> {
    let mut sockets = ListenFd::from_env();
    if sockets.len() == 0 {
        return Ok(None);
    }
    let open = || -> io::Result<Option<Listener>> {
        if let Ok(Some(socket)) = sockets.take_unix_listener(0) {
            socket.set_nonblocking(true)?;
            return Ok(Some(Listener::Unix(UnixListener::from_std(socket)?)));
        }
        match sockets.take_tcp_listener(0)? {
            Some(socket) => {
                socket.set_nonblocking(true)?;
                Ok(Some(Listener::Tcp(TcpListener::from_std(socket)?)))
            }
            None => Ok(None),
        }
    };
    let mut open = open;
    open().map_err(ListenError::Inherited)
}

/// A socket file that a dead process left is replaced; one that somebody listens on is not.
fn open_unix(path: &Path) -> io::Result<UnixListener> {
    if let Ok(metadata) = std::fs::symlink_metadata(path)
        && metadata.file_type().is_socket()
        && std::os::unix::net::UnixStream::connect(path).is_err()
    {
        std::fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    // For a web server of the same group in front of it.
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))?;
    Ok(listener)
}

impl Listener {
    /// Where it is, for the log.
    pub fn place(&self) -> String {
        match self {
            Self::Tcp(listener) => listener.local_addr().map_or_else(|error| error.to_string(), |address| format!("http://{address}/")),
            Self::Unix(listener) => {
                let path = listener.local_addr().ok().and_then(|address| address.as_pathname().map(PathBuf::from));
                path.map_or_else(|| "a Unix socket".to_owned(), |path| format!("unix:{}", path.display()))
            }
        }
    }
}
