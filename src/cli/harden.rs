//! Keeps secrets out of core dumps, and other processes of the same user out of this one's memory: done first, before any
//! secret exists. Where the system refuses, the program goes on with a warning: a vault that does not open helps nobody.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

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

/// No core file. Only the soft limit: it decides, and the child of `run` may want to raise its own again.
fn no_core() -> rustix::io::Result<()> {
    let maximum = getrlimit(Resource::Core).maximum;
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum })
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
