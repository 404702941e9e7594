//! Keys: make, delete, list.

use crate::slots::user_session;
use crate::{Args, Failure};
use cryptoki::context::Pkcs11;
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, ObjectClass};
use hsm_test::KeyType;

/// Public exponent 65537.
const RSA_EXPONENT: [u8; 3] = [1, 0, 1];
/// OBJECT IDENTIFIER 1.2.840.10045.3.1.7, RFC 5480.
const P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// OBJECT IDENTIFIER 1.3.132.0.34, RFC 5480.
const P384: &[u8] = &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22];
/// OBJECT IDENTIFIER 1.3.132.0.35, RFC 5480.
const P521: &[u8] = &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23];
/// OBJECT IDENTIFIER 1.3.101.110, RFC 8410.
const X25519: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x6e];

/// Makes a key of `type=` with `label=`, `id=`; `extractable=yes`, `sensitive=no`.
pub fn make(module: &Pkcs11, args: &Args) -> Result<(), Failure> {
    let name = args.get("type")?;
    let kind = KeyType::ALL.iter().find(|(_, this)| *this == name);
    let (kind, _) = kind.ok_or_else(|| Failure::Other(format!("no type '{name}'")))?;
    let session = user_session(module, args)?;
    let named = [
        Attribute::Token(true),
        Attribute::Label(args.get("label")?.as_bytes().to_vec()),
        Attribute::Id(hex::decode(args.get("id")?).map_err(|error| Failure::Other(error.to_string()))?),
    ];
    let secret = [
        Attribute::Private(true),
        Attribute::Sensitive(args.get_opt("sensitive") != Some("no")),
        Attribute::Extractable(args.yes("extractable")),
    ];
    let generate =
        |mechanism, own: &[Attribute]| session.generate_key(&mechanism, &[&named[..], &secret, own].concat()).map(drop);
    let generate_pair = |mechanism, public: &[Attribute], private: &[Attribute]| {
        let public = [&named[..], &[Attribute::Private(false)], public].concat();
        session.generate_key_pair(&mechanism, &public, &[&named[..], &secret, private].concat()).map(drop)
    };
    let aes = |bytes: u64| {
        let own = [Attribute::ValueLen(bytes.into()), Attribute::Encrypt(true), Attribute::Decrypt(true)];
        generate(Mechanism::AesKeyGen, &own)
    };
    let rsa = |bits: u64| {
        let public = [
            Attribute::ModulusBits(bits.into()),
            Attribute::PublicExponent(RSA_EXPONENT.to_vec()),
            Attribute::Encrypt(true),
        ];
        generate_pair(Mechanism::RsaPkcsKeyPairGen, &public, &[Attribute::Decrypt(true)])
    };
    let ec = |mechanism, curve: &[u8]| {
        generate_pair(mechanism, &[Attribute::EcParams(curve.to_vec())], &[Attribute::Derive(true)])
    };
    match kind {
        KeyType::Aes128 => aes(16),
        KeyType::Aes256 => aes(32),
        KeyType::Hmac => {
            let own = [Attribute::ValueLen(32.into()), Attribute::Sign(true), Attribute::Verify(true)];
            generate(Mechanism::GenericSecretKeyGen, &own)
        }
        KeyType::Rsa2048 => rsa(2048),
        KeyType::Rsa3072 => rsa(3072),
        KeyType::EcP256 => ec(Mechanism::EccKeyPairGen, P256),
        KeyType::EcP384 => ec(Mechanism::EccKeyPairGen, P384),
        KeyType::EcP521 => ec(Mechanism::EccKeyPairGen, P521),
        KeyType::X25519 => ec(Mechanism::EccMontgomeryKeyPairGen, X25519),
    }?;
    Ok(())
}

/// Deletes every object with `label=`; writes how many.
pub fn delete(module: &Pkcs11, args: &Args) -> Result<(), Failure> {
    let session = user_session(module, args)?;
    let found = session.find_objects(&[Attribute::Label(args.get("label")?.as_bytes().to_vec())])?;
    for object in &found {
        session.destroy_object(*object)?;
    }
    println!("{}", found.len());
    Ok(())
}

/// Writes class, label, id, extractable, sensitive of each key, with tabs between.
pub fn list(module: &Pkcs11, args: &Args) -> Result<(), Failure> {
    let session = user_session(module, args)?;
    for (class, name, secret) in [
        (ObjectClass::SECRET_KEY, "secret", true),
        (ObjectClass::PRIVATE_KEY, "private", true),
        (ObjectClass::PUBLIC_KEY, "public", false),
    ] {
        for key in session.find_objects(&[Attribute::Class(class)])? {
            let mut line = [name.to_owned(), String::new(), String::new(), "false".to_owned(), "false".to_owned()];
            for attribute in session.get_attributes(key, &[AttributeType::Label, AttributeType::Id])? {
                match attribute {
                    Attribute::Label(label) => line[1] = String::from_utf8_lossy(&label).into_owned(),
                    Attribute::Id(id) => line[2] = hex::encode(&id),
                    _ => {}
                }
            }
            // Not asked of a public key: SoftHSM answers with an error.
            let flags: &[_] = if secret { &[AttributeType::Extractable, AttributeType::Sensitive] } else { &[] };
            for attribute in session.get_attributes(key, flags)? {
                match attribute {
                    Attribute::Extractable(yes) => line[3] = yes.to_string(),
                    Attribute::Sensitive(yes) => line[4] = yes.to_string(),
                    _ => {}
                }
            }
            println!("{}", line.join("\t"));
        }
    }
    Ok(())
}
