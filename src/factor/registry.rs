//! The one list of kinds: what each is to a person, who opens it, who can make it anew from public data.

use super::{Enroll, Open, password, piv, pkcs11, recovery};
use crate::header::{Keyslot, Stanza};

/// What a kind asks of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Something typed; the word for it.
    Typed(&'static str),
    /// A device that must be here.
    Token,
    /// A kind that this program does not know.
    Unknown,
}

/// What the kind of a stanza is.
pub fn role(kind: &str) -> Role {
    match kind {
        password::KIND => Role::Typed("password"),
        recovery::KIND => Role::Typed("recovery code"),
        pkcs11::KIND | piv::KIND => Role::Token,
        #[cfg(any(test, debug_assertions))]
        super::fake::KIND => Role::Typed("fake secret"),
        _ => Role::Unknown,
    }
}

/// The factor in a word or two, as lists print it: `password`, `piv "ada"`, `pkcs11 "vault-hsm"`.
pub fn describe(stanza: &Stanza) -> String {
    match stanza.kind.as_str() {
        pkcs11::KIND => match pkcs11::describe(stanza) {
            Some(described) => format!("pkcs11 \"{}\"", described.token),
            None => "pkcs11 (damaged)".to_owned(),
        },
        piv::KIND => match piv::describe(stanza) {
            Some((_, hints)) => format!("piv \"{}\"", hints.short()),
            None => "piv (damaged)".to_owned(),
        },
        kind if role(kind) == Role::Unknown => format!("{kind} (not known here)"),
        kind => kind.to_owned(),
    }
}

/// A keyslot's factors as lists print them: `password + pkcs11 "lab"`, `2 of (password, recovery)`.
pub fn ways(slot: &Keyslot) -> String {
    let factors: Vec<String> = slot.factors.iter().map(describe).collect();
    match (usize::from(slot.threshold), factors.len()) {
        (k, n) if k == n => factors.join(" + "),
        (1, _) => format!("any of ({})", factors.join(", ")),
        (k, _) => format!("{k} of ({})", factors.join(", ")),
    }
}

/// The factor in a sentence: `the password`, `the token 'vault-hsm'`.
pub fn in_words(stanza: &Stanza) -> String {
    match (stanza.kind.as_str(), role(&stanza.kind)) {
        (pkcs11::KIND, _) => match pkcs11::describe(stanza) {
            Some(described) => format!("the token '{}'", described.token),
            None => "a token whose entry is damaged".to_owned(),
        },
        (piv::KIND, _) => match piv::describe(stanza) {
            Some((_, hints)) => format!("the {}", hints.called()),
            None => "a YubiKey whose entry is damaged".to_owned(),
        },
        (_, Role::Typed(what)) => format!("the {what}"),
        (kind, _) => format!("a factor of kind '{kind}', not known here"),
    }
}

/// Makes the factor anew from its public half, where that is enough: the token may be in a drawer.
pub fn rewrap(stanza: &Stanza) -> Option<Box<dyn Enroll>> {
    match stanza.kind.as_str() {
        pkcs11::KIND => pkcs11::rewrap_from_stanza(stanza).map(|enroll| Box::new(enroll) as Box<dyn Enroll>),
        piv::KIND => piv::rewrap_from_stanza(stanza).map(|enroll| Box::new(enroll) as Box<dyn Enroll>),
        _ => None,
    }
}

/// Who opens each kind in this command.
#[derive(Default)]
pub struct Openers(Vec<(&'static str, Box<dyn Open>)>);

impl Openers {
    /// Those that need nothing but a person: password, recovery code.
    pub fn typed() -> Self {
        let mut openers = Self::default();
        openers.add(password::KIND, Box::new(password::PasswordOpen));
        openers.add(recovery::KIND, Box::new(recovery::RecoveryOpen));
        #[cfg(any(test, debug_assertions))]
        openers.add(super::fake::KIND, Box::new(super::fake::FakeOpen));
        openers
    }

    /// Adds one for a kind.
    pub fn add(&mut self, kind: &'static str, opener: Box<dyn Open>) {
        self.0.push((kind, opener));
    }

    /// The one for a kind.
    pub fn of(&mut self, kind: &str) -> Option<&mut (dyn Open + 'static)> {
        self.0.iter_mut().find(|(known, _)| *known == kind).map(|(_, opener)| opener.as_mut())
    }
}
