//! `twinlock backup`

use crate::program::Cli;
use std::os::unix::fs::PermissionsExt;

#[test]
fn the_copy_opens_by_the_same_ways_in() {
    let cli = Cli::with_vault();
    cli.ok("add github --generate --recovery-file code");
    cli.session(
        r#"
$ twinlock backup copy
2> copied the vault 'personal' to 'copy'
2> read back: the file is whole, 1 keyslot (--verify opens the items, too)
$ twinlock verify --vault copy --recovery-file code
2> vault 'personal' is whole: 1 item, 1 keyslot, header generation 1, 2 writes
$ twinlock backup copy
2> twinlock: error: 'copy' exists already
2> twinlock: hint: a backup is never written over: name a file that is not there yet
=> 1
$ twinlock backup nowhere/copy
2> twinlock: error: there is no folder 'nowhere'
2> twinlock: hint: make the folder first, or name another file
=> 1
$ twinlock backup --vault nowhere copy2
2> twinlock: error: no vault at 'nowhere'
2> twinlock: hint: make one with 'twinlock init', or name another with --vault
=> 4
$ twinlock backup copy3 --recovery-file code
2> copied the vault 'personal' to 'copy3'
2> read back: 1 item and 1 keyslot open
$ twinlock backup copy4 --verify --no-input
2> twinlock: error: could not unlock by keyslot 'recovery': nobody is there to type the recovery code, and no --recovery-file was given
2> twinlock: hint: bring what is missing, or use another way in: 'twinlock keyslot list' shows them
=> 3
$ twinlock backup copy4 --keep 3
2> twinlock: error: --keep is for a folder, and 'copy4' is none
2> twinlock: hint: name the folder that the backups are in
=> 2
"#,
    );
    assert_eq!(std::fs::metadata(cli.path("copy")).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!cli.path("copy2").exists() && !cli.path("copy4").exists());
}

fn names(cli: &Cli, folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(cli.path(folder)).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_folder_keeps_as_many_as_are_wanted_and_all_that_is_not_a_backup_of_this_vault() {
    let (cli, other) = (Cli::with_vault(), Cli::with_vault());
    let folder = cli.path("shelf");
    std::fs::create_dir(&folder).unwrap();
    cli.ok("backup shelf");
    let [first] = names(&cli, "shelf").try_into().unwrap();
    let (base, time) = first.strip_suffix("Z.twinlock").unwrap().rsplit_once('-').unwrap();
    assert!(base.starts_with("personal-") && base.len() == 17 && time.len() == 15, "{first}");
    // Older by their names: one of this vault; others that only look like it.
    let older = |day: u32, end: &str| format!("{base}-202001{day:02}T000000Z{end}");
    let vault = std::fs::read(cli.vault()).unwrap();
    std::fs::write(folder.join(older(1, ".twinlock")), &vault).unwrap();
    std::fs::write(folder.join(older(2, ".twinlock")), "no vault").unwrap();
    std::fs::write(folder.join(older(3, ".twinlock")), std::fs::read(other.vault()).unwrap()).unwrap();
    std::fs::write(folder.join(older(4, ".old")), &vault).unwrap();
    std::fs::write(folder.join("vault.twinlock"), &vault).unwrap();
    std::os::unix::fs::symlink(cli.vault(), folder.join(older(5, ".twinlock"))).unwrap();
    let ran = cli.run("backup shelf --keep 2");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let removed = format!("removed the older backup 'shelf/{}'", older(1, ".twinlock"));
    assert!(ran.stderr.contains(&removed), "{}", ran.stderr);
    let now = names(&cli, "shelf");
    assert_eq!(now.len(), 7, "two backups and five others: {now:?}");
    assert!(now.contains(&first) && !now.contains(&older(1, ".twinlock")));

    cli.ok("backup shelf --keep 1");
    let kept = names(&cli, "shelf");
    assert_eq!(kept.len(), 6, "{kept:?}");
    assert!(!kept.contains(&first), "the newest is kept");
}

#[test]
fn a_vault_that_was_tampered_with_takes_no_good_backup_away() {
    let cli = Cli::with_vault().file("value", "v");
    std::fs::create_dir(cli.path("shelf")).unwrap();
    cli.ok("add one --value-file value --recovery-file code");
    cli.ok("backup shelf --keep 1");
    let file = rusqlite::Connection::open(cli.vault()).unwrap();
    file.execute("DELETE FROM record", []).unwrap();
    drop(file);
    let ran = cli.run("backup shelf --keep 1 --recovery-file code");
    assert_eq!(ran.code, Some(5), "{}", ran.stderr);
    assert_eq!(names(&cli, "shelf").len(), 2, "the good one is still there");
}

/// A clock that was wrong once, or a stranger in the folder: names from the future took the newest places, and the copy just made went.
#[test]
fn files_from_the_future_do_not_count_and_the_new_copy_stays() {
    let cli = Cli::with_vault();
    let folder = cli.path("shelf");
    std::fs::create_dir(&folder).unwrap();
    cli.ok("backup shelf");
    let [first] = names(&cli, "shelf").try_into().unwrap();
    let base = first[..17].to_owned();
    let vault = std::fs::read(cli.vault()).unwrap();
    let of = |year: u32| format!("{base}-{year}0101T000000Z.twinlock");
    for year in [2001, 2002, 9998, 9999] {
        std::fs::write(folder.join(of(year)), &vault).unwrap();
    }
    let ran = cli.run("backup shelf --keep 2");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    for year in [9998, 9999] {
        let told =
            format!("warning: 'shelf/{}' is dated in the future, so it is not counted and not removed", of(year));
        assert!(ran.stderr.contains(&told), "{}", ran.stderr);
    }
    let made = ran.stderr.split("to 'shelf/").nth(1).unwrap().split('\'').next().unwrap().to_owned();
    let mut kept = vec![first, made, of(9998), of(9999)];
    kept.sort();
    assert_eq!(names(&cli, "shelf"), kept);
    // One is to be kept: the one that was just made.
    let ran = cli.run("backup shelf --keep 1");
    let made = ran.stderr.split("to 'shelf/").nth(1).unwrap().split('\'').next().unwrap().to_owned();
    assert_eq!(names(&cli, "shelf").iter().filter(|name| !name.contains("-999")).collect::<Vec<_>>(), [&made]);
}
