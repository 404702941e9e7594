"""Vectors of kits. Each is read by kit.py before it is written: it must come out as it says."""

import copy
import json

import kit
import twinlock as t
from header_cases import given
from world import Recovery, World, fixed, header_json, note, write


def vault(generation=1, nonce="first", name="personal"):
    """Two keyslots, a note. `nonce` says when the first keyslot was wrapped."""
    world = World(name=name)
    world.add_slot("paper", [Recovery("paper")], wrapped_at=nonce)
    world.add_slot("spare", [Recovery("spare")])
    world.body["generation"], world.sequence = generation, 2
    world.put(note("Wi-Fi"))
    return world


def rotated():
    world = World()
    world.account_key = fixed("account key after a rotation", 32)
    world.add_slot("paper", [Recovery("paper")], wrapped_at="rotation")
    world.body["epoch"], world.body["generation"], world.sequence = 2, 2, 3
    world.put(note("Wi-Fi"), epoch=2)
    return world


def damaged(world, header):
    return {**world.parts(), "header": header}


def flip(text, at=30):
    """One bit of the header's body, as a disk would; the tag at the end stays."""
    return text[:at] + bytes([text[at] ^ 1]) + text[at + 1 :]


def write_all(out):
    world = vault()
    text = world.parts()["header"]
    whole = world.parts()
    frames = kit.frames(text, 220)
    texts = [kit.part(frame) for frame in frames]
    kit_set, n = frames[0][1:9], len(frames)
    assert n > 2, n

    def add(name, expect, comment, texts=texts, vault=whole, open=None):
        open = open or given()
        try:
            got, account_key, after = kit.use(texts, open, vault)
        except t.Refused as refused:
            got, account_key, after = refused.failure, None, None
        assert got == expect, f"kit/{name}: {got} where {expect} belongs"
        vector = {"name": name, "comment": comment, "expect": expect, "texts": texts, "open": open}
        vector["vault"] = {
            "header": None if vault["header"] is None else header_json(vault["header"]),
            "manifest": vault["manifest"] and vault["manifest"].hex(),
        }
        for table in ("records", "entries"):
            vector["vault"][table] = [
                {k: v.hex() if isinstance(v, bytes) else v for k, v in row.items()} for row in vault[table]
            ]
        if account_key:
            vector["account_key"] = account_key.hex()
        if got == "restored":
            vector["header"] = header_json(after["header"])
        if got == "completed":
            vector["generation"] = after["generation"]
            if len(after["past"]) > 1:
                vector |= {"sequence": after["sequence"], "past": b"".join(after["past"]).hex()}
        out.count[expect] = out.count.get(expect, 0) + 1
        write("kit", name, vector)

    # ------------------------------------------------ what can be read
    add("whole", "current", "the vault's own header, in several parts")
    add("one-part", "current", "in one part", kit.parts(text, 2048))
    add("255-bytes-a-part", "current", "parts that end where a byte of base 32 does not", kit.parts(text, 255))
    add("any-order", "current", "parts come last first, and one twice", [*texts[::-1], texts[1]])
    add("one-text", "current", "all in one text, among other words", ["Kit of Ada:\n" + "\nand ".join(texts) + "\nEnd."])
    mangled = [each.lower().replace("0", "o").replace("1", "l").replace("twinlock-kit:", "twinlock-kit:\n  ") for each in texts]
    mangled = ["-".join(each[at : at + 40] + " \r\n\t" for at in range(0, len(each), 40)) if "kit:" not in each else each for each in mangled]
    add("mangled", "current", "small letters, O for 0, L for 1, broken lines", mangled)
    stored = lambda data: b"\x01" + len(data).to_bytes(2, "little") + (len(data) ^ 0xFFFF).to_bytes(2, "little") + data
    raw = stored(text)
    chunks = [raw[at : at + 2000] for at in range(0, len(raw), 2000)]
    add(
        "stored-block",
        "current",
        "DEFLATE may store what it cannot make smaller",
        [kit.part(kit.frame(kit.set_of(raw), i, len(chunks), chunk)) for i, chunk in enumerate(chunks, 1)],
    )
    add("uneven-chunks", "current", "a chunk of one byte, and a long one", uneven(kit.pack(text)))

    # ------------------------------------------------ parts
    add("nothing", "nothing", "a text without a part", ["TWINLOCK KIT: nothing."])
    add("cut-short", "cut-short", "the last part has lost its end", [*texts[:-1], texts[-1][:-1]])
    add("cut-in-the-middle", "check", "a part has lost its last 16 characters, not its end", [texts[0][:-17] + ".", *texts[1:]])
    add("too-long-a-part", "cut-short", "the end comes after more than 65,536 characters", [texts[0][:-1] + " " * 65536 + ".", *texts[1:]])
    at = 60
    other = "7" if texts[0][at] != "7" else "8"
    add("check-one-character", "check", "one character is another", [texts[0][:at] + other + texts[0][at + 1 :], *texts[1:]])
    swapped = next(i for i in range(40, 80) if texts[0][i] != texts[0][i + 1])
    swap = texts[0][:swapped] + texts[0][swapped + 1] + texts[0][swapped] + texts[0][swapped + 2 :]
    add("check-two-exchanged", "check", "two characters are exchanged", [swap, *texts[1:]])
    add("check-of-another-kind", "check", "the check sum of four zero bytes", [kit.part(frames[0], b"\0\0\0\1"), *texts[1:]])
    add("character-u", "character", "a U, which the alphabet does not have", [texts[0][:at] + "U" + texts[0][at + 1 :], *texts[1:]])
    add("character-long-s", "character", "U+017F, whose capital is an S", [texts[0][:at] + "\u017f" + texts[0][at + 1 :], *texts[1:]])
    add("version-2", "unsupported", "a part of version 2", [kit.part(b"\2" + frames[0][1:]), *texts[1:]])
    add("version-0", "unsupported", "a part of version 0", [kit.part(b"\0" + frames[0][1:]), *texts[1:]])
    add("version-2-damaged", "unsupported", "the version is told from damage, also where the check sum is another's", [kit.part(b"\2" + frames[0][1:], b"1234")])
    add("number-0", "bad-part", "part 0", [kit.part(kit.frame(kit_set, 0, n, frames[0][11:])), *texts[1:]])
    add("number-above-count", "bad-part", "one part more than there are", [kit.part(kit.frame(kit_set, n + 1, n, frames[0][11:])), *texts])
    add("count-0", "bad-part", "part 1 of 0", [kit.part(kit.frame(kit_set, 1, 0, frames[0][11:]))])
    add("chunk-empty", "bad-part", "a part with no byte of the payload", [kit.part(kit.frame(kit_set, 1, n, b"")), *texts[1:]])
    add("chunk-2049", "bad-part", "a chunk of 2049 bytes", [kit.part(kit.frame(kit_set, 1, 1, bytes(2049)))])
    odd = texts[0][:-1] + "0."
    add("base32-length", "bad-part", "a length that no bytes have", [odd if bad_length(odd) else texts[0][:-1] + "000.", *texts[1:]])
    filled = next(each for each in [kit.parts(text, size)[0] for size in (220, 221, 222, 223)] if len(each[13:-1]) * 5 % 8)
    add("base32-filling", "bad-part", "filling bits that are not zero", [filled[:-2] + t.CROCKFORD[t.CROCKFORD.index(filled[-2]) | 1] + "."])

    # ------------------------------------------------ the set
    another = kit.parts(vault(name="another name").parts()["header"], 220)
    add("part-missing", "parts-missing", "the second part is not there", [texts[0], *texts[2:]])
    add("part-of-another-kit", "mixed", "the second part is of another kit", [texts[0], another[1], *texts[2:]])
    count = kit.part(kit.frame(kit_set, 1, n + 1, frames[0][11:]))
    add("count-differs", "conflict", "a part says another count", [*texts, count])
    add("part-twice-differs", "conflict", "part 1 is there twice, once with another byte", [*texts, kit.part(frames[0][:-1] + bytes([frames[0][-1] ^ 1]))])
    exchanged = [kit.part(kit.frame(kit_set, 2, n, frames[0][11:])), kit.part(kit.frame(kit_set, 1, n, frames[1][11:])), *texts[2:]]
    add("parts-exchanged", "sum", "the chunks of two parts are exchanged, their check sums right", exchanged)
    payload = kit.pack(text)
    of = lambda payload: [kit.part(kit.frame(kit.set_of(payload), i, -(-len(payload) // 220), payload[220 * i - 220 : 220 * i])) for i in range(1, -(-len(payload) // 220) + 1)]
    add("deflate-cut-short", "packed", "the stream has lost its last byte", of(payload[:-1]))
    add("deflate-followed", "packed", "a byte follows the stream", of(payload + b"\0"))
    add("deflate-damaged", "packed", "a block of a type that there is not", of(b"\x07" + payload[1:]))
    add("text-too-long", "too-long", "1 MiB and a byte of spaces, which pack into a kilobyte", of(kit.pack(b" " * ((1 << 20) + 1))))

    # ------------------------------------------------ the text
    add("text-no-header", "malformed", "the text is no header", of(kit.pack(b"hello")))
    add("text-tag-altered", "tampered", "one digit of the tag is another", of(kit.pack(text[:-2] + (b"0" if text[-2:-1] != b"0" else b"1") + b"\n")))
    renamed = text.replace(b'"personal"', b'"someones"')
    add("text-name-altered", "tampered", "the vault's name is another", of(kit.pack(renamed)))
    critical = copy.deepcopy(world.body) | {"!new": 1}
    signed = t.sign(world.account_key, world.vault_id, json.dumps(critical).encode())
    add("text-critical-field", "unsupported", "a critical field that is not '!kit'", of(kit.pack(signed)))
    add("wrong-code", "locked", "the code of another keyslot", texts, open={"keyslot": "paper", "recovery": Recovery("spare").code})
    one = kit.of_keyslots(world, ["paper"])
    for name, value in [("tag-31-bytes", {"tag": "00" * 31, "keyslots": 2}), ("keyslots-0", {"tag": "00" * 32, "keyslots": 0}), ("no-object", 1)]:
        body = t.parse_body(one) | {"!kit": value}
        bad = t.sign(world.account_key, world.vault_id, json.dumps(body).encode())
        add(f"chosen-{name}", "malformed", f"'!kit' is {json.dumps(value)[:40]}", of(kit.pack(bad)))
    smuggled = t.parse_body(one)
    smuggled["keyslots"] += [slot for slot in vault(nonce="old").body["keyslots"] if slot["name"] == "paper"]
    smuggled["keyslots"][1] |= {"id": "99" * 16, "name": "old"}
    bad = json.dumps(smuggled, indent=2, ensure_ascii=False).encode() + one[one.rindex(b"\n---") :]
    add("chosen-keyslot-added", "tampered", "a keyslot was put into a kit of one", of(kit.pack(bad)))

    # ------------------------------------------------ the vault
    add("chosen", "current", "a kit of one keyslot of two", of(kit.pack(one)))
    newer = vault(generation=2, nonce="second")
    add("older-generation", "older", "the vault's first keyslot was wrapped anew since", texts, newer.parts())
    add("chosen-older-generation", "older", "the same for a kit of one keyslot", of(kit.pack(one)), newer.parts())
    add("newer-than-the-vault", "newer", "the kit is of generation 2, the vault of 1", of(kit.pack(newer.parts()["header"])), whole)
    add("fork", "fork", "both are of generation 1, with other names", another, whole)
    second = World("second")
    second.add_slot("paper", [Recovery("paper")])
    add("other-vault", "other-vault", "a vault of another id", texts, second.parts())
    add("older-epoch", "before-rotation", "the vault was rotated since", texts, rotated().parts())
    add("newer-epoch", "after-rotation", "the kit is from after a rotation, the vault from before it", of(kit.pack(rotated().parts()["header"])), whole)

    # ------------------------------------------------ a header put back
    add("header-lost", "restored", "the vault has no header", texts, damaged(world, None))
    add("header-damaged", "restored", "one bit of the vault's header is another", texts, damaged(world, flip(text)))
    add("header-zeros", "restored", "the vault's header is zeros", texts, damaged(world, bytes(len(text))))
    other_id = text.replace(world.vault_id.hex().encode(), bytes([world.vault_id[0] ^ 1, *world.vault_id[1:]]).hex().encode())
    add("header-id-damaged", "restored", "the vault's id in the header is another; its keyslots tell", texts, damaged(world, other_id))
    add("chosen-header-lost", "completed", "a kit of one keyslot, the vault has no header", of(kit.pack(one)), damaged(world, None))
    add("older-header-damaged", "completed", "an older kit; the tag of the lost header can still be read", texts, damaged(newer, flip(newer.parts()["header"])))
    later = vault(generation=7, nonce="second")
    renamed = later.parts()["header"].replace(b'"spare"', b'"spore"')
    add("older-header-altered", "completed", "the same; the damaged header says generation 7", texts, damaged(later, renamed))
    for links in (1, 255):
        told = vault()
        told.sequence, told.past = 1000, [fixed(f"link {n}", 8) for n in range(links)]
        name, comment = f"past-{links}-carried-on", f"a kit of one keyslot, no header; the manifest tells of {links} before it"
        add(name, "completed", comment, of(kit.pack(kit.of_keyslots(told, ["spare"]))), damaged(told, None), given("spare"))
    told = vault()
    told.sequence, told.past = 2, [fixed("link 0", 8), fixed("link 1", 8)]
    add("past-too-long", "unproven", "the manifest tells of more states than there can have been", texts, damaged(told, None))
    # Nothing vouches for the generation that a damaged header says.
    def says(generation):
        return damaged(world, text.replace(b'"generation": 1', b'"generation": %d' % generation))

    far = 1 + 2**20
    add("generation-just-believed", "completed", "the damaged header says 2^20 generations more than the kit of one keyslot", of(kit.pack(one)), says(far))
    add("generation-not-believed", "completed", "the same, and one more: the kit's counts", of(kit.pack(one)), says(far + 1))
    add("generation-last-number", "completed", "the damaged header says the last generation that there can be", of(kit.pack(one)), says(2**53 - 1))
    add("generation-0", "completed", "the damaged header says generation 0, so that it cannot be parsed", of(kit.pack(one)), says(0))
    add("older-header-lost", "unproven", "an older kit, and nothing left of the header that was lost", texts, damaged(newer, None))
    add("manifest-lost", "unproven", "neither header nor manifest", texts, {**damaged(world, None), "manifest": None})
    add("record-lost", "altered", "the header is lost, and a record", texts, {**damaged(world, None), "records": []})
    extra = {**damaged(world, None), "records": [*whole["records"], {**whole["records"][0], "id": bytes(16)}]}
    add("record-added", "altered", "the header is lost, and a record was added", texts, extra)


def uneven(payload):
    chunks = [payload[:1], payload[1:-1], payload[-1:]]
    return [kit.part(kit.frame(kit.set_of(payload), i, 3, chunk)) for i, chunk in enumerate(chunks, 1)]


def bad_length(text):
    return len(text[13:-1]) * 5 % 8 >= 5



