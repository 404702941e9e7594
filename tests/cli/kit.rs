//! `twinlock kit`: what is written; reading it back is in `restore_kit.rs`, and by other programs in hsm-test/tests/paper.

use crate::program::Cli;
use crate::pty::Pty;
use std::os::unix::fs::PermissionsExt;
use twinlock::paper::scan;

#[test]
fn a_kit_is_written_in_every_form_and_read_from_each() {
    let cli = Cli::with_password();
    for form in ["pdf", "svg", "png", "txt"] {
        let ran = cli.run(&format!("kit export -o kit.{form} --recovery-file code"));
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        assert!(
            ran.stderr.starts_with(&format!("wrote the kit of the vault 'personal' to 'kit.{form}'\nfingerprint "))
        );
        assert_eq!(cli.path(&format!("kit.{form}")).metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let ran = cli.run(&format!("restore --kit kit.{form} --recovery-file code"));
        assert_eq!(ran.code, Some(0), "{form}: {}", ran.stderr);
        assert!(
            ran.stderr.ends_with("the kit is current; nothing needed mending, nothing was written\n"),
            "{}",
            ran.stderr
        );
    }
    cli.session(
        r#"
$ twinlock kit export -o kit.txt --recovery-file code
2> twinlock: error: cannot write 'kit.txt': entity already exists
2> twinlock: hint: nothing is written over: name a file that is not there yet
=> 1
$ twinlock kit export -o kit --recovery-file code
2> twinlock: error: the name 'kit' does not say what to make
2> twinlock: hint: end it in one of .pdf, .svg, .png, .txt
=> 2
$ twinlock kit export -o new.txt --only nothing --recovery-file code
2> twinlock: error: no keyslot is called 'nothing'
2> twinlock: hint: there is 'password', 'recovery'
=> 4
$ twinlock kit export -o new.txt
2> twinlock: error: could not unlock the vault
2> twinlock: note: keyslot 'password': nobody is there to type the password, and no --password-file was given
2> twinlock: note: keyslot 'recovery': nobody is there to type the recovery code, and no --recovery-file was given
2> twinlock: hint: bring what is missing, or use another way in: 'twinlock keyslot list' shows them
=> 3
"#,
    );
}

#[test]
fn chosen_keyslots_make_a_smaller_kit() {
    let cli = Cli::with_password();
    let ran = cli.run("kit export -o one.txt --only recovery --recovery-file code");
    assert!(
        ran.stderr.starts_with("wrote the kit of 1 of 2 keyslots of the vault 'personal' to 'one.txt'"),
        "{}",
        ran.stderr
    );
    let text = cli.read("one.txt");
    assert!(text.contains("by some of its") && text.contains("Opens with   recovery  (recovery)"), "{text}");
    cli.ok("kit export -o all.txt --only recovery --only password --recovery-file code");
    cli.ok("kit export -o whole.txt --recovery-file code");
    assert!(text.len() < cli.read("whole.txt").len());
    let parts = |name: &str| cli.read(name).split_once("TWINLOCK-KIT:").unwrap().1.to_owned();
    assert_eq!(parts("all.txt"), parts("whole.txt"), "all keyslots are the whole header");
}

/// What a camera would see of half blocks: a PNG, by way of the codes' own reader.
fn photographed(shown: &str, light: &dyn Fn(char) -> (bool, bool)) -> Vec<String> {
    let rows: Vec<Vec<(bool, bool)>> = shown.lines().map(|line| line.chars().map(light).collect()).collect();
    let width = rows.iter().map(Vec::len).max().unwrap_or(0);
    let scale = 4;
    let mut pixels = Vec::new();
    for row in &rows {
        for half in 0..2 {
            let line: Vec<u8> = (0..width)
                .flat_map(|x| {
                    let (upper, lower) = row.get(x).copied().unwrap_or((true, true));
                    [if [upper, lower][half] { 0xff } else { 0 }; 4]
                })
                .collect();
            (0..scale).for_each(|_| pixels.extend(&line));
        }
    }
    let (width, height) = (u32::try_from(width * scale).unwrap(), u32::try_from(rows.len() * 2 * scale).unwrap());
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    scan(&file, &|texts| !texts.is_empty()).unwrap().texts
}

fn blocks(c: char) -> (bool, bool) {
    match c {
        '█' => (true, true),
        '▀' => (true, false),
        '▄' => (false, true),
        _ => (false, false),
    }
}

#[test]
fn a_pipe_gets_codes_that_can_be_read_on_either_background() {
    let cli = Cli::with_vault();
    let shown = cli.ok("kit show --recovery-file code");
    let parts = photographed(&shown, &blocks);
    cli.write("kit.txt", &parts.join("\n"));
    cli.ok("restore --kit kit.txt --recovery-file code");
    let light = cli.ok("kit show --background light --recovery-file code");
    let inverted = |c| (!blocks(c).0, !blocks(c).1);
    assert_eq!(photographed(&light, &inverted), parts);
}

#[test]
fn a_terminal_of_80_columns_gets_one_code_after_another() {
    let cli = Cli::with_vault();
    let mut terminal = Pty::spawn(&cli.command("kit show --only recovery --recovery-file code"));
    let mut count = 0;
    terminal.expect("codes, in any order. A window of ");
    loop {
        count += 1;
        terminal.expect(&format!("code {count} of "));
        terminal.expect("\u{1b}[0m");
        let screen = terminal.transcript();
        let of: usize =
            screen.rsplit(&format!("code {count} of ")).next().unwrap().lines().next().unwrap().trim().parse().unwrap();
        if count == of {
            break;
        }
        terminal.expect("Enter for the next one: ");
        terminal.send("\r");
    }
    assert_eq!(terminal.wait_exit().code(), Some(0));
    let screen = terminal.transcript();
    let mut texts = Vec::new();
    for code in screen.split("code ").skip(1) {
        let lines: Vec<&str> = code.lines().filter(|line| line.contains("\u{1b}[48;5;16m")).collect();
        let lines: Vec<String> = lines
            .iter()
            .map(|line| {
                line.trim_end_matches('\r').replace("\u{1b}[38;5;231m\u{1b}[48;5;16m", "").replace("\u{1b}[0m", "")
            })
            .collect();
        assert!(lines.len() <= 22 && lines.iter().all(|line| line.chars().count() <= 80), "{lines:?}");
        texts.extend(photographed(&lines.join("\n"), &blocks));
    }
    assert_eq!(texts.len(), count);
    cli.write("kit.txt", &texts.join("\n"));
    cli.ok("restore --kit kit.txt --recovery-file code");
}
