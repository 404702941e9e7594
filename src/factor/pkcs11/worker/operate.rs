//! What the token does with a key: seal once (AES-GCM), and give `Z`. Spec 5.3.
//!
//! Single-part calls only: Kryoptic hands out plaintext before the tag is checked when GCM is done in parts. The crate leaves
//! some copies of results unerased in this process's memory; it cannot be dumped, and ends with the command.

use super::loaded::Loaded;
use super::{Outcome, keys};
use crate::factor::pkcs11::protocol::{Failure, FailureClass, KeyRef, Operation};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::mechanism::elliptic_curve::{EcKdf, Ecdh1DeriveParams};
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsOaepParams, PkcsOaepSource};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use zeroize::Zeroizing;

/// 32 bytes and a tag of 16.
const SEALED_LEN: usize = 48;
const TAG_BITS: u64 = 128;

/// Seals 32 bytes under an AES key: under our IV, or under one that the token makes where it insists on that. Gives the IV as it reads
/// after C_Encrypt, and ciphertext with tag.
pub fn seal(
    module: &Loaded,
    slot: u64,
    key: &KeyRef,
    aad: &[u8],
    iv: [u8; 12],
    secret: &[u8],
) -> Outcome<([u8; 12], Vec<u8>)> {
    let (iv, sealed) = match seal_once(module, slot, key, aad, iv, secret)? {
        Ok(done) => done,
        // AWS CloudHSM and FIPS modules take only an IV of their own, written over twelve zeros.
        Err(Error::Pkcs11(rv, _)) if wants_own_iv(rv) => match seal_once(module, slot, key, aad, [0; 12], secret)? {
            Ok(done) => done,
            Err(error) => return Err(module.failure(slot, error)),
        },
        Err(error) => return Err(module.failure(slot, error)),
    };
    // SoftHSM and Kryoptic take a zero IV silently; sealing twice under it would give the plaintexts' XOR and the tag key away.
    if iv == [0; 12] {
        return Err(Failure::plain(FailureClass::ZeroIv, "the token neither takes an IV nor makes one"));
    }
    if sealed.len() != SEALED_LEN {
        return Err(bad_answer(sealed.len(), SEALED_LEN));
    }
    Ok((iv, sealed))
}

type Sealed = Result<([u8; 12], Vec<u8>), Error>;

fn seal_once(module: &Loaded, slot: u64, key: &KeyRef, aad: &[u8], mut iv: [u8; 12], secret: &[u8]) -> Outcome<Sealed> {
    let session = module.session(slot)?;
    let handle = keys::one(&session, key)?;
    let sealed = GcmParams::new(&mut iv, aad, TAG_BITS.into())
        .and_then(|params| session.encrypt(&Mechanism::AesGcm(params), handle, secret));
    Ok(sealed.map(|sealed| (iv, sealed)))
}

fn wants_own_iv(rv: RvError) -> bool {
    matches!(
        rv,
        RvError::MechanismParamInvalid
            | RvError::ArgumentsBad
            | RvError::MechanismInvalid
            | RvError::GeneralError
            | RvError::DeviceError
    )
}

/// Gives `Z` in a new session.
pub fn reproduce(module: &Loaded, slot: u64, key: &KeyRef, operation: &Operation) -> Outcome<Zeroizing<Vec<u8>>> {
    let session = module.session(slot)?;
    let handle = keys::one(&session, key)?;
    let (z, want) = match operation {
        Operation::AesGcm { iv, aad, sealed } => {
            let mut iv = iv.0.clone();
            let z = GcmParams::new(&mut iv, &aad.0, TAG_BITS.into())
                .and_then(|params| session.decrypt(&Mechanism::AesGcm(params), handle, &sealed.0));
            (z, 32)
        }
        Operation::Hmac { message } => (session.sign(&Mechanism::Sha256Hmac, handle, &message.0), 32),
        Operation::RsaOaep { sha1, sealed } => {
            let (hash, mgf) = if *sha1 {
                (MechanismType::SHA1, PkcsMgfType::MGF1_SHA1)
            } else {
                (MechanismType::SHA256, PkcsMgfType::MGF1_SHA256)
            };
            let params = PkcsOaepParams::new(hash, mgf, PkcsOaepSource::empty());
            (session.decrypt(&Mechanism::RsaPkcsOaep(params), handle, &sealed.0), 32)
        }
        Operation::Ecdh { ephemeral, length } => (derive(&session, handle, &ephemeral.0, *length), *length),
    };
    let z = z.map(Zeroizing::new).map_err(|error| module.failure(slot, error))?;
    if z.len() == want { Ok(z) } else { Err(bad_answer(z.len(), want)) }
}

fn derive(session: &Session, key: ObjectHandle, ephemeral: &[u8], length: usize) -> Result<Vec<u8>, Error> {
    let params = Ecdh1DeriveParams::new(EcKdf::null(), ephemeral);
    let template = [
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::GENERIC_SECRET),
        Attribute::Token(false),
        Attribute::Sensitive(false),
        Attribute::Extractable(true),
        Attribute::ValueLen(length.try_into()?),
    ];
    let shared = session.derive_key(&Mechanism::Ecdh1Derive(params), key, &template)?;
    let value = session.get_attributes(shared, &[AttributeType::Value]);
    // It goes with the session too; what this returns changes nothing.
    let _ = session.destroy_object(shared);
    let value = value?.into_iter().find_map(|one| if let Attribute::Value(z) = one { Some(z) } else { None });
    Ok(value.unwrap_or_default())
}

fn bad_answer(got: usize, want: usize) -> Failure {
    Failure::plain(FailureClass::BadAnswer, &format!("the token gave {got} bytes where {want} belong"))
}
