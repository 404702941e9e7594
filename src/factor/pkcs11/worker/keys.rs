//! Finding keys and reading their attributes.

use super::Outcome;
use crate::factor::pkcs11::info::{Class, KeyInfo, KeyKind, PublicKey};
use crate::factor::pkcs11::protocol::{Failure, FailureClass, KeyRef};
use cryptoki::error::Error;
use cryptoki::object::{Attribute, AttributeType as A, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;

/// `CKA_EC_PARAMS` of P-256: the OID 1.2.840.10045.3.1.7 in DER.
pub const P256_OID: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// P-384: 1.3.132.0.34.
pub const P384_OID: &[u8] = &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22];
/// X25519: 1.3.101.110 (RFC 8410).
pub const X25519_OID: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x6e];
/// Curve 25519 as the PKCS#11 3.0 text names it: a printable string.
pub const X25519_NAME: &[u8] = b"\x13\x0acurve25519";
/// Curve 25519 under its older OID 1.3.6.1.4.1.3029.1.5.1.
const X25519_OLD_OID: &[u8] = &[0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x97, 0x55, 0x01, 0x05, 0x01];

/// The keys that match what is given.
pub fn list(session: &Session, classes: &[Class], id: Option<&[u8]>, label: Option<&[u8]>) -> Outcome<Vec<KeyInfo>> {
    let mut keys = Vec::new();
    for &class in classes {
        for handle in session.find_objects(&template(class, id, label))? {
            keys.push(read(session, class, handle)?);
        }
    }
    Ok(keys)
}

/// The one key that is meant.
pub fn one(session: &Session, key: &KeyRef) -> Outcome<ObjectHandle> {
    let id = key.id.as_ref().map(|id| id.0.as_slice());
    let label = key.label.as_ref().map(|label| label.0.as_slice());
    match session.find_objects(&template(key.class, id, label))?.as_slice() {
        [only] => Ok(*only),
        [] => Err(Failure::plain(FailureClass::KeyGone, "no such key")),
        more => Err(Failure::plain(FailureClass::KeyAmbiguous(more.len()), "more than one such key")),
    }
}

fn template(class: Class, id: Option<&[u8]>, label: Option<&[u8]>) -> Vec<Attribute> {
    let class = match class {
        Class::Secret => ObjectClass::SECRET_KEY,
        Class::Private => ObjectClass::PRIVATE_KEY,
        Class::Public => ObjectClass::PUBLIC_KEY,
    };
    let mut template = vec![Attribute::Class(class)];
    template.extend(id.map(|id| Attribute::Id(id.to_vec())));
    template.extend(label.map(|label| Attribute::Label(label.to_vec())));
    template
}

/// Reads one key. Only attributes that its class and type have are asked for: some modules give up at the first other one.
fn read(session: &Session, class: Class, handle: ObjectHandle) -> Outcome<KeyInfo> {
    let mut key = KeyInfo {
        class,
        kind: KeyKind::Other("unknown".to_owned()),
        id: Vec::new(),
        label: Vec::new(),
        public: None,
        encrypt: false,
        decrypt: false,
        sign: false,
        derive: false,
        extractable: None,
        sensitive: None,
        always_authenticate: false,
    };
    for attribute in session.get_attributes(handle, &[A::Id, A::Label])? {
        match attribute {
            Attribute::Id(id) => key.id = id,
            Attribute::Label(label) => key.label = label,
            _ => {}
        }
    }
    let key_type = match session.get_attributes(handle, &[A::KeyType]) {
        Ok(found) => found.into_iter().find_map(|one| if let Attribute::KeyType(t) = one { Some(t) } else { None }),
        // A type newer than the crate.
        Err(Error::InvalidValue) => None,
        Err(error) => return Err(error.into()),
    };
    if class != Class::Public {
        read_usage(session, handle, &mut key)?;
    }
    let Some(key_type) = key_type else { return Ok(key) };
    key.kind = kind(session, handle, key_type)?;
    key.public = match class {
        Class::Secret => None,
        Class::Public => public(session, handle, &key.kind)?,
        Class::Private => public_half(session, handle, &key)?,
    };
    if let (KeyKind::Rsa(bits), Some(PublicKey::Rsa { modulus, .. })) = (&mut key.kind, &key.public) {
        *bits = modulus_bits(modulus);
    }
    Ok(key)
}

fn read_usage(session: &Session, handle: ObjectHandle, key: &mut KeyInfo) -> Outcome<()> {
    let wanted: &[A] = match key.class {
        Class::Private => &[A::Decrypt, A::Sign, A::Derive, A::Extractable, A::Sensitive, A::AlwaysAuthenticate],
        _ => &[A::Encrypt, A::Decrypt, A::Sign, A::Derive, A::Extractable, A::Sensitive],
    };
    for attribute in session.get_attributes(handle, wanted)? {
        match attribute {
            Attribute::Encrypt(yes) => key.encrypt = yes,
            Attribute::Decrypt(yes) => key.decrypt = yes,
            Attribute::Sign(yes) => key.sign = yes,
            Attribute::Derive(yes) => key.derive = yes,
            Attribute::Extractable(yes) => key.extractable = Some(yes),
            Attribute::Sensitive(yes) => key.sensitive = Some(yes),
            Attribute::AlwaysAuthenticate(yes) => key.always_authenticate = yes,
            _ => {}
        }
    }
    Ok(())
}

fn kind(session: &Session, handle: ObjectHandle, key_type: KeyType) -> Outcome<KeyKind> {
    Ok(match key_type {
        KeyType::AES => KeyKind::Aes(value_len(session, handle)?),
        KeyType::GENERIC_SECRET | KeyType::SHA256_HMAC => KeyKind::Generic(value_len(session, handle)?),
        KeyType::RSA => KeyKind::Rsa(0),
        KeyType::EC | KeyType::EC_MONTGOMERY => match ec_params(session, handle)?.as_slice() {
            P256_OID => KeyKind::P256,
            P384_OID => KeyKind::P384,
            X25519_OID | X25519_NAME | X25519_OLD_OID => KeyKind::X25519,
            _ => KeyKind::Other("EC on another curve".to_owned()),
        },
        other => KeyKind::Other(other.to_string()),
    })
}

fn value_len(session: &Session, handle: ObjectHandle) -> Outcome<u64> {
    let found = session.get_attributes(handle, &[A::ValueLen])?;
    Ok(found
        .into_iter()
        .find_map(|one| if let Attribute::ValueLen(len) = one { Some(usize::from(len) as u64) } else { None })
        .unwrap_or(0))
}

fn ec_params(session: &Session, handle: ObjectHandle) -> Outcome<Vec<u8>> {
    let found = session.get_attributes(handle, &[A::EcParams])?;
    Ok(found
        .into_iter()
        .find_map(|one| if let Attribute::EcParams(der) = one { Some(der) } else { None })
        .unwrap_or_default())
}

/// The public half of a private key: from itself where it has it (RSA), else from the public key object of the same id, or of the
/// same label where there is no id. Two that differ are none.
fn public_half(session: &Session, handle: ObjectHandle, key: &KeyInfo) -> Outcome<Option<PublicKey>> {
    if matches!(key.kind, KeyKind::Rsa(_))
        && let Some(own) = public(session, handle, &key.kind)?
    {
        return Ok(Some(own));
    }
    let filter = match (key.id.is_empty(), key.label.is_empty()) {
        (false, _) => template(Class::Public, Some(&key.id), None),
        (true, false) => template(Class::Public, None, Some(&key.label)),
        (true, true) => return Ok(None),
    };
    let mut found: Option<PublicKey> = None;
    for other in session.find_objects(&filter)? {
        match (public(session, other, &key.kind)?, &found) {
            (Some(next), Some(seen)) if next != *seen => return Ok(None),
            (Some(next), _) => found = Some(next),
            (None, _) => {}
        }
    }
    Ok(found)
}

/// The public values of one object, if it has those of that kind.
fn public(session: &Session, handle: ObjectHandle, kind: &KeyKind) -> Outcome<Option<PublicKey>> {
    let point_len = match kind {
        KeyKind::Rsa(_) => return rsa_public(session, handle),
        KeyKind::P256 => 65,
        KeyKind::P384 => 97,
        KeyKind::X25519 => 32,
        _ => return Ok(None),
    };
    for attribute in session.get_attributes(handle, &[A::EcPoint])? {
        if let Attribute::EcPoint(value) = attribute {
            return Ok(point(&value, point_len).map(|point| PublicKey::Point(point.to_vec())));
        }
    }
    Ok(None)
}

/// `CKA_EC_POINT` is a DER octet string by the standard, and the bare point with some modules.
fn point(value: &[u8], len: usize) -> Option<&[u8]> {
    match value {
        bare if bare.len() == len => Some(bare),
        [0x04, short, rest @ ..] if usize::from(*short) == len && rest.len() == len => Some(rest),
        _ => None,
    }
}

fn rsa_public(session: &Session, handle: ObjectHandle) -> Outcome<Option<PublicKey>> {
    let (mut n, mut e) = (Vec::new(), Vec::new());
    for attribute in session.get_attributes(handle, &[A::Modulus, A::PublicExponent])? {
        match attribute {
            Attribute::Modulus(value) => n = without_leading_zeros(&value),
            Attribute::PublicExponent(value) => e = without_leading_zeros(&value),
            _ => {}
        }
    }
    Ok(if n.is_empty() || e.is_empty() { None } else { Some(PublicKey::Rsa { modulus: n, exponent: e }) })
}

fn without_leading_zeros(number: &[u8]) -> Vec<u8> {
    number.iter().copied().skip_while(|&byte| byte == 0).collect()
}

fn modulus_bits(modulus: &[u8]) -> u64 {
    let first = modulus.first().map_or(0, |byte| u64::from(byte.leading_zeros()));
    (modulus.len() as u64 * 8).saturating_sub(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_come_wrapped_or_bare() {
        let mut wrapped = vec![4, 65];
        wrapped.extend([4; 65]);
        assert_eq!(point(&wrapped, 65), Some(&[4; 65][..]));
        assert_eq!(point(&[4; 65], 65), Some(&[4; 65][..]));
        assert_eq!(point(&wrapped[..66], 65), None);
        assert_eq!(point(&wrapped, 97), None);
        assert_eq!(point(&[], 32), None);
    }

    #[test]
    fn bits_of_a_modulus() {
        assert_eq!(modulus_bits(&[0x80, 0]), 16);
        assert_eq!(modulus_bits(&[0x01, 0]), 9);
        assert_eq!(without_leading_zeros(&[0, 0, 1, 0]), [1, 0]);
    }
}
