//! `twinlock manual`

use crate::program::Cli;

#[test]
fn a_page_for_each_command() {
    let cli = Cli::new();
    cli.ok("manual .");
    let page = cli.read("twinlock.1");
    assert!(page.contains("255 a bug"), "the exit codes are in it: {page}");
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
