//! Keeps secrets out of core dumps, and other processes of the same user out of this one's memory: done first, before any
//! secret exists. Where the system refuses, the program goes on with a warning: a vault that does not open helps nobody.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::sync::OnceLock;

/// The core limit as it was found.
static FOUND: OnceLock<Rlimit> = OnceLock::new();

/// Turns core dumps off and, where the system can, tracing. The warning names what could not be done.
#[must_use = "the person should be warned"]
pub fn harden() -> Option<String> {
    let failed: Vec<&str> = [(no_core(), "core dumps off"), (not_dumpable(), "tracing by other processes off")]
        .into_iter()
        .filter_map(|(done, what)| done.err().map(|_| what))
        .collect();
    if failed.is_empty() {
        return None;
    }
    Some(format!(
        "this system does not let twinlock turn {}; secrets in memory are less protected",
        failed.join(" and ")
    ))
}

/// No core file. Only the soft limit: it decides, and the command of `run` gets it back.
fn no_core() -> rustix::io::Result<()> {
    let found = FOUND.get_or_init(|| getrlimit(Resource::Core));
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: found.maximum })
}

/// Gives the core limit back, for a command that takes this program's place. This program writes no core all the same: it stays
/// untraceable until then.
pub fn undo() {
    if let Some(found) = FOUND.get() {
        // It was so before, so it may be so again.
        let _ = setrlimit(Resource::Core, *found);
    }
}

/// Neither traceable nor readable through `/proc/PID/mem` by other processes of the user, and no core either where
/// `core_pattern` is a pipe, for which the limit does not count (core(5), PR_SET_DUMPABLE(2const)).
#[cfg(target_os = "linux")]
fn not_dumpable() -> rustix::io::Result<()> {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
}

/// Elsewhere the core limit is all there is.
#[cfg(not(target_os = "linux"))]
fn not_dumpable() -> rustix::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn afterwards_no_core_and_no_tracing() {
        let maximum = getrlimit(Resource::Core).maximum;
        assert_eq!(harden(), None);
        assert_eq!(getrlimit(Resource::Core), Rlimit { current: Some(0), maximum });
        #[cfg(target_os = "linux")]
        assert_eq!(rustix::process::dumpable_behavior().unwrap(), rustix::process::DumpableBehavior::NotDumpable);
    }
}
