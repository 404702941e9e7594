"""Kits, spec 8, written from that page alone. Failure classes are those of README.md."""

import zlib

import twinlock as t
from read import open_keyslot

BEGIN, END = "TWINLOCK-KIT:", "."
MAX_CHUNK, MAX_PART = 2048, 65536
FORGIVEN = str.maketrans("OIL", "011", "- \t\n\f\r")
CAPITALS = str.maketrans("abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ")


def pack(text):
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    return stream.compress(text) + stream.flush()


def unpack(payload):
    stream = zlib.decompressobj(-15)
    try:
        text = stream.decompress(payload, t.MAX_TEXT + 1)
    except zlib.error as error:
        raise t.Refused("packed", error) from None
    if len(text) > t.MAX_TEXT:
        raise t.Refused("too-long")
    if not stream.eof or stream.unused_data:
        raise t.Refused("packed")
    return text


def set_of(payload):
    return t.sha256(b"twinlock/1 kit" + payload)[:8]


def base32(data):
    bits = "".join(f"{byte:08b}" for byte in data)
    bits += "0" * (-len(bits) % 5)
    return "".join(t.CROCKFORD[int(bits[at : at + 5], 2)] for at in range(0, len(bits), 5))


def part(frame, check=None):
    return BEGIN + base32(frame + (check or t.sha256(b"twinlock/1 kit part" + frame)[:4])) + END


def frame(kit_set, i, n, chunk, version=1):
    return t.u8(version) + kit_set + t.u8(i) + t.u8(n) + chunk


def frames(text, size):
    """The frames of a kit of that text, in chunks of at most that size."""
    payload = pack(text)
    chunks = [payload[at : at + size] for at in range(0, len(payload), size)]
    return [frame(set_of(payload), i, len(chunks), chunk) for i, chunk in enumerate(chunks, 1)]


def parts(text, size=400):
    return [part(each) for each in frames(text, size)]


def unbase32(text):
    """The bytes, and the first 8 bits even where the rest is wrong."""
    values = [t.CROCKFORD.find(c) for c in text]
    bits = "".join(f"{value:05b}" for value in values)
    if len(values) >= 2 and int(bits[:8], 2) != 1:
        raise t.Refused("unsupported", "version")
    whole, filling = len(bits) // 8, bits[len(bits) // 8 * 8 :]
    if len(filling) >= 5 or "1" in filling:
        raise t.Refused("bad-part", "base 32")
    return bytes(int(bits[8 * at : 8 * at + 8], 2) for at in range(whole))


def read_part(text):
    """set, i, n, chunk"""
    plain = text.translate(CAPITALS).translate(FORGIVEN)
    if any(c not in t.CROCKFORD for c in plain):
        raise t.Refused("character")
    data = unbase32(plain)
    if len(data) < 16:
        raise t.Refused("bad-part", "length")
    content, check = data[:-4], data[-4:]
    if t.sha256(b"twinlock/1 kit part" + content)[:4] != check:
        raise t.Refused("check")
    i, n, chunk = content[9], content[10], content[11:]
    if i == 0 or i > n or len(chunk) > MAX_CHUNK:
        raise t.Refused("bad-part", "number")
    return content[1:9], i, n, chunk


def gather(texts):
    """The header text of the kit whose parts stand in the texts."""
    found = []
    for text in texts:
        upper = text.translate(CAPITALS)
        while BEGIN in upper:
            upper = upper.split(BEGIN, 1)[1]
            if END not in upper[: MAX_PART + 1]:
                raise t.Refused("cut-short")
            body, upper = upper.split(END, 1)
            found.append(read_part(body))
    if not found:
        raise t.Refused("nothing")
    chunks, (kit_set, _, count, _) = {}, found[0]
    for other_set, i, n, chunk in found:
        if other_set != kit_set:
            raise t.Refused("mixed")
        if n != count or chunks.setdefault(i, chunk) != chunk:
            raise t.Refused("conflict")
    if len(chunks) != count:
        raise t.Refused("parts-missing")
    payload = b"".join(chunks[i] for i in sorted(chunks))
    if set_of(payload) != kit_set:
        raise t.Refused("sum")
    return unpack(payload)


def read_text(text):
    """Header, what its tag is over, tag, origin, and whether the kit is whole."""
    body = t.parse_body(text)
    field = body.pop("!kit", None) if isinstance(body, dict) else None
    signed, tag = t.split_header(text)
    t.check_header(body)
    if field is None:
        return body, signed, tag, tag, True
    right = isinstance(field, dict) and t.is_hex(field.get("tag"), 32) and t.is_number(field.get("keyslots"), 1, 64)
    t.need(right, "!kit")
    return body, signed, tag, bytes.fromhex(field["tag"]), False


def of_keyslots(world, names):
    """The text of a kit of chosen keyslots."""
    import json

    tag = world.parts()["header"][-65:-1].decode()
    body = {**world.body, "keyslots": [slot for slot in world.body["keyslots"] if slot["name"] in names]}
    body["!kit"] = {"tag": tag, "keyslots": len(world.body["keyslots"])}
    return t.sign(world.account_key, world.vault_id, json.dumps(body, indent=2, ensure_ascii=False).encode())


def whose(parts_of_vault):
    """The header in a vault, if it can be parsed."""
    try:
        return t.read_header(parts_of_vault["header"] or b"")
    except t.Refused:
        return None


def use(texts, given, vault):
    """What the kit is to the vault (8.3), the kit's account key, and the vault's parts afterwards."""
    text = gather(texts)
    header, signed, tag, origin, is_whole = read_text(text)
    said = whose(vault)
    ids = lambda of: {slot["id"] for slot in of["keyslots"]}
    if said and said[0]["vault"] != header["vault"] and not ids(said[0]) & ids(header):
        raise t.Refused("other-vault")
    slot = next(slot for slot in header["keyslots"] if slot["name"] == given["keyslot"])
    account_key = open_keyslot(header, slot, given)
    vault_id = bytes.fromhex(header["vault"])
    keys = t.keys(account_key, vault_id)
    if t.mac(keys["header"], signed) != tag:
        raise t.Refused("tampered")
    generation = header["generation"]
    if said:
        its, its_signed, its_tag = said
        if its["vault"] == header["vault"] and t.mac(keys["header"], its_signed) == its_tag:
            if its_tag == origin:
                return "current", account_key, vault
            ahead = its["generation"] - header["generation"]
            return ("older" if ahead > 0 else "newer" if ahead < 0 else "fork"), account_key, vault
        # Nothing vouches for it: believed up to 2^20 writes after the kit's.
        if generation < its["generation"] <= generation + 2**20:
            generation = its["generation"]
    for candidate in [origin, *([said_tag(vault["header"])] if said_tag(vault["header"]) else [])]:
        try:
            sequence, counted, past = t.open_manifest(keys["manifest"], vault_id, candidate, vault["manifest"])
        except t.Refused:
            continue
        records = vault["records"]
        fits = counted == t.u64(len(records)) + t.record_set(keys["set"], records)
        if not fits or any(record["epoch"] != header["epoch"] for record in records):
            raise t.Refused("altered")
        if candidate == origin and is_whole:
            return "restored", account_key, {**vault, "header": text}
        after = {"generation": generation + 1, "sequence": sequence + 1}
        return "completed", account_key, after | {"past": t.past_after(vault["manifest"], past)}
    if said and said[0]["epoch"] > header["epoch"]:
        return "before-rotation", account_key, vault
    if said and said[0]["epoch"] < header["epoch"]:
        return "after-rotation", account_key, vault
    raise t.Refused("unproven")


def said_tag(text):
    """The tag at the end of a text that may be damaged."""
    try:
        return t.split_header(text or b"")[1]
    except t.Refused:
        return None
