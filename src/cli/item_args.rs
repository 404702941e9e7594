//! The values of an item as arguments, shared by `add` and `edit`.

use super::report::CliError;
use super::session::Session;
use crate::crypto::random_bytes;
use crate::item::{Field, FieldKind, Item, MAX_ITEM, Text};
use crate::prompt::{Ask, Event, PromptError};
use crate::secret::SecretText;
use std::io::Read;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Characters of a generated password: no two that look alike, all on every keyboard.
const ALPHABET: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789-_.+";

/// Values of an item. A secret value is never an argument: it is typed, read from a file, or generated.
#[derive(clap::Args, Default)]
pub struct Values {
    /// User name
    #[arg(long, value_name = "NAME")]
    pub username: Option<String>,
    /// Address; may be repeated
    #[arg(long = "url", value_name = "URL")]
    pub urls: Vec<String>,
    /// Notes, shown when the item is shown
    #[arg(long, value_name = "TEXT")]
    pub notes: Option<String>,
    /// A field of your own that is no secret; may be repeated
    #[arg(long = "field", value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub fields: Vec<(String, String)>,
    /// A secret field of your own, typed at a prompt; may be repeated
    #[arg(long = "secret", value_name = "NAME")]
    pub secrets: Vec<String>,
    /// A word to find it by; may be repeated
    #[arg(long = "tag", value_name = "WORD")]
    pub tags: Vec<String>,
    /// Take the password (or the text of a note) from FILE (- is standard input)
    #[arg(long, value_name = "FILE", conflicts_with = "generate")]
    pub value_file: Option<PathBuf>,
    /// Make a random password of LENGTH characters [default: 20, which is 118 bits]
    #[arg(long, value_name = "LENGTH", num_args = 0..=1, require_equals = true, default_missing_value = "20",
          value_parser = clap::value_parser!(u16).range(8..=1024))]
    pub generate: Option<u16>,
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("it is NAME=VALUE".into()),
    }
}

impl Values {
    /// Whether anything was given.
    pub fn is_empty(&self) -> bool {
        self.are_tags() && self.tags.is_empty()
    }

    /// Whether no more than tags were given, or nothing.
    pub fn are_tags(&self) -> bool {
        self.username.is_none()
            && self.urls.is_empty()
            && self.notes.is_none()
            && self.fields.is_empty()
            && self.secrets.is_empty()
            && !self.brings_main()
    }

    /// Whether the password or text comes from an argument rather than a prompt.
    pub fn brings_main(&self) -> bool {
        self.value_file.is_some() || self.generate.is_some()
    }

    /// Puts everything but the main value into the item; secret fields are asked for.
    pub fn apply(&self, item: &mut Item, session: &mut Session) -> Result<(), CliError> {
        if let Some(username) = &self.username {
            set(item, "username", FieldKind::Text, username.as_str().into());
        }
        if !self.urls.is_empty() {
            item.fields.retain(|field| field.name != "url");
            item.fields.extend(self.urls.iter().map(|url| Field::new("url", FieldKind::Url, url.as_str().into())));
        }
        if let Some(notes) = &self.notes {
            set(item, "notes", FieldKind::Multiline, notes.as_str().into());
        }
        for (name, value) in &self.fields {
            refuse_secret(item, name)?;
            let kind = item.field(name).map_or(FieldKind::Text, |field| field.kind.clone());
            set(item, name, kind, value.as_str().into());
        }
        for name in &self.secrets {
            let value = ask(session, &item.name.clone(), name)?;
            set(item, name, FieldKind::Concealed, value);
        }
        item.tags.extend(self.tags.iter().filter(|tag| !item.tags.contains(tag)).cloned().collect::<Vec<_>>());
        Ok(())
    }

    /// The main value from a file or the generator.
    pub fn main_value(&self) -> Result<Option<Text>, CliError> {
        match (&self.value_file, self.generate) {
            (Some(path), _) => read_value(path).map(Some),
            (None, Some(length)) => generate(length).map(Some),
            (None, None) => Ok(None),
        }
    }
}

/// A secret among the arguments is seen by every process of the machine, and kept in the shell's history.
fn refuse_secret(item: &Item, name: &str) -> Result<(), CliError> {
    let secret = name == "password" || item.field(name).is_some_and(|field| field.kind.concealed());
    if !secret {
        return Ok(());
    }
    Err(CliError::Usage {
        message: format!("'{name}' is a secret field, and a secret is never an argument, where others could read it"),
        hint: match name {
            "password" => {
                "leave it out of --field: it is typed, or comes from --value-file or --generate".to_owned().into()
            }
            _ => format!("have it asked for, with --secret {name}").into(),
        },
    })
}

/// The field that `--value-file`, `--generate` and the prompt fill.
pub fn main_field(item: &Item) -> (&'static str, FieldKind) {
    if item.item_type == "note" { ("notes", FieldKind::Multiline) } else { ("password", FieldKind::Concealed) }
}

/// Sets the first field of that name and its kind, or adds one.
pub fn set(item: &mut Item, name: &str, kind: FieldKind, value: Text) {
    match item.fields.iter_mut().find(|field| field.name == name) {
        Some(field) => (field.kind, field.value) = (kind, value),
        None => item.fields.push(Field::new(name, kind, value)),
    }
}

/// Asks for the main value: a password twice, since what is typed blind is stored for years; the text of a note in the open.
pub fn ask_main(session: &mut Session, item: &Item) -> Result<Text, CliError> {
    let (field, kind) = main_field(item);
    if kind == FieldKind::Multiline {
        return typed(session.prompt.secret(&Ask::Note { item: &item.name }), &item.name, field);
    }
    loop {
        let value = ask(session, &item.name, field)?;
        let again = typed(session.prompt.secret(&Ask::RepeatField), &item.name, field)?;
        if value == again {
            return Ok(value);
        }
        session.prompt.show(&Event::Mismatch);
    }
}

/// Asks for a secret value.
fn ask(session: &mut Session, item: &str, field: &str) -> Result<Text, CliError> {
    typed(session.prompt.secret(&Ask::Field { item, field }), item, field)
}

/// What was typed, or what to do where nobody is there to type it.
fn typed(answer: Result<SecretText, PromptError>, item: &str, field: &str) -> Result<Text, CliError> {
    match answer {
        Ok(value) => Ok(Text::new(value.into_inner())),
        Err(PromptError::Nobody { .. }) => Err(CliError::Plain {
            message: format!("nobody is there to type the '{field}' of '{item}'"),
            hint: match field {
                "password" => "take it from a file with --value-file, or make it up with --generate",
                "notes" => "take the text from a file with --value-file",
                _ => "run it on a terminal without --no-input",
            }
            .into(),
            code: 1,
        }),
        Err(error) => Err(error.into()),
    }
}

/// The whole file without its last line end.
fn read_value(path: &Path) -> Result<Text, CliError> {
    let failed = |error| CliError::File { doing: "read the value from", path: path.into(), error };
    let mut bytes = Zeroizing::new(Vec::with_capacity(64 * 1024));
    let limit = MAX_ITEM as u64 + 1;
    if path.as_os_str() == "-" {
        std::io::stdin().lock().take(limit).read_to_end(&mut bytes).map_err(failed)?;
    } else {
        std::fs::File::open(path).map_err(failed)?.take(limit).read_to_end(&mut bytes).map_err(failed)?;
    }
    let mut text = std::str::from_utf8(&bytes).map_err(|_| CliError::Plain {
        message: format!("the value in '{}' is not text (UTF-8)", path.display()),
        hint: "encode it first, for example with base64".into(),
        code: 1,
    })?;
    text = text.strip_suffix('\n').unwrap_or(text);
    text = text.strip_suffix('\r').unwrap_or(text);
    Ok(text.into())
}

/// A random password, each character equally likely: bytes that would favour the first characters are thrown away.
fn generate(length: u16) -> Result<Text, CliError> {
    let fair = 256 / ALPHABET.len() * ALPHABET.len();
    let mut text = Zeroizing::new(String::with_capacity(length.into()));
    while text.len() < length.into() {
        let bytes: Zeroizing<[u8; 32]> = Zeroizing::new(random_bytes()?);
        let wanted = usize::from(length) - text.len();
        let chars = bytes.iter().map(|b| usize::from(*b)).filter(|b| *b < fair).map(|b| ALPHABET[b % ALPHABET.len()]);
        text.extend(chars.take(wanted).map(char::from));
    }
    Ok(Text::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_passwords_have_the_length_and_the_alphabet() {
        for length in [8, 20, 33, 1024] {
            let text = generate(length).unwrap();
            assert_eq!(text.expose().len(), usize::from(length));
            assert!(text.expose().bytes().all(|b| ALPHABET.contains(&b)));
        }
        assert_ne!(generate(20).unwrap().expose(), generate(20).unwrap().expose());
    }
}
