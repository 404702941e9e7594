//! Makes a key fit for a mode, with that one use and nothing else: a key that may also sign or unwrap can be talked into giving away
//! what it protects.

use super::loaded::Loaded;
use super::{Outcome, keys};
use crate::factor::pkcs11::info::Class;
use crate::factor::pkcs11::mode::Mode;
use crate::factor::pkcs11::protocol::{Failure, FailureClass};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::Attribute;
use cryptoki::session::Session;

/// NIST SP 800-57: 3072 bits are worth 128.
const RSA_BITS: u64 = 3072;

/// Makes the key, or the pair, under this label and id. Neither may be taken: NSS silently replaces a key with the same id.
pub fn generate(module: &Loaded, slot: u64, mode: Mode, label: &str, id: &[u8]) -> Outcome<()> {
    let session = module.writing_session(slot)?;
    let all = [Class::Secret, Class::Private, Class::Public];
    let taken = !keys::list(&session, &all, Some(id), None)?.is_empty()
        || !keys::list(&session, &all, None, Some(label.as_bytes()))?.is_empty();
    if taken {
        return Err(Failure::plain(FailureClass::KeyExists, "a key of that label or id is there already"));
    }
    drop(session);
    let names = [Attribute::Label(label.as_bytes().to_vec()), Attribute::Id(id.to_vec())];
    let mut last = None;
    for recipe in recipes(mode) {
        for strict in [true, false] {
            let session = module.writing_session(slot)?;
            match recipe.run(&session, &names, strict) {
                Ok(()) => return Ok(()),
                Err(error) if is_template_error(&error) => last = Some(error),
                Err(error) => return Err(module.failure(slot, error)),
            }
        }
    }
    let error = last.unwrap_or_else(|| unreachable!("every mode has a recipe"));
    Err(module.failure(slot, error))
}

/// What may be due to an attribute or a form of curve name that this module does not know.
fn is_template_error(error: &Error) -> bool {
    matches!(
        error,
        Error::Pkcs11(
            RvError::AttributeTypeInvalid
                | RvError::AttributeValueInvalid
                | RvError::AttributeReadOnly
                | RvError::TemplateInconsistent
                | RvError::TemplateIncomplete
                | RvError::DomainParamsInvalid
                | RvError::CurveNotSupported,
            _
        )
    )
}

struct Recipe {
    mechanism: Mechanism<'static>,
    /// Of the public half; `None`: a secret key.
    public: Option<Vec<Attribute>>,
    /// What makes the private or secret key what it is.
    own: Vec<Attribute>,
    /// Uses switched off by name, since SoftHSM switches on what is not named.
    off: Vec<Attribute>,
}

impl Recipe {
    /// `strict`: with the uses that are switched off. Some modules refuse to hear of them.
    fn run(&self, session: &Session, names: &[Attribute], strict: bool) -> Result<(), Error> {
        let mut own = vec![
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
        ];
        own.extend_from_slice(names);
        own.extend_from_slice(&self.own);
        if strict {
            own.extend_from_slice(&self.off);
        }
        match &self.public {
            None => session.generate_key(&self.mechanism, &own).map(drop),
            Some(attributes) => {
                // Public, so that it can be compared before a PIN is asked for.
                let mut public = vec![Attribute::Token(true), Attribute::Private(false)];
                public.extend_from_slice(names);
                public.extend_from_slice(attributes);
                session.generate_key_pair(&self.mechanism, &public, &own).map(drop)
            }
        }
    }
}

fn recipes(mode: Mode) -> Vec<Recipe> {
    let secret = |mechanism, on: &[Attribute], off: &[Attribute]| {
        let mut own = vec![Attribute::ValueLen(32.into())];
        own.extend_from_slice(on);
        let mut off = off.to_vec();
        off.extend([
            Attribute::Wrap(false),
            Attribute::Unwrap(false),
            Attribute::Derive(false),
            Attribute::Verify(false),
        ]);
        Recipe { mechanism, public: None, own, off }
    };
    let curve = |mechanism, params: &[u8]| Recipe {
        mechanism,
        public: Some(vec![Attribute::EcParams(params.to_vec())]),
        own: vec![Attribute::Derive(true)],
        off: vec![Attribute::Sign(false)],
    };
    match mode {
        Mode::AesGcm => vec![secret(
            Mechanism::AesKeyGen,
            &[Attribute::Encrypt(true), Attribute::Decrypt(true)],
            &[Attribute::Sign(false)],
        )],
        Mode::HmacSha256 => vec![secret(
            Mechanism::GenericSecretKeyGen,
            &[Attribute::Sign(true)],
            &[Attribute::Encrypt(false), Attribute::Decrypt(false)],
        )],
        Mode::RsaOaepSha256 | Mode::RsaOaepSha1 => vec![Recipe {
            mechanism: Mechanism::RsaPkcsKeyPairGen,
            public: Some(vec![
                Attribute::ModulusBits(RSA_BITS.into()),
                Attribute::PublicExponent(vec![1, 0, 1]),
                Attribute::Encrypt(true),
            ]),
            own: vec![Attribute::Decrypt(true)],
            off: vec![Attribute::Sign(false), Attribute::Unwrap(false)],
        }],
        Mode::EcdhP256 => vec![curve(Mechanism::EccKeyPairGen, keys::P256_OID)],
        Mode::EcdhP384 => vec![curve(Mechanism::EccKeyPairGen, keys::P384_OID)],
        Mode::EcdhX25519 => {
            [keys::X25519_OID, keys::X25519_NAME].map(|params| curve(Mechanism::EccMontgomeryKeyPairGen, params)).into()
        }
    }
}
