//! `twinlock token setup piv`: what is asked, in which order, and what is told. The steps are in `factor/piv/setup`.

use super::out;
use super::report::{CliError, FIXABLE, TOKEN, prose, warn};
use super::session::Session;
use super::ways::Ways;
use crate::factor::FactorError;
use crate::factor::piv::attestation::{Birth, Roots};
use crate::factor::piv::info::{Counters, KeyInfo, TokenInfo};
use crate::factor::piv::params::check_new_name;
use crate::factor::piv::setup::{Look, Manager, NewKey, NewPin, NewPuk, Plan, describe, of_key, stopped};
use crate::factor::piv::{Mode, PinPolicy, PinRules, PivError, PivSlot, PivTokens, SetupError, TouchPolicy};
use crate::prompt::{Question, Sources};
use std::path::PathBuf;

/// Make a key on a YubiKey that can open keyslots
///
/// The key is born on the YubiKey and cannot leave it. It is put into a free retired PIV slot (82 to 95), where other programs leave it
/// alone, with a certificate that names twinlock and the YubiKey for those that list it. What is on the YubiKey is shown first; whatever
/// is typed is asked for before anything is changed. The next setup offers to finish one that was stopped; a script says so by --finish.
#[derive(clap::Args)]
pub struct Args {
    /// Which YubiKey, by its serial number [default: the only one here]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    serial: Option<u32>,
    /// PIV slot for the key: 82 to 95, or 9d [default: the first free one of 82 to 95]
    #[arg(long, value_name = "PIV-SLOT", value_parser = piv_slot)]
    piv_slot: Option<PivSlot>,
    /// Kind of key: p256, p384, or x25519 (firmware 5.7)
    #[arg(long, value_name = "ALGORITHM", default_value = "p256", value_parser = algorithm)]
    algorithm: Mode,
    /// When the YubiKey wants its PIN for the key: never, once (until it is pulled out or reset), always
    #[arg(long, value_name = "WHEN", default_value = "once", value_parser = pin_policy)]
    pin_policy: PinPolicy,
    /// When it wants to be touched: never, always, cached (not again for 15 seconds)
    #[arg(long, value_name = "WHEN", default_value = "always", value_parser = touch_policy)]
    touch_policy: TouchPolicy,
    /// What to call the YubiKey, in its certificate and to enroll it
    #[arg(long, value_name = "NAME", value_parser = name)]
    name: Option<String>,
    /// Overwrite the key in --piv-slot, for ever; the serial number is asked for, or taken from --serial where nobody can be asked
    #[arg(long, requires = "piv_slot")]
    overwrite: bool,
    /// Go on with the key that a stopped setup left, if there is one, without asking
    #[arg(long)]
    finish: bool,
    /// Certificates of the YubiKey's maker: the setup fails unless they prove that the key was born on it
    #[arg(long, value_name = "FILE")]
    attestation_root: Option<PathBuf>,
    /// Take the management key, in hexadecimal digits, from the first line of FILE
    #[arg(long, value_name = "FILE")]
    management_key_file: Option<PathBuf>,
    /// Change the PIN to the first line of FILE; the old one is typed, or taken from --pin-file, unless it is that of the factory
    #[arg(long, value_name = "FILE")]
    new_pin_file: Option<PathBuf>,
    /// Change the PUK to the first line of FILE; the old one is typed, or taken from --puk-file, unless it is that of the factory
    #[arg(long, value_name = "FILE")]
    new_puk_file: Option<PathBuf>,
    /// Take the PUK that is to be changed from the first line of FILE
    #[arg(long, value_name = "FILE")]
    puk_file: Option<PathBuf>,
}

fn piv_slot(text: &str) -> Result<PivSlot, String> {
    let slot = text.parse().ok().filter(|slot: &PivSlot| slot.is_retired() || *slot == PivSlot::KEY_MANAGEMENT);
    slot.ok_or_else(|| "it is 82 to 95, or 9d".to_owned())
}

fn algorithm(text: &str) -> Result<Mode, String> {
    let mode = Mode::ALL.into_iter().find(|mode| mode.name().strip_prefix("ecdh-") == Some(text));
    mode.ok_or_else(|| "it is p256, p384 or x25519".to_owned())
}

fn pin_policy(text: &str) -> Result<PinPolicy, String> {
    let policy = PinPolicy::ALL.into_iter().find(|policy| policy.name() == text);
    policy.ok_or_else(|| "it is never, once or always".to_owned())
}

fn touch_policy(text: &str) -> Result<TouchPolicy, String> {
    let policy = TouchPolicy::ALL.into_iter().find(|policy| policy.name() == text);
    policy.ok_or_else(|| "it is never, always or cached".to_owned())
}

fn name(text: &str) -> Result<String, String> {
    check_new_name(text).map(|()| text.to_owned())
}

/// The YubiKey that is meant, and whether it is the only one. `command`: what is said again, with the serial number, where it is not.
pub fn the_token(
    session: &mut Session,
    serial: Option<u32>,
    command: &str,
) -> Result<(PivTokens, TokenInfo, bool), CliError> {
    let tokens = session.piv()?;
    let token = tokens.the_token(serial, session.prompt.as_mut()).map_err(|error| match &error {
        FactorError::Piv(several @ PivError::ManyTokens { serials }) => {
            let serial = serials.first().copied().unwrap_or_default();
            let (message, hint) = (several.to_string(), format!("say which: 'twinlock {command} --serial {serial}'"));
            CliError::Plain { message, hint: hint.into(), code: FIXABLE }
        }
        _ => error.into(),
    })?;
    has_number(&token)?;
    let (here, _) = tokens.here(session.prompt.as_mut())?;
    Ok((tokens, token, here.len() == 1))
}

/// A keyslot names its token by the serial number, and so does whoever overwrites a key: 0 is what tokens say that have none.
pub fn has_number(token: &TokenInfo) -> Result<(), CliError> {
    if token.serial != 0 {
        return Ok(());
    }
    Err(CliError::Plain {
        message: format!(
            "the YubiKey in reader '{}' has no serial number: it could not be told from others",
            token.reader
        ),
        hint: "use another one; 'ykman info' shows what it says of itself".into(),
        code: TOKEN,
    })
}

impl Args {
    pub fn run(self, session: &mut Session) -> Result<(), CliError> {
        session.take_from(Sources {
            management_key: self.management_key_file.clone(),
            new_pin: self.new_pin_file.clone(),
            new_puk: self.new_puk_file.clone(),
            puk: self.puk_file.clone(),
            ..Sources::default()
        })?;
        let roots = session.attestation_roots(self.attestation_root.as_deref())?;
        let rules = PinRules { force_last_try: session.global.force_pin, named: true };
        let (tokens, token, alone) = the_token(session, self.serial, "token setup piv")?;
        let mut look = tokens.look(&token, alone, session.prompt.as_mut())?;
        let ways = Ways::of(session);
        show(&look, &ways);
        let plan = match self.plan(session, &look, &ways)? {
            Chosen::Plan(plan) => plan,
            Chosen::There(key) => return self.done(&token, &key, None),
        };
        let prepared = match &plan {
            Plan::Finish(key) => Some(finishable(session, &tokens, &look, key, &roots)?),
            Plan::Make(_) | Plan::Overwrite(_) => None,
        };
        // Everything is asked for first. The card forgets a PIN or management key that is proven on the way, so that it can be left alone.
        let given = self.management_key_file.is_some();
        let manager = tokens.manager(&mut look, given, rules, session.prompt.as_mut())?;
        let new = NewKey { slot: plan.slot(), mode: self.algorithm, pin: self.pin_policy, touch: self.touch_policy };
        let codes = self.ask_codes(session, &tokens, (&mut look, new), rules)?;
        let seen = look.slot(new.slot).clone();
        if prepared.is_some() {
            tokens.check_slot(&token, &seen, session.prompt.as_mut())?;
        }
        codes.change(session, &tokens, &mut look, rules)?;
        let pin = tokens.pin_for(&mut look, new, rules, session.prompt.as_mut())?;
        let finished = prepared.is_some();
        let (key, birth) = if let Some(prepared) = prepared {
            prepared
        } else {
            let key = tokens.make_key(&token, &manager, (new, &seen), session.prompt.as_mut()).map_err(stopped)?;
            let birth = tokens.birth(&token, &key, &roots, session.prompt.as_mut()).map_err(stopped)?;
            (key, birth)
        };
        if self.attestation_root.is_some() && birth != Birth::Proven {
            let attested = birth == Birth::Claimed;
            return Err(
                FactorError::Piv(PivError::Setup(SetupError::NotProven { token: token.name(), attested })).into()
            );
        }
        let named = (&key, self.name.as_deref());
        tokens.certify(&token, &manager, named, pin, session.prompt.as_mut()).map_err(stopped)?;
        warn_of(&manager, &look, &roots, birth);
        self.done(&token, &key, Some(finished))
    }

    /// What is to be done, with the person's word where something may be lost or was made before.
    fn plan(&self, session: &mut Session, look: &Look, ways: &Ways) -> Result<Chosen, CliError> {
        let (mode, pin, touch) = (self.algorithm, self.pin_policy, self.touch_policy);
        let plan = look.plan(mode, pin, touch, self.piv_slot, self.overwrite);
        let plan = plan.map_err(|error| CliError::from(FactorError::Piv(error)))?;
        let asks = session.interactive() && self.piv_slot.is_none();
        match &plan {
            Plan::Overwrite(slot) => self.confirm_loss(session, look, *slot, ways)?,
            Plan::Finish(key) => {
                let slot = key.slot;
                let left = format!("PIV slot {slot} has a key that a stopped setup left, without its certificate");
                if self.finish {
                    prose(&format!("{left}; this goes on with it"));
                } else if !(session.interactive()
                    && session.prompt.confirm(&Question::YesByDefault(&format!("{left}. Finish it?")))?)
                {
                    if asks {
                        return Ok(Chosen::Plan(Plan::Make(look.free().map_err(FactorError::Piv)?)));
                    }
                    let token = look.token.name();
                    return Err(FactorError::Piv(PivError::Setup(SetupError::Unfinished { token, slot })).into());
                }
            }
            Plan::Make(slot) => {
                let alike = look.alike(NewKey { slot: *slot, mode, pin, touch }).find_map(|info| info.key.clone());
                if let Some(key) = alike.filter(|_| asks) {
                    let question = format!("PIV slot {} has such a key, made by twinlock. Make another?", key.slot);
                    if !session.prompt.confirm(&Question::Plain(&question))? {
                        return Ok(Chosen::There(key));
                    }
                }
            }
        }
        Ok(Chosen::Plan(plan))
    }

    /// A key that is overwritten is gone for ever: the serial number is typed back, so that it is the one that is meant.
    fn confirm_loss(&self, session: &mut Session, look: &Look, slot: PivSlot, ways: &Ways) -> Result<(), CliError> {
        let info = look.slots.iter().find(|info| info.slot == slot);
        let holds = info.map(describe).unwrap_or_default();
        warn(&format!("what is in PIV slot {slot} of the {} will be gone for ever: {holds}", look.token.name()));
        let opens = info.and_then(|info| info.key.as_ref()).map(|key| ways.opened_by(key)).unwrap_or_default();
        for keyslot in opens {
            warn(&format!("keyslot '{keyslot}' of this vault needs that key, and will not open with it again"));
        }
        // In a script, --serial beside --overwrite has named it already.
        if !session.interactive() {
            return if self.serial.is_some() { Ok(()) } else { Err(unnamed(look, slot)) };
        }
        let typed = session.prompt.line("Type the serial number of the YubiKey to overwrite it")?;
        if typed.trim() == look.token.serial.to_string() {
            return Ok(());
        }
        Err(FactorError::Piv(PivError::Setup(SetupError::NotConfirmed { token: look.token.name() })).into())
    }

    /// Asks for whatever is typed in a setup: new PIN and PUK, where they are offered or come from files, and the PIN.
    fn ask_codes(
        &self,
        session: &mut Session,
        tokens: &PivTokens,
        (look, new): (&mut Look, NewKey),
        rules: PinRules,
    ) -> Result<Codes, CliError> {
        let mut pin = self.ask_pin(session, tokens, look, rules)?;
        if pin.is_none() && look.counters.pin == Some(0) && new.wants_pin() {
            // Before anything is typed for nothing.
            return Err(FactorError::Piv(PivError::PinLocked { token: look.token.name() }).into());
        }
        let known = look.counters.puk_is_default;
        let offered = known == Some(true) && look.counters.puk != Some(0);
        let puk = if self.new_puk_file.is_some() || offered && offer(session, "PUK")? {
            Some(tokens.ask_new_puk(look, rules, session.prompt.as_mut())?)
        } else {
            match known {
                Some(true) => warn_of_default_puk(look),
                Some(false) => {}
                None => prose(
                    "its firmware does not tell whether the PUK is still the one that all YubiKeys come with: --puk-file and \
                     --new-puk-file change it, or 'ykman piv access change-puk'",
                ),
            }
            None
        };
        if pin.is_none() {
            tokens.pin_for(look, new, rules, session.prompt.as_mut())?;
            if look.counters.pin_is_default.is_none() && tokens.knows_default_pin(look.token.serial) {
                // Firmware before 5.3 does not tell; a person who types it does.
                look.counters.pin_is_default = Some(true);
                pin = self.ask_pin(session, tokens, look, rules)?;
            }
        }
        Ok(Codes { pin, puk })
    }

    fn ask_pin(
        &self,
        session: &mut Session,
        tokens: &PivTokens,
        look: &Look,
        rules: PinRules,
    ) -> Result<Option<NewPin>, CliError> {
        let known = look.counters.pin_is_default;
        let offered = known == Some(true) && look.counters.pin != Some(0);
        if self.new_pin_file.is_some() || offered && offer(session, "PIN")? {
            return Ok(Some(tokens.ask_new_pin(look, rules, session.prompt.as_mut())?));
        }
        if known == Some(true) {
            warn(&format!(
                "the {} still has the PIN that all YubiKeys come with: whoever finds it knows it; change it with --new-pin-file, or 'ykman piv access change-pin'",
                look.token.name()
            ));
        }
        Ok(None)
    }

    /// Tells what was done, and how the key is enrolled. `finished`: a stopped setup was; `None`: nothing was made.
    fn done(&self, token: &TokenInfo, key: &KeyInfo, finished: Option<bool>) -> Result<(), CliError> {
        let did = match finished {
            None => "there is",
            Some(true) => "finished",
            Some(false) => "made",
        };
        let (slot, name) = (key.slot, token.name());
        prose(&format!(
            "{did} a key in PIV slot {slot} of the {name} ({}); enroll it with --factor and this:",
            of_key(key)
        ));
        match &self.name {
            Some(name) if !name.contains(';') => {
                out::line(&format!("piv:serial={};slot={slot};name={name}", token.serial))
            }
            _ => out::line(&format!("piv:{}/{slot}", token.serial)),
        }
    }
}

/// Nobody is there to type the serial number back, and the command does not have it.
fn unnamed(look: &Look, slot: PivSlot) -> CliError {
    let serial = look.token.serial;
    CliError::Plain {
        message: format!(
            "nobody is there to type the serial number of the {}; nothing was overwritten",
            look.token.name()
        ),
        hint: format!(
            "if this is the one, name it beside --overwrite: --piv-slot {slot} --overwrite --serial {serial}"
        )
        .into(),
        code: FIXABLE,
    }
}

enum Chosen {
    Plan(Plan),
    /// A key that is there will do.
    There(KeyInfo),
}

/// The key that a stopped setup left, if the token itself says that it was born there.
fn finishable(
    session: &mut Session,
    tokens: &PivTokens,
    look: &Look,
    key: &KeyInfo,
    roots: &Roots,
) -> Result<(KeyInfo, Birth), CliError> {
    match tokens.birth(&look.token, key, roots, session.prompt.as_mut())? {
        Birth::Unknown => {
            let (token, slot) = (look.token.name(), key.slot);
            Err(FactorError::Piv(PivError::Setup(SetupError::Unattested { token, slot })).into())
        }
        birth => Ok((key.clone(), birth)),
    }
}

/// New PIN and PUK, typed.
struct Codes {
    pin: Option<NewPin>,
    puk: Option<NewPuk>,
}

impl Codes {
    fn change(
        self,
        session: &mut Session,
        tokens: &PivTokens,
        look: &mut Look,
        rules: PinRules,
    ) -> Result<(), CliError> {
        if let Some(pin) = self.pin {
            tokens.change_pin(look, pin, rules, session.prompt.as_mut())?;
            prose(&format!("changed the PIN; {}", counters(&look.counters)));
        }
        if let Some(puk) = self.puk {
            tokens.change_puk(look, puk, rules, session.prompt.as_mut())?;
            prose(&format!("changed the PUK; {}", counters(&look.counters)));
        }
        Ok(())
    }
}

fn offer(session: &mut Session, what: &str) -> Result<bool, CliError> {
    let question = format!("Its {what} is the one that all YubiKeys come with. Change it now?");
    Ok(session.interactive() && session.prompt.confirm(&Question::YesByDefault(&question))?)
}

/// What is on the token.
fn show(look: &Look, ways: &Ways) {
    let (major, minor, patch) = look.token.firmware;
    let mut lines = vec![
        format!("{}, firmware {major}.{minor}.{patch}, in reader '{}'", look.token.name(), look.token.reader),
        format!("  {}", counters(&look.counters).replace("; ", "\n  ")),
        format!("  management key: {}", management(look)),
    ];
    for info in look.used() {
        let opens = info.key.as_ref().map(|key| ways.in_words(key)).unwrap_or_default();
        lines.push(format!("  PIV slot {}: {}{opens}", info.slot, describe(info)));
    }
    if look.used().next().is_none() {
        lines.push("  its PIV slots are empty".to_owned());
    }
    for line in lines {
        prose(&line);
    }
}

fn management(look: &Look) -> String {
    let state = match (look.management.is_default, look.management.is_protected) {
        (Some(true), _) => ", the one that all YubiKeys come with",
        (_, true) => ", kept on the YubiKey for whoever has its PIN",
        _ => "",
    };
    format!("{}{state}", look.management.kind.name())
}

/// Tries left: `PIN: 3 of 3 tries left (the one that all YubiKeys come with); PUK: ...`.
pub fn counters(counters: &Counters) -> String {
    let one = |what: &str, left: Option<u8>, of: Option<u8>, default: Option<bool>| {
        let left = match (left, of) {
            (Some(0), _) => "blocked".to_owned(),
            (Some(left), Some(of)) => format!("{left} of {of} tries left"),
            (Some(1), None) => "1 try left".to_owned(),
            (Some(left), None) => format!("{left} tries left"),
            (None, _) => "it does not tell the tries left".to_owned(),
        };
        let default = if default == Some(true) { " (the one that all YubiKeys come with)" } else { "" };
        format!("{what}: {left}{default}")
    };
    let pin = one("PIN", counters.pin, counters.pin_of, counters.pin_is_default);
    let puk = one("PUK", counters.puk, counters.puk_of, counters.puk_is_default);
    format!("{pin}; {puk}")
}

/// A PUK that everybody knows makes the tries of the PIN worth nothing.
pub fn warn_of_default_puk(look: &Look) {
    if look.counters.puk_is_default == Some(true) {
        warn(&format!(
            "the {} still has the PUK that all YubiKeys come with: whoever finds it can set a new PIN; change it with 'twinlock token setup piv', or 'ykman piv access change-puk'",
            look.token.name()
        ));
    }
}

/// What a person should know of the token once the key is made.
fn warn_of(manager: &Manager, look: &Look, roots: &Roots, birth: Birth) {
    if manager.is_default {
        prose(
            "its management key is the one that all YubiKeys come with: any program can overwrite its keys, though not read \
             or use them; 'ykman piv access change-management-key --generate --protect' changes that",
        );
    }
    let name = look.token.name();
    match birth {
        Birth::Proven => prose(&format!("its attestation proves that the key was born on the {name}")),
        Birth::Claimed if roots.is_empty() => prose(&format!(
            "the {name} says that the key was born on it; only certificates of its maker could prove it (--attestation-root)"
        )),
        Birth::Claimed => warn(&format!(
            "the {name} says that the key was born on it, but the certificates that you trust do not prove it"
        )),
        Birth::Unknown => {
            warn(&format!("the {name} gives no attestation: only its word says that the key was born on it"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_told_as_they_are_known() {
        let all = |left, of, default| Counters {
            pin: Some(left),
            pin_of: of,
            pin_is_default: default,
            puk: of,
            puk_of: of,
            puk_is_default: default,
        };
        assert_eq!(counters(&all(2, Some(3), Some(false))), "PIN: 2 of 3 tries left; PUK: 3 of 3 tries left");
        assert_eq!(counters(&all(0, None, None)), "PIN: blocked; PUK: it does not tell the tries left");
        let new = "PIN: 3 of 3 tries left (the one that all YubiKeys come with); PUK: 3 of 3 tries left (the one that all YubiKeys come with)";
        assert_eq!(counters(&all(3, Some(3), Some(true))), new);
    }

    #[test]
    fn only_slots_for_such_keys_can_be_named() {
        assert!(piv_slot("82").is_ok() && piv_slot("95").is_ok() && piv_slot("9D").is_ok());
        for bad in ["9a", "9c", "9e", "96", "f9", ""] {
            assert!(piv_slot(bad).is_err(), "{bad}");
        }
        assert_eq!(algorithm("p384"), Ok(Mode::EcdhP384));
        assert!(algorithm("ecdh-p384").is_err() && algorithm("rsa").is_err());
    }
}
