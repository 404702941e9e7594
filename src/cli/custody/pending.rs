//! `twinlock recovery pending`

use super::super::custody_report::told;
use super::super::out;
use super::super::report::{CliError, FIXABLE, NOT_FOUND, prose};
use super::super::requests::{Ended, Kept, Requests};
use crate::custody;
use crate::encode::hex;
use crate::factor::describe;
use serde_json::json;

/// Digits of an id that are shown: enough to tell a person's few requests apart.
const SHOWN: usize = 8;

/// Show the requests of this machine that wait for answers, with the words to read to custodians
#[derive(clap::Args)]
pub struct Pending {
    /// Forget this request: its key is erased, and its answers open nothing any more
    #[arg(long, value_name = "ID")]
    forget: Option<String>,
    /// As JSON
    #[arg(long, conflicts_with = "forget")]
    json: bool,
}

impl Pending {
    pub fn run(self) -> Result<(), CliError> {
        let requests = Requests::new()?;
        let all: Vec<Kept> = requests.all().into_iter().filter(|kept| kept.has_key).collect();
        if let Some(id) = &self.forget {
            return forget(&requests, &all, id);
        }
        let (open, over): (Vec<Kept>, Vec<Kept>) = all.into_iter().partition(|kept| kept.ended.is_none());
        over.iter().for_each(tell_over);
        // A request has more to say than fits a line of 80 characters.
        let mut lines = Vec::new();
        let mut values = Vec::new();
        for Kept { request, path, .. } in &open {
            let words = custody::words(&request.hash()).map_err(|error| told(FIXABLE, &error.to_string(), ""))?;
            let (asked, id) = (&request.asked, hex::encode(&request.id()));
            let factors: Vec<String> = asked.factors.iter().map(|(i, s)| format!("{i} ({})", describe(s))).collect();
            values.push(json!({
                "id": id, "vault": asked.vault, "keyslot": asked.keyslot, "from": asked.from, "reason": asked.reason,
                "created": asked.created, "expires": asked.expires, "words": words,
                "file": path.as_ref().map(|path| path.display().to_string()),
                "factors": asked.factors.iter().map(|(i, _)| i).collect::<Vec<_>>(),
            }));
            let (keyslot, vault) = (&asked.keyslot, &asked.vault);
            lines.push(format!("{}  keyslot '{keyslot}' of vault '{vault}', until {}", &id[..SHOWN], asked.expires));
            lines.push(format!("  asks for {}", factors.join(", ")));
            lines.push(format!("  words: {}", words.join("  ")));
        }
        if self.json {
            return out::json(&values);
        }
        if open.is_empty() {
            prose("no request waits for answers");
            return Ok(());
        }
        lines.iter().try_for_each(|line| out::line(line))
    }
}

/// One whose time is over, and whose key is there until it is sure that the clock was right.
fn tell_over(kept: &Kept) {
    let (asked, id) = (&kept.request.asked, &hex::encode(&kept.request.id())[..SHOWN]);
    prose(&format!(
        "the request {id} for keyslot '{}' has been over since {}: its answers are not used any more, and its key is erased after {}, or now: \
         'twinlock recovery pending --forget {id}'",
        asked.keyslot,
        asked.expires,
        kept.erased_at()
    ));
}

fn forget(requests: &Requests, open: &[Kept], id: &str) -> Result<(), CliError> {
    let found: Vec<&Kept> = open.iter().filter(|kept| hex::encode(&kept.request.id()).starts_with(id)).collect();
    let [Kept { request, .. }] = found.as_slice() else {
        let message = format!("no request that waits for answers has the id '{id}', or more than one");
        return Err(told(NOT_FOUND, &message, "'twinlock recovery pending' shows them"));
    };
    if !requests.end(&request.id(), Ended::Forgotten) {
        return Err(told(
            FIXABLE,
            "the key of the request could not be erased",
            "look at the state folder's permissions",
        ));
    }
    prose(&format!("forgot the request {}: its answers open nothing any more", &hex::encode(&request.id())[..SHOWN]));
    Ok(())
}
