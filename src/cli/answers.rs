//! Custodians' answers, as a command is given them: `--answer FILE`, or the files of `recovery combine`.

use super::custody_report::{refused, told};
use super::kit_report::no_image;
use super::report::{CliError, LOCKED, USAGE, prose, warn};
use super::requests::{Ended, Kept, Requests};
use super::session::Session;
use crate::custody::{Answer, CustodyError, Request};
use crate::encode::hex;
use crate::factor::in_words;
use crate::header::Header;
use crate::keyslot::Wrap;
use crate::paper::scan;
use crate::secret::Mask;
use crate::vault::Brought;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Bytes of a file with a request or answers, at most: a photo of a QR code, or a mail with all that mail programs put round it.
const MAX_FILE: u64 = 64 << 20;

/// The text of a file that came from somebody, or of the QR codes in it; `-` is standard input.
pub fn read_text(path: &Path, doing: &'static str) -> Result<String, CliError> {
    let failed = |error| CliError::File { doing, path: path.into(), error };
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(MAX_FILE).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(MAX_FILE).read_to_end(&mut bytes))
    };
    read.map_err(failed)?;
    let enough = |texts: &[String]| texts.iter().any(|text| text.contains("TWINLOCK-"));
    // A mail may be in any encoding; what counts is ASCII.
    let scanned = scan(&bytes, &enough).map_err(|error| no_image(&path.display().to_string(), &error))?;
    Ok(scanned.texts.join("\n"))
}

/// An answer that opened.
struct Opened {
    file: PathBuf,
    request: Request,
    masks: Vec<(u8, Mask)>,
}

impl Session {
    /// What custodians have answered for this command; none if no answer is given.
    pub(super) fn answers(&mut self) -> Result<Option<Brought>, CliError> {
        let requests = match Requests::new() {
            Ok(requests) => requests,
            Err(_) if self.global.answer.is_empty() => return Ok(None),
            Err(error) => return Err(error),
        };
        // Also where none is given: this is when the keys of those whose time is over are erased.
        let _ = requests.all();
        let mut sealed: Vec<(PathBuf, Answer)> = Vec::new();
        for file in &self.global.answer {
            let all = Answer::read(&read_text(file, "read the answer in")?).map_err(|error| refused(&error, file))?;
            for answer in all {
                if let Some((other, _)) = sealed.iter().find(|(_, other)| *other == answer) {
                    return Err(told(USAGE, &same(other, file), "give each answer once"));
                }
                sealed.push((file.clone(), answer));
            }
        }
        let mut opened: Vec<Opened> = Vec::new();
        for (file, answer) in sealed {
            let new = open(&requests, file, &answer)?;
            check_beside(&opened, &new)?;
            opened.push(new);
        }
        let Some(first) = opened.first() else { return Ok(None) };
        let brought = |opened: Vec<Opened>, wrap: Wrap, keyslot: String| Brought {
            wrap,
            keyslot,
            answers: opened.into_iter().map(|one| one.masks).collect(),
        };
        self.requests = opened.iter().map(|one| one.request.id()).collect();
        self.requests.sort_unstable();
        self.requests.dedup();
        let (wrap, keyslot) = (first.request.asked.wrap, first.request.asked.keyslot.clone());
        Ok(Some(brought(opened, wrap, keyslot)))
    }

    /// The vault has a new way in of its owner's: what opened it by others' help has served, and its keys are erased. So has every other
    /// request for the same keyslot: answers to one that was made twice would open the vault for a month, and nobody waits for them any more.
    /// Only requests that were made at this file: a way into a copy is none into the vault.
    pub(super) fn finish_requests(&mut self) {
        let (Ok(requests), Ok(here)) = (Requests::new(), self.real_path()) else { return };
        let used = std::mem::take(&mut self.requests);
        let of = |id: &[u8; 16]| requests.find(id).map(|kept| kept.request.asked.wrap);
        let served: Vec<Wrap> = used.iter().filter_map(of).collect();
        let made_here = |id: &[u8; 16]| requests.find(id).is_some_and(|kept| kept.has_key && is_of(&kept, &here));
        for id in used.into_iter().filter(made_here) {
            if requests.end(&id, Ended::Used) {
                prose("the request to custodians has served: its key is erased, and its answers open nothing any more");
            } else {
                warn("the key of the request could not be erased: its answers still open the vault");
            }
        }
        let same = |wrap: &Wrap| {
            served.iter().any(|other| (other.vault_id, other.keyslot_id) == (wrap.vault_id, wrap.keyslot_id))
        };
        end(&requests, &here, Ended::Beside, same, "another one for that keyslot has served");
    }

    /// Ends the requests for keyslots that were wiped or wrapped anew by this command: their answers could open older copies of the file alone.
    /// Where it is such a copy that was changed, the file that they were made at is as it was, and they are good for it.
    pub(super) fn end_gone(&self, before: &Header, after: &Header) {
        let (Ok(requests), Ok(here)) = (Requests::new(), self.real_path()) else { return };
        let has =
            |header: &Header, wrap: &Wrap| header.keyslots.iter().any(|slot| Wrap::of(&header.vault_id, slot) == *wrap);
        end(
            &requests,
            &here,
            Ended::Gone,
            |wrap| has(before, wrap) && !has(after, wrap),
            "that keyslot was wiped or wrapped anew",
        );
    }
}

/// Whether a request was made at this vault file. One of an earlier version, which has not noted it, is as if made at any, and so is one whose
/// file is not there any more: the vault was moved.
fn is_of(kept: &Kept, here: &Path) -> bool {
    kept.path.as_deref().is_none_or(|path| path == here || !path.exists())
}

/// Ends the requests made at this vault file whose key is there and that are for such a wrap, and says so; and says which stay, as they were
/// made at another one.
fn end(requests: &Requests, here: &Path, why: Ended, over: impl Fn(&Wrap) -> bool, because: &str) {
    for kept in requests.all().into_iter().filter(|kept| kept.has_key && over(&kept.request.asked.wrap)) {
        let (request, asked) = (&kept.request, &kept.request.asked);
        let which = format!("the request of {} for keyslot '{}'", asked.created, asked.keyslot);
        if let Some(path) = kept.path.as_deref().filter(|_| !is_of(&kept, here)) {
            if kept.ended.is_none() {
                let id = &hex::encode(&request.id())[..8];
                prose(&format!(
                    "{which} stays good for the vault at '{}', where it was made; to end it: 'twinlock recovery pending --forget {id}'",
                    path.display()
                ));
            }
            continue;
        }
        if requests.end(&request.id(), why) {
            prose(&format!("{which} has ended, since {because}: answers to it open nothing any more"));
        } else {
            warn(&format!(
                "{which} is over, since {because}, but its key could not be erased: answers to it are still good"
            ));
        }
    }
}

fn same(one: &Path, two: &Path) -> String {
    if one == two {
        return format!("an answer is in '{}' twice", one.display());
    }
    format!("'{}' and '{}' hold the same answer", one.display(), two.display())
}

/// Finds the request of an answer, and opens it.
fn open(requests: &Requests, file: PathBuf, answer: &Answer) -> Result<Opened, CliError> {
    let Some(kept) = requests.find(&answer.request) else {
        return Err(refused(&CustodyError::Foreign, &file));
    };
    if let Some(ended) = kept.ended {
        return Err(over(ended, &kept.request, &file));
    }
    let key = requests.key(&answer.request)?;
    let masks = answer.open(&kept.request, &key).map_err(|error| refused(&error, &file))?;
    Ok(Opened { file, request: kept.request, masks })
}

/// Why answers to a request are not used any more.
fn over(ended: Ended, request: &Request, file: &Path) -> CliError {
    let anew = "ask anew with 'twinlock recovery request'";
    let (of, hint) = match ended {
        Ended::Expired => return refused(&request.expired(), file),
        Ended::Used => ("that has served already", anew),
        Ended::Beside => ("that ended when another one for the same keyslot had served", anew),
        Ended::Gone => {
            ("for a keyslot that was wiped or wrapped anew since", "'twinlock keyslot list' shows what there is now")
        }
        Ended::Forgotten => ("that was forgotten, as you said", anew),
    };
    let message = format!("the answer in '{}' is to a request of {} {of}", file.display(), request.asked.created);
    told(LOCKED, &message, hint)
}

/// Answers that are given together must be for one keyslot, and for factors of their own.
fn check_beside(opened: &[Opened], new: &Opened) -> Result<(), CliError> {
    for other in opened {
        let (one, two) = (&other.request.asked, &new.request.asked);
        let (file, other_file) = (new.file.display(), other.file.display());
        if one.wrap != two.wrap {
            let message = format!(
                "'{other_file}' is for keyslot '{}' of vault '{}', and '{file}' for keyslot '{}' of vault '{}'",
                one.keyslot, one.vault, two.keyslot, two.vault
            );
            let message = if (&one.keyslot, &one.vault) == (&two.keyslot, &two.vault) {
                format!("'{other_file}' and '{file}' are for the keyslot '{}' as it was at two times", one.keyslot)
            } else {
                message
            };
            return Err(told(USAGE, &message, "give the answers of one of them"));
        }
        if let ([(number, _)], [(same, _)]) = (other.masks.as_slice(), new.masks.as_slice())
            && number == same
        {
            let factor = new.request.factor(*number).map(in_words).unwrap_or_default();
            let message = format!("'{other_file}' and '{file}' both answer for factor {number}, {factor}");
            return Err(told(USAGE, &message, "give one of them; if it is the wrong one, try the other"));
        }
    }
    Ok(())
}
