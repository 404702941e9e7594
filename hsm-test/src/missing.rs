//! What happens when the machine lacks a module.

use std::io::Write;

/// Says loudly that tests are skipped, or, where the variable `CI` is set, fails: there a skipped test is a missing test.
///
/// # Panics
/// If `CI` is set to anything but nothing.
pub fn missing<T>(what: &str, install: &str) -> Option<T> {
    let in_ci = std::env::var_os("CI").is_some_and(|ci| !ci.is_empty());
    // Not eprintln!: the test harness would swallow it, and a skipped test must be seen.
    say(&format!("{what} is not here; {install}"), in_ci, &mut std::io::stderr());
    None
}

fn say(text: &str, in_ci: bool, out: &mut dyn Write) {
    assert!(!in_ci, "{text}");
    // The harness may be in the middle of a line. If it cannot be written, there is nobody to tell.
    let _ = writeln!(out, "\nSKIPPED: {text}");
}

#[cfg(test)]
mod tests {
    use super::say;

    #[test]
    fn a_missing_module_is_skipped_on_a_person_s_machine() {
        let mut out = Vec::new();
        say("a module is not here", false, &mut out);
        assert_eq!(out, b"\nSKIPPED: a module is not here\n");
    }

    #[test]
    #[should_panic(expected = "a module is not here")]
    fn a_missing_module_fails_in_ci() {
        say("a module is not here", true, &mut Vec::new());
    }
}
