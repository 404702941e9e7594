//! Files in this machine's state folder: read as they are, changed under a lock, whole or not at all. Only their owner may read them.

use rustix::fs::{FlockOperation, flock};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// What a file holds. One that is not there, or cannot be read, holds nothing.
pub fn read<T: DeserializeOwned + Default>(folder: &Path, name: &str) -> T {
    let text = std::fs::read(folder.join(name)).ok();
    text.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
}

/// Changes what a file holds, as it is by now: other commands do, too. What it holds then.
pub fn update<T: DeserializeOwned + Default + Serialize>(
    folder: &Path,
    name: &str,
    change: impl FnOnce(&mut T),
) -> io::Result<T> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(folder.join("lock"))?;
    flock(&lock, FlockOperation::LockExclusive)?;
    let mut memory = read(folder, name);
    change(&mut memory);
    write(folder, name, &memory)?;
    Ok(memory)
}

/// A new file is renamed over the old one, under the lock.
fn write<T: Serialize>(folder: &Path, name: &str, memory: &T) -> io::Result<()> {
    let (new, file) = (folder.join(format!("{name}.new")), folder.join(name));
    let mut out: File = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    out.write_all(&serde_json::to_vec(memory)?)?;
    std::fs::rename(&new, &file)
}
