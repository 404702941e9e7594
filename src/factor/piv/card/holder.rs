//! Who might hold a card: the system does not tell which process has it, but which of the person's own have the smart-card library loaded.

use super::super::info::printable;
use std::path::Path;

/// `scdaemon, process 4711`, if there is just one such process besides us. Nothing is ever done to it.
pub(super) fn find() -> Option<String> {
    among(Path::new("/proc"), std::process::id())
}

fn among(proc: &Path, own: u32) -> Option<String> {
    let mut found = Vec::new();
    // Others of this program let go by themselves, in a moment.
    let ours = std::fs::read_to_string(proc.join(own.to_string()).join("comm")).unwrap_or_default();
    for entry in std::fs::read_dir(proc).ok()?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // Those of others cannot be read, and are not ours to name.
        let Ok(maps) = std::fs::read_to_string(entry.path().join("maps")) else { continue };
        let Ok(name) = std::fs::read_to_string(entry.path().join("comm")) else { continue };
        let name = printable(name.trim());
        // The service itself has the library of the drivers, not that of the clients; one that is linked with both is still not it.
        if pid != own && name != ours.trim() && name != "pcscd" && maps.contains("libpcsclite.so") {
            found.push((name, pid));
        }
    }
    // Where several have it loaded, GnuPG's is the one that keeps cards for itself.
    let suspect = match found.as_slice() {
        [only] => Some(only),
        several => several.iter().find(|(name, _)| name == "scdaemon"),
    };
    suspect.map(|(name, pid)| format!("{name}, process {pid}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(proc: &Path, pid: u32, name: &str, maps: &str) {
        let folder = proc.join(pid.to_string());
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("comm"), format!("{name}\n")).unwrap();
        std::fs::write(folder.join("maps"), maps).unwrap();
    }

    #[test]
    fn the_one_with_the_library_is_named() {
        const MAPS: &str = "7f00-7f01 r-xp 00000000 08:01 1 /usr/lib/x86_64-linux-gnu/libpcsclite.so.1.0.0\n";
        let proc = tempfile::tempdir().unwrap();
        process(proc.path(), 1, "init", "");
        process(proc.path(), 7, "twinlock", MAPS);
        process(proc.path(), 6, "twinlock", MAPS);
        process(proc.path(), 8, "pcscd", MAPS);
        assert_eq!(among(proc.path(), 7), None);
        process(proc.path(), 9, "ykman\u{1b}", MAPS);
        assert_eq!(among(proc.path(), 7).as_deref(), Some("ykman?, process 9"));
        process(proc.path(), 10, "scdaemon", MAPS);
        assert_eq!(among(proc.path(), 7).as_deref(), Some("scdaemon, process 10"));
        process(proc.path(), 11, "other", MAPS);
        std::fs::remove_dir_all(proc.path().join("10")).unwrap();
        assert_eq!(among(proc.path(), 7), None, "which of two is not known");
    }
}
