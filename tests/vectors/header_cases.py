"""Vectors of the header: text, JSON, fields, tag. All but those of the tag are signed right, so that nothing else is wrong with them."""

import copy
import json

import twinlock as t
from world import Recovery, World, expand, fixed


def one(**more):
    world = World()
    world.add_slot("paper", [Recovery("paper")], **more)
    return world


def two():
    world = one()
    world.add_slot("spare", [Recovery("spare")])
    return world


def given(slot="paper"):
    return {"keyslot": slot, "recovery": Recovery(slot).code}


def positive(out):
    world = one()
    out.add("ok", "one-keyslot", "ok", "no items, one keyslot of a recovery code", world.parts(), given(), world=world)
    world = two()
    out.add("ok", "two-keyslots", "ok", "two keyslots, opened by the first", world.parts(), given(), world=world)

    def ok(name, comment, world, body=None, pieces=None):
        out.add(
            "ok", name, "ok", comment, world.parts(body and body(world.text())), given(), pieces=pieces, world=world
        )

    ok(
        "header-no-white-space",
        "the body on one line",
        one(),
        lambda _: json.dumps(one().body, separators=(",", ":")).encode(),
    )
    ok(
        "header-odd-white-space",
        "CR, LF, tab and space between tokens",
        one(),
        lambda body: body.replace(b'"epoch": 1', b'\r\n"epoch"\t\r :\n\n1 '),
    )
    ok(
        "header-escapes",
        "escapes where none is needed, in names and values",
        one(),
        lambda body: body.replace(b'"personal"', rb'"p\u0065rs\u006fnal \u00e9 \ud83d\ude00 \/ \" \\"').replace(
            b'"epoch"', rb'"\u0065poch"'
        ),
    )
    world = one()
    world.body["name"] = "\U0001f511" * 64
    ok("header-name-64-characters", "64 characters, 256 bytes", world)
    world = one()
    world.body["later"] = json.loads("[" * 7 + "]" * 7)
    ok(
        "header-depth-8",
        "an unknown field with 7 arrays inside each other, the body around them the eighth level",
        world,
    )
    world = one()
    world.body |= {"epoch": t.MAX_NUMBER, "generation": t.MAX_NUMBER}
    ok("header-largest-numbers", "2^53 - 1", world)
    world = one()
    world.body |= {"later": {"z": [True, False, 0], "a": "é"}, "tag": "x", "": "a field without a name"}
    ok("header-unknown-optional-field", "fields of a later version at the top level", world)
    extra = {
        "later": {"\U0001f511": 1, "\uff21": "\u00e9\u2028", "b": [True, {"y": 0, "x": '"\\/'}], "": False},
        "share": "kept",
    }
    world = one(
        extra=extra, extras=[{"later": [{}, [], {"name": "kept", "nonce": "kept", "share": "kept"}], "name": "kept"}]
    )
    ok(
        "keyslot-unknown-optional-fields",
        "in keyslot and factor; they are in the canonical public parameters, sorted by code point",
        world,
    )
    world = one()
    for i in range(2, 65):
        slot = copy.deepcopy(world.body["keyslots"][0])
        world.body["keyslots"].append(slot | {"id": fixed(f"id {i}", 16).hex(), "name": f"copy {i}"})
    ok("keyslots-64", "as many as there may be; only the first opens", world)
    world = one()
    pieces = huge(world, t.MAX_TEXT)
    ok("header-1-mib", "1048576 bytes, mostly white space", world, lambda _: expand(pieces[:-1]), pieces)


def huge(world, size):
    """The header in pieces, so many bytes in all."""
    body = world.text().decode()
    spaces = {"repeat": " ", "times": size - len(body) - 70}
    text = t.sign(world.account_key, world.vault_id, expand(["{", spaces, body[1:]])).decode()
    return ["{", spaces, body[1:], text[-70:]]


def negative(out):
    positive(out)
    base = one().parts()

    def add(name, comment, header=None, body=None, edit=None, expect="malformed", pieces=None):
        """Either the whole header text; or what becomes of the body's bytes; or an edit of the body's fields."""
        if header is not None:
            parts = {**base, "header": header}
        else:
            world = one()
            if edit:
                edit(world.body)
            parts = world.parts(body(world.text()) if body else None)
        out.add("header", name, expect, comment, parts, given(), base="one-keyslot", pieces=pieces)

    text = base["header"]
    body, tail = text[:-70], text[-70:]
    add("empty", "no bytes", header=b"")
    add("only-tag", "a separator and a tag without a body", header=tail)
    add("no-tag", "the body alone", header=body)
    add("tag-upper-case", "hex in upper case", header=text[:-65] + text[-65:].upper())
    add("tag-31-bytes", "two digits too few", header=text[:-3] + b"\n")
    add("tag-33-bytes", "two digits too many", header=text[:-1] + b"00\n")
    add("tag-two-spaces", "two spaces before the tag", header=text[:-65] + b" " + text[-65:])
    add("no-final-newline", "the last byte is missing", header=text[:-1])
    add("text-after-end", "a newline after the final one", header=text + b"\n")
    add("crlf", "the separator is CR LF and three dashes", body=lambda b: b + b"\r")
    add("byte-order-mark", "U+FEFF before the body", body=lambda b: "\ufeff".encode() + b)
    add("white-space-before", "a space before the body", body=lambda b: b" " + b)
    add("white-space-after", "a newline between body and separator", body=lambda b: b + b"\n")
    add("not-utf-8", "a byte ff in the vault's name", body=lambda b: b.replace(b"personal", b"person\xffl"))
    add("array", "the body in an array", body=lambda b: b"[" + b + b"]")
    add("two-objects", "an empty object after the body", body=lambda b: b + b"{}")
    add("trailing-comma", "a comma after the last field", body=lambda b: b[:-2] + b",\n}")
    add("comment", "a comment in the JSON", body=lambda b: b.replace(b"{", b"{ /* mine */", 1))
    add("single-quotes", "a name in single quotes", body=lambda b: b.replace(b'"personal"', b"'personal'"))
    after = lambda old, new: lambda b: b.replace(old, old + new, 1)
    add("duplicate-key", "the epoch twice, with one value", body=after(b'"epoch": 1,', b'"epoch": 1,'))
    add(
        "duplicate-key-escaped",
        "the epoch twice, once with an escape in its name",
        body=after(b'"epoch": 1,', rb'"epo\u0063h": 1,'),
    )
    add("duplicate-key-in-keyslot", "a keyslot's threshold twice", body=after(b'"threshold": 1,', b'"threshold": 1,'))
    add("duplicate-key-in-factor", "a factor's kind twice", body=after(b'"kind": "recovery",', b'"kind": "recovery",'))
    add(
        "duplicate-key-in-unknown-field",
        "deep in a field of a later version",
        body=after(b'"epoch": 1,', b'"later":[{"a":1,"a":1}],'),
    )
    later = lambda value: after(b'"epoch": 1,', b'"later": ' + value + b",")
    add("null", "a null in a field of a later version", body=later(b"null"))
    add("number-negative", "-1", body=later(b"-1"))
    add("number-minus-zero", "-0", body=later(b"-0"))
    add("number-fraction", "1.0", body=later(b"1.0"))
    add("number-exponent", "1e2", body=later(b"1e2"))
    add("number-2-53", "the first number that not every reader holds", body=later(b"9007199254740992"))
    add("number-huge", "400 digits", body=later(b"1" * 400))
    add("number-leading-zero", "01", body=later(b"01"))
    add("number-nan", "NaN", body=later(b"NaN"))
    add("control-character-raw", "a tab in a string", body=later(b'"\t"'))
    add("control-character-escaped", "U+0000 by an escape", body=later(rb'"\u0000"'))
    add("control-character-1f", "U+001F by an escape", body=later(rb'"\u001f"'))
    add("control-character-delete", "U+007F as it is", body=later(b'"\x7f"'))
    add(
        "control-character-in-key",
        "U+000A by an escape, in a field's name",
        body=after(b'"epoch": 1,', rb'"la\nter": 1,'),
    )
    add("surrogate-alone", "half of a surrogate pair", body=later(rb'"\ud83d"'))
    add("depth-9", "8 arrays in the body", body=later(b"[" * 8 + b"]" * 8))
    deep = lambda n: [
        one().text().decode()[:-2] + ',\n "later": ',
        {"repeat": "[", "times": n},
        {"repeat": "]", "times": n},
        "\n}",
    ]
    signed = one().parts(expand(deep(100000)))["header"]
    add(
        "depth-100000",
        "enough to exhaust the stack of a careless parser",
        body=lambda _: expand(deep(100000)),
        pieces=[*deep(100000), signed[-70:].decode()],
    )
    pieces = huge(one(), t.MAX_TEXT + 1)
    add("longer-than-1-mib", "1048577 bytes", body=lambda _: expand(pieces[:-1]), pieces=pieces)
    fields(add)
    keyslot_fields(add)
    tampered(out)


def put(**values):
    return lambda body: body.update(values)


def drop(name):
    return lambda body: body.pop(name)


def fields(add):
    add("version-2", "a later format", edit=put(twinlock=2), expect="unsupported")
    add("version-text", "the version as a string", edit=put(twinlock="1"))
    add("version-missing", "no version", edit=drop("twinlock"))
    vault = one().body["vault"]
    add("vault-15-bytes", "a vault id too short", edit=put(vault=vault[:-2]))
    add("vault-17-bytes", "a vault id too long", edit=put(vault=vault + "00"))
    add("vault-odd-hex", "half a byte", edit=put(vault=vault[:-1]))
    add("vault-upper-case-hex", "the right bytes in upper case", edit=put(vault=vault.upper()))
    add("vault-hex-prefix", "0x before 15 bytes", edit=put(vault="0x" + vault[2:]))
    add("vault-hex-separators", "a colon among the digits", edit=put(vault=vault[:2] + ":" + vault[2:]))
    add("vault-missing", "no vault id", edit=drop("vault"))
    add("name-empty", "a vault without a name", edit=put(name=""))
    add("name-65-characters", "a character too many", edit=put(name="n" * 65))
    add("name-control-character", "U+0085, category Cc, but no ASCII", edit=put(name="a\u0085b"))
    add("name-number", "a number for a name", edit=put(name=1))
    add("created-offset", "a time with an offset", edit=put(created="2026-01-01T01:00:00+01:00"))
    add("created-fraction", "a time with milliseconds", edit=put(created="2026-01-01T00:00:00.000Z"))
    add("created-no-zone", "a time without a zone", edit=put(created="2026-01-01T00:00:00"))
    add("created-space", "a space for the T", edit=put(created="2026-01-01 00:00:00Z"))
    add("created-february-30", "a day that is none", edit=put(created="2026-02-30T00:00:00Z"))
    add("created-hour-24", "an hour that is none", edit=put(created="2026-01-01T24:00:00Z"))
    add("epoch-0", "epochs count from 1", edit=put(epoch=0))
    add("epoch-text", "the epoch as a string", edit=put(epoch="1"))
    add("generation-0", "generations count from 1", edit=put(generation=0))
    add("generation-missing", "no generation", edit=drop("generation"))
    add("cipher-other", "AES-256-GCM", edit=put(cipher="aes-256-gcm"), expect="unsupported")
    add("cipher-missing", "no cipher", edit=drop("cipher"))
    add("unknown-critical-field", "a field that must be understood", edit=put(**{"!later": 1}), expect="unsupported")
    add("keyslots-none", "no way in", edit=put(keyslots=[]))
    add("keyslots-object", "an object for the list", edit=put(keyslots={}))
    add(
        "keyslots-65",
        "one too many",
        edit=lambda body: body["keyslots"].extend(
            body["keyslots"][0] | {"id": fixed(f"id {i}", 16).hex(), "name": f"copy {i}"} for i in range(2, 66)
        ),
    )
    add("keyslot-text", "a string for a keyslot", edit=lambda body: body["keyslots"].append("spare"))
    double = lambda **new: lambda body: body["keyslots"].append(copy.deepcopy(body["keyslots"][0]) | new)
    add("keyslot-duplicated", "the same keyslot twice", edit=double())
    add("keyslot-id-duplicated", "two keyslots of one id", edit=double(name="spare"))
    add("keyslot-name-duplicated", "two keyslots of one name", edit=double(id=fixed("other id", 16).hex()))


def keyslot_fields(add):
    slot = one().body["keyslots"][0]

    def change(name, comment, field, value):
        add(f"keyslot-{name}", comment, edit=lambda body: body["keyslots"][0].update({field: value}))

    def without(field):
        add(f"keyslot-{field}-missing", f"no {field}", edit=lambda body: body["keyslots"][0].pop(field))

    def factor(name, comment, **values):
        add(f"factor-{name}", comment, edit=lambda body: body["keyslots"][0]["factors"][0].update(values))

    for field, length in (("id", 16), ("nonce", 32), ("wrapped", 40)):
        change(f"{field}-{length - 1}-bytes", f"{field} too short", field, slot[field][:-2])
        change(f"{field}-{length + 1}-bytes", f"{field} too long", field, slot[field] + "00")
        change(f"{field}-upper-case-hex", "the right bytes in upper case", field, slot[field].upper())
        without(field)
    change("name-empty", "a keyslot without a name", "name", "")
    change("created-offset", "a time with an offset", "created", "2026-01-01T01:00:00+01:00")
    change("threshold-0", "k = 0", "threshold", 0)
    change("threshold-above-n", "k = 2 of 1 factor", "threshold", 2)
    without("threshold")
    change("factors-none", "no factors", "factors", [])
    change("factors-17", "one too many", "factors", slot["factors"] * 17)
    without("factors")
    factor("kind-empty", "no kind", kind="")
    factor("kind-upper-case", "a kind in upper case", kind="Recovery")
    factor("kind-digit-first", "a kind that begins with a digit", kind="2recovery")
    factor("kind-33-characters", "a kind too long", kind="r" * 33)
    share = slot["factors"][0]["share"]
    factor("share-31-bytes", "a share too short", share=share[:-2])
    factor("share-33-bytes", "a share too long", share=share + "00")
    factor("share-upper-case-hex", "the right bytes in upper case", share=share.upper())


def tampered(out):
    base, world = two().parts(), two()
    old_tag = base["header"][-65:-1].decode()

    def add(name, comment, edit=None, body=None, tag=old_tag):
        """The manifest is bound to whatever tag there is: only the tag tells."""
        changed = two()
        if edit:
            edit(changed.body)
        text = body(changed.text()) if body else changed.text()
        header = text + b"\n--- " + tag.encode() + b"\n"
        parts = {**base, "header": header, "manifest": world.manifest(bytes.fromhex(tag))}
        out.add("header", "tampered-" + name, "tampered", comment, parts, given(), base="two-keyslots")

    other = lambda edit: lambda body: edit(body["keyslots"][1])
    flip = lambda text: ("1" if text[0] == "0" else "0") + text[1:]
    add("name", "the vault's name changed", put(name="persona1"))
    add("created", "the vault's time changed", put(created="2026-01-01T00:00:01Z"))
    add("epoch", "another epoch", put(epoch=2))
    add("generation", "another generation", put(generation=2))
    add("field-added", "an unknown field added", put(later=1))
    add(
        "fields-reordered",
        "name and created exchanged in place",
        lambda body: body.update(keyslots=body.pop("keyslots"), name=body.pop("name")),
    )
    add("white-space", "a space added between tokens", body=lambda text: text.replace(b'"epoch": 1', b'"epoch":  1'))
    add(
        "escape",
        "a letter of a name written as an escape",
        body=lambda text: text.replace(b"personal", rb"person\u0061l"),
    )
    add("keyslot-removed", "the second keyslot removed", lambda body: body["keyslots"].pop())
    add(
        "keyslot-added",
        "a keyslot added, a copy under another id and name",
        lambda body: body["keyslots"].append(
            copy.deepcopy(body["keyslots"][0]) | {"id": fixed("added", 16).hex(), "name": "added"}
        ),
    )
    add("keyslots-reordered", "the two keyslots exchanged", lambda body: body["keyslots"].reverse())
    add("keyslot-renamed", "the second keyslot renamed", other(put(name="theirs")))
    add("keyslot-created", "the second keyslot's time", other(put(created="2026-01-01T00:00:01Z")))
    for field in ("id", "nonce", "wrapped"):
        add(
            f"keyslot-{field}",
            f"the second keyslot's {field}",
            other(lambda slot, f=field: slot.update({f: flip(slot[f])})),
        )
    add(
        "keyslot-factor-kind",
        "the second keyslot's factor",
        other(lambda slot: slot["factors"][0].update(kind="password")),
    )
    add(
        "keyslot-share",
        "the second keyslot's share",
        other(lambda slot: slot["factors"][0].update(share=flip(slot["factors"][0]["share"]))),
    )
    add("tag-bit", "the tag's first digit", tag=flip(old_tag))
    add("tag-last-bit", "the tag's last digit", tag=flip(old_tag[::-1])[::-1])
    add("tag-zero", "32 zero bytes for a tag", tag="00" * 32)
    text = two().text()
    add("tag-without-separator", "the tag over the body alone", tag=t.mac(world.keys["header"], text).hex())
    add("tag-by-another-key", "the tag under the record key", tag=t.mac(world.keys["record"], text + b"\n---").hex())
    add("tag-unkeyed", "a hash for a tag", tag=t.sha256(text + b"\n---").hex())
    add(
        "tag-of-another-vault",
        "the tag by the header key of another vault id",
        tag=t.mac(t.keys(world.account_key, fixed("vault other", 16))["header"], text + b"\n---").hex(),
    )
