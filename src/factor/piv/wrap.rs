//! Making a stanza and the factor secret behind it, in software under a public key: the token may be in a drawer, or a colleague's.

use super::error::PivError;
use super::params::{Hints, KIND, Mode, Params};
use crate::crypto::ecdh::EcdhError;
use crate::factor::{Enroll, FactorError, SlotContext};
use crate::header::Stanza;
use crate::prompt::Prompt;
use crate::secret::FactorSecret;

/// A fresh ephemeral key against the token's.
pub fn under(mode: Mode, public: &[u8], hints: Hints, bind: &[u8]) -> Result<(Params, FactorSecret), FactorError> {
    let agreed = mode.curve().agree(public).map_err(|error| match error {
        EcdhError::Random(_) => FactorError::NoRandomness,
        EcdhError::BadPoint => FactorError::BadStanza("'public' is not a valid point".to_owned()),
    })?;
    let params = Params { mode, public: public.to_vec(), ephemeral: agreed.ephemeral, hints };
    let secret = params.factor_secret(&agreed.z, bind);
    Ok((params, secret))
}

/// Enrolls a key of which only the public half is here. Nothing proves that anybody has the other one.
pub struct PivPublicEnroll {
    /// Its mode.
    pub mode: Mode,
    /// Its point, checked.
    pub public: Vec<u8>,
    /// What its owner said of the token.
    pub hints: Hints,
}

impl PivPublicEnroll {
    /// Of the bytes of a certificate or public key. `path` is for what is said if they are neither.
    pub fn from_file(path: &str, bytes: &[u8], hints: Hints) -> Result<Self, FactorError> {
        use super::public::PublicKey;
        let bad = |why| FactorError::Piv(PivError::BadFile { path: path.to_owned(), why });
        match PublicKey::from_file(bytes).map_err(bad)? {
            PublicKey::Ecdh { mode, point } => Ok(Self { mode, public: point, hints }),
            PublicKey::Other(kind) => Err(bad(format!("its key is {kind}"))),
        }
    }
}

impl Enroll for PivPublicEnroll {
    fn enroll(&self, ctx: &SlotContext<'_>, _: &mut dyn Prompt) -> Result<(Stanza, FactorSecret), FactorError> {
        let (params, secret) = under(self.mode, &self.public, self.hints.clone(), &self.mode.bind(ctx))?;
        Ok((Stanza::new(KIND, &params), secret))
    }
}

/// Wraps again under the public key of a stanza.
pub struct PivRewrap {
    stanza: Stanza,
    params: Params,
}

/// What makes a fresh stanza and secret from a stanza alone. `None`: another kind, or not as it should be.
pub fn rewrap_from_stanza(stanza: &Stanza) -> Option<PivRewrap> {
    let params = Params::from_stanza(stanza).ok()??;
    Some(PivRewrap { stanza: stanza.clone(), params })
}

impl Enroll for PivRewrap {
    fn enroll(&self, ctx: &SlotContext<'_>, _: &mut dyn Prompt) -> Result<(Stanza, FactorSecret), FactorError> {
        let Params { mode, public, hints, .. } = &self.params;
        let (params, secret) = under(*mode, public, hints.clone(), &mode.bind(ctx))?;
        let mut stanza = Stanza::new(KIND, &params);
        // Fields of a later version stay (spec 4.2).
        for (name, value) in &self.stanza.params {
            stanza.params.entry(name.clone()).or_insert_with(|| value.clone());
        }
        Ok((stanza, secret))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::NoPrompt;
    use crate::secret::zeros32;
    use zeroize::Zeroizing;

    const CTX: SlotContext<'_> = SlotContext { vault_id: &[1; 16], keyslot_id: &[2; 16], vault: "v", keyslot: "k" };

    /// The token's side, with a private key that is known.
    fn open(stanza: &Stanza, private: [u8; 32]) -> [u8; 32] {
        let params = Params::from_stanza(stanza).ok().flatten().unwrap();
        let point: [u8; 32] = params.ephemeral.as_slice().try_into().unwrap();
        let z = crate::crypto::ecdh::tests::x25519_of(&private, &point);
        *params.factor_secret(&z, &params.mode.bind(&CTX)).expose()
    }

    #[test]
    fn what_is_wrapped_for_a_token_opens_with_it_and_again_after_a_rewrap() {
        let private = [7; 32];
        let mut base = Zeroizing::new([0; 32]);
        base[0] = 9;
        let public = crate::crypto::ecdh::tests::x25519_of(&private, &base).to_vec();
        let hints = Hints { serial: Some(1), name: Some("ada".into()), ..Hints::default() };
        let enroll = PivPublicEnroll { mode: Mode::EcdhX25519, public, hints: hints.clone() };
        let (mut stanza, secret) = enroll.enroll(&CTX, &mut NoPrompt).ok().unwrap();
        assert_eq!(open(&stanza, private), *secret.expose());
        stanza.params.insert("later".into(), 1.into());
        let (again, other) = rewrap_from_stanza(&stanza).unwrap().enroll(&CTX, &mut NoPrompt).ok().unwrap();
        assert_eq!(open(&again, private), *other.expose());
        assert_ne!(secret.expose(), other.expose(), "another ephemeral key each time");
        assert_eq!(again.params["later"], 1);
        assert_eq!(Params::from_stanza(&again).ok().flatten().unwrap().hints, hints);
        assert_ne!(**zeros32(), *other.expose());
    }
}
