//! A copy of the kit in the system's keychain, by the Secret Service (GNOME Keyring, KWallet). Asked for each time, never by itself.
//!
//! A kit opens by its factors alone, so the keychain is a place that is not lost with a file, and no factor.

use super::report::{CliError, FIXABLE, NOT_FOUND, USAGE};
use super::session::Session;
use crate::encode::hex;
use crate::header::Header;
use crate::vault::peek;
use secret_service::blocking::{Item, SecretService};
use secret_service::{EncryptionType, Error};
use std::collections::HashMap;

/// What every item of ours has.
const OURS: [(&str, &str); 2] = [("application", "twinlock"), ("kind", "kit")];
/// The attribute with the vault's id, in hex.
const VAULT: &str = "vault";

/// Puts a kit's text there, in the place of an older one of the same vault.
pub fn store(header: &Header, text: &str) -> Result<(), CliError> {
    let service = connect()?;
    let collection = service.get_default_collection().map_err(|error| failed(&error))?;
    collection.unlock().map_err(|error| failed(&error))?;
    let id = hex::encode(&header.vault_id);
    let attributes = OURS.into_iter().chain([(VAULT, id.as_str())]).collect::<HashMap<_, _>>();
    let label = format!("twinlock: kit of the vault '{}'", header.name);
    let made = collection.create_item(&label, attributes, text.as_bytes(), true, "text/plain");
    // Read back: a copy that cannot be read is none.
    match made.and_then(|item| item.get_secret()) {
        Ok(kept) if kept == text.as_bytes() => Ok(()),
        Ok(_) => Err(failed(&Error::NoResult)),
        Err(error) => Err(failed(&error)),
    }
}

/// The kit's text: that of the vault in question, or the only one there is.
pub fn load(session: &Session) -> Result<String, CliError> {
    let service = connect()?;
    let found = service.search_items(HashMap::from(OURS)).map_err(|error| failed(&error))?;
    let all: Vec<Item<'_>> = found.unlocked.into_iter().chain(found.locked).collect();
    // The header may be damaged; that is what the kit is for.
    let wanted = session.store().ok().and_then(|mut store| peek(&mut store).ok());
    let wanted = wanted.map(|unverified| hex::encode(&unverified.header().vault_id));
    let is =
        |item: &&Item<'_>| item.get_attributes().ok().and_then(|mut attributes| attributes.remove(VAULT)) == wanted;
    let item = match (all.iter().find(is), all.as_slice()) {
        (Some(item), _) | (None, [item]) => item,
        (None, []) => {
            return Err(CliError::Plain {
                message: "no kit is in the system's keychain".into(),
                hint: "'twinlock kit export --keychain' puts one there, while the vault is well".into(),
                code: NOT_FOUND,
            });
        }
        (None, several) => return Err(ambiguous(several)),
    };
    if item.is_locked().map_err(|error| failed(&error))? {
        item.unlock().map_err(|error| failed(&error))?;
    }
    let text = item.get_secret().map_err(|error| failed(&error))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn connect<'a>() -> Result<SecretService<'a>, CliError> {
    // The kit is no secret, but encrypted on the bus it costs nothing.
    SecretService::connect(EncryptionType::Dh).map_err(|error| failed(&error))
}

fn ambiguous(several: &[Item<'_>]) -> CliError {
    let labels: Vec<String> = several.iter().filter_map(|item| item.get_label().ok()).collect();
    CliError::Plain {
        message: format!("there are {} kits in the system's keychain: {}", several.len(), labels.join("; ")),
        hint: "take the one that you want from the keychain's own program into a file, and name it with --kit".into(),
        code: USAGE,
    }
}

fn failed(error: &Error) -> CliError {
    let (why, hint) = match error {
        Error::Locked | Error::Prompt | Error::PromptDisconnected => {
            ("it is locked, and was not unlocked".to_owned(), "unlock it, and try again")
        }
        Error::Unavailable | Error::Zbus(_) | Error::ZbusFdo(_) => (
            "no Secret Service answers".to_owned(),
            "start one (gnome-keyring, KWallet) in this session, or use 'kit export -o FILE'",
        ),
        Error::NoResult => (
            "it has no default collection, or did not keep the kit".to_owned(),
            "make a keyring with the keychain's own program",
        ),
        other => (other.to_string(), ""),
    };
    CliError::Plain {
        message: format!("the system's keychain cannot be used: {why}"),
        hint: hint.into(),
        code: FIXABLE,
    }
}
