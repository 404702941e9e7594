//! The key itself, where it was born, and its certificate.

use super::super::attestation::{Birth, CERTIFICATE_OBJECT, Roots, Subject, check};
use super::super::card::{Desk, NewKey};
use super::super::error::PivError;
use super::super::info::{KeyInfo, SlotInfo, TokenInfo};
use super::super::params::Mode;
use super::super::pin::PinRules;
use super::super::public::{PublicKey, certificate_in};
use super::super::slot::{PinPolicy, TouchPolicy};
use super::super::tokens::PivTokens;
use super::super::x509::verifier;
use super::begun::{self, Begun};
use super::certificate::{Content, history, object};
use super::error::SetupError;
use super::{Look, Manager};
use crate::crypto::random_bytes;
use crate::crypto::signature::sign_once;
use crate::factor::FactorError;
use crate::prompt::{Event, Prompt, Purpose};
use crate::secret::Pin;
use std::sync::Arc;
use std::time::SystemTime;

/// The data object that says which retired PIV slots are used.
const KEY_HISTORY: u32 = 0x005f_c10c;

impl NewKey {
    /// Whether its certificate is signed with the PIN.
    pub fn wants_pin(self) -> bool {
        self.pin != PinPolicy::Never && self.mode != Mode::EcdhX25519
    }
}

impl PivTokens {
    /// The PIN, if the certificate of such a key is signed with it. It is asked for before the key is made: one that is not known would
    /// leave the setup half done.
    pub fn pin_for(
        &self,
        look: &mut Look,
        new: NewKey,
        rules: PinRules,
        prompt: &mut dyn Prompt,
    ) -> Result<Option<Arc<Pin>>, FactorError> {
        if new.wants_pin() { self.proven(look, rules, prompt).map(Some) } else { Ok(None) }
    }

    /// Looks whether a PIV slot is as it was `seen`.
    pub fn check_slot(&self, token: &TokenInfo, seen: &SlotInfo, prompt: &mut dyn Prompt) -> Result<(), FactorError> {
        let (serial, slot, name) = (token.serial, seen.slot, token.name());
        let event = Event::Note("Looking at the PIV slot again");
        let now = self.cards.borrow_mut().run_long(&name, &event, prompt, move |desk| desk.slot(serial, slot))?;
        seen.is_still(&now, &name).map_err(FactorError::Piv)
    }

    /// Makes a key where this was `seen`, and nothing else is by now. What the token says of it afterwards must be what was asked for.
    pub fn make_key(
        &self,
        token: &TokenInfo,
        manager: &Manager,
        (new, seen): (NewKey, &SlotInfo),
        prompt: &mut dyn Prompt,
    ) -> Result<KeyInfo, FactorError> {
        let (serial, name) = (token.serial, token.name());
        self.announce(token, manager, Begun::new(new, seen).object(), prompt)?;
        let (kind, key) = (manager.kind, Arc::clone(&manager.key));
        let making = Event::Note("Making the key; this can take a few seconds");
        let touch = Event::Touch { token: &name, purpose: Purpose::Manage, maybe: false };
        let event = if manager.touch { touch } else { making };
        let seen = seen.clone();
        let work = move |desk: &mut Desk| {
            let made = desk.make_key(serial, kind, &key, new, &seen);
            desk.let_go(serial);
            made
        };
        let public = self.cards.borrow_mut().run_long(&name, &event, prompt, work)?;
        let made =
            KeyInfo { slot: new.slot, public, pin: Some(new.pin), touch: Some(new.touch), generated: Some(true) };
        let bad = |why| FactorError::Piv(PivError::BadAnswer { token: name.clone(), why });
        let found = self.cards.borrow_mut().run(prompt, move |desk| desk.made(serial, new.slot))?;
        match found {
            Some(found) if found == made => Ok(made),
            Some(found) if found.public == made.public => {
                Err(bad("the key has not the PIN and touch policy that was asked for"))
            }
            // Some firmware before 5.3 shows no key without a certificate, if its attestation key was taken away.
            None if token.firmware < (5, 3, 0) => Ok(made),
            _ => Err(bad("the key that was made is not in its PIV slot")),
        }
    }

    /// Where a key was born, as far as it can be known. An attestation that is not right is an error; that there is none is not.
    pub fn birth(
        &self,
        token: &TokenInfo,
        key: &KeyInfo,
        roots: &Roots,
        prompt: &mut dyn Prompt,
    ) -> Result<Birth, FactorError> {
        let (serial, slot) = (token.serial, key.slot);
        let name = token.name();
        let work = move |desk: &mut Desk| desk.attest(serial, slot);
        let event = Event::Note("Asking where the key was born");
        let statement = self.cards.borrow_mut().run_long(&name, &event, prompt, work)?;
        let signer = self.cards.borrow_mut().run(prompt, move |desk| desk.object(serial, CERTIFICATE_OBJECT))?;
        let (Some(statement), Some(signer)) = (statement, signer.as_deref().and_then(certificate_in)) else {
            return Ok(Birth::Unknown);
        };
        let subject = Subject { serial, firmware: token.firmware, key };
        check(&statement, signer, &subject, roots)
            .map_err(|why| FactorError::Piv(PivError::Setup(SetupError::Forged { token: name, why })))
    }

    /// Signs the certificate of a key, and writes it: the end of a setup. `name` is what the token's owner calls it.
    pub fn certify(
        &self,
        token: &TokenInfo,
        manager: &Manager,
        (key, name): (&KeyInfo, Option<&str>),
        pin: Option<Arc<Pin>>,
        prompt: &mut dyn Prompt,
    ) -> Result<(), FactorError> {
        let (serial, called) = (token.serial, token.name());
        let PublicKey::Ecdh { mode, point } = &key.public else {
            unreachable!("only keys that can be enrolled are made, or finished")
        };
        let number = random_bytes().map_err(|error| FactorError::Piv(error.into()))?;
        let content = Content { serial, name, mode: *mode, point, number, now: SystemTime::now() };
        let body = content.body();
        let signature = if content.signs_itself() {
            let hash = content.hash().of(&body);
            let new = NewKey {
                slot: key.slot,
                mode: *mode,
                pin: key.pin.unwrap_or(PinPolicy::Once),
                touch: key.touch.unwrap_or(TouchPolicy::Always),
            };
            let touch = new.touch != TouchPolicy::Never;
            let work = move |desk: &mut Desk| desk.sign(serial, new, pin.as_deref(), &hash);
            let signature = if touch {
                let maybe = new.touch == TouchPolicy::Cached;
                let event = Event::Touch { token: &called, purpose: Purpose::Certificate, maybe };
                self.cards.borrow_mut().run_long(&called, &event, prompt, work)?
            } else {
                self.cards.borrow_mut().run(prompt, work)?
            };
            // A token that cannot use the key it shows is found out here, and not when a vault is to be opened.
            let good = verifier(*mode, point).is_some_and(|key| key.has_signed(content.hash(), &body, &signature));
            if !good {
                let why = "the signature is not that of its key";
                return Err(FactorError::Piv(PivError::BadAnswer { token: called, why }));
            }
            signature
        } else {
            sign_once(&body).map_err(|error| FactorError::Piv(error.into()))?
        };
        let content = object(&content.signed(&body, &signature));
        let there = self.cards.borrow_mut().run(prompt, move |desk| desk.object(serial, KEY_HISTORY))?;
        if let Some(history) = history(there.as_deref(), key.slot) {
            self.write(token, manager, KEY_HISTORY, history, prompt)?;
        }
        self.write(token, manager, key.slot.certificate_object(), content, prompt)?;
        self.announce(token, manager, Vec::new(), prompt)
    }

    /// Writes the note that a setup has begun, or takes it away. Each writing may want a touch of its own: it is not worth one.
    fn announce(
        &self,
        token: &TokenInfo,
        manager: &Manager,
        note: Vec<u8>,
        prompt: &mut dyn Prompt,
    ) -> Result<(), FactorError> {
        if manager.touch {
            return Ok(());
        }
        match self.write(token, manager, begun::OBJECT, note, prompt) {
            // A token that has no room for it can be set up all the same; what a stopped setup leaves is not seen as that then.
            Err(FactorError::Piv(PivError::Refused { .. })) => Ok(()),
            done => done,
        }
    }

    fn write(
        &self,
        token: &TokenInfo,
        manager: &Manager,
        object: u32,
        content: Vec<u8>,
        prompt: &mut dyn Prompt,
    ) -> Result<(), FactorError> {
        let (serial, kind, key) = (token.serial, manager.kind, Arc::clone(&manager.key));
        self.managing(&token.name(), manager.touch, prompt, move |desk| desk.write(serial, kind, &key, object, content))
    }
}
