//! Whether a folder is one that other machines see: kept in step by a sync program, or on another machine altogether.

use std::path::Path;

/// Folders that sync programs make, by name: whole, or the beginning of it where an account's name follows.
const NAMES: [(&str, &str); 14] = [
    ("Dropbox", "Dropbox"),
    ("OneDrive", "OneDrive"),
    ("Nextcloud", "Nextcloud"),
    ("ownCloud", "ownCloud"),
    ("iCloud Drive", "iCloud"),
    ("iCloudDrive", "iCloud"),
    ("Mobile Documents", "iCloud"),
    ("Google Drive", "Google Drive"),
    ("GoogleDrive", "Google Drive"),
    ("My Drive", "Google Drive"),
    ("pCloudDrive", "pCloud"),
    ("MEGA", "MEGA"),
    ("Syncthing", "Syncthing"),
    ("Seafile", "Seafile"),
];

/// Files that sync programs leave in the folders they keep in step.
const MARKERS: [(&str, &str); 9] = [
    (".stfolder", "Syncthing"),
    (".stignore", "Syncthing"),
    (".dropbox", "Dropbox"),
    (".dropbox.cache", "Dropbox"),
    (".nextcloudsync.log", "Nextcloud"),
    (".owncloudsync.log", "ownCloud"),
    (".sync", "Resilio Sync"),
    (".849C9593-D756-4E56-8D6E-42412F2A707B", "OneDrive"),
    (".tmp.drivedownload", "Google Drive"),
];

/// What the folder is, in words, if others see it.
pub fn shared(folder: &Path) -> Option<String> {
    let real = folder.canonicalize().ok()?;
    by_name(&real)
        .or_else(|| by_marker(&real))
        .map(|program| format!("in a folder that {program} keeps in step"))
        .or_else(|| network(&real).map(|kind| format!("on a file system of {kind}")))
}

fn by_name(folder: &Path) -> Option<&'static str> {
    folder.iter().find_map(|part| {
        let part = part.to_string_lossy();
        let rest = |name: &str| {
            part.get(..name.len()).filter(|start| start.eq_ignore_ascii_case(name)).map(|_| &part[name.len()..])
        };
        // "OneDrive - Contoso", "Dropbox (Personal)", "Nextcloud2".
        let is = |name: &str| rest(name).is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphabetic()));
        NAMES.iter().find(|(name, _)| is(name)).map(|(_, program)| *program)
    })
}

fn by_marker(folder: &Path) -> Option<&'static str> {
    folder.ancestors().find_map(|folder| {
        let here = |name: &str| std::fs::symlink_metadata(folder.join(name)).is_ok();
        MARKERS.iter().find(|(name, _)| here(name)).map(|(_, program)| *program)
    })
}

#[cfg(target_os = "linux")]
fn network(folder: &Path) -> Option<&'static str> {
    let kind = rustix::fs::statfs(folder).ok()?.f_type;
    // Numbers of 32 bits, in a field that is signed on some machines.
    of_number(u32::try_from(i128::from(kind) & 0xffff_ffff).unwrap_or_default())
}

#[cfg(not(target_os = "linux"))]
fn network(_: &Path) -> Option<&'static str> {
    None
}

/// Kinds of file systems that are on other machines, or may be, by the numbers of `statfs(2)`.
#[cfg(any(target_os = "linux", test))]
fn of_number(number: u32) -> Option<&'static str> {
    Some(match number {
        0x6969 => "another machine (NFS)",
        0x517b | 0xff53_4d42 | 0xfe53_4d42 => "another machine (SMB)",
        0x6573_5546 => "a program (FUSE), which may send it elsewhere",
        0x0102_1997 => "another machine (9P)",
        0x5346_414f | 0x6b41_4653 => "another machine (AFS)",
        0x00c3_6400 => "other machines (Ceph)",
        0x7461_636f => "other machines (OCFS2)",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_sync_programs_are_known_by_their_names() {
        for (path, program) in [
            ("/home/ada/Dropbox/papers", Some("Dropbox")),
            ("/home/ada/Dropbox (Personal)", Some("Dropbox")),
            ("/home/ada/OneDrive - Contoso/x", Some("OneDrive")),
            ("/home/ada/nextcloud", Some("Nextcloud")),
            ("/Users/ada/Library/Mobile Documents/com~apple~CloudDocs", Some("iCloud")),
            ("/home/ada/Dropboxes", None),
            ("/home/ada/papers", None),
        ] {
            assert_eq!(by_name(Path::new(path)), program, "{path}");
        }
    }

    #[test]
    fn a_marker_in_any_folder_above_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("a/b");
        std::fs::create_dir_all(&inner).unwrap();
        assert_eq!(shared(&inner), None);
        std::fs::create_dir(folder.path().join(".stfolder")).unwrap();
        assert_eq!(shared(&inner).as_deref(), Some("in a folder that Syncthing keeps in step"));
        let link = folder.path().join("link");
        let elsewhere = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), &link).unwrap();
        assert_eq!(shared(&link), None, "where it really is counts");
    }

    #[test]
    fn network_file_systems_are_known_by_their_numbers() {
        // linux/magic.h: NFS_SUPER_MAGIC, CIFS_SUPER_MAGIC, FUSE_SUPER_MAGIC, EXT4_SUPER_MAGIC.
        assert!(of_number(0x6969).is_some() && of_number(0xff53_4d42).is_some() && of_number(0x6573_5546).is_some());
        assert_eq!(of_number(0xef53), None);
    }
}
