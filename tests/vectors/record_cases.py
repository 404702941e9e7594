"""Vectors of records, index and manifest. `altered`: the set is not the manifest's. `damaged` and `index`: whoever has the keys made
the set fit, so that only the record or its entry tells."""

import json

import twinlock as t
from header_cases import given, one
from world import CREATED, World, fixed, login, note


def items():
    world = one()
    world.sequence = 3
    world.put(login("GitHub", url="kept"), revision=2)
    world.put(note("Wi-Fi"))
    return world


def other_vault():
    """Another vault of the same person, who brought the same account key."""
    world = World("second")
    world.account_key = fixed("account key first", 32)
    world.put(login("GitHub", password="another"), revision=2)
    return world


def positive(out):
    def ok(name, comment, world):
        out.add("ok", name, "ok", comment, world.parts(), given(), world=world)

    ok("items", "a login and a note", items())
    world = one()
    world.put(
        {
            "type": "card",
            "name": "later",
            "created": CREATED,
            "updated": CREATED,
            "fields": [],
            "later": {"a": [1, None, 1.5]},
        }
    )
    world.put(
        login("later fields", tags=["one", "zwei ü"])
        | {"fields": [{"name": "n", "kind": "digits", "value": "1", "later": -1}]}
    )
    ok("items-of-a-later-version", "unknown type, field kind and fields are kept", world)
    world = one()
    for name in (
        "STRASSE",
        "Straße",
        "\ufb01le",
        "\u0130stanbul",
        "ΣΊΣΥΦΟΣ",
        "  two   spaces\u00a0",
        "e\u0301",
        "\uff21\uff22",
        "x" * 256,
        "日本",
        "\U0001f511",
    ):
        world.put(note(name))
    ok("items-names", "names that folding changes, none the same as another", world)
    world = one()
    empty = len(json.dumps(note("pad 000", ""), ensure_ascii=False, separators=(",", ":")).encode())
    for size in (252, 253, 316, 317, 508, 509, 4092, 4093):
        world.put(note(f"pad {len(world.items):03}", "x" * (size - empty)))
    ok("items-padding", "contents of 252, 253, 316, 317, 508, 509, 4092 and 4093 bytes", world)
    world = one()
    world.body["epoch"] = 5
    world.put(note("of epoch 5"), epoch=5, revision=1 << 40)
    ok("items-epoch-5", "a later epoch, and a revision above 2^32", world)


def negative(out):
    positive(out)
    altered(out)
    damaged(out)
    contents(out)
    index(out)
    manifest(out)


def altered(out):
    base = items().parts()

    def add(name, comment, edit):
        parts = items().parts()
        edit(parts["records"], parts["entries"])
        out.add("record", name, "altered", comment, parts, given(), base="items")

    def sealed(change, which=0):
        return lambda records, _: records[which].update(sealed=change(records[which]["sealed"]))

    def exchange(field):
        return lambda r, _: (a := r[0][field], r[0].update({field: r[1][field]}), r[1].update({field: a}))

    earlier = one()
    earlier.put(login("GitHub", password="the one before"), revision=1)
    removed = one()
    removed.put(note("removed"))
    theirs = other_vault()
    add("deleted", "a record and its entry", lambda r, e: (r.pop(0), e.pop(0)))
    add("deleted-entry-left", "a record without its entry", lambda r, e: r.pop(0))
    add("all-deleted", "no record and no entry", lambda r, e: (r.clear(), e.clear()))
    add(
        "put-back",
        "a removed record and its entry",
        lambda r, e: (r.extend(removed.records), e.extend(removed.entries)),
    )
    add(
        "replayed-revision",
        "the revision before, with its entry",
        lambda r, e: (r.__setitem__(0, earlier.records[0]), e.__setitem__(0, earlier.entries[0])),
    )
    add(
        "replayed-revision-entry-left",
        "the revision before, under the entry of the new one",
        lambda r, e: r.__setitem__(0, earlier.records[0]),
    )
    add("swapped-between-ids", "the sealed items of two records", exchange("sealed"))
    add("ids-exchanged", "the ids of two records", exchange("id"))
    add("other-revision", "the revision's number alone", lambda r, _: r[0].update(revision=3))
    add("other-epoch", "the epoch's number alone", lambda r, _: r[0].update(epoch=2))
    add(
        "of-other-vault",
        "a record and its entry from a vault of the same account key",
        lambda r, e: (r.__setitem__(0, theirs.records[0]), e.__setitem__(0, theirs.entries[0])),
    )
    add("copied-to-another-id", "a record twice", lambda r, _: r.append(r[0] | {"id": fixed("copy", 16)}))
    add("truncated", "the last byte is missing", sealed(lambda s: s[:-1]))
    add("truncated-to-half", "the second half is missing", sealed(lambda s: s[: len(s) // 2]))
    add("truncated-to-39-bytes", "too short for nonce and tag", sealed(lambda s: s[:39]))
    add("truncated-to-nothing", "no bytes", sealed(lambda s: b""))
    add("extended", "a byte more", sealed(lambda s: s + b"\0"))
    add("nonce-bit", "one bit", sealed(lambda s: bytes([s[0] ^ 1]) + s[1:]))
    add("tag-bit", "one bit", sealed(lambda s: s[:-1] + bytes([s[-1] ^ 1])))
    for name, comment, count in (
        ("count-too-low", "the manifest counts one less", 1),
        ("count-too-high", "the manifest counts one more", 3),
    ):
        out.add(
            "record",
            name,
            "altered",
            comment,
            {**base, "manifest": items().parts(count=count)["manifest"]},
            given(),
            base="items",
        )
    out.add(
        "record",
        "set-of-none",
        "altered",
        "a manifest of no records",
        {**base, "manifest": one().parts()["manifest"]},
        given(),
        base="items",
    )


def damaged(out):
    def add(name, comment, world):
        out.add("record", name, "damaged", comment, world.parts(), given(), base="items")

    def sealed(name, comment, change):
        world = items()
        change(world.records)
        add("resealed-" + name, comment, world)

    def middle(records):
        s = records[0]["sealed"]
        records[0]["sealed"] = s[:100] + bytes([s[100] ^ 1]) + s[101:]

    sealed("ciphertext-bit", "a bit that nonce and tag do not show: the set is right without being made to fit", middle)
    sealed(
        "swapped-between-ids",
        "the sealed items of two records",
        lambda r: (a := r[0]["sealed"], r[0].update(sealed=r[1]["sealed"]), r[1].update(sealed=a)),
    )
    sealed("other-revision", "the revision's number", lambda r: r[0].update(revision=3))
    sealed("epoch-number", "the epoch's number", lambda r: r[0].update(epoch=2))
    sealed(
        "of-other-vault",
        "a record from a vault of the same account key",
        lambda r: r.__setitem__(0, other_vault().records[0]),
    )
    sealed("truncated", "the last byte is missing", lambda r: r[0].update(sealed=r[0]["sealed"][:-1]))
    sealed(
        "truncated-to-40-bytes",
        "nonce and tag, nothing between",
        lambda r: r[0].update(sealed=r[0]["sealed"][:24] + r[0]["sealed"][-16:]),
    )
    world = items()
    world.records[0]["sealed"] = world.records[0]["sealed"][:39]
    comment = "too short to have a leaf, in a set without it"
    out.add("record", "resealed-truncated-to-39-bytes", "altered", comment, world.parts(), given(), base="items")
    world = one()
    world.put(note("Wi-Fi"), epoch=2)
    add("resealed-other-epoch", "sealed under an epoch that is not the header's", world)

    def padded(name, comment, change):
        world = one()
        item = note("Wi-Fi")
        world.put(item, padded=change(t.pad(json.dumps(item).encode())))
        add("padding-" + name, comment, world)

    padded("not-zero", "the last byte of the padding", lambda p: p[:-1] + b"\1")
    padded("too-long", "a step more than needed", lambda p: p + bytes(64))
    padded("too-short", "a byte less than a step", lambda p: p[:-1])
    padded("none", "content without padding", lambda p: p[: 4 + int.from_bytes(p[:4], "big")])
    padded("length-above", "a length that does not fit", lambda p: t.u32(len(p)) + p[4:])
    padded("length-2-32", "the largest length", lambda p: b"\xff" * 4 + p[4:])
    padded("empty", "nothing at all", lambda p: b"")


def contents(out):
    """Records that open, and hold no item."""
    item = note("Wi-Fi")

    def add(name, comment, content):
        world = one()
        world.put(item, content=content)
        out.add("record", "item-" + name, "damaged", comment, world.parts(), given(), base="items")

    def without(field):
        return json.dumps({k: v for k, v in item.items() if k != field}).encode()

    def but(**values):
        return json.dumps(item | values, ensure_ascii=False).encode()

    add("empty", "no bytes", b"")
    add("not-json", "a word", b"hello")
    add("not-utf-8", "a byte ff in the name", json.dumps(item).encode().replace(b"Wi-Fi", b"Wi\xffFi"))
    add("array", "an array", b"[]")
    for field in ("type", "name", "created", "fields"):
        add(f"{field}-missing", f"no {field}", without(field))
    add("name-empty", "no character", but(name=""))
    add("name-white-space", "nothing is left when it is folded", but(name=" \u00a0 "))
    add("name-257-characters", "one too many", but(name="x" * 257))
    add("name-control-character", "U+0085", but(name="a\u0085b"))
    add("name-number", "a number", but(name=1))
    add("tags-text", "a string for the list", but(tags="one"))
    add("field-without-value", "name and kind alone", but(fields=[{"name": "notes", "kind": "multiline"}]))
    add("field-value-number", "a number for a text", but(fields=[{"name": "n", "kind": "text", "value": 1}]))


def index(out):
    def add(name, comment, edit, world=None):
        parts = (world or items()).parts()
        edit(parts["entries"])
        out.add("record", "index-" + name, "index", comment, parts, given(), base="items")

    world = items()
    github, wifi = (record["id"] for record in world.records)
    nonce = fixed("index nonce", 24)
    put = lambda *how: lambda entries: entries.__setitem__(0, world.entry(*how, nonce))
    add("entry-missing", "a record without an entry", lambda e: e.pop(0))
    add(
        "entry-of-no-record", "an entry more", lambda e: e.append(world.entry("ghost", fixed("ghost", 16), 1, 1, nonce))
    )
    tag = world.entries[0]["tag"]
    add(
        "sealed-other-name",
        "the right tag over another name",
        lambda e: e.__setitem__(0, world.entry("GitLab", github, 2, 1, nonce) | {"tag": tag}),
    )
    add(
        "entry-twice",
        "two entries of one record, under two names",
        lambda e: e.append(world.entry("GitLab", github, 2, 1, nonce)),
    )
    add("other-revision", "the revision before", put("GitHub", github, 1, 1))
    add("other-name", "the name before", put("GitLab", github, 2, 1))
    add("other-epoch", "sealed under another epoch", put("GitHub", github, 2, 2))
    add("tag-altered", "one bit", lambda e: e[0].update(tag=bytes([e[0]["tag"][0] ^ 1]) + e[0]["tag"][1:]))
    add(
        "sealed-altered", "one bit", lambda e: e[0].update(sealed=e[0]["sealed"][:-1] + bytes([e[0]["sealed"][-1] ^ 1]))
    )
    add("sealed-truncated", "too short for nonce and tag", lambda e: e[0].update(sealed=e[0]["sealed"][:39]))
    add(
        "sealed-swapped",
        "what two entries seal",
        lambda e: (a := e[0]["sealed"], e[0].update(sealed=e[1]["sealed"]), e[1].update(sealed=a)),
    )
    add(
        "tags-exchanged",
        "the tags of two entries",
        lambda e: (a := e[0]["tag"], e[0].update(tag=e[1]["tag"]), e[1].update(tag=a)),
    )
    add(
        "ids-exchanged",
        "the records of two entries",
        lambda e: (a := e[0]["id"], e[0].update(id=e[1]["id"]), e[1].update(id=a)),
    )
    add(
        "of-other-vault",
        "an entry from a vault of the same account key",
        lambda e: e.__setitem__(0, other_vault().entries[0]),
    )
    twins = one()
    twins.put(note("Wi-Fi"), record_id=wifi)
    twins.put(note("\uff37\uff29-FI"), record_id=github)
    add("two-records-of-one-name", "names that fold to the same, each with its entry", lambda e: None, twins)
    stated = one()
    stated.put(note("Wi-Fi"))
    key, aad = stated.keys["entry"], t.entry_aad(stated.vault_id, 1, wifi)
    reseal = lambda text: lambda e: e[0].update(sealed=t.seal(key, aad, text, nonce))
    stated_text = t.pad(t.u64(1) + b"Wi-Fi")
    add("padding-not-zero", "the last byte of the padding", reseal(stated_text[:-1] + b"\1"), stated)
    add("without-revision", "7 bytes where a revision and a name belong", reseal(t.pad(bytes(7))), stated)
    add("name-not-utf-8", "a byte ff for a name", reseal(t.pad(t.u64(1) + b"\xff")), stated)


def manifest(out):
    base, world = items().parts(), items()
    right, tag = base["manifest"], bytes.fromhex(base["header"][-65:-1].decode())
    total = t.record_set(world.keys["set"], world.records)
    aad = b"twinlock/1 manifest" + world.vault_id + tag
    content, nonce = t.u64(3) + t.u64(2) + total, fixed("manifest nonce", 24)

    def add(name, comment, value):
        out.add("record", "manifest-" + name, "manifest", comment, {**base, "manifest": value}, given(), base="items")

    def sealed(name, comment, key="manifest", aad=aad, content=content):
        add(name, comment, t.seal(world.keys[key], aad, content, nonce))

    add("missing", "no manifest in the store", None)
    add("empty", "no bytes", b"")
    add("bit", "one bit of the ciphertext", right[:30] + bytes([right[30] ^ 1]) + right[31:])
    add("truncated", "the last byte is missing", right[:-1])
    add("too-short", "39 bytes", right[:39])
    sealed("by-another-key", "sealed with the record key", key="record")
    sealed("of-other-vault", "bound to another vault id", aad=aad.replace(world.vault_id, fixed("vault second", 16)))
    sealed("unbound", "bound to no header", aad=aad[:-32])
    sealed("47-bytes", "a content too short", content=content[:-1])
    sealed("49-bytes", "a content too long", content=content + b"\0")
    world.body["generation"] = 2
    out.add(
        "record",
        "manifest-of-earlier-header",
        "manifest",
        "the header was written again, right, but the manifest was not",
        {**base, "header": world.parts()["header"]},
        given(),
        base="items",
    )
    world.body["generation"] = 1
    add("of-later-header", "the manifest was written for another header", world.manifest(fixed("later tag", 32)))
