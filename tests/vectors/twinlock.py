"""The vault format of docs/spec.md, version 1, written from that page alone and from no other code.

Writing is deterministic: whoever calls gives every nonce. Reading is as strict as the page says, and names the class of each
failure as README.md lists them. Needs the PyPI packages `cryptography` and `argon2-cffi`.
"""

import datetime
import hashlib
import hmac
import json
import re
import struct
import unicodedata

from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap


class Refused(Exception):
    """Why a reader stops: one of the classes of README.md, and a word more."""

    def __init__(self, failure, why=""):
        super().__init__(f"{failure}: {why}")
        self.failure = failure


# ---------------------------------------------------------------- 1. conventions


def u8(x):
    return struct.pack(">B", x)


def u32(x):
    return struct.pack(">I", x)


def u64(x):
    return struct.pack(">Q", x)


def sha256(message):
    return hashlib.sha256(message).digest()


def mac(key, message):
    return hmac.new(key, message, hashlib.sha256).digest()


def hkdf(ikm, salt, info, length=32):
    prk = mac(salt or bytes(32), ikm)
    okm, block, i = b"", b"", 0
    while len(okm) < length:
        i += 1
        block = mac(prk, block + info + bytes([i]))
        okm += block
    return okm[:length]


def xor(a, b):
    assert len(a) == len(b)
    return bytes(x ^ y for x, y in zip(a, b))


# ---------------------------------------------------------------- 2. keys, the account key as text

PURPOSES = ("header", "record", "index", "entry", "set", "manifest")
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def keys(account_key, vault_id):
    return {name: hkdf(account_key, vault_id, b"twinlock/1 " + name.encode()) for name in PURPOSES}


def base58(number, digits):
    text = ""
    for _ in range(digits):
        number, rest = divmod(number, 58)
        text = BASE58[rest] + text
    return text


def account_key_text(account_key):
    check = int.from_bytes(sha256(b"twinlock/1 account key" + account_key)[:4], "big") % 3364
    return base58(int.from_bytes(account_key, "big"), 44) + base58(check, 2)


# ---------------------------------------------------------------- 3. keyslot


def gf_multiply(a, b):
    """GF(2^8) with x^8 + x^4 + x^3 + x + 1."""
    product = 0
    while b:
        if b & 1:
            product ^= a
        a = a << 1 ^ (0x11B if a & 0x80 else 0)
        b >>= 1
    return product


def gf_inverse(a):
    power = 1
    for _ in range(254):
        power = gf_multiply(power, a)
    return power


def split(secret, coefficients, n):
    """Shares 1 to n; `coefficients` are k - 1 strings as long as the secret: c1, c2, ..."""
    shares = []
    for x in range(1, n + 1):
        share, power = secret, 1
        for c in coefficients:
            power = gf_multiply(power, x)
            share = xor(share, bytes(gf_multiply(byte, power) for byte in c))
        shares.append(share)
    return shares


def combine(shares):
    """The secret of {x: share}."""
    secret = bytes(32)
    for x, share in shares.items():
        weight = 1
        for other in shares:
            if other != x:
                weight = gf_multiply(weight, gf_multiply(other, gf_inverse(other ^ x)))
        secret = xor(secret, bytes(gf_multiply(byte, weight) for byte in share))
    return secret


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def public_parameters(keyslot):
    kept = {name: value for name, value in keyslot.items() if name not in ("name", "created", "nonce", "wrapped")}
    kept["factors"] = [{k: v for k, v in factor.items() if k != "share"} for factor in keyslot["factors"]]
    return canonical(kept)


def slot_salt(vault_id, keyslot):
    return vault_id + bytes.fromhex(keyslot["id"]) + bytes.fromhex(keyslot["nonce"])


def mask(secret, salt, i, kind, custody=None):
    """`custody`: k and n of a keyslot with `custodians`."""
    label = b"twinlock/1 custodian share" + u8(custody[0]) + u8(custody[1]) if custody else b"twinlock/1 share"
    return hkdf(secret, salt, label + u8(i) + kind.encode())


def custody(keyslot):
    return (keyslot["threshold"], len(keyslot["factors"])) if keyslot.get("custodians") else None


def kek(secret, salt, keyslot):
    return hkdf(secret, salt, b"twinlock/1 kek" + sha256(public_parameters(keyslot)))


def wrap(vault_id, keyslot, secrets, secret, coefficients, account_key):
    """Fills in `share` and `wrapped` of a keyslot that has everything else; its threshold is that of the coefficients."""
    salt = slot_salt(vault_id, keyslot)
    shares = split(secret, coefficients, len(secrets))
    for i, (factor, share, f) in enumerate(zip(keyslot["factors"], shares, secrets), 1):
        factor["share"] = xor(share, mask(f, salt, i, factor["kind"], custody(keyslot))).hex()
    keyslot["wrapped"] = aes_key_wrap(kek(secret, salt, keyslot), account_key).hex()
    return keyslot


def unwrap(vault_id, keyslot, secrets):
    """The account key, from {number: F} of `threshold` factors."""
    salt = slot_salt(vault_id, keyslot)
    shares = {}
    for i, f in secrets.items():
        factor = keyslot["factors"][i - 1]
        shares[i] = xor(bytes.fromhex(factor["share"]), mask(f, salt, i, factor["kind"], custody(keyslot)))
    try:
        return aes_key_unwrap(kek(combine(shares), salt, keyslot), bytes.fromhex(keyslot["wrapped"]))
    except InvalidUnwrap:
        raise Refused("locked", keyslot["name"]) from None


# ---------------------------------------------------------------- 4. header

MAX_TEXT, MAX_DEPTH, MAX_NUMBER = 1 << 20, 8, (1 << 53) - 1
SEPARATOR = b"\n---"


def sign(account_key, vault_id, body):
    signed = body + SEPARATOR
    return signed + b" " + mac(keys(account_key, vault_id)["header"], signed).hex().encode() + b"\n"


def malformed(why):
    raise Refused("malformed", why)


def unique(pairs):
    if len({name for name, _ in pairs}) != len(pairs):
        malformed("a key twice")
    return dict(pairs)


def whole(text):
    return int(text) if text.isdigit() and int(text) <= MAX_NUMBER else malformed("number " + text)


def check_value(value, depth):
    if isinstance(value, str):
        if any(ord(c) < 0x20 or ord(c) == 0x7F or 0xD800 <= ord(c) <= 0xDFFF for c in value):
            malformed("character")
    elif isinstance(value, (dict, list)):
        if depth == MAX_DEPTH:
            malformed("depth")
        for inner in [*value, *value.values()] if isinstance(value, dict) else value:
            check_value(inner, depth + 1)
    elif value is None:
        malformed("null")


def parse(body):
    try:
        value = json.loads(
            body, object_pairs_hook=unique, parse_int=whole, parse_float=malformed, parse_constant=malformed
        )
    except (json.JSONDecodeError, RecursionError) as error:
        malformed(error)
    check_value(value, 0)
    return value


def need(condition, why):
    if not condition:
        malformed(why)


def is_hex(value, length):
    return isinstance(value, str) and re.fullmatch("[0-9a-f]*", value) is not None and len(value) == 2 * length


def is_name(value, most=64):
    return isinstance(value, str) and 1 <= len(value) <= most and all(unicodedata.category(c) != "Cc" for c in value)


def is_time(value):
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", value):
        return False
    try:
        datetime.datetime.fromisoformat(value[:-1])
        return True
    except ValueError:
        return False


def is_number(value, least, most=MAX_NUMBER):
    return type(value) is int and least <= value <= most


def check_header(header):
    need(isinstance(header, dict), "no object")
    need(is_number(header.get("twinlock"), 0), "twinlock")
    if header["twinlock"] != 1:
        raise Refused("unsupported", "version")
    need(is_hex(header.get("vault"), 16), "vault")
    need(is_name(header.get("name")), "name")
    need(is_time(header.get("created")), "created")
    need(is_number(header.get("epoch"), 1), "epoch")
    need(is_number(header.get("generation"), 1), "generation")
    need(isinstance(header.get("cipher"), str), "cipher")
    if header["cipher"] != "xaes-256-gcm":
        raise Refused("unsupported", "cipher")
    slots = header.get("keyslots")
    need(isinstance(slots, list) and 1 <= len(slots) <= 64, "keyslots")
    for slot in slots:
        check_keyslot(slot)
    for field in ("id", "name"):
        need(len({slot[field] for slot in slots}) == len(slots), "two keyslots of one " + field)
    if any(field.startswith("!") for field in header):
        raise Refused("unsupported", "critical field")


def check_keyslot(slot):
    need(isinstance(slot, dict), "keyslot")
    need(is_hex(slot.get("id"), 16), "id")
    need(is_name(slot.get("name")), "name")
    need(is_time(slot.get("created")), "created")
    need(is_hex(slot.get("nonce"), 32), "nonce")
    need(is_hex(slot.get("wrapped"), 40), "wrapped")
    factors = slot.get("factors")
    need(isinstance(factors, list) and 1 <= len(factors) <= 16, "factors")
    need(is_number(slot.get("threshold"), 1, len(factors)), "threshold")
    need(isinstance(slot.get("custodians", False), bool), "custodians")
    for factor in factors:
        need(isinstance(factor, dict), "factor")
        kind = factor.get("kind")
        need(isinstance(kind, str) and re.fullmatch("[a-z][a-z0-9-]{0,31}", kind) is not None, "kind")
        need(is_hex(factor.get("share"), 32), "share")


def split_header(text):
    """What the tag is over, and the tag."""
    need(len(text) <= MAX_TEXT, "too long")
    body, separator, tail = text.rpartition(SEPARATOR)
    need(separator and re.fullmatch(rb" [0-9a-f]{64}\n", tail) is not None, "no tag")
    return body + separator, bytes.fromhex(tail[1:65].decode())


def parse_body(text):
    body = split_header(text)[0][: -len(SEPARATOR)]
    need(body.startswith(b"{") and body.endswith(b"}"), "no object")
    try:
        return parse(body.decode())
    except UnicodeDecodeError:
        malformed("not UTF-8")


def read_header(text):
    """The header and what its tag is over; nothing is verified yet."""
    header = parse_body(text)
    check_header(header)
    return header, *split_header(text)


# ---------------------------------------------------------------- 5. factors

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def password_secret(password, factor):
    if factor.get("kdf") != "argon2id" or not is_hex(factor.get("salt"), 16):
        raise Refused("bad-parameters")
    limits = {"memory_kib": (19456, 4194304), "passes": (2, 32), "lanes": (1, 32)}
    if not all(is_number(factor.get(name), *limit) for name, limit in limits.items()):
        raise Refused("bad-parameters")
    if factor["memory_kib"] < 8 * factor["lanes"]:
        raise Refused("bad-parameters")
    return argon2id(password, bytes.fromhex(factor["salt"]), *(factor[name] for name in limits))


def argon2id(password, salt, memory_kib, passes, lanes):
    text = unicodedata.normalize("NFKC", password).encode()
    return hash_secret_raw(text, salt, passes, memory_kib, lanes, 32, Type.ID, 0x13)


def recovery_check(g, group):
    """g + a d0 + a^2 d1 + a^3 d2 + a^4 d3 in GF(2^5), x^5 + x^2 + 1."""
    total = g
    for power, digit in enumerate(group, 1):
        for _ in range(power):
            digit = digit << 1 ^ (0b100101 if digit & 0x10 else 0)
        total ^= digit
    return total


def recovery_code(entropy):
    number = int.from_bytes(entropy, "big")
    digits = [number >> 5 * (31 - place) & 31 for place in range(32)]
    groups = [digits[4 * g : 4 * g + 4] for g in range(8)]
    return "-".join("".join(CROCKFORD[d] for d in [*group, recovery_check(g, group)]) for g, group in enumerate(groups))


def recovery_entropy(code):
    # Case of ASCII letters only: others have capitals among these, too (U+0131, U+017F).
    text = "".join(c.upper() if c.isascii() else c for c in code if c != "-" and not c.isspace())
    digits = [CROCKFORD.find(c) for c in text.replace("O", "0").replace("I", "1").replace("L", "1")]
    groups = [digits[5 * g : 5 * g + 5] for g in range(8)]
    right = all(len(group) == 5 and group[4] == recovery_check(g, group[:4]) for g, group in enumerate(groups))
    if len(digits) != 40 or -1 in digits or not right:
        raise Refused("mistyped")
    number = 0
    for group in groups:
        for digit in group[:4]:
            number = number << 5 | digit
    return number.to_bytes(20, "big")


def recovery_secret(entropy, vault_id, keyslot_id):
    return hkdf(entropy, vault_id + keyslot_id, b"twinlock/1 recovery")


def pkcs11_bind(mode, vault_id, keyslot_id):
    return b"twinlock/1 pkcs11" + u8(len(mode)) + mode.encode() + vault_id + keyslot_id


# ---------------------------------------------------------------- 6. sealing, records, index, manifest


def xaes_key(key, nonce):
    """The AES-256-GCM key of the C2SP document: its steps 1 to 5."""
    block = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    l = int.from_bytes(block.update(bytes(16)), "big")
    k1 = (l << 1 & (1 << 128) - 1 ^ (0b10000111 if l >> 127 else 0)).to_bytes(16, "big")
    return b"".join(block.update(xor(bytes([0, i, 0x58, 0]) + nonce[:12], k1)) for i in (1, 2))


def seal(key, aad, plaintext, nonce):
    return nonce + AESGCM(xaes_key(key, nonce)).encrypt(nonce[12:], plaintext, aad)


def open_sealed(key, aad, sealed):
    nonce = sealed[:24]
    if len(sealed) < 40:
        raise Refused("damaged", "too short")
    try:
        return AESGCM(xaes_key(key, nonce)).decrypt(nonce[12:], sealed[24:], aad)
    except InvalidTag:
        raise Refused("damaged", "does not open") from None


def padded_length(length):
    needed = 4 + length
    if needed <= 256:
        return 256
    step = 1 << (needed - 1).bit_length() - 3
    return (needed + step - 1) // step * step


def pad(content):
    return (u32(len(content)) + content).ljust(padded_length(len(content)), b"\0")


def unpad(padded):
    length = int.from_bytes(padded[:4], "big")
    content = padded[4 : 4 + length]
    if len(padded) < 4 or len(content) != length or pad(content) != padded:
        raise Refused("damaged", "padding")
    return content


def record_aad(vault_id, epoch, record_id, revision):
    return b"twinlock/1 record" + vault_id + u64(epoch) + record_id + u64(revision)


def entry_aad(vault_id, epoch, record_id):
    return b"twinlock/1 entry" + vault_id + u64(epoch) + record_id


def folded(name):
    """name' of 6.3."""
    lower = "".join(c.lower() for c in unicodedata.normalize("NFKC", name))
    return " ".join(unicodedata.normalize("NFKC", lower).split())


def index_tag(key, name):
    return mac(key, folded(name).encode())


def leaf(key, record):
    sealed = record["sealed"]
    message = record["id"] + u64(record["epoch"]) + u64(record["revision"]) + sealed[:24] + sealed[-16:]
    return mac(key, message)


def record_set(key, records):
    total = bytes(32)
    for record in records:
        if len(record["sealed"]) < 40:
            raise Refused("altered", "a record too short to be one")
        total = xor(total, leaf(key, record))
    return total


MOST_LINKS = 255


def link(manifest):
    """That of the state with this sealed manifest."""
    return sha256(manifest)[:8]


def past_after(manifest, past):
    """The past in the manifest after this one, which has that past; links, latest first."""
    return [link(manifest), *past][:MOST_LINKS]


def seal_manifest(account_key, vault_id, header_tag, sequence, count, total, nonce, past=()):
    aad = b"twinlock/1 manifest" + vault_id + header_tag
    return seal(keys(account_key, vault_id)["manifest"], aad, u64(sequence) + u64(count) + total + b"".join(past), nonce)


def open_manifest(manifest_key, vault_id, header_tag, manifest):
    """sequence, count || set, past"""
    try:
        plain = open_sealed(manifest_key, b"twinlock/1 manifest" + vault_id + header_tag, manifest or b"")
    except Refused as error:
        raise Refused("manifest", error) from None
    sequence, links = int.from_bytes(plain[:8], "big"), plain[48:]
    past = [links[at : at + 8] for at in range(0, len(links), 8)]
    if len(plain) < 48 or len(plain) % 8 or len(past) > MOST_LINKS or len(past) >= sequence or sequence >= 1 << 63:
        raise Refused("manifest", "length")
    return sequence, plain[8:48], past


def told_at(sequence, manifest, past, of):
    """The link of the state after `of` writes, as this state tells."""
    back = sequence - of
    if back == 0:
        return link(manifest)
    return past[back - 1] if 0 < back <= len(past) else None


def compared(seen, file):
    """What a file is to what was seen (section 7); each is (sequence, manifest, past), of one vault and account key."""
    at = min(seen[0], file[0])
    links = told_at(*seen, at), told_at(*file, at)
    if None not in links and links[0] != links[1]:
        return "fork"
    if seen[0] == file[0]:
        return "same"
    if file[0] < seen[0]:
        return "older"
    return "untold" if None in links else "later"
