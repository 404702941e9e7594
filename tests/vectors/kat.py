"""Known answers: published ones, held against this folder's own code, and the steps of the format with every value between."""

import hashlib

import twinlock as t
from argon2.low_level import Type, core, ffi, lib
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import aes_key_wrap
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from world import CREATED, Password, Recovery, Token, World, fixed, note, write

H = bytes.fromhex


def write_all():
    for make in (
        aes_key_wrap_answers,
        hkdf,
        hmac,
        argon2id,
        xaes,
        shamir,
        account_key,
        recovery,
        password,
        derived_keys,
        names,
        padding,
        keyslot,
        pkcs11,
        record,
    ):
        write("kat", make.__name__.removesuffix("_answers").replace("_", "-"), make())


def counted(first, last):
    return bytes(range(first, last + 1))


def aes_key_wrap_answers():
    kek, data = counted(0, 31), counted(0, 15)
    data = H("00112233445566778899aabbccddeeff") + data
    wrapped = H("28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21")
    assert aes_key_wrap(kek, data) == wrapped
    return {"source": "RFC 3394, 4.6", "cases": [{"kek": kek.hex(), "data": data.hex(), "wrapped": wrapped.hex()}]}


def hkdf():
    cases = [
        (
            "A.1",
            b"\x0b" * 22,
            counted(0, 12),
            counted(0xF0, 0xF9),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
        ),
        (
            "A.2",
            counted(0, 0x4F),
            counted(0x60, 0xAF),
            counted(0xB0, 0xFF),
            "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09"
            "da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87",
        ),
        (
            "A.3",
            b"\x0b" * 22,
            b"",
            b"",
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
        ),
    ]
    for _, ikm, salt, info, okm in cases:
        assert t.hkdf(ikm, salt, info, len(okm) // 2).hex() == okm
    fields = ("case", "ikm", "salt", "info", "okm")
    rows = [dict(zip(fields, (c[0], c[1].hex(), c[2].hex(), c[3].hex(), c[4]))) for c in cases]
    return {"source": "RFC 5869, appendix A, SHA-256; this format takes the first 32 bytes", "cases": rows}


def hmac():
    cases = [
        ("4.2", b"\x0b" * 20, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        (
            "4.3",
            b"Jefe",
            b"what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        ("4.4", b"\xaa" * 20, b"\xdd" * 50, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
        ("4.5", counted(1, 25), b"\xcd" * 50, "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"),
        (
            "4.7",
            b"\xaa" * 131,
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
        (
            "4.8",
            b"\xaa" * 131,
            b"This is a test using a larger than block-size key and a larger than block-size data. The key needs "
            b"to be hashed before being used by the HMAC algorithm.",
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
        ),
    ]
    for _, key, data, tag in cases:
        assert t.mac(key, data).hex() == tag
    rows = [{"case": case, "key": key.hex(), "data": data.hex(), "tag": tag} for case, key, data, tag in cases]
    return {"source": "RFC 4231", "cases": rows}


def argon2id():
    """The reference library itself is held against RFC 9106, 5.3; this format uses neither its secret nor its associated data."""
    rfc = {"password": "01" * 32, "salt": "02" * 16, "secret": "03" * 8, "associated_data": "04" * 12}
    buffers = {name: ffi.new("uint8_t[]", list(H(value))) for name, value in rfc.items()}
    out = ffi.new("uint8_t[]", 32)
    names = {"pwd": "password", "salt": "salt", "secret": "secret", "ad": "associated_data"}
    context = {short: buffers[name] for short, name in names.items()}
    context |= {short + "len": len(H(rfc[name])) for short, name in names.items()}
    context |= {"out": out, "outlen": 32, "t_cost": 3, "m_cost": 32, "lanes": 4, "threads": 1, "version": 0x13}
    context |= {"allocate_cbk": ffi.NULL, "free_cbk": ffi.NULL, "flags": lib.ARGON2_DEFAULT_FLAGS}
    assert core(ffi.new("argon2_context *", context), Type.ID.value) == lib.ARGON2_OK
    tag = bytes(out).hex()
    assert tag == "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659"
    rfc |= {"memory_kib": 32, "passes": 3, "lanes": 4, "tag": tag}
    cases = []
    for text, salt, memory_kib, passes, lanes in (
        ("password", "somesaltsomesalt", 19456, 2, 1),
        ("password", "somesaltsomesalt", 65536, 3, 4),
        ("hunter2", "another salt 016", 19456, 2, 32),
        ("pässword", "another salt 016", 20000, 5, 3),
    ):
        tag = t.argon2id(text, salt.encode(), memory_kib, passes, lanes).hex()
        cases.append(
            {
                "password": text,
                "salt": salt.encode().hex(),
                "memory_kib": memory_kib,
                "passes": passes,
                "lanes": lanes,
                "tag": tag,
            }
        )
    source = "rfc9106: RFC 9106, 5.3. cases: the reference implementation (the `argon2` program: echo -n PASSWORD | argon2 SALT -id -t PASSES -k KIB -p LANES -l 32 -r)"
    return {"source": source, "rfc9106": rfc, "cases": cases}


def xaes():
    cases = []
    for byte, aad, subkey, sealed in (
        (
            1,
            b"",
            "c8612c9ed53fe43e8e005b828a1631a0bbcb6ab2f46514ec4f439fcfd0fa969b",
            "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271",
        ),
        (
            3,
            b"c2sp.org/XAES-256-GCM",
            "e9c621d4cdd9b11b00a6427ad7e559aeedd66b3857646677748f8ca796cb3fd8",
            "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d",
        ),
    ):
        key, nonce, plaintext = bytes([byte]) * 32, b"ABCDEFGHIJKLMNOPQRSTUVWX", b"XAES-256-GCM"
        assert t.xaes_key(key, nonce).hex() == subkey
        assert t.seal(key, aad, plaintext, nonce).hex() == nonce.hex() + sealed
        cases.append(
            {
                "key": key.hex(),
                "nonce": nonce.hex(),
                "aad": aad.hex(),
                "plaintext": plaintext.hex(),
                "subkey": subkey,
                "sealed": sealed,
            }
        )
    # The accumulated test of the same page, 10,000 rounds: too many values for a file, so only this folder's own code is held against it.
    stream, place, digest = hashlib.shake_128(b"").digest(4 << 20), 0, hashlib.shake_128()

    def take(length=None):
        nonlocal place
        if length is None:
            length = take(1)[0]
        place += length
        assert place <= len(stream)
        return stream[place - length : place]

    for _ in range(10000):
        key, nonce, plaintext, aad = take(32), take(24), take(), take()
        digest.update(t.seal(key, aad, plaintext, nonce)[24:])
    assert digest.hexdigest(32) == "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939"
    return {
        "source": "C2SP XAES-256-GCM, test vectors (c2sp.org/XAES-256-GCM); sealed is ciphertext || tag",
        "cases": cases,
    }


def shamir():
    """The first by hand: 53 + ca = 99; 2 ca = 8f, 53 + 8f = dc; 3 ca = ca + 8f = 45, 53 + 45 = 16."""
    cases = []
    for k, n, secret, coefficients in (
        (2, 3, b"\x53" * 32, [b"\xca" * 32]),
        (1, 2, fixed("S", 32), []),
        (2, 2, fixed("S", 32), [fixed("c", 32)]),
        (3, 5, fixed("S 3", 32), [fixed(f"c 3 {i}", 32) for i in range(2)]),
        (16, 16, fixed("S 16", 32), [fixed(f"c 16 {i}", 32) for i in range(15)]),
    ):
        shares = t.split(secret, coefficients, n)
        assert t.combine({i + 1: shares[i] for i in range(n - k, n)}) == secret
        cases.append(
            {
                "threshold": k,
                "secret": secret.hex(),
                "coefficients": [c.hex() for c in coefficients],
                "shares": [s.hex() for s in shares],
            }
        )
    assert [share[:2] for share in cases[0]["shares"]] == ["99", "dc", "16"]
    return {"source": "spec 3; the first case by hand", "cases": cases}


def account_key():
    keys = (bytes(32), bytes(31) + b"\1", b"\xff" * 32, counted(0, 31), fixed("account key first", 32))
    return {"source": "spec 2", "cases": [{"account_key": key.hex(), "text": t.account_key_text(key)} for key in keys]}


def recovery():
    cases = []
    for entropy in (bytes(20), b"\xff" * 20, counted(0, 19), fixed("code paper", 20)):
        secret = t.recovery_secret(entropy, fixed("vault first", 16), fixed("keyslot paper first", 16))
        cases.append({"entropy": entropy.hex(), "code": t.recovery_code(entropy), "secret": secret.hex()})
        assert t.recovery_entropy(cases[-1]["code"]) == entropy
    return {
        "source": "spec 5.2",
        "vault": fixed("vault first", 16).hex(),
        "keyslot": fixed("keyslot paper first", 16).hex(),
        "cases": cases,
    }


def password():
    cases = []
    for text in (
        "correct horse battery staple",
        "pässword ½",
        "pa\u0308ssword 1\u20442",
        "ﬁ Ⅳ ㎏ \ufdfa",
        "\U0001f511",
        " spaces stay ",
    ):
        factor, secret = Password(text).make(b"", b"")
        cases.append({"password": text, **{k: v for k, v in factor.items() if k != "kind"}, "secret": secret.hex()})
    assert cases[1]["secret"] == cases[2]["secret"]
    return {"source": "spec 5.1", "cases": cases}


def derived_keys():
    account_key, vault_id = fixed("account key first", 32), fixed("vault first", 16)
    derived = {name: key.hex() for name, key in t.keys(account_key, vault_id).items()}
    return {"source": "spec 2", "account_key": account_key.hex(), "vault": vault_id.hex(), "keys": derived}


def names():
    key = fixed("index key", 32)
    cases = (
        "GitHub",
        "  two \t  words\u00a0",
        "STRASSE",
        "Straße",
        "\ufb01le",
        "\u0130stanbul",
        "ΣΊΣΥΦΟΣ",
        "e\u0301",
        "É",
        "\uff21\uff22\uff23",
        "ǅ",
        "\u1e9e",
        "a\u3000b",
        "\u212b\u2126",
        "日本語",
        "\u00a8x",
        "\u03d4",
        "\u2163",
        "T\u0308",
        "\u1e97",
    )
    rows = [{"name": name, "folded": t.folded(name), "tag": t.index_tag(key, name).hex()} for name in cases]
    return {"source": "spec 6.3", "index_key": key.hex(), "cases": rows}


def padding():
    lengths = (
        0,
        1,
        251,
        252,
        253,
        316,
        317,
        380,
        381,
        507,
        508,
        509,
        636,
        637,
        1020,
        1021,
        4092,
        4093,
        65532,
        65533,
        16 << 20,
    )
    return {"source": "spec 6.1", "cases": [{"length": n, "padded": t.padded_length(n)} for n in lengths]}


def keyslot():
    """2 of 3 with every value between; the unknown field shows the canonical form."""
    world = World()
    factors = [Password("correct horse"), Recovery("paper"), Token("hsm")]
    slot = world.add_slot("daily", factors, 2, extra={"later": {"b": [True, '\u00e9"\\/'], "a": 1}})
    salt, secret, coefficient = (
        t.slot_salt(world.vault_id, slot),
        fixed("S daily first first", 32),
        fixed("c1 daily first first", 32),
    )
    shares, rows = t.split(secret, [coefficient], 3), []
    for i, (factor, stanza, share) in enumerate(zip(factors, slot["factors"], shares), 1):
        f = factor.make(world.vault_id, bytes.fromhex(slot["id"]))[1]
        mask = t.mask(f, salt, i, stanza["kind"])
        assert t.xor(share, mask).hex() == stanza["share"]
        rows.append(
            {
                "number": i,
                "kind": stanza["kind"],
                "secret": f.hex(),
                "share": share.hex(),
                "mask": mask.hex(),
                "masked": stanza["share"],
            }
        )
    parameters = t.public_parameters(slot)
    header = world.parts()["header"].decode()
    return {
        "source": "spec 3 and 4.3",
        "account_key": world.account_key.hex(),
        "vault": world.vault_id.hex(),
        "S": secret.hex(),
        "coefficient": coefficient.hex(),
        "salt": salt.hex(),
        "factors": rows,
        "canonical": parameters.decode(),
        "parameters_hash": t.sha256(parameters).hex(),
        "kek": t.kek(secret, salt, slot).hex(),
        "wrapped": slot["wrapped"],
        "keyslot": slot,
        "header": header,
    }


def pkcs11():
    """From what the token gives to F. `tokens_key` is the key that a real token would keep to itself."""
    vault_id, slot_id, cases = fixed("vault first", 16), fixed("keyslot hsm", 16), []

    def add(mode, z, salt, **more):
        bind = t.pkcs11_bind(mode, vault_id, slot_id)
        row = {
            "mode": mode,
            "bind": bind.hex(),
            "z": z.hex(),
            "salt": salt.hex(),
            "secret": t.hkdf(z, salt, bind).hex(),
        }
        cases.append(row | {name: value.hex() for name, value in more.items()})

    key, z, iv, challenge = (
        fixed("token aes", 32),
        fixed("token z", 32),
        fixed("token iv", 12),
        fixed("token challenge", 32),
    )
    sealed = AESGCM(key).encrypt(iv, z, t.pkcs11_bind("aes-gcm", vault_id, slot_id))
    add("aes-gcm", z, b"", tokens_key=key, iv=iv, sealed=sealed)
    z = t.mac(key, t.pkcs11_bind("hmac-sha256", vault_id, slot_id) + challenge)
    add("hmac-sha256", z, b"", tokens_key=key, challenge=challenge)
    for mode in ("rsa-oaep-sha256", "rsa-oaep-sha1"):
        add(mode, fixed(mode, 32), b"")
    for mode, curve, size in (("ecdh-p256", ec.SECP256R1(), 32), ("ecdh-p384", ec.SECP384R1(), 48)):
        own, ephemeral = (
            ec.derive_private_key(int.from_bytes(fixed(f"{mode} {who}", size - 1), "big"), curve)
            for who in ("own", "ephemeral")
        )
        point = lambda private: private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        z = own.exchange(ec.ECDH(), ephemeral.public_key())
        add(
            mode,
            z,
            point(ephemeral) + point(own),
            tokens_key=fixed(f"{mode} own", size - 1).rjust(size, b"\0"),
            public=point(own),
            ephemeral=point(ephemeral),
        )
    own, ephemeral = (
        x25519.X25519PrivateKey.from_private_bytes(fixed(f"x25519 {who}", 32)) for who in ("own", "ephemeral")
    )
    raw = lambda private: private.public_key().public_bytes_raw()
    add(
        "ecdh-x25519",
        own.exchange(ephemeral.public_key()),
        raw(ephemeral) + raw(own),
        tokens_key=own.private_bytes_raw(),
        public=raw(own),
        ephemeral=raw(ephemeral),
    )
    return {"source": "spec 5.3", "vault": vault_id.hex(), "keyslot": slot_id.hex(), "cases": cases}


def record():
    """One record, its entry, its leaf and the manifest, with every value between."""
    world = World()
    world.put(note("Wi-Fi"), revision=7)
    record, entry = world.records[0], world.entries[0]
    header_tag = fixed("header tag", 32)
    aad = t.record_aad(world.vault_id, 1, record["id"], 7)
    entry_aad = t.entry_aad(world.vault_id, 1, record["id"])
    manifest = world.manifest(header_tag)
    opened = lambda key, aad, sealed: t.open_sealed(world.keys[key], aad, sealed).hex()
    return {
        "source": "spec 6",
        "account_key": world.account_key.hex(),
        "vault": world.vault_id.hex(),
        "epoch": 1,
        "revision": 7,
        "id": record["id"].hex(),
        "created": CREATED,
        "aad": aad.hex(),
        "padded": opened("record", aad, record["sealed"]),
        "sealed": record["sealed"].hex(),
        "tag": entry["tag"].hex(),
        "entry_aad": entry_aad.hex(),
        "entry_padded": opened("entry", entry_aad, entry["sealed"]),
        "entry_sealed": entry["sealed"].hex(),
        "leaf": t.leaf(world.keys["set"], record).hex(),
        "header_tag": header_tag.hex(),
        "sequence": 1,
        "count": 1,
        "manifest": manifest.hex(),
    }
