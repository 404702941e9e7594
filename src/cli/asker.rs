//! Who has called this program: shown where a person confirms something, so that they can tell a call of theirs from another one.
//!
//! By the system's word and never by an argument. A program of the same user can hide behind a shell that it starts: this is for a person
//! who looks, and stops nobody else (docs/threat-model.md).

use crate::encode::terminal::clean;
use std::path::{Path, PathBuf};

/// Longest folder shown whole.
const FOLDER: usize = 60;

/// The program that has started this one: `bash (pid 812) in /home/ada/work`. Safe to print.
pub fn asker() -> String {
    let Some(parent) = rustix::process::getppid().map(rustix::process::Pid::as_raw_nonzero) else {
        return "a program that is not seen from here".to_owned();
    };
    let proc = PathBuf::from(format!("/proc/{parent}"));
    let exe = std::fs::read_link(proc.join("exe")).ok();
    let called = std::fs::read_to_string(proc.join("comm")).ok();
    // Of another user's process no folder is told; then it is the one that this program was started in.
    let folder = std::fs::read_link(proc.join("cwd")).or_else(|_| std::env::current_dir()).ok();
    told(exe.as_deref(), called.as_deref(), parent.get(), folder.as_deref())
}

fn told(exe: Option<&Path>, called: Option<&str>, pid: i32, folder: Option<&Path>) -> String {
    let called = called.map(|called| clean(called.trim_end_matches('\n'), &[]));
    let name = exe.and_then(Path::file_name).map(|name| clean(&name.to_string_lossy(), &[]));
    let program = match (name, called) {
        // A process can call itself what it likes, and a script has the name of its own: what runs is told in any case.
        (Some(name), Some(called)) if !name.starts_with(&called) => format!("{called} ({name}, pid {pid})"),
        (Some(name), _) => format!("{name} (pid {pid})"),
        (None, Some(called)) => format!("{called} (pid {pid})"),
        (None, None) => format!("a program (pid {pid})"),
    };
    match folder.map(|folder| clean(&folder.to_string_lossy(), &[])) {
        Some(folder) if folder.chars().count() > FOLDER => {
            let end: Vec<char> = folder.chars().rev().take(FOLDER - 1).collect();
            format!("{program} in …{}", end.into_iter().rev().collect::<String>())
        }
        Some(folder) => format!("{program} in {folder}"),
        None => program,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn program_number_and_folder() {
        let told = |exe: Option<&str>, called, folder: Option<&str>| {
            told(exe.map(Path::new), called, 812, folder.map(Path::new))
        };
        assert_eq!(told(Some("/usr/bin/bash"), Some("bash\n"), Some("/home/ada")), "bash (pid 812) in /home/ada");
        // The kernel cuts names off after 15 bytes.
        assert_eq!(told(Some("/x/a-program-of-mine"), Some("a-program-of-mi\n"), None), "a-program-of-mine (pid 812)");
        assert_eq!(told(Some("/usr/bin/bash"), Some("deploy.sh\n"), Some("/")), "deploy.sh (bash, pid 812) in /");
        assert_eq!(told(Some("/tmp/evil"), Some("ba\u{1b}[Ksh"), None), "ba\u{fffd}[Ksh (evil, pid 812)");
        assert_eq!(told(None, Some("cron\n"), Some("/a\nb")), "cron (pid 812) in /a\u{fffd}b");
        assert_eq!(told(None, None, None), "a program (pid 812)");
        let long = told(None, None, Some(&"/folder".repeat(20)));
        assert!(long.contains(" in …") && long.ends_with("/folder") && long.chars().count() < 90, "{long}");
    }

    #[test]
    fn it_is_the_parent() {
        let parent = std::os::unix::process::parent_id();
        assert!(asker().contains(&format!("pid {parent})")), "{}", asker());
    }
}
