//! Known answers: published ones, and the format's own steps with every value between.

use crate::load::{Hex, folder, json};
use argon2::{Algorithm, Argon2, AssociatedData, ParamsBuilder, Version};
use serde_json::Value;
use twinlock::crypto::argon::argon2id;
use twinlock::crypto::{Keys, account_key_sum, aead, hkdf_sha256, hmac_sha256, keywrap, sha256, shamir};
use twinlock::encode::{base58, crockford, hex};
use twinlock::factor::password::PasswordOpen;
use twinlock::factor::piv::params::Params;
use twinlock::factor::recovery::RecoveryOpen;
use twinlock::factor::{Open, SlotContext};
use twinlock::header::{Stanza, Unverified};
use twinlock::item::normalised;
use twinlock::keyslot;
use twinlock::prompt::ScriptedPrompt;
use twinlock::secret::{AccountKey, Bytes32, FactorSecret, KeyslotKek, KeyslotSecret, Share, zeros32};

fn file(name: &str) -> Value {
    json(&folder("kat").join(format!("{name}.json")))
}

fn cases(file: &Value) -> &Vec<Value> {
    let cases = file["cases"].as_array().unwrap();
    assert!(!cases.is_empty());
    cases
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("'{field}' of {value}"))
}

fn bytes(value: &Value, field: &str) -> Vec<u8> {
    hex::decode(text(value, field)).unwrap()
}

fn array<const N: usize>(value: &Value, field: &str) -> [u8; N] {
    Hex(bytes(value, field)).array()
}

fn number(value: &Value, field: &str) -> u32 {
    value[field].as_u64().unwrap().try_into().unwrap()
}

#[allow(clippy::unnecessary_box_returns)] // the library keeps secrets on the heap
fn secret(bytes: [u8; 32]) -> Bytes32 {
    let mut out = zeros32();
    out.copy_from_slice(&bytes);
    out
}

#[test]
fn aes_key_wrap() {
    for case in cases(&file("aes-key-wrap")) {
        let kek = KeyslotKek::new(secret(array(case, "kek")));
        let wrapped = keywrap::wrap(&kek, &AccountKey::new(secret(array(case, "data"))));
        assert_eq!(wrapped, array(case, "wrapped"));
        assert_eq!(keywrap::unwrap(&kek, &wrapped).ok().unwrap().expose(), &array(case, "data"));
    }
}

#[test]
fn hkdf() {
    for case in cases(&file("hkdf")) {
        let okm = hkdf_sha256(&bytes(case, "ikm"), &[&bytes(case, "salt")], &[&bytes(case, "info")]);
        assert_eq!(okm.as_slice(), &bytes(case, "okm")[..32], "{case}");
    }
}

/// Keys here are always 32 bytes; a shorter one is filled with zeros and one above a block is hashed, which is what HMAC does (RFC 2104, 2).
#[test]
fn hmac() {
    for case in cases(&file("hmac")) {
        let mut key = bytes(case, "key");
        if key.len() > 64 {
            key = sha256(&[&key]).to_vec();
        }
        key.resize(32, 0);
        assert_eq!(hmac_sha256(&Hex(key).array(), &[&bytes(case, "data")]), array(case, "tag"), "{case}");
    }
}

#[test]
fn argon2() {
    let file = file("argon2id");
    for case in cases(&file) {
        let [memory_kib, passes, lanes] = ["memory_kib", "passes", "lanes"].map(|field| number(case, field));
        let tag = argon2id(text(case, "password").as_bytes(), &array(case, "salt"), memory_kib, passes, lanes).unwrap();
        assert_eq!(hex::encode(tag.as_slice()), text(case, "tag"), "{case}");
    }
    // The RFC's own case has a secret and associated data, which the format never uses: here the crate alone is tested.
    let rfc = &file["rfc9106"];
    let [memory_kib, passes, lanes] = ["memory_kib", "passes", "lanes"].map(|field| number(rfc, field));
    let params = ParamsBuilder::new()
        .m_cost(memory_kib)
        .t_cost(passes)
        .p_cost(lanes)
        .output_len(32)
        .data(AssociatedData::new(&bytes(rfc, "associated_data")).unwrap())
        .build()
        .unwrap();
    let pepper = bytes(rfc, "secret");
    let argon2 = Argon2::new_with_secret(&pepper, Algorithm::Argon2id, Version::V0x13, params).unwrap();
    let mut tag = [0; 32];
    argon2.hash_password_into(&bytes(rfc, "password"), &bytes(rfc, "salt"), &mut tag).unwrap();
    assert_eq!(tag, array(rfc, "tag"));
}

#[test]
fn xaes() {
    for case in cases(&file("xaes")) {
        let sealed = [bytes(case, "nonce"), bytes(case, "sealed")].concat();
        let opened = aead::open(&array(case, "key"), &[&bytes(case, "aad")], &sealed).unwrap();
        assert_eq!(*opened, bytes(case, "plaintext"));
    }
}

#[test]
fn shamir_shares() {
    for case in cases(&file("shamir")) {
        let (k, shares) = (number(case, "threshold") as usize, case["shares"].as_array().unwrap());
        let all: Vec<[u8; 32]> = shares.iter().map(|s| hex::decode_array(s.as_str().unwrap()).unwrap()).collect();
        for from in 0..=all.len() - k {
            let chosen = (1..).zip(&all).skip(from).take(k);
            let chosen: Vec<(u8, Share)> = chosen.map(|(x, share)| (x, Share::new(secret(*share)))).collect();
            assert_eq!(shamir::combine(&chosen).expose(), &array(case, "secret"), "from {from} of {case}");
        }
    }
}

#[test]
fn account_key_as_text() {
    for case in cases(&file("account-key")) {
        let key = array(case, "account_key");
        assert_eq!(*base58::encode(&key, account_key_sum), text(case, "text"));
        assert_eq!(**base58::decode(text(case, "text"), account_key_sum).unwrap(), key);
    }
}

/// What a factor makes of something typed.
fn typed(opener: &mut dyn Open, ctx: &SlotContext<'_>, stanza: &Stanza, text: &str) -> [u8; 32] {
    let mut prompt = ScriptedPrompt::new().types(text);
    *opener.open(ctx, stanza, &mut prompt).unwrap().unwrap().expose()
}

#[test]
fn recovery_code() {
    let file = file("recovery");
    let (vault_id, keyslot_id) = (array(&file, "vault"), array(&file, "keyslot"));
    let ctx = SlotContext { vault_id: &vault_id, keyslot_id: &keyslot_id, vault: "", keyslot: "" };
    let stanza = Stanza::new("recovery", &serde_json::json!({}));
    for case in cases(&file) {
        assert_eq!(*crockford::encode(&array(case, "entropy")), text(case, "code"));
        assert_eq!(typed(&mut RecoveryOpen, &ctx, &stanza, text(case, "code")), array(case, "secret"));
    }
}

#[test]
fn password() {
    let ctx = SlotContext { vault_id: &[0; 16], keyslot_id: &[0; 16], vault: "", keyslot: "" };
    for case in cases(&file("password")) {
        let mut params = case.clone();
        params.as_object_mut().unwrap().retain(|name, _| name != "password" && name != "secret");
        let stanza = Stanza::new("password", &params);
        assert_eq!(typed(&mut PasswordOpen, &ctx, &stanza, text(case, "password")), array(case, "secret"), "{case}");
    }
}

#[test]
fn derived_keys() {
    let file = file("derived-keys");
    let keys = Keys::derive(&AccountKey::new(secret(array(&file, "account_key"))), &array(&file, "vault"));
    for (name, key) in [
        ("header", keys.header.expose()),
        ("record", keys.record.expose()),
        ("index", keys.index.expose()),
        ("entry", keys.entry.expose()),
        ("set", keys.set.expose()),
        ("manifest", keys.manifest.expose()),
    ] {
        assert_eq!(hex::encode(key), text(&file["keys"], name), "{name}");
    }
}

#[test]
fn names() {
    let file = file("names");
    for case in cases(&file) {
        let folded = normalised(text(case, "name"));
        assert_eq!(folded, text(case, "folded"), "{case}");
        assert_eq!(hmac_sha256(&array(&file, "index_key"), &[folded.as_bytes()]), array(case, "tag"));
    }
}

#[test]
fn padding() {
    for case in cases(&file("padding")) {
        let content = vec![1; number(case, "length") as usize];
        let sealed = aead::seal_padded(&[0; 32], &[], &content).unwrap();
        assert_eq!(sealed.len() - 40, number(case, "padded") as usize, "{case}");
    }
}

#[test]
fn every_step_of_a_keyslot() {
    let file = file("keyslot");
    let (vault_id, salt): ([u8; 16], _) = (array(&file, "vault"), bytes(&file, "salt"));
    let header = Unverified::parse(text(&file, "header").as_bytes()).unwrap();
    let slot = &header.header().keyslots[0];
    assert_eq!(salt, [&vault_id[..], &slot.id, &slot.nonce].concat());
    assert_eq!(String::from_utf8(slot.public_parameters()).unwrap(), text(&file, "canonical"));
    let hash = sha256(&[&slot.public_parameters()]);
    assert_eq!(hash, array(&file, "parameters_hash"));
    let mut secrets = Vec::new();
    for factor in file["factors"].as_array().unwrap() {
        let i = u8::try_from(number(factor, "number")).unwrap();
        let info: [&[u8]; 3] = [b"twinlock/1 share", &[i], text(factor, "kind").as_bytes()];
        assert_eq!(
            hex::encode(hkdf_sha256(&bytes(factor, "secret"), &[&salt], &info).as_slice()),
            text(factor, "mask")
        );
        assert_eq!(slot.factors[usize::from(i) - 1].share, array(factor, "masked"));
        secrets.push((i, FactorSecret::new(secret(array(factor, "secret")))));
    }
    let kek =
        hkdf_sha256(KeyslotSecret::new(secret(array(&file, "S"))).expose(), &[&salt], &[b"twinlock/1 kek", &hash]);
    assert_eq!(hex::encode(kek.as_slice()), text(&file, "kek"));
    for (a, b) in [(0, 1), (0, 2), (1, 2), (2, 0)] {
        let two = [(secrets[a].0, &secrets[a].1), (secrets[b].0, &secrets[b].1)];
        let opened = keyslot::unwrap(&vault_id, slot, &two).ok().unwrap();
        assert_eq!(opened.expose(), &array(&file, "account_key"), "{a} and {b}");
    }
}

/// The tokens are tested elsewhere; here only what is made of their answer.
#[test]
fn pkcs11_secrets() {
    let file = file("pkcs11");
    for case in cases(&file) {
        let mode = text(case, "mode").as_bytes();
        let length = [u8::try_from(mode.len()).unwrap()];
        let bind = [b"twinlock/1 pkcs11", &length[..], mode, &bytes(&file, "vault"), &bytes(&file, "keyslot")].concat();
        assert_eq!(bind, bytes(case, "bind"));
        let secret = hkdf_sha256(&bytes(case, "z"), &[&bytes(case, "salt")], &[&bind]);
        assert_eq!(hex::encode(secret.as_slice()), text(case, "secret"), "{case}");
    }
}

/// From the token's private key to F, by the stanza's own code.
#[test]
fn piv_secrets() {
    let file = file("piv");
    let (vault_id, keyslot_id) = (array(&file, "vault"), array(&file, "keyslot"));
    let ctx = SlotContext { vault_id: &vault_id, keyslot_id: &keyslot_id, vault: "", keyslot: "" };
    for case in cases(&file) {
        let fields = ["mode", "public", "ephemeral"].map(|field| (field.to_owned(), case[field].clone()));
        let stanza = Stanza { kind: "piv".into(), params: fields.into_iter().collect(), share: [0; 32] };
        let params = Params::from_stanza(&stanza).unwrap().unwrap();
        assert_eq!(params.mode.bind(&ctx), bytes(case, "bind"));
        let z = crate::person::agree(params.mode, &bytes(case, "tokens_key"), &params.ephemeral);
        assert_eq!(z, bytes(case, "z"));
        let secret = params.factor_secret(&z, &params.mode.bind(&ctx));
        assert_eq!(hex::encode(secret.expose()), text(case, "secret"), "{case}");
    }
}

#[test]
fn every_step_of_a_record() {
    let file = file("record");
    let vault_id = array(&file, "vault");
    let keys = Keys::derive(&AccountKey::new(secret(array(&file, "account_key"))), &vault_id);
    let [epoch, revision] = ["epoch", "revision"].map(|field| u64::from(number(&file, field)).to_be_bytes());
    let id: [u8; 16] = array(&file, "id");
    let aad: [&[u8]; 5] = [b"twinlock/1 record", &vault_id, &epoch, &id, &revision];
    let sealed = bytes(&file, "sealed");
    assert_eq!(aad.concat(), bytes(&file, "aad"));
    assert_eq!(*aead::open(keys.record.expose(), &aad, &sealed).unwrap(), bytes(&file, "padded"));
    let aad: [&[u8]; 4] = [b"twinlock/1 entry", &vault_id, &epoch, &id];
    assert_eq!(aad.concat(), bytes(&file, "entry_aad"));
    let entry = aead::open(keys.entry.expose(), &aad, &bytes(&file, "entry_sealed")).unwrap();
    assert_eq!(*entry, bytes(&file, "entry_padded"));
    let (nonce, tag) = (&sealed[..24], &sealed[sealed.len() - 16..]);
    let leaf = hmac_sha256(keys.set.expose(), &[&id, &epoch, &revision, nonce, tag]);
    assert_eq!(leaf, array(&file, "leaf"));
    let aad: [&[u8]; 3] = [b"twinlock/1 manifest", &vault_id, &bytes(&file, "header_tag")];
    let manifest = aead::open(keys.manifest.expose(), &aad, &bytes(&file, "manifest")).unwrap();
    assert_eq!(*manifest, [&1u64.to_be_bytes()[..], &1u64.to_be_bytes(), &leaf].concat());
}
