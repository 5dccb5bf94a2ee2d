//! The daemon's side of the control socket: one task listens, one more a connection; the daemon hears of whole requests.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::{LONGEST_REQUEST, PATIENCE, Reply, Request};

/// Connections at once; more wait until one ends.
const MOST_CONNECTIONS: usize = 16;

/// A request, and where its replies go. Sending never waits.
#[derive(Debug)]
pub struct Order {
    /// What is asked.
    pub request: Request,
    /// The connection's queue; closed when the client has gone.
    pub replies: mpsc::UnboundedSender<Reply>,
}

/// Where the control socket of the archive at `database` belongs.
pub fn place(runtime_directory: Option<&Path>, database: &Path) -> PathBuf {
    match runtime_directory {
        Some(folder) => folder.join("control"),
        None => {
            let mut name = database.file_name().unwrap_or_default().to_owned();
            name.push("-control");
            database.with_file_name(name)
        }
    }
}

/// Listens until the task is aborted. A socket that a killed daemon left behind is replaced.
///
/// # Errors
/// The socket cannot be made, or another daemon listens there.
pub fn listen(socket: &Path, orders: mpsc::Sender<Order>) -> io::Result<JoinHandle<()>> {
    clear(socket)?;
    // Made in a folder that nobody else may enter, so that there is no moment at which others could connect.
    let folder = socket.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let private = tempfile::Builder::new().prefix(".g").rand_bytes(4).tempdir_in(folder)?;
    let made = private.path().join("s");
    let listener = UnixListener::bind(&made)?;
    fs::set_permissions(&made, Permissions::from_mode(0o600))?;
    let owner = fs::metadata(&made)?.uid();
    fs::rename(&made, socket)?;
    private.close()?;
    Ok(tokio::spawn(accept(listener, owner, orders)))
}

/// Removes a socket that was left behind.
fn clear(socket: &Path) -> io::Result<()> {
    match fs::symlink_metadata(socket) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(metadata) if !metadata.file_type().is_socket() => Err(io::Error::other("something that is no socket stands there")),
        Ok(_) if std::os::unix::net::UnixStream::connect(socket).is_ok() => Err(io::Error::other("another daemon listens there")),
        Ok(_) => fs::remove_file(socket),
    }
}

async fn accept(listener: UnixListener, owner: u32, orders: mpsc::Sender<Order>) {
    let turns = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        // The semaphore is never closed.
        let turn = Arc::clone(&turns).acquire_owned().await.ok();
        match listener.accept().await {
            Ok((stream, _)) => {
                let orders = orders.clone();
                tokio::spawn(async move {
                    if let Err(error) = converse(stream, owner, orders).await {
                        tracing::debug!(%error, "control socket");
                    }
                    drop(turn);
                });
            }
            Err(error) => {
                // Out of file descriptors, as a rule: trying again at once would only burn time.
                tracing::warn!(%error, "control socket");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

async fn converse(stream: UnixStream, owner: u32, orders: mpsc::Sender<Order>) -> io::Result<()> {
    let peer = stream.peer_cred()?.uid();
    if peer != owner && peer != 0 {
        return Err(io::Error::other(format!("user {peer} is not the one that this daemon runs as")));
    }
    let (reading, mut writing) = stream.into_split();
    let mut line = Vec::new();
    let mut reading = BufReader::new(reading.take(LONGEST_REQUEST as u64));
    timeout(PATIENCE, reading.read_until(b'\n', &mut line)).await??;
    let request = match serde_json::from_slice::<Request>(&line) {
        Ok(request) => request,
        Err(error) => return write(&mut writing, &Reply::Failed(format!("the daemon does not understand the request: {error}"))).await,
    };
    let (replies, mut waiting) = mpsc::unbounded_channel();
    if orders.send(Order { request, replies }).await.is_err() {
        return write(&mut writing, &Reply::Failed("the daemon is stopping".to_owned())).await;
    }
    loop {
        let reply = match timeout(PATIENCE, waiting.recv()).await {
            Err(_) => Reply::Waiting,
            Ok(Some(reply)) => reply,
            // Without a last word: the daemon stops, and the client shall notice.
            Ok(None) => return Ok(()),
        };
        write(&mut writing, &reply).await?;
        if matches!(reply, Reply::Done | Reply::Failed(_)) {
            return Ok(());
        }
    }
}

async fn write(writing: &mut (impl AsyncWriteExt + Unpin), reply: &Reply) -> io::Result<()> {
    let mut line = serde_json::to_vec(reply)?;
    line.push(b'\n');
    timeout(PATIENCE, writing.write_all(&line)).await?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::control::Which;

    async fn conversation(socket: &Path, bytes: &[u8]) -> String {
        let mut stream = UnixStream::connect(socket).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut heard = String::new();
        stream.read_to_string(&mut heard).await.unwrap();
        heard
    }

    #[tokio::test]
    async fn a_request_is_heard_and_its_replies_reach_the_client_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("a.db-control");
        let (orders, mut heard) = mpsc::channel(1);
        let listening = listen(&socket, orders).unwrap();
        assert_eq!(fs::metadata(&socket).unwrap().mode() & 0o777, 0o600);
        let answering = tokio::spawn(async move {
            let order = heard.recv().await.unwrap();
            assert_eq!(order.request, Request::Poll { which: Which::All });
            order.replies.send(Reply::Feeds(0)).unwrap();
            order.replies.send(Reply::Done).unwrap();
        });
        assert_eq!(conversation(&socket, b"{\"do\":\"poll\",\"which\":\"all\"}\n").await, "{\"feeds\":0}\n\"done\"\n");
        answering.await.unwrap();
        assert!(conversation(&socket, b"{\"do\":\"poll\",\"which\":\"all\"}\n").await.contains("the daemon is stopping"));
        assert!(conversation(&socket, b"hello\n").await.contains("does not understand"));
        listening.abort();
    }

    #[tokio::test]
    async fn a_socket_left_behind_is_replaced_and_one_in_use_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("control");
        drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
        let (orders, _heard) = mpsc::channel(1);
        let listening = listen(&socket, orders.clone()).unwrap();
        assert!(listen(&socket, orders.clone()).is_err());
        listening.abort();
        let file = folder.path().join("file");
        fs::write(&file, "mine").unwrap();
        assert!(listen(&file, orders).is_err());
        assert_eq!(fs::read(&file).unwrap(), b"mine");
    }

    #[test]
    fn the_socket_is_in_the_runtime_directory_else_beside_the_database() {
        let database = Path::new("/var/lib/x/gleaner.db");
        assert_eq!(place(Some(Path::new("/run/gleaner")), database), Path::new("/run/gleaner/control"));
        assert_eq!(place(None, database), Path::new("/var/lib/x/gleaner.db-control"));
    }
}
