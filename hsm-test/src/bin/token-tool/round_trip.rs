//! Uses a key once forth and back, as an unlock would; the fixtures' own tests need no more.

use crate::slots::user_session;
use crate::{Args, Failure};
use cryptoki::context::Pkcs11;
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::mechanism::elliptic_curve::{EcKdf, Ecdh1DeriveParams};
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsOaepParams, PkcsOaepSource};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;

const TEXT: &[u8] = b"thirty-two bytes of a test secret";

/// Runs the key with `label=`: AES-GCM, HMAC twice, OAEP (`hash=sha1|sha256`) or ECDH with itself. Fails if what comes back differs.
pub fn run(module: &Pkcs11, args: &Args) -> Result<(), Failure> {
    let session = user_session(module, args)?;
    let find = |class| -> Result<ObjectHandle, Failure> {
        let label = Attribute::Label(args.get("label")?.as_bytes().to_vec());
        let found = session.find_objects(&[Attribute::Class(class), label])?;
        match found[..] {
            [one] => Ok(one),
            _ => Err(Failure::Other(format!("{} keys with this label", found.len()))),
        }
    };
    if let Ok(key) = find(ObjectClass::SECRET_KEY) {
        return match key_type(&session, key)? {
            KeyType::AES => gcm(&session, key, args),
            _ => hmac(&session, key),
        };
    }
    let (private, public) = (find(ObjectClass::PRIVATE_KEY)?, find(ObjectClass::PUBLIC_KEY)?);
    match key_type(&session, private)? {
        KeyType::RSA => oaep(&session, private, public, args),
        _ => ecdh(&session, private, public),
    }
}

fn key_type(session: &Session, key: ObjectHandle) -> Result<KeyType, Failure> {
    match session.get_attributes(key, &[AttributeType::KeyType])?.first() {
        Some(Attribute::KeyType(kind)) => Ok(*kind),
        _ => Err(Failure::Other("the key has no type".to_owned())),
    }
}

fn same(one: &[u8], other: &[u8]) -> Result<(), Failure> {
    if one == other { Ok(()) } else { Err(Failure::Other("what came back differs".to_owned())) }
}

/// Writes the IV as it reads after the encryption.
fn gcm(session: &Session, key: ObjectHandle, args: &Args) -> Result<(), Failure> {
    let mut iv = if args.get_opt("iv") == Some("zero") { [0; 12] } else { *b"not all zero" };
    let sealed = session.encrypt(&Mechanism::AesGcm(GcmParams::new(&mut iv, b"aad", 128.into())?), key, TEXT)?;
    println!("{}", hex::encode(iv));
    let opened = session.decrypt(&Mechanism::AesGcm(GcmParams::new(&mut iv, b"aad", 128.into())?), key, &sealed)?;
    same(&opened, TEXT)
}

fn hmac(session: &Session, key: ObjectHandle) -> Result<(), Failure> {
    let first = session.sign(&Mechanism::Sha256Hmac, key, TEXT)?;
    same(&first, &session.sign(&Mechanism::Sha256Hmac, key, TEXT)?)
}

fn oaep(session: &Session, private: ObjectHandle, public: ObjectHandle, args: &Args) -> Result<(), Failure> {
    let (hash, mgf) = match args.get("hash")? {
        "sha256" => (MechanismType::SHA256, PkcsMgfType::MGF1_SHA256),
        _ => (MechanismType::SHA1, PkcsMgfType::MGF1_SHA1),
    };
    let mechanism = Mechanism::RsaPkcsOaep(PkcsOaepParams::new(hash, mgf, PkcsOaepSource::empty()));
    let sealed = session.encrypt(&mechanism, public, TEXT)?;
    same(&session.decrypt(&mechanism, private, &sealed)?, TEXT)
}

/// The shared secret of the key with its own public key.
fn ecdh(session: &Session, private: ObjectHandle, public: ObjectHandle) -> Result<(), Failure> {
    let attributes = session.get_attributes(public, &[AttributeType::EcPoint])?;
    let Some(Attribute::EcPoint(point)) = attributes.first() else {
        return Err(Failure::Other("the public key has no point".to_owned()));
    };
    let raw = unwrap_octet_string(point);
    let mechanism = Mechanism::Ecdh1Derive(Ecdh1DeriveParams::new(EcKdf::null(), raw));
    // The length of the x-coordinate: half of an uncompressed point without its first byte; X25519 has no first byte.
    let length = if raw.len() == 32 { 32 } else { (raw.len() - 1) / 2 };
    let template = [
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::GENERIC_SECRET),
        Attribute::Token(false),
        Attribute::Sensitive(false),
        Attribute::Extractable(true),
        Attribute::ValueLen(length.try_into()?),
    ];
    let derived = session.derive_key(&mechanism, private, &template)?;
    match session.get_attributes(derived, &[AttributeType::Value])?.first() {
        Some(Attribute::Value(secret)) if secret.len() == length => Ok(()),
        _ => Err(Failure::Other("no shared secret".to_owned())),
    }
}

/// `CKA_EC_POINT` is an OCTET STRING around the point; some modules give the point itself.
fn unwrap_octet_string(point: &[u8]) -> &[u8] {
    match point {
        [0x04, length, rest @ ..] if usize::from(*length) == rest.len() => rest,
        [0x04, 0x81, length, rest @ ..] if usize::from(*length) == rest.len() => rest,
        _ => point,
    }
}
