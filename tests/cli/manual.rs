//! `twinlock manual`

use crate::program::Cli;

#[test]
fn a_page_for_each_command() {
    let cli = Cli::new();
    cli.ok("manual .");
    assert!(cli.read("twinlock-keyslot-enroll.1").contains("threshold"));
    cli.session(
        r#"
$ twinlock manual nowhere
2> twinlock: error: cannot write man pages into 'nowhere': no such file or directory
2> twinlock: hint: look for a typing error in its name
=> 1
"#,
    );
}

/// All pages: each one's name and text.
fn pages(cli: &Cli) -> Vec<(String, String)> {
    let files = std::fs::read_dir(cli.path("")).unwrap().map(|entry| entry.unwrap().path());
    let pages: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|end| end == "1"))
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(&path).unwrap()))
        .collect();
    assert!(pages.len() > 20, "{pages:?}");
    pages
}

/// The text of a page's section.
fn section<'a>(page: &'a str, title: &str) -> &'a str {
    let after = page.split_once(&format!(".SH {title}\n")).unwrap_or_else(|| panic!("no {title} in {page}")).1;
    after.split(".SH ").next().unwrap()
}

#[test]
fn the_main_page_tells_of_codes_variables_and_files() {
    let cli = Cli::new();
    cli.ok("manual .");
    let page = cli.read("twinlock.1");
    let codes = section(&page, "\"EXIT STATUS\"");
    assert!(codes.starts_with(".TP\n\\fB0\\fR\ndone.\n.TP\n\\fB1\\fR\n"), "{codes}");
    assert!(codes.ends_with(".TP\n\\fB255\\fR\na bug.\n"), "{codes}");
    assert_eq!(codes.matches(".TP\n").count(), 9, "{codes}");
    let variables = section(&page, "ENVIRONMENT");
    for (variable, option) in [("TWINLOCK_VAULT", "vault"), ("TWINLOCK_CONFIG", "config")] {
        let entry = format!(".TP\n\\fB{variable}\\fR\nStands for \\-\\-{option} ");
        assert!(variables.contains(&entry), "{variables}");
    }
    let files = section(&page, "FILES");
    let paths = [
        "share/twinlock/vault.twinlock",
        "config/twinlock/config.toml",
        "state/twinlock/seen.json",
        "state/twinlock/proven.json",
    ];
    for file in paths.map(|end| {
        // A tilde that a shell takes for the home folder.
        format!("\\fB\\(ti/.{}{end}", if end.starts_with("config") { "" } else { "local/" })
    }) {
        assert!(files.contains(&file), "{files}");
    }
}

#[test]
fn the_example_of_a_config_file_can_be_copied() {
    let cli = Cli::new();
    cli.ok("manual .");
    let page = cli.read("twinlock-token.1");
    let section = section(&page, "\"CONFIGURATION FILE\"");
    let example = section.split_once(".nf\n").unwrap().1.split_once(".fi\n").unwrap().0;
    assert!(!section.split_once(".nf\n").unwrap().0.contains("[["), "all of it is in the example: {section}");
    // What roff makes of it.
    let config = example.replace("\\-", "-").replace("\\*(Aq", "'").replace("/usr/lib/softhsm", "/nowhere");
    cli.write("config.toml", &config);
    let ran = cli.run("token list --config config.toml");
    assert!(config.starts_with("[[module]]\npath = ") && config.contains("\n\n[[token]]"), "{config}");
    assert!(ran.stderr.contains("/nowhere/libsofthsm2.so"), "the file is read: {}", ran.stderr);
}

#[test]
fn global_options_are_described_on_the_main_page_alone() {
    let cli = Cli::new();
    cli.ok("manual .");
    let main = cli.read("twinlock.1");
    let described: Vec<&str> = section(&main, "\"GLOBAL OPTIONS\"")
        .lines()
        .filter_map(|line| line.strip_prefix("\\fB\\-\\-")?.split("\\fR").next())
        .collect();
    assert!(described.len() == 15 && described.contains(&"vault") && described.contains(&"pin\\-file"), "{main}");
    for (name, page) in pages(&cli).into_iter().filter(|(name, _)| name != "twinlock") {
        let refers = section(&page, "\"GLOBAL OPTIONS\"");
        assert!(refers.starts_with("\\fBtwinlock\\fR(1) describes the options"), "{name}: {refers}");
        for option in &described {
            let as_option = format!("\\fB\\-\\-{option}\\fR");
            assert!(!page.contains(&as_option), "{name}: {option}");
        }
    }
}

#[test]
fn every_page_has_the_footer_and_none_an_extra_section() {
    let cli = Cli::new();
    cli.ok("manual .");
    for (name, page) in pages(&cli) {
        let title = format!(".TH {name} 1  \"twinlock {}\" \n", env!("CARGO_PKG_VERSION"));
        assert!(page.contains(&title), "{page}");
        assert!(!page.contains("EXTRA"), "{page}");
    }
}
