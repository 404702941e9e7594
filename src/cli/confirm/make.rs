//! Sealing an item: under tokens by their public keys, under a password that is checked first.

use super::super::command::{Line, Names};
use super::super::report::{CliError, FIXABLE, LOCKED, hint, prose, warn};
use super::super::sentence::Sentence;
use super::super::session::Session;
use super::Wish;
use super::open::ATTEMPTS;
use crate::confirm::{self, Confirmation, SealError};
use crate::factor::password::{self, Cost, NewPassword, PasswordEnroll, cost_of};
use crate::factor::piv::{TouchPolicy, describe};
use crate::factor::{Enroll, FactorError, Role, SlotContext, in_words, rewrap, role};
use crate::header::{Header, Keyslot, Stanza};
use crate::item::Item;
use crate::keyslot;
use crate::prompt::{Again, Ask, Confirming, Event, Prompt};
use crate::secret::{FactorSecret, SecretText};
use crate::vault::VaultError;
use std::rc::Rc;

/// What an item is to want from now on.
pub struct Sealing<'a> {
    /// The header of its vault.
    pub header: &'a Header,
    /// Its sealed part until now.
    pub before: Option<&'a Confirmation>,
    /// The password that has just opened it.
    pub password: Option<SecretText>,
    /// What it is to want; nothing: it is not sealed.
    pub wishes: &'a [Wish],
    /// The person asks for it now, and is told what it means.
    pub anew: bool,
}

/// The tokens whose touch is meant: those of the vault's own keyslots that ask for one; if none does, all of them. A custodian's is none.
fn tokens(header: &Header) -> Vec<&Stanza> {
    let own = header.keyslots.iter().filter(|slot| !slot.custodians());
    let mut all: Vec<&Stanza> = Vec::new();
    for stanza in own.flat_map(|slot| &slot.factors).filter(|stanza| role(&stanza.kind) == Role::Token) {
        // A key in two keyslots is one.
        if !all.iter().any(|known| known.kind == stanza.kind && key_of(known) == key_of(stanza)) {
            all.push(stanza);
        }
    }
    let touched: Vec<&Stanza> = all.iter().copied().filter(|stanza| wants_touch(stanza)).collect();
    if touched.is_empty() { all } else { touched }
}

/// Whether a token says that it wants to be touched for its key.
fn wants_touch(stanza: &Stanza) -> bool {
    let policy = describe(stanza).and_then(|(_, hints)| hints.touch_policy);
    matches!(policy, Some(TouchPolicy::Always | TouchPolicy::Cached))
}

/// What tells one key from another: its public half, or where it is.
fn key_of(stanza: &Stanza) -> Option<&serde_json::Value> {
    ["public", "modulus", "uri"].iter().find_map(|name| stanza.params.get(*name))
}

/// Whether the key of a token is still in a keyslot of the vault.
pub(super) fn is_enrolled(header: &Header, token: &Stanza) -> bool {
    let mut all = header.keyslots.iter().flat_map(|slot| &slot.factors);
    all.any(|known| known.kind == token.kind && key_of(known) == key_of(token))
}

/// Refuses what cannot be had, before a person types a secret for it.
pub fn check(header: &Header, wishes: &[Wish]) -> Result<(), CliError> {
    if !wishes.contains(&Wish::Touch) || !tokens(header).is_empty() {
        return Ok(());
    }
    Err(CliError::Plain {
        message: format!("no token is enrolled in the vault '{}' that could be touched", header.name),
        hint: "enroll one with 'twinlock keyslot enroll --factor piv', or take --confirm password".into(),
        code: FIXABLE,
    })
}

/// The item as it is to be kept: as it is, if it is to want nothing.
pub fn seal(session: &mut Session, sealing: Sealing<'_>, whole: &Item) -> Result<Item, CliError> {
    if sealing.wishes.is_empty() {
        return Ok(whole.clone());
    }
    let header = sealing.header;
    check(header, sealing.wishes)?;
    let id = confirm::new_id()?;
    let ctx = SlotContext { vault_id: &header.vault_id, keyslot_id: &id, vault: &header.name, keyslot: &whole.name };
    let mut factors = Vec::new();
    if sealing.wishes.contains(&Wish::Touch) {
        factors.extend(touch(session, header, &ctx, whole)?);
    }
    if sealing.wishes.contains(&Wish::Password) {
        let (password, cost) = the_password(session, &sealing, whole)?;
        let enroll = PasswordEnroll { cost, password: Rc::new(password) };
        factors.push(enroll.enroll(&ctx, session.prompt.as_mut())?);
    }
    let item = confirm::seal(&header.vault_id, id, &factors, whole).map_err(|error| match error {
        SealError::Item(error) => CliError::from(VaultError::Item(error)),
        SealError::Random => CliError::from(VaultError::Random),
    })?;
    if sealing.anew {
        tell(&factors, whole);
    }
    Ok(item)
}

fn touch(
    session: &mut Session,
    header: &Header,
    ctx: &SlotContext<'_>,
    item: &Item,
) -> Result<Vec<(Stanza, FactorSecret)>, CliError> {
    let (mut made, mut failed) = (Vec::new(), None);
    for stanza in tokens(header) {
        let mut enroll = rewrap(stanza);
        if enroll.is_none() {
            // A key without a public half: its token has to be here.
            session.prepare_tokens()?;
            enroll = session.openers.of(&stanza.kind).and_then(|opener| opener.again(stanza));
        }
        let mut person = Confirming::sealing(session.prompt.as_mut(), &item.name);
        match enroll.map(|enroll| enroll.enroll(ctx, &mut person)) {
            Some(Ok(factor)) => made.push(factor),
            Some(Err(error @ FactorError::Prompt(_))) => return Err(error.into()),
            Some(Err(error)) => {
                warn(&format!(
                    "'{}' will not open with {}, whose key has to be used for that",
                    item.name,
                    in_words(stanza)
                ));
                failed = Some(error);
            }
            None => warn(&format!("'{}' will not open with {}", item.name, in_words(stanza))),
        }
    }
    session.dismiss_tokens();
    match (made.is_empty(), failed) {
        (true, Some(error)) => Err(error.into()),
        (true, None) => Err(CliError::Plain {
            message: "no token of this vault can be used for it".into(),
            hint: "'twinlock keyslot list' shows them".into(),
            code: FIXABLE,
        }),
        _ => Ok(made),
    }
}

/// The password that has just opened the item; one that is known to open something of this vault; or, where nothing can tell, typed twice.
fn the_password(session: &mut Session, sealing: &Sealing<'_>, item: &Item) -> Result<(NewPassword, Cost), CliError> {
    let header = sealing.header;
    let mut person = Confirming::sealing(session.prompt.as_mut(), &item.name);
    let checks = checks(sealing);
    let passes = |said: &SecretText| -> Result<Option<Cost>, CliError> {
        for check in &checks {
            if check.passes(sealing, said)? {
                return Ok(Some(cost_of(check.stanza()).unwrap_or_default()));
            }
        }
        Ok(None)
    };
    // Asked for anew it is the vault's password of today.
    if let Some(said) = &sealing.password
        && let Some(cost) = passes(said)?
    {
        return Ok((known(said), cost));
    }
    if checks.is_empty() {
        // It is asked for blind from then on, and no keyslot knows it.
        let password = NewPassword::ask(&header.name, &item.name, false, &mut person)?;
        return Ok((password, Cost::default()));
    }
    let ask = Ask::Password { vault: &header.name, keyslot: "" };
    for attempt in 1.. {
        let said = person.secret(&ask)?;
        if let Some(cost) = passes(&said)? {
            return Ok((known(&said), cost));
        }
        if attempt == ATTEMPTS || !person.can_retry(&ask) {
            break;
        }
        person.show(&Event::WrongSecret { what: "password", others: false });
    }
    Err(CliError::Plain {
        message: format!("that password opens no keyslot of the vault '{}'", header.name),
        hint: "nothing was changed; 'twinlock keyslot list' shows the keyslots with a password".into(),
        code: LOCKED,
    })
}

fn known(said: &SecretText) -> NewPassword {
    NewPassword::known(SecretText::new(zeroize::Zeroizing::new(said.expose().to_owned())).into_password())
}

/// Something that a password opens by itself, so that a typing error is found before an item is sealed with it.
enum Check<'a> {
    /// The item as it was, by the factor of this number.
    Item(&'a Confirmation, usize, Stanza),
    /// A keyslot, by the factor of this number from 1.
    Keyslot(&'a Keyslot, u8, &'a Stanza),
}

fn checks<'a>(sealing: &Sealing<'a>) -> Vec<Check<'a>> {
    let of_item = sealing.before.filter(|_| !sealing.anew).into_iter().flat_map(|before| {
        let factors = before.factors().into_iter().enumerate().filter(|(_, stanza)| stanza.kind == password::KIND);
        factors.map(move |(number, stanza)| Check::Item(before, number, stanza))
    });
    let alone = sealing
        .header
        .keyslots
        .iter()
        .filter(|slot| slot.threshold == 1 && !slot.custodians() && slot.unknown_critical().is_none());
    let of_keyslots = alone.flat_map(|slot| {
        let factors = (1u8..).zip(&slot.factors).filter(|(_, stanza)| stanza.kind == password::KIND);
        factors.map(move |(number, stanza)| Check::Keyslot(slot, number, stanza))
    });
    of_item.chain(of_keyslots).collect()
}

impl Check<'_> {
    fn stanza(&self) -> &Stanza {
        match self {
            Self::Item(_, _, stanza) => stanza,
            Self::Keyslot(_, _, stanza) => stanza,
        }
    }

    fn passes(&self, sealing: &Sealing<'_>, said: &SecretText) -> Result<bool, CliError> {
        use crate::factor::Open;
        let header = sealing.header;
        let id = match self {
            Self::Item(before, ..) => before.id(),
            Self::Keyslot(slot, ..) => &slot.id,
        };
        let ctx = SlotContext { vault_id: &header.vault_id, keyslot_id: id, vault: &header.name, keyslot: "" };
        let secret = match password::PasswordOpen.open(&ctx, self.stanza(), &mut Again::new(said)) {
            Ok(Some(secret)) => secret,
            Ok(None) | Err(FactorError::BadStanza(_)) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        Ok(match self {
            Self::Item(before, number, _) => before.key(&header.vault_id, *number, &secret).is_some(),
            Self::Keyslot(slot, number, _) => keyslot::unwrap(&header.vault_id, slot, &[(*number, &secret)]).is_ok(),
        })
    }
}

/// What it means, at the time when it can still be had otherwise.
fn tell(factors: &[(Stanza, FactorSecret)], item: &Item) {
    let ways: Vec<String> = factors.iter().map(|(stanza, _)| in_words(stanza)).collect();
    let name = &item.name;
    warn(&format!(
        "'{name}' opens only with {} from now on: no recovery code and no other keyslot opens it",
        ways.join(" or ")
    ));
    let again = |how: &str| Line::new("edit").and(how).value(Names::Proven.of(name));
    let tokens: Vec<&Stanza> = factors.iter().map(|(s, _)| s).filter(|s| role(&s.kind) == Role::Token).collect();
    if let ([only], 1) = (tokens.as_slice(), factors.len()) {
        hint(&Sentence::with(
            format!(
                "with {} alone it is lost, too: enroll a second one, or let a password open it besides",
                in_words(only)
            ),
            again("--confirm touch --confirm password"),
        ));
    }
    if !tokens.is_empty() && !tokens.iter().any(|stanza| wants_touch(stanza)) {
        warn("no token of this vault is known to ask for a touch: what it asks for, as a PIN, is what confirms");
    }
    if factors.iter().any(|(stanza, _)| stanza.kind == password::KIND) {
        prose("It stays this password, also when 'twinlock passwd' changes that of the vault.");
    }
}
