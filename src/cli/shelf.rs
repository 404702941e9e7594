//! A folder of backups: files that are named after vault and time, of which the oldest may be removed. No other file is ever touched.

use crate::encode::hex;
use crate::store::sqlite::SqliteStore;
use crate::vault::{now, peek};
use std::path::{Path, PathBuf};

/// Ends the name of a backup.
const END: &str = ".twinlock";

/// The older backups in a folder, oldest first.
#[derive(Default)]
pub struct Sorted {
    /// More than are to be kept.
    pub beyond: Vec<PathBuf>,
    /// Those from days that have not come yet. A clock was wrong, or somebody has made them: they neither count nor are removed.
    pub future: Vec<PathBuf>,
}

/// Where backups of one vault are.
pub struct Shelf<'a> {
    /// The folder.
    pub folder: &'a Path,
    /// The vault's id, part of which is in each name: several vaults may share a folder.
    pub vault: &'a [u8; 16],
    /// The vault's name.
    pub name: &'a str,
}

impl Shelf<'_> {
    /// A name that is not taken: `personal-1a2b3c4d-20260131T235959Z.twinlock`, with `-2` and so on within one second.
    pub fn free(&self) -> PathBuf {
        let name: String =
            self.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).take(40).collect();
        let base = format!("{name}-{}-{}", self.id(), stamp());
        let mut numbers = (2u32..).map(|n| format!("{base}-{n}{END}"));
        let mut path = self.folder.join(format!("{base}{END}"));
        while std::fs::symlink_metadata(&path).is_ok() {
            let Some(next) = numbers.next() else { break };
            path = self.folder.join(next);
        }
        path
    }

    fn id(&self) -> String {
        hex::encode(&self.vault[..4])
    }

    /// What is to be thought of the backups of this vault, plain files of such a name that hold this vault, where the newest `keep` are to
    /// stay and `made` is one of them, which was just made and is the newest whatever the others are called.
    pub fn sort(&self, keep: u32, made: &Path) -> Sorted {
        let Ok(entries) = std::fs::read_dir(self.folder) else { return Sorted::default() };
        let now = stamp();
        let mine: Vec<(String, u32, PathBuf)> = entries
            .filter_map(|entry| {
                let entry = entry.ok()?;
                let name = entry.file_name().into_string().ok()?;
                let (time, number) = when(&name, &self.id())?;
                let ours = entry.file_type().ok()?.is_file() && self.holds(&entry.path());
                ours.then(|| (time.to_owned(), number, entry.path()))
            })
            .collect();
        let others = mine.into_iter().filter(|(.., path)| path.file_name() != made.file_name());
        let (mut future, mut past): (Vec<_>, Vec<_>) = others.partition(|(time, ..)| *time > now);
        past.sort();
        future.sort();
        let keep = usize::try_from(keep).unwrap_or(usize::MAX).saturating_sub(1);
        past.truncate(past.len().saturating_sub(keep));
        let paths = |all: Vec<(String, u32, PathBuf)>| all.into_iter().map(|(.., path)| path).collect();
        Sorted { beyond: paths(past), future: paths(future) }
    }

    fn holds(&self, path: &Path) -> bool {
        let header = SqliteStore::open(path).ok().and_then(|mut store| peek(&mut store).ok());
        header.is_some_and(|header| header.header().vault_id == *self.vault)
    }
}

/// Now, as in the names of files.
fn stamp() -> String {
    now().chars().filter(|c| !"-:".contains(*c)).collect()
}

/// Time and number of a backup's file name, if it is one of this vault.
fn when<'a>(name: &'a str, id: &str) -> Option<(&'a str, u32)> {
    let base = name.strip_suffix(END)?;
    let (_, rest) = base.split_once('-')?;
    let rest = rest.strip_prefix(id)?.strip_prefix('-')?;
    let (time, number) = match rest.split_once('-') {
        Some((time, number)) => (time, number.parse().ok()?),
        None => (rest, 1),
    };
    let form = "00000000T000000Z";
    let fits = time.len() == form.len()
        && time.bytes().zip(form.bytes()).all(|(c, want)| if want == b'0' { c.is_ascii_digit() } else { c == want });
    fits.then_some((time, number))
}

#[cfg(test)]
mod tests {
    use super::when;

    #[test]
    fn only_names_of_its_own_making_are_known() {
        let id = "1a2b3c4d";
        assert_eq!(when("personal-1a2b3c4d-20260131T235959Z.twinlock", id), Some(("20260131T235959Z", 1)));
        assert_eq!(when("a_b-1a2b3c4d-20260131T235959Z-12.twinlock", id), Some(("20260131T235959Z", 12)));
        for other in [
            "personal-1a2b3c4e-20260131T235959Z.twinlock",
            "personal-1a2b3c4d-20260131T235959Z.twinlock.old",
            "personal-1a2b3c4d-20260131T235959.twinlock",
            "personal-1a2b3c4d-2026013xT235959Z.twinlock",
            "personal-1a2b3c4d-20260131T235959Z-x.twinlock",
            "personal-1a2b3c4d-.twinlock",
            "1a2b3c4d-20260131T235959Z.twinlock",
            "vault.twinlock",
            "",
        ] {
            assert_eq!(when(other, id), None, "{other}");
        }
    }
}
