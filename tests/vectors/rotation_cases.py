"""Vectors of rotations: vaults that went through one, and mixtures of what lay before and after it. `before()` and `after()` are one vault
around its rotation: same id, keyslot ids and items; account key, nonces and everything sealed are others."""

import copy

import twinlock as t
from header_cases import given, one
from keyslot_cases import PASSWORD, token, typed
from record_cases import items
from world import Password, Recovery, Token, World, fixed, login, note

NEW = "account key first, rotated"


def rotated(epoch=2, key=NEW):
    """An empty vault of a later epoch, without keyslots."""
    world = World()
    world.account_key = fixed(key, 32)
    world.body |= {"epoch": epoch, "generation": epoch}
    world.sequence = 2 + epoch
    return world


def filled(world, epoch=2):
    world.put(login("GitHub", url="kept"), revision=2, epoch=epoch)
    world.put(note("Wi-Fi"), epoch=epoch)
    return world


def before():
    return items()


def after(epoch=2, key=NEW):
    world = rotated(epoch, key)
    world.add_slot("paper", [Recovery("paper")], wrapped_at=key)
    return filled(world, epoch)


def positive(out):
    def ok(name, comment, world, given=given()):
        out.add("ok", name, "ok", comment, world.parts(), given, world=world)

    ok("rotated", "'items' after a rotation: epoch and generation 2, one write more, the same code", after())
    ok("rotated-twice", "the same once more", after(3, "account key first, rotated twice"))
    world = rotated()
    world.add_slot("paper", [Recovery("paper")], wrapped_at=NEW)
    ok("rotated-empty", "a rotation of no items", world)
    world = rotated()
    world.add_slot("paper", [Password(PASSWORD), Recovery("paper")], wrapped_at=NEW)
    how = typed(password=PASSWORD, recovery=Recovery("paper").code)
    ok("rotated-two-of-two", "password and code, of which neither changed, nor the salt", filled(world), how)
    world = rotated()
    world.add_slot("paper", [Password(PASSWORD), Token("b")], wrapped_at=NEW)
    how = typed(password=PASSWORD, tokens=token(Token("b")))
    ok("rotated-token", "a token that was given another challenge", filled(world), how)
    world = rotated()
    world.add_slot("spare", [Recovery("spare")], wrapped_at=NEW)
    ok("rotated-keyslot-dropped", "'paper' was not kept", filled(world), given("spare"))
    world = rotated(1 << 40, "account key first, very often")
    world.body["generation"] = 1 << 41
    world.add_slot("paper", [Recovery("paper")], wrapped_at="very often")
    ok("rotated-very-often", "epoch 2^40", filled(world, 1 << 40))


def negative(out):
    positive(out)
    headers(out)
    mixtures(out)
    resealed(out)
    index(out)


def headers(out):
    old, new = before().parts(), after().parts()

    def add(name, expect, comment, parts, how=None, base="rotated"):
        out.add("record", "rotation-" + name, expect, comment, parts, how or given(), base=base)

    add("old-header", "manifest", "the header from before over the rest from after", {**new, "header": old["header"]})
    add(
        "new-header",
        "manifest",
        "the header from after over the rest from before",
        {**old, "header": new["header"]},
        base="items",
    )
    add("old-manifest", "manifest", "the manifest from before", {**new, "manifest": old["manifest"]})
    add(
        "old-header-and-manifest",
        "altered",
        "header and manifest from before, records and index from after",
        {**new, "header": old["header"], "manifest": old["manifest"]},
    )
    add(
        "new-header-and-manifest",
        "altered",
        "header and manifest from after, records and index from before",
        {**old, "header": new["header"], "manifest": new["manifest"]},
        base="items",
    )
    # The epoch's number, under each of the two account keys.
    world = after()
    world.body["epoch"] = 1
    add("epoch-1-in-header", "damaged", "all is from after, but the header counts as before", world.parts())
    world = before()
    world.body["epoch"] = 2
    add(
        "epoch-2-in-header",
        "damaged",
        "all is from before, but the header counts as after",
        world.parts(),
        base="items",
    )
    world = after()
    world.body["epoch"] = 3
    add("epoch-3-in-header", "damaged", "the header is one rotation ahead of the records", world.parts())
    body = after().text().replace(b'"epoch": 2', b'"epoch": 1')
    parts = {**new, "header": body + new["header"][-70:]}
    add("epoch-altered-in-header", "tampered", "the epoch's digit, under the tag that was there", parts)
    world = after()
    world.account_key = before().account_key
    parts = {**new, "header": world.parts()["header"]}
    add("header-signed-by-old-key", "tampered", "the header from after with the tag of the account key before", parts)

    # Keyslots from before in the header from after, signed anew by who has the new account key: they give the old one.
    def slot(name, comment, take, expect="tampered"):
        world, mine = after(), before().body["keyslots"][0]
        take(world.body["keyslots"][0], copy.deepcopy(mine))
        out.add("keyslot", "rotation-" + name, expect, comment, world.parts(), given(), base="rotated")

    slot("old-keyslot", "the whole keyslot from before", lambda mine, old: mine.update(old))
    field = lambda *names: lambda mine, old: mine.update({name: old[name] for name in names})
    slot("old-wrapped", "the wrapped account key from before", field("wrapped"), "locked")
    slot("old-nonce", "the nonce from before", field("nonce"), "locked")
    slot("old-share", "the share from before", field("factors"), "locked")
    slot(
        "old-nonce-and-share",
        "both from before, the wrapped account key from after",
        field("nonce", "factors"),
        "locked",
    )
    world = rotated()
    world.add_slot("spare", [Recovery("spare")], wrapped_at=NEW)
    world = filled(world)
    world.body["keyslots"].append(copy.deepcopy(before().body["keyslots"][0]))
    out.add(
        "keyslot",
        "rotation-dropped-keyslot-put-back",
        "tampered",
        "the keyslot that was not kept, beside the one that was",
        world.parts(),
        given(),
        base="rotated",
    )


def mixtures(out):
    """Records from before put among those from after: the set tells."""
    old, other = before(), after(3, "account key first, rotated twice")

    def add(name, comment, edit):
        parts = after().parts()
        edit(parts["records"], parts["entries"])
        out.add("record", "rotation-" + name, "altered", comment, parts, given(), base="rotated")

    def both(which, world):
        def edit(records, entries):
            records[which], entries[which] = copy.deepcopy(world.records[which]), copy.deepcopy(world.entries[which])

        return edit

    add(
        "one-old-record",
        "a record from before, under the entry from after",
        lambda r, _: r.__setitem__(0, old.records[0]),
    )
    add("one-old-record-and-entry", "a record and its entry from before", both(0, old))
    add("one-later-record", "a record and its entry from after the next rotation", both(1, other))
    add(
        "old-sealed",
        "the sealed item from before, under the number from after",
        lambda r, _: r[0].update(sealed=old.records[0]["sealed"]),
    )
    add("epoch-number-before", "the epoch's number alone", lambda r, _: r[0].update(epoch=1))
    add("epoch-number-0", "the epoch's number 0", lambda r, _: r[1].update(epoch=0))
    add("epoch-number-after", "the epoch's number of the next rotation", lambda r, _: r[0].update(epoch=3))
    add("half-done", "the first record is from after, the second from before", both(1, old))
    add(
        "old-record-added",
        "a record from before beside all from after",
        lambda r, _: r.append(old.records[0] | {"id": fixed("added", 16)}),
    )
    add("not-begun", "all records and entries are from before", lambda r, e: (both(0, old)(r, e), both(1, old)(r, e)))


def resealed(out):
    """The same by who has both account keys and made the set fit: the epoch tells."""

    def add(name, comment, edit):
        world = after()
        edit(world)
        out.add("record", "rotation-fits-" + name, "damaged", comment, world.parts(), given(), base="rotated")

    def put(which, world):
        return lambda mine: mine.records.__setitem__(which, copy.deepcopy(world.records[which]))

    add("one-old-record", "a record from before", put(0, before()))
    add(
        "one-later-record",
        "a record from after the next rotation",
        put(1, after(3, "account key first, rotated twice")),
    )
    add(
        "old-record-renumbered",
        "a record from before, with the epoch's number from after",
        lambda w: (put(0, before())(w), w.records[0].update(epoch=2)),
    )
    add("epoch-number-before", "the epoch's number alone", lambda w: w.records[0].update(epoch=1))

    def sealed_as(epoch, number):
        def edit(world):
            record = world.records[1]
            aad = t.record_aad(world.vault_id, epoch, record["id"], record["revision"])
            content = t.pad(b'{"type":"note","name":"Wi-Fi","created":"c","updated":"u","fields":[]}')
            record.update(
                sealed=t.seal(world.keys["record"], aad, content, fixed(f"mixed {epoch} {number}", 24)), epoch=number
            )

        return edit

    add("new-key-old-epoch", "sealed under the new key for the epoch before, and numbered so", sealed_as(1, 1))
    add("new-key-old-epoch-renumbered", "the same, numbered as from after", sealed_as(1, 2))

    def old_key(world):
        record, keys = world.records[1], before().keys
        aad = t.record_aad(world.vault_id, 2, record["id"], record["revision"])
        content = t.unpad(t.open_sealed(world.keys["record"], aad, record["sealed"]))
        record.update(sealed=t.seal(keys["record"], aad, t.pad(content), fixed("old key", 24)))

    add("old-key-new-epoch", "sealed under the key before for the epoch after", old_key)


def index(out):
    old = before()

    def add(name, comment, edit):
        parts = after().parts()
        edit(parts["entries"])
        out.add("record", "rotation-index-" + name, "index", comment, parts, given(), base="rotated")

    add("one-old-entry", "an entry from before, tag and all", lambda e: e.__setitem__(0, old.entries[0]))
    add("old-tag", "the tag from before", lambda e: e[0].update(tag=old.entries[0]["tag"]))
    add("old-sealed", "what the entry from before seals", lambda e: e[0].update(sealed=old.entries[0]["sealed"]))
    add("old-entries-left", "the entries from before beside those from after", lambda e: e.extend(old.entries))
    add("none-done", "all entries are from before", lambda e: e.__setitem__(slice(None), copy.deepcopy(old.entries)))
