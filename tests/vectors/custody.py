"""Requests and answers of docs/spec.md, section 9, written from that page alone, on top of twinlock.py."""

import datetime
import pathlib
import re
import zlib

import twinlock as t
from argon2.low_level import Type, hash_secret_raw
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

BEGIN = {"request": "TWINLOCK-REQUEST:", "answer": "TWINLOCK-ANSWER:"}
LIST = pathlib.Path(__file__).parents[2] / "src/encode/words.txt"


# ---------------------------------------------------------------- 9.1 texts


def base32(data):
    number, spare = int.from_bytes(data, "big"), -len(data) * 8 % 5
    digits = (len(data) * 8 + spare) // 5
    return "".join(t.CROCKFORD[(number << spare) >> 5 * (digits - 1 - place) & 31] for place in range(digits))


def unbase32(text):
    digits = [t.CROCKFORD.find(c) for c in text.replace("O", "0").replace("I", "1").replace("L", "1")]
    if -1 in digits:
        raise t.Refused("mistyped", "character")
    number = 0
    for digit in digits:
        number = number << 5 | digit
    spare = len(digits) * 5 % 8
    if spare >= 5 or number & (1 << spare) - 1:
        raise t.Refused("mistyped", "length")
    return (number >> spare).to_bytes(len(digits) * 5 // 8, "big")


def check(kind, frame):
    return t.sha256(b"twinlock/1 " + kind.encode() + b" text" + frame)[:4]


def armour(kind, payload, version=1):
    frame = bytes([version]) + payload
    return BEGIN[kind] + base32(frame + check(kind, frame)) + "."


def payloads(kind, text):
    upper = "".join(c.upper() if c.isascii() else c for c in text)
    pieces = upper.split(BEGIN[kind])[1:]
    if not pieces:
        raise t.Refused("nothing")
    found = []
    for piece in pieces:
        body, end, _ = piece.partition(".")
        if not end or len(body.encode()) > 65536:
            raise t.Refused("cut-short")
        data = unbase32(re.sub("[-> \t\n\f\r]", "", body))
        frame, sum_ = data[:-4], data[-4:]
        if len(data) < 5 or sum_ != check(kind, frame):
            raise t.Refused("mistyped", "check")
        if frame[0] != 1:
            raise t.Refused("unsupported", "version")
        found.append(frame[1:])
    return found


# ---------------------------------------------------------------- 9.2 request


def pack(data):
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    return deflate.compress(data) + deflate.flush()


def unpack(packed):
    inflate = zlib.decompressobj(-15)
    try:
        data = inflate.decompress(packed, 16385)
    except zlib.error as error:
        t.malformed(error)
    t.need(len(data) <= 16384, "longer than 16 KiB")
    t.need(inflate.eof and not inflate.unused_data and not inflate.unconsumed_tail, "stream")
    return data


def moment(text):
    return datetime.datetime.fromisoformat(text[:-1])


def small_order(public):
    try:
        X25519PrivateKey.from_private_bytes(bytes([1] * 32)).exchange(X25519PublicKey.from_public_bytes(public))
        return False
    except ValueError:
        return True


def read_json(data):
    try:
        value = t.parse(data.decode())
    except UnicodeDecodeError:
        t.malformed("not UTF-8")
    t.need(isinstance(value, dict), "no object")
    t.need(t.is_number(value.get("request"), 0), "request")
    if value["request"] != 1:
        raise t.Refused("unsupported", "version")
    for field, length in (("vault", 16), ("keyslot", 16), ("nonce", 32), ("key", 32)):
        t.need(t.is_hex(value.get(field), length), field)
    for field in ("name", "keyslot_name", "from"):
        t.need(t.is_name(value.get(field)), field)
    t.need("fingerprint" not in value or t.is_hex(value["fingerprint"], 10), "fingerprint")
    t.need("reason" not in value or value["reason"] == "" or t.is_name(value["reason"], 256), "reason")
    t.need(t.is_number(value.get("of"), 1, 16), "of")
    t.need(t.is_number(value.get("threshold"), 1, value["of"]), "threshold")
    for field in ("created", "expires"):
        t.need(t.is_time(value.get(field)), field)
    life = moment(value["expires"]) - moment(value["created"])
    t.need(datetime.timedelta() < life <= datetime.timedelta(days=31), "life")
    t.need(not small_order(bytes.fromhex(value["key"])), "small order")
    factors = value.get("factors")
    t.need(isinstance(factors, list) and 1 <= len(factors) <= 16, "factors")
    last = 0
    for factor in factors:
        t.need(isinstance(factor, dict), "factor")
        t.need(t.is_number(factor.get("number"), last + 1, value["of"]), "number")
        last = factor["number"]
        kind = factor.get("kind")
        t.need(isinstance(kind, str) and re.fullmatch("[a-z][a-z0-9-]{0,31}", kind) is not None, "kind")
    if any(name.startswith("!") for part in [value, *factors] for name in part):
        raise t.Refused("unsupported", "critical field")
    return value


def read_request(text, now=None):
    """The request's fields and the bytes of its JSON."""
    found = payloads("request", text)
    if any(other != found[0] for other in found):
        raise t.Refused("several")
    data = unpack(found[0])
    request = read_json(data)
    if now is not None and moment(now) >= moment(request["expires"]):
        raise t.Refused("expired")
    return request, data


def request_hash(data):
    return t.sha256(b"twinlock/1 request" + data)


def public_of(private):
    public = X25519PrivateKey.from_private_bytes(private).public_key()
    return public.public_bytes(Encoding.Raw, PublicFormat.Raw)


# ---------------------------------------------------------------- 9.3 answer


def request_mask(request, number, secret):
    salt = b"".join(bytes.fromhex(request[field]) for field in ("vault", "keyslot", "nonce"))
    kind = next(factor["kind"] for factor in request["factors"] if factor["number"] == number)
    return t.mask(secret, salt, number, kind, (request["threshold"], request["of"]))


def answer_key(private, public, ephemeral, recipient, digest):
    shared = X25519PrivateKey.from_private_bytes(private).exchange(X25519PublicKey.from_public_bytes(public))
    return t.hkdf(shared, ephemeral + recipient, b"twinlock/1 answer" + digest)


def seal_answer(digest, recipient, entries, ephemeral_private, nonce, request_id=None):
    """The payload; `entries` are (number, mask)."""
    ephemeral = public_of(ephemeral_private)
    key = answer_key(ephemeral_private, recipient, ephemeral, recipient, digest)
    plain = b"".join(t.u8(number) + mask for number, mask in entries)
    return (request_id or digest[:16]) + ephemeral + t.seal(key, b"twinlock/1 answer" + digest, plain, nonce)


def open_answer(payload, request, data, private):
    """{number: mask} of one answer to one request."""
    plain_length = len(payload) - 16 - 32 - 40
    t.need(plain_length > 0 and plain_length % 33 == 0 and plain_length <= 16 * 33, "length")
    digest = request_hash(data)
    if payload[:16] != digest[:16]:
        raise t.Refused("foreign")
    ephemeral, sealed = payload[16:48], payload[48:]
    try:
        key = answer_key(private, ephemeral, ephemeral, public_of(private), digest)
        plain = t.open_sealed(key, b"twinlock/1 answer" + digest, sealed)
    except (ValueError, t.Refused):
        raise t.Refused("forged") from None
    masks, last = {}, 0
    for at in range(0, len(plain), 33):
        number = plain[at]
        if number <= last or number not in [factor["number"] for factor in request["factors"]]:
            raise t.Refused("forged", "number")
        masks[number], last = plain[at + 1 : at + 33], number
    return masks


def open_keyslot(vault_id, slot, answers):
    """The account key by the masks of answers: [{number: mask}], as many as the threshold, by trying."""
    salt = t.slot_salt(vault_id, slot)
    if not slot.get("custodians"):
        raise t.Refused("personal", slot["name"])
    if len(answers) < slot["threshold"]:
        raise t.Refused("missing", slot["name"])

    def tries(left, shares):
        if not left:
            try:
                kek = t.kek(t.combine(shares), salt, slot)
                yield t.aes_key_unwrap(kek, bytes.fromhex(slot["wrapped"]))
            except t.InvalidUnwrap:
                pass
            return
        for number, mask in left[0].items():
            if number not in shares:
                share = t.xor(bytes.fromhex(slot["factors"][number - 1]["share"]), mask)
                yield from tries(left[1:], {**shares, number: share})

    for key in tries(answers, {}):
        return key
    raise t.Refused("locked")


def open_vault(header, request, data, private, payloads_):
    """The account key of the vault with this header, by answers to one request."""
    for slot in header["keyslots"]:
        wrap = (header["vault"], slot["id"], slot["nonce"])
        if wrap == (request["vault"], request["keyslot"], request["nonce"]):
            return open_keyslot(
                bytes.fromhex(header["vault"]), slot, [open_answer(payload, request, data, private) for payload in payloads_]
            )
    raise t.Refused("not-this-keyslot")


# ---------------------------------------------------------------- 9.4 words


def words(digest):
    hashed = hash_secret_raw(digest, b"twinlock/1 words", 4, 262144, 4, 32, Type.ID, 0x13)
    bits = int.from_bytes(hashed, "big")
    names = LIST.read_text().split()
    return [names[bits >> 256 - 10 * (j + 1) & 1023] for j in range(4)]
