"""Vectors of what a manifest tells of the states before it (spec 6.4), and of copies that are compared by it (spec 7)."""

import twinlock as t
from header_cases import given
from record_cases import items
from rotation_cases import after
from world import World, fixed


def links(count):
    return [fixed(f"link {n}", 8) for n in range(count)]


def told(count, sequence, world=items):
    made = world()
    made.sequence, made.past = sequence, links(count)
    return made


def negative(out):
    def ok(name, comment, world):
        out.add("ok", name, "ok", comment, world.parts(), given(), world=world)

    ok("past-whole", "the manifest tells of each state before it", told(2, 3))
    ok("past-in-part", "of three states of 50, since an earlier program told of none", told(3, 51))
    ok("past-255", "of as many as it can", told(255, 256))
    ok("past-255-of-more", "of as many as it can, and there were more", told(255, (1 << 63) - 8))
    ok("past-rotated", "of states before a rotation", told(4, 5, after))

    def add(name, comment, past, sequence):
        world = items()
        world.sequence, world.past = sequence, past
        out.add("record", "manifest-past-" + name, "manifest", comment, world.parts(), given(), base="items")

    add("256", "a link too many", links(256), 1000)
    add("257", "two links too many", links(257), 1000)
    add("of-more-than-were", "as many links as writes: the first has none before it", links(3), 3)
    add("of-the-first", "a link in the manifest of the first write", links(1), 1)
    add("254-and-half", "half a link at the end", [*links(254), bytes(4)], 1000)
    add("7-bytes", "a byte of the link is missing", [bytes(7)], 1000)
    add("9-bytes", "a byte more than a link", [bytes(9)], 1000)
    add("2047-bytes", "a byte of the last link is missing", [*links(254), bytes(7)], 1000)
    add("2041-bytes", "a byte more than 255 links", [*links(255), bytes(1)], 1000)
    world, tag = items(), bytes.fromhex(items().parts()["header"][-65:-1].decode())
    parts, total = items().parts(), t.record_set(world.keys["set"], world.records)
    for name, comment, sequence in (
        ("sequence-0", "no write at all", 0),
        ("sequence-2-63", "a count of writes above the limit", 1 << 63),
    ):
        nonce = fixed(f"manifest {name}", 24)
        sealed = t.seal_manifest(world.account_key, world.vault_id, tag, sequence, 2, total, nonce)
        out.add("record", f"manifest-{name}", "manifest", comment, {**parts, "manifest": sealed}, given(), base="items")


def kat():
    """States of copies of one vault, as they are written one after another, and what each is to each."""
    world = World()
    keys = {1: world.account_key, 2: fixed("account key first, rotated", 32)}
    states, lines = {}, {}

    def write(line, sequence, past, epoch=1):
        tag = fixed(f"header tag {line} {sequence}", 32)
        nonce = fixed(f"past nonce {line} {sequence}", 24)
        manifest = t.seal_manifest(keys[epoch], world.vault_id, tag, sequence, 0, bytes(32), nonce, past)
        lines[line, sequence] = (sequence, manifest, past)
        states[line, sequence] = {"name": f"{line} {sequence}", "account_key": keys[epoch].hex(), "header_tag": tag.hex()}
        states[line, sequence] |= {"sequence": sequence, "manifest": manifest.hex(), "link": t.link(manifest).hex()}
        states[line, sequence] |= {"past": b"".join(past).hex()}

    def go_on(line, first, last, before=None, epoch=1):
        """States of a line; `before` is the state that it goes on from."""
        for sequence in range(first, last + 1):
            at = (line, sequence - 1) if sequence > first else before
            past = t.past_after(*lines[at][1:]) if at else []
            write(line, sequence, past, epoch)

    go_on("here", 1, 300)
    go_on("there", 4, 9, ("here", 3))
    go_on("far", 257, 260, ("here", 256))
    go_on("rotated", 7, 8, ("here", 6), epoch=2)
    go_on("rotated there", 10, 10, ("there", 9), epoch=2)
    go_on("rotated there", 11, 11, ("rotated there", 10), epoch=2)
    # A program of before the past: it keeps none, and the next one begins anew.
    write("silent", 5, [])
    go_on("silent", 6, 7, ("silent", 5))
    cases = []
    for seen, file, expect in (
        (("here", 5), ("here", 5), "same"),
        (("here", 5), ("here", 6), "later"),
        (("here", 1), ("here", 256), "later"),
        (("here", 45), ("here", 300), "later"),
        (("here", 44), ("here", 300), "untold"),
        (("here", 1), ("here", 257), "untold"),
        (("here", 300), ("here", 45), "older"),
        (("here", 300), ("here", 44), "older"),
        (("here", 3), ("there", 9), "later"),
        (("there", 9), ("here", 3), "older"),
        (("here", 4), ("there", 4), "fork"),
        (("here", 4), ("there", 9), "fork"),
        (("here", 6), ("there", 4), "fork"),
        (("there", 9), ("here", 300), "untold"),
        (("there", 9), ("here", 264), "fork"),
        (("there", 9), ("here", 265), "untold"),
        (("here", 300), ("there", 9), "older"),
        (("here", 264), ("there", 9), "fork"),
        (("here", 258), ("far", 260), "fork"),
        (("here", 256), ("far", 260), "later"),
        (("here", 300), ("far", 260), "fork"),
        (("here", 6), ("rotated", 8), "later"),
        (("here", 7), ("rotated", 8), "fork"),
        (("here", 6), ("rotated there", 11), "fork"),
        (("there", 8), ("rotated there", 11), "later"),
        (("here", 4), ("silent", 5), "untold"),
        (("here", 4), ("silent", 7), "untold"),
        (("here", 5), ("silent", 5), "fork"),
        (("here", 5), ("silent", 7), "fork"),
        (("silent", 5), ("silent", 7), "later"),
        (("here", 6), ("silent", 5), "fork"),
    ):
        got = t.compared(lines[seen], lines[file])
        assert got == expect, (seen, file, got)
        cases.append({"seen": states[seen]["name"], "file": states[file]["name"], "expect": expect})
    used = {name for case in cases for name in (case["seen"], case["file"])}
    kept = [state for state in states.values() if state["name"] in used]
    return {"source": "spec 6.4 and 7", "vault": world.vault_id.hex(), "states": kept, "cases": cases}
