//! The stories of docs/recovery.md, told on virtual tokens: the commands are taken from the page, typed at a terminal in their order, and
//! what is answered is held against the page. `TWINLOCK_UPDATE_SNAPSHOTS=1` writes the answers into the page.
//!
//! In a story's blocks a line that begins with `$` is typed, and one that begins with `#` is what hands do: a token is plugged in, a file
//! goes to another machine. Each such line has its doing in the story's test. Everything else is what the terminal shows.

mod code_only;
mod custodians;
mod damaged_header;
mod forgotten_password;
mod lost_token;
mod machine;
mod new_laptop;
mod older_backup;
mod page;
#[path = "../../../tests/common/pty.rs"]
mod pty;
mod screen;
mod steady;
mod stolen_laptop;
mod story;

/// Each story of the page has its test here, and all that is typed on the page is in a story.
#[test]
fn nothing_on_the_page_is_untold() {
    let told = [
        lost_token::TITLE,
        forgotten_password::TITLE,
        code_only::TITLE,
        new_laptop::TITLE,
        custodians::TITLE,
        stolen_laptop::TITLE,
        damaged_header::TITLE,
        older_backup::TITLE,
    ];
    let page = page::Page::read();
    assert_eq!(page.stories(), told);
    let in_stories: usize =
        told.iter().map(|title| page.steps(title).iter().filter(|step| step.is_typed()).count()).sum();
    let on_page = page.text().lines().filter(|line| line.starts_with("$ ")).count();
    assert_eq!(in_stories, on_page, "a command stands outside the blocks of a story");
    for title in told {
        let link = format!(
            "](#{})",
            title.to_lowercase().replace(' ', "-").replace(|c: char| !c.is_alphanumeric() && c != '-', "")
        );
        assert!(page.text().contains(&link), "the table at the top does not lead to '{title}': {link}");
    }
}
