//! `twinlock find`

use super::list::summary;
use super::out;
use super::report::CliError;
use super::session::Session;
use crate::item::{Item, normalised};
use zeroize::Zeroizing;

/// Find items by a part of their name, user name, address, notes, tags or own fields
///
/// What wants a confirmation is not looked into: the notes and secret fields of such items.
#[derive(clap::Args)]
pub struct Args {
    /// What to look for; case does not matter
    text: String,
    /// Look into secret fields, too
    #[arg(long)]
    secrets: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// An item that matches, and the field in which it does.
struct Match {
    item: Item,
    field: String,
}

impl Args {
    pub fn run(self, session: &mut Session) -> Result<(), CliError> {
        let needle = normalised(&self.text);
        let mut items = session.items()?;
        let mut matches = Vec::new();
        items.each(&mut |found| {
            if let Some(field) = self.field_of(&found.item, &needle) {
                matches.push(Match { item: found.item, field });
            }
        })?;
        matches.sort_by_cached_key(|found| normalised(&found.item.name));
        if matches.is_empty() {
            return Err(CliError::Plain {
                message: format!("nothing has '{}' in it", self.text),
                hint: if self.secrets { "try a shorter part" } else { "--secrets looks into secret fields, too" }
                    .into(),
                code: 4,
            });
        }
        if self.json {
            let found = |found: &Match| {
                let mut value = summary(&found.item);
                value["matched"] = found.field.as_str().into();
                value
            };
            return out::json(&matches.iter().map(found).collect::<Vec<_>>());
        }
        let row = |found: &Match| vec![found.item.name.clone(), found.field.clone()];
        if out::is_terminal() {
            out::table(&matches.iter().map(row).collect::<Vec<_>>())
        } else {
            let names: Vec<_> = matches.iter().map(|found| format!("{}\n", found.item.name)).collect();
            out::bytes(names.concat().as_bytes())
        }
    }

    /// Where the item matches: its name, a tag, or a field.
    fn field_of(&self, item: &Item, needle: &str) -> Option<String> {
        let has = |text: &str| contains(text, needle);
        if has(&item.name) {
            return Some("name".into());
        }
        if item.tags.iter().any(|tag| has(tag)) {
            return Some("tags".into());
        }
        let searched = |field: &&crate::item::Field| self.secrets || !field.kind.concealed();
        item.fields.iter().filter(searched).find(|field| has(field.value.expose())).map(|field| field.name.clone())
    }
}

/// Whether `text` holds `needle` (normalised). Plain ASCII, by far the most, needs no copy.
fn contains(text: &str, needle: &str) -> bool {
    if text.is_ascii() && needle.is_ascii() && !needle.contains(' ') {
        let (text, needle) = (text.as_bytes(), needle.as_bytes());
        return needle.is_empty() || text.windows(needle.len()).any(|part| part.eq_ignore_ascii_case(needle));
    }
    Zeroizing::new(normalised(text)).contains(needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_form_do_not_matter() {
        assert!(contains("GitHub", "hub"));
        assert!(contains("Café  au lait", &normalised("CAFE\u{301} AU")));
        assert!(!contains("GitHub", "gitlab"));
        assert!(contains("two  words", "two words"));
    }
}
