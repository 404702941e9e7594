//! Making a stanza and the factor secret behind it: in software under the token's public key, or with the token. And the proof that
//! the token gives it back.

use super::error::TokenError;
use super::info::{KeyInfo, PublicKey};
use super::mode::{Family, Mode};
use super::params::{Ecdh, How, Params, Rsa, key_ref};
use super::tokens::{Found, Tokens};
use super::uri::Uri;
use crate::crypto::ecdh::Curve;
use crate::crypto::oaep::{self, OaepError};
use crate::crypto::{ecdh::EcdhError, random_bytes, random_secret};
use crate::factor::FactorError;
use crate::prompt::Prompt;
use crate::secret::FactorSecret;

/// Wraps under a public key; no token is needed. `None`: the mode has none, or the key is not of the mode's type.
pub fn in_software(
    mode: Mode,
    uri: &str,
    public: &PublicKey,
    bind: &[u8],
) -> Option<Result<(Params, FactorSecret), TokenError>> {
    let wrapped = match (mode.family(), public) {
        (Family::Rsa(hash), PublicKey::Rsa { modulus, exponent }) => {
            random_secret().map_err(TokenError::from).and_then(|z| {
                let sealed = oaep::encrypt(hash, modulus, exponent, z.as_slice()).map_err(|error| rsa_error(&error))?;
                let rsa = Rsa { modulus: modulus.clone(), exponent: exponent.clone(), sealed };
                let how = if mode == Mode::RsaOaepSha1 { How::RsaOaepSha1(rsa) } else { How::RsaOaepSha256(rsa) };
                let params = Params { uri: uri.to_owned(), how };
                let secret = params.factor_secret(z.as_slice(), bind);
                Ok((params, secret))
            })
        }
        (Family::Ecdh(curve), PublicKey::Point(public)) => {
            curve.agree(public).map_err(|error| ecdh_error(&error)).map(|agreed| {
                let ecdh = Ecdh { public: public.clone(), ephemeral: agreed.ephemeral };
                let how = match curve {
                    Curve::P256 => How::EcdhP256(ecdh),
                    Curve::P384 => How::EcdhP384(ecdh),
                    Curve::X25519 => How::EcdhX25519(ecdh),
                };
                let params = Params { uri: uri.to_owned(), how };
                let secret = params.factor_secret(&agreed.z, bind);
                (params, secret)
            })
        }
        _ => return None,
    };
    Some(wrapped)
}

/// Wraps under a key of a token that is here and logged in, and proves that it comes back.
pub fn with_token(
    tokens: &mut Tokens,
    found: &Found,
    key: &KeyInfo,
    mode: Mode,
    bind: &[u8],
    prompt: &mut dyn Prompt,
) -> Result<(Params, FactorSecret), FactorError> {
    let named = |bytes: &[u8]| if bytes.is_empty() { None } else { Some(bytes.to_vec()) };
    let serial = named(found.info.serial.as_bytes());
    let token = Some(found.info.label.clone().into_bytes());
    let uri = Uri { token, serial, object: named(&key.label), id: named(&key.id), ..Uri::default() };
    let unsuitable = |why: &str| TokenError::KeyUnsuitable { key: key.name(), why: why.to_owned() };
    if uri.object.is_none() && uri.id.is_none() {
        return Err(unsuitable("it has neither label nor id, so it cannot be found again").into());
    }
    let text = uri.canonical();
    let (params, secret) = match mode.family() {
        Family::AesGcm => {
            let z = random_secret().map_err(TokenError::from)?;
            let iv = random_bytes().map_err(TokenError::from)?;
            let (iv, sealed) = tokens.seal(found, key_ref(mode, &uri), bind, iv, &z)?;
            let params = Params { uri: text, how: How::AesGcm { iv, sealed } };
            let secret = params.factor_secret(z.as_slice(), bind);
            (params, secret)
        }
        Family::Hmac => {
            let params = Params { uri: text, how: How::Hmac { challenge: random_bytes().map_err(TokenError::from)? } };
            let secret = reproduce(tokens, found, &params, &uri, bind, prompt)?;
            (params, secret)
        }
        Family::Rsa(_) | Family::Ecdh(_) => {
            let public = key.public.as_ref().ok_or_else(|| unsuitable("its token does not show the public half"))?;
            in_software(mode, &text, public, bind).ok_or_else(|| unsuitable("its public half is of another type"))??
        }
    };
    prove(tokens, found, &params, &uri, &secret, &mut |tokens, params| {
        reproduce(tokens, found, params, &uri, bind, prompt)
    })?;
    Ok((params, secret))
}

/// The factor secret, from a new session of the token.
pub fn reproduce(
    tokens: &mut Tokens,
    found: &Found,
    params: &Params,
    uri: &Uri,
    bind: &[u8],
    prompt: &mut dyn Prompt,
) -> Result<FactorSecret, FactorError> {
    let mode = params.mode();
    let z =
        tokens.reproduce(found, key_ref(mode, uri), params.operation(bind), prompt).map_err(|error| match error {
            FactorError::Token(TokenError::Mechanism { token, code, .. }) => {
                FactorError::Token(TokenError::Mechanism { token, mode: Some(mode), code })
            }
            other => other,
        })?;
    if !params.is_possible(&z) {
        return Err(
            TokenError::BadAnswer { token: found.info.name(), why: "the shared secret is zero".to_owned() }.into()
        );
    }
    Ok(params.factor_secret(&z, bind))
}

/// What mechanism lists promise is not always so (SoftHSM 2.6 lists OAEP and refuses SHA-256), hence: it must give the secret back, and
/// must not give it for anything else.
///
/// Of ECDH the second is asked of nobody: the ephemeral key is in the salt of the factor secret (spec 5.3), so another one gives another
/// secret, even if the token gave the same `Z`. The trial could not fail, and would cost a second touch.
fn prove(
    tokens: &mut Tokens,
    found: &Found,
    params: &Params,
    uri: &Uri,
    secret: &FactorSecret,
    again: &mut dyn FnMut(&mut Tokens, &Params) -> Result<FactorSecret, FactorError>,
) -> Result<(), FactorError> {
    let failed =
        |why: &str| FactorError::Token(TokenError::RoundTrip { token: found.info.name(), why: why.to_owned() });
    // Both are ours and nobody times this, so `==` gives nothing away.
    if again(tokens, params)?.expose() != secret.expose() {
        if found.info.is_piv() {
            // OpenSC takes the public key from the certificate, which stays when the key beside it is made anew.
            return Err(TokenError::OtherCertificate { token: found.info.name(), key: uri.key_name() }.into());
        }
        return Err(failed("it does not give back the secret that was made"));
    }
    let mut damaged = params.clone();
    if !damage(&mut damaged.how) {
        return Ok(());
    }
    match again(tokens, &damaged) {
        Ok(other) if other.expose() == secret.expose() => Err(failed("it gives the secret for a damaged blob too")),
        // A module that dies of a damaged blob would die of a damaged vault.
        Err(FactorError::Token(error)) if error.is_module() => Err(error.into()),
        Err(error @ FactorError::Prompt(_)) => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// One bit in what the token is asked to open. False: that is ECDH, where nothing that is opened could be damaged.
fn damage(how: &mut How) -> bool {
    match how {
        How::AesGcm { sealed, .. } => sealed[0] ^= 1,
        How::Hmac { challenge } => challenge[0] ^= 1,
        How::RsaOaepSha256(rsa) | How::RsaOaepSha1(rsa) => {
            if let Some(last) = rsa.sealed.last_mut() {
                *last ^= 1;
            }
        }
        How::EcdhP256(_) | How::EcdhP384(_) | How::EcdhX25519(_) => return false,
    }
    true
}

fn rsa_error(error: &OaepError) -> TokenError {
    match error {
        OaepError::Random(_) => TokenError::NoRandomness,
        other => TokenError::KeyUnsuitable { key: "RSA".to_owned(), why: other.to_string() },
    }
}

fn ecdh_error(error: &EcdhError) -> TokenError {
    match error {
        EcdhError::Random(_) => TokenError::NoRandomness,
        EcdhError::BadPoint => TokenError::KeyUnsuitable { key: "EC".to_owned(), why: error.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flipped_bit_of_ecdh_gives_another_secret_whatever_the_token_says() {
        for curve in [Curve::P256, Curve::P384, Curve::X25519] {
            // The basepoint of X25519, and an ephemeral key on any curve, are points that can be a token's.
            let basepoint = [&[9][..], &[0; 31]].concat();
            let public = match curve {
                Curve::X25519 => basepoint,
                _ => crate::encode::hex::decode(GENERATORS[usize::from(curve == Curve::P384)]).unwrap(),
            };
            let agreed = curve.agree(&public).unwrap();
            let secret = |ephemeral: Vec<u8>, public: Vec<u8>| {
                let ecdh = Ecdh { public, ephemeral };
                let how = match curve {
                    Curve::P256 => How::EcdhP256(ecdh),
                    Curve::P384 => How::EcdhP384(ecdh),
                    Curve::X25519 => How::EcdhX25519(ecdh),
                };
                *Params { uri: String::new(), how }.factor_secret(&agreed.z, b"bind").expose()
            };
            let right = secret(agreed.ephemeral.clone(), public.clone());
            for bit in 0..agreed.ephemeral.len() * 8 {
                let flipped = |point: &[u8]| {
                    let mut point = point.to_vec();
                    point[bit / 8] ^= 1 << (bit % 8);
                    point
                };
                // As a token would have it that gives this `Z` for every point.
                assert_ne!(secret(flipped(&agreed.ephemeral), public.clone()), right, "{curve:?}, bit {bit}");
                assert_ne!(secret(agreed.ephemeral.clone(), flipped(&public)), right, "{curve:?}, bit {bit}");
            }
        }
    }

    /// SEC 2, 2.4.2 and 2.5.1.
    const GENERATORS: [&str; 2] = [
        "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296\
         4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5",
        "04aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7\
         3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f",
    ];
}
