//! Keeps the agent's memory from being swapped out, where the system lets it.

use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{Resource, getrlimit, setrlimit};

/// Memory that a limit must leave before all of it is locked, bytes: below that a long list would end the agent.
#[cfg(target_os = "linux")]
const ROOM: u64 = 1 << 30;

/// Locks what is there and what will come. Err: why not, in words.
pub fn lock_memory() -> Result<(), String> {
    let mut limit = getrlimit(Resource::Memlock);
    limit.current = limit.maximum;
    // The old limit is what counts then.
    let _ = setrlimit(Resource::Memlock, limit);
    let enough = limit.current.is_none_or(|bytes| bytes >= ROOM) || rustix::process::geteuid().is_root();
    let flags = MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT;
    if enough && mlockall(flags).is_ok() {
        return Ok(());
    }
    let limit = limit.current.map_or_else(
        || "this system does not allow it".to_owned(),
        |bytes| format!("the limit is {} KiB ('ulimit -l')", bytes >> 10),
    );
    Err(format!("memory can be swapped out: {limit}; encrypt the swap space, or raise the limit to 1 GiB"))
}
