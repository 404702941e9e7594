//! Where the agent listens, and who may speak to it: a Unix socket in the person's runtime folder. The one file that knows the transport.
//!
//! The folder is the person's alone (0700), so nobody else can put another socket in its place; and either side asks the kernel
//! whose process the other one is (SO_PEERCRED, unix(7)) before it says or believes anything.

use rustix::fs::{FlockOperation, Mode, flock};
use rustix::process::geteuid;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a command waits for an agent that has not said anything yet: one that is stopped, or has no time, is done without.
const FIRST: Duration = Duration::from_secs(10);
/// How long it waits for the answer of one that is there: a vault of a million items is read in less.
const PATIENCE: Duration = Duration::from_secs(60);

/// `$XDG_RUNTIME_DIR/twinlock`; without that variable below `/run/user/UID`, and where that is not, below `/tmp`.
pub fn folder() -> PathBuf {
    let named = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute());
    let user = geteuid().as_raw();
    let usual = || Some(PathBuf::from(format!("/run/user/{user}"))).filter(|path| mine(path).is_ok());
    named.or_else(usual).map_or_else(|| format!("/tmp/twinlock-{user}").into(), |folder| folder.join("twinlock"))
}

/// The socket itself.
pub fn path() -> PathBuf {
    folder().join("agent.sock")
}

/// Whether the folder is this user's and nobody else's.
fn mine(folder: &Path) -> io::Result<()> {
    let data = std::fs::symlink_metadata(folder)?;
    if data.is_dir() && data.uid() == geteuid().as_raw() && others_may_nothing(data.mode()) {
        return Ok(());
    }
    let why = format!("'{}' is not a folder of yours alone (mode 0700)", folder.display());
    Err(io::Error::new(io::ErrorKind::PermissionDenied, why))
}

fn others_may_nothing(mode: u32) -> bool {
    let others = 0o077;
    mode & others == 0
}

/// The right to be the agent, while it lives.
pub struct Post {
    /// The socket, if it is of this agent's own making.
    path: Option<PathBuf>,
    lock: File,
}

impl Drop for Post {
    fn drop(&mut self) {
        // Whoever comes next removes what could not be removed.
        let _ = self.path.as_ref().map(std::fs::remove_file);
        // Nobody shall end another process that gets this one's number.
        let _ = self.lock.set_len(0);
    }
}

/// Begins to listen. None: another agent does.
pub fn listen() -> io::Result<Option<(UnixListener, Post)>> {
    let Some(lock) = only_one()? else { return Ok(None) };
    let path = path();
    // Nobody has the lock: what lies there is of an agent that was killed.
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600))?;
    listener.set_nonblocking(true)?;
    Ok(Some((listener, Post { path: Some(path), lock })))
}

/// The same on a socket that was handed over, which stays when this agent ends.
pub fn adopt(listener: UnixListener) -> io::Result<Option<(UnixListener, Post)>> {
    listener.set_nonblocking(true)?;
    Ok(only_one()?.map(|lock| (listener, Post { path: None, lock })))
}

/// The lock of the one agent; None: another one has it.
fn only_one() -> io::Result<Option<File>> {
    let folder = folder();
    match DirBuilder::new().mode(0o700).create(&folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => mine(&folder)?,
    }
    let lock =
        OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(folder.join("agent.lock"))?;
    match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
        Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
        done => done?,
    }
    // For whoever wants to end it.
    lock.set_len(0)?;
    writeln!(&lock, "{}", std::process::id())?;
    Ok(Some(lock))
}

/// Whether the process at the other end is of this user.
pub fn of_this_user(stream: &UnixStream) -> bool {
    peer(stream).is_some_and(|user| user == geteuid().as_raw())
}

#[cfg(target_os = "linux")]
fn peer(stream: &UnixStream) -> Option<u32> {
    rustix::net::sockopt::socket_peercred(stream).ok().map(|peer| peer.uid.as_raw())
}

/// Elsewhere there is no agent yet.
#[cfg(not(target_os = "linux"))]
fn peer(_: &UnixStream) -> Option<u32> {
    None
}

/// The agent, if there is one that takes us in. Something else in its place, or of another user, is none.
pub fn connect() -> Option<UnixStream> {
    let stream = reach(&path()).ok()?;
    mine(&folder()).ok()?;
    stream.set_read_timeout(Some(FIRST)).ok()?;
    of_this_user(&stream).then_some(stream)
}

/// Connects; an agent that takes nobody in is waited for only so long, which the standard library has no way to say.
fn reach(path: &Path) -> rustix::io::Result<UnixStream> {
    use rustix::net::{AddressFamily, SocketAddrUnix, SocketType, connect, socket, sockopt};
    let end = socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
    rustix::io::fcntl_setfd(&end, rustix::io::FdFlags::CLOEXEC)?;
    sockopt::set_socket_timeout(&end, sockopt::Timeout::Send, Some(FIRST))?;
    connect(&end, &SocketAddrUnix::new(path)?)?;
    Ok(end.into())
}

/// The agent has said something: it may take its time from now on.
pub fn be_patient(stream: &UnixStream) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))
}

/// Whether an agent runs, though it may not answer.
pub fn is_held() -> bool {
    let lock = File::open(folder().join("agent.lock"));
    lock.is_ok_and(|lock| flock(&lock, FlockOperation::NonBlockingLockShared) == Err(rustix::io::Errno::WOULDBLOCK))
}

/// Makes sure that the mode of files made from now on gives others nothing.
pub fn keep_to_oneself() {
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
}
