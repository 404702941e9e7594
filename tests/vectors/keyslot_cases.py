"""Vectors of keyslots and factors: parameters, shares, codes. The header's tag is right in all of them, so only the keyslot tells."""

import copy

from header_cases import given, two
from world import Password, Plain, Recovery, Token, World, fixed

PASSWORD = "pässword ½ of two"
CODE = Recovery("paper").code


def world_of(factors, threshold=None, label="first", **more):
    world = World(label)
    world.add_slot("paper", factors, threshold, **more)
    return world


def typed(**more):
    return {"keyslot": "paper", **more}


def token(*tokens):
    return [
        {"uri": t.uri, "secret": t.make(fixed("vault first", 16), fixed("keyslot paper first", 16))[1].hex()}
        for t in tokens
    ]


def pair():
    return world_of([Password(PASSWORD), Recovery("paper")])


def positive(out):
    def ok(name, comment, world, **how):
        out.add("ok", name, "ok", comment, world.parts(), typed(**how), world=world)

    ok("password", "Argon2id at its floor", world_of([Password(PASSWORD)]), password=PASSWORD)
    ok("password-default-cost", "64 MiB, 3 passes, 4 lanes", world_of([Password("x", 65536, 3, 4)]), password="x")
    ok("password-32-lanes", "lanes at their ceiling", world_of([Password("x", 19456, 2, 32)]), password="x")
    ok("password-32-passes", "passes at their ceiling", world_of([Password("x", 19456, 32, 1)]), password="x")
    ok(
        "password-nfkc",
        "the same password in another normal form: a + U+0308, U+FF57 and 1 U+2044 2",
        world_of([Password(PASSWORD)]),
        password="pa\u0308ss\uff57ord 1\u20442 of two",
    )
    ok("password-empty", "a password of no characters", world_of([Password("")]), password="")
    ok(
        "recovery-spelling",
        "lower case, no dashes, spaces, o for 0, i and l for 1",
        world_of([Recovery("paper")]),
        recovery=" " + CODE.replace("-", " ").lower().replace("0", "o").replace("1", "l", 1).replace("1", "i"),
    )
    ok("two-of-two", "password and recovery code", pair(), password=PASSWORD, recovery=CODE)
    ok(
        "password-and-token",
        "password and a PKCS#11 token whose secret is given",
        world_of([Password(PASSWORD), Token("a")]),
        password=PASSWORD,
        tokens=token(Token("a")),
    )
    three = lambda: world_of([Password(PASSWORD), Token("a"), Recovery("paper")], 2)
    ok("two-of-three-1-2", "factors 1 and 2", three(), password=PASSWORD, tokens=token(Token("a")))
    ok("two-of-three-2-3", "factors 2 and 3", three(), recovery=CODE, tokens=token(Token("a")))
    ok("two-of-three-1-3", "factors 1 and 3", three(), password=PASSWORD, recovery=CODE)
    ok(
        "one-of-three",
        "k = 1: every share is S",
        world_of([Token("a"), Token("b"), Recovery("paper")], 1),
        recovery=CODE,
    )
    all16 = [Token(f"t{i}") for i in range(16)]
    ok("three-of-five", "tokens 2, 3 and 5", world_of(all16[:5], 3), tokens=token(all16[1], all16[2], all16[4]))
    ok("sixteen-of-sixteen", "as many factors as there may be", world_of(all16), tokens=token(*all16))
    ok(
        "factor-of-unknown-kind",
        "1 of 2, the other is of a later version",
        world_of([Plain("later-kind", x=[1]), Recovery("paper")], 1),
        recovery=CODE,
    )
    held = lambda value=True: world_of([Password(PASSWORD), Recovery("paper")], extra={"custodians": value})
    ok("custodians", "2 of 2 for custodians, both at hand", held(), password=PASSWORD, recovery=CODE)
    ok(
        "custodians-two-of-three",
        "factors 1 and 3 of a keyslot for custodians",
        world_of([Password(PASSWORD), Token("a"), Recovery("paper")], 2, extra={"custodians": True}),
        password=PASSWORD,
        recovery=CODE,
    )
    ok("custodians-false", "the same as without it, and kept", held(False), password=PASSWORD, recovery=CODE)
    world = two()
    world.add_slot("later", [Plain("later-kind")])
    out.add(
        "ok",
        "keyslot-of-unknown-kind-beside",
        "ok",
        "a keyslot that cannot be used beside one that can",
        world.parts(),
        given(),
        world=world,
    )
    world = two()
    world.add_slot("later", [Recovery("later")], extra={"!later": 1})
    out.add(
        "ok",
        "keyslot-with-critical-field-beside",
        "ok",
        "only that keyslot is not used",
        world.parts(),
        given(),
        world=world,
    )
    world = world_of([Recovery("paper")])
    world.body["keyslots"][0] |= {"name": "renamed", "created": "2027-01-01T00:00:00Z"}
    out.add(
        "ok",
        "keyslot-renamed",
        "ok",
        "a new name needs no factor",
        world.parts(),
        {"keyslot": "renamed", "recovery": CODE},
        world=world,
    )


def negative(out):
    positive(out)
    parameters(out)
    altered(out)
    mixed(out)
    secrets(out)

    def unsupported(name, comment, world):
        out.add("keyslot", name, "unsupported", comment, world.parts(), given(), base="one-keyslot")

    unsupported("unknown-critical-field", "in the keyslot", world_of([Recovery("paper")], extra={"!later": 1}))
    unsupported(
        "unknown-critical-field-in-factor", "in its only factor", world_of([Recovery("paper")], extras=[{"!later": 1}])
    )
    unsupported(
        "unknown-critical-field-in-other-factor",
        "1 of 2: in the factor that is not used",
        world_of([Recovery("paper"), Recovery("x")], 1, extras=[{}, {"!later": 1}]),
    )
    unsupported("unknown-kind", "a factor of a later version", world_of([Plain("later-kind")]))
    unsupported(
        "unknown-kind-of-two",
        "2 of 2, one of them of a later version",
        world_of([Recovery("paper"), Plain("later-kind")]),
    )


def parameters(out):
    """The share is what the parameters give, so that a reader without the limit opens it; but where nobody can compute it."""

    def bad(name, comment, factor):
        out.add(
            "keyslot",
            name,
            "bad-parameters",
            comment,
            world_of([factor]).parts(),
            typed(password=PASSWORD),
            base="password",
        )

    bad("memory-below-floor", "19455 KiB", Password(PASSWORD, memory_kib=19455))
    bad("memory-8-kib", "the least that Argon2id takes", Password(PASSWORD, memory_kib=8))
    bad("memory-above-ceiling", "4194305 KiB", Password(PASSWORD, stored={"memory_kib": 4194305}))
    bad("memory-2-53", "8 EiB", Password(PASSWORD, stored={"memory_kib": (1 << 53) - 1}))
    bad("memory-modulo-2-32", "2^32 + 19456 KiB", Password(PASSWORD, stored={"memory_kib": (1 << 32) + 19456}))
    bad("passes-1", "below the floor", Password(PASSWORD, passes=1))
    bad("passes-33", "above the ceiling", Password(PASSWORD, passes=33))
    bad("lanes-0", "no lane", Password(PASSWORD, stored={"lanes": 0}))
    bad("lanes-33", "above the ceiling", Password(PASSWORD, lanes=33))
    bad("kdf-argon2i", "another KDF", Password(PASSWORD, stored={"kdf": "argon2i"}))
    bad("kdf-number", "a number for the KDF's name", Password(PASSWORD, stored={"kdf": 1}))
    bad("memory-text", "a string for a number", Password(PASSWORD, stored={"memory_kib": "19456"}))
    bad("salt-15-bytes", "a salt too short", Password(PASSWORD, salt=fixed("short", 15)))
    bad("salt-17-bytes", "a salt too long", Password(PASSWORD, salt=fixed("long", 17)))
    bad(
        "salt-upper-case-hex",
        "the right bytes in upper case",
        Password(PASSWORD, stored={"salt": fixed("password salt", 16).hex().upper()}),
    )
    missing = world_of([Password(PASSWORD)])
    del missing.body["keyslots"][0]["factors"][0]["passes"]
    out.add(
        "keyslot",
        "passes-missing",
        "bad-parameters",
        "no passes",
        missing.parts(),
        typed(password=PASSWORD),
        base="password",
    )


def flip(text):
    return ("1" if text[0] == "0" else "0") + text[1:]


def altered(out):
    """One thing in the keyslot is not what it was wrapped with."""
    how = typed(password=PASSWORD, recovery=CODE)

    def add(name, comment, edit):
        world = pair()
        edit(world.body["keyslots"][0], world.body["keyslots"][0]["factors"])
        out.add("keyslot", name, "locked", comment, world.parts(), how, base="two-of-two")

    for field in ("id", "nonce", "wrapped"):
        add(f"{field}-altered", "one digit", lambda slot, _, f=field: slot.update({f: flip(slot[f])}))
    add(
        "wrapped-last-byte-altered", "one digit", lambda slot, _: slot.update(wrapped=flip(slot["wrapped"][::-1])[::-1])
    )
    add("share-altered", "one digit", lambda _, factors: factors[1].update(share=flip(factors[1]["share"])))
    add("threshold-lowered", "2 of 2 made 1 of 2", lambda slot, _: slot.update(threshold=1))
    add(
        "shares-exchanged",
        "the shares of the two factors",
        lambda _, f: (a := f[0]["share"], f[0].update(share=f[1]["share"]), f[1].update(share=a)),
    )
    add("factors-reordered", "each with its share", lambda _, factors: factors.reverse())
    add(
        "factor-added",
        "a third, of a later version",
        lambda _, factors: factors.append({"kind": "later-kind", "share": "00" * 32}),
    )
    add("field-added", "an unknown field in the keyslot", lambda slot, _: slot.update(later=1))
    add("field-added-in-factor", "an unknown field in a factor", lambda _, factors: factors[1].update(later=1))
    add(
        "passes-raised",
        "within the limits, but not what the password was stretched with",
        lambda _, factors: factors[0].update(passes=3),
    )
    add(
        "salt-altered",
        "one digit of the password's salt",
        lambda _, factors: factors[0].update(salt=flip(factors[0]["salt"])),
    )
    custodians(out, how)
    world = world_of([Recovery("paper")], extra={"later": 1})
    world.body["keyslots"][0].pop("later")
    out.add(
        "keyslot",
        "field-removed",
        "locked",
        "an unknown field removed that it was wrapped with",
        world.parts(),
        given(),
        base="one-keyslot",
    )
    world = world_of([Recovery("paper")])
    world.vault_id = fixed("vault other", 16)
    world.body["vault"] = world.vault_id.hex()
    out.add(
        "keyslot",
        "vault-id-altered",
        "locked",
        "the vault has another id, all else is made for it",
        world.parts(),
        given(),
        base="one-keyslot",
    )


def custodians(out, how):
    """A keyslot for custodians has masks of its own, and says so in what its KEK binds."""

    def add(name, expect, comment, base, edit, world=None):
        world = world or world_of([Password(PASSWORD), Recovery("paper")], extra={"custodians": True})
        edit(world.body["keyslots"][0])
        out.add("keyslot", name, expect, comment, world.parts(), how, base=base)

    add("custodians-removed", "locked", "the field taken away", "custodians", lambda slot: slot.pop("custodians"))
    add("custodians-made-false", "locked", "true made false", "custodians", lambda slot: slot.update(custodians=False))
    add("custodians-added", "locked", "the field put in", "two-of-two", lambda slot: slot.update(custodians=True), pair())
    add("custodians-false-added", "locked", "false put in", "two-of-two", lambda slot: slot.update(custodians=False), pair())
    add("custodians-number", "malformed", "1 for true", "custodians", lambda slot: slot.update(custodians=1))
    add("custodians-text", "malformed", "a string for true", "custodians", lambda slot: slot.update(custodians="true"))
    plain = world_of([Password(PASSWORD), Recovery("paper")])
    own = [factor["share"] for factor in plain.body["keyslots"][0]["factors"]]

    def personal(slot):
        for factor, share in zip(slot["factors"], own):
            factor["share"] = share

    add("custodians-personal-masks", "locked", "shares under the masks of a keyslot that is for nobody else", "custodians", personal)


def mixed(out):
    """Parts of another keyslot: of this vault, of another, of an earlier wrap."""
    how = typed(password=PASSWORD, recovery=CODE)

    def take(name, comment, source, pick):
        world = pair()
        pick(world.body["keyslots"][0], source.body["keyslots"][-1])
        out.add("keyslot", name, "locked", comment, world.parts(), how, base="two-of-two")

    def share(i):
        return lambda mine, other: mine["factors"][i].update(share=other["factors"][i]["share"])

    def fields(*names):
        return lambda mine, other: mine.update({name: other[name] for name in names})

    both = [Password(PASSWORD), Recovery("paper")]
    sibling = pair()
    sibling.add_slot("sibling", both)
    elsewhere = world_of(both, label="second")
    earlier = world_of(both, wrapped_at="earlier")
    for name, where, source in (
        ("sibling", "another keyslot of the vault", sibling),
        ("other-vault", "another vault", elsewhere),
        ("earlier", "an earlier wrap of this keyslot", earlier),
    ):
        take(f"share-of-{name}", f"one share from {where}, same factors", source, share(1))
        take(f"wrapped-of-{name}", f"the wrapped account key from {where}", source, fields("wrapped"))
    take("nonce-of-earlier", "the nonce from an earlier wrap of this keyslot", earlier, fields("nonce"))
    take(
        "keyslot-of-other-vault",
        "a whole keyslot from another vault, same factors and account key",
        same_key(both),
        lambda mine, other: mine.update(copy.deepcopy(other)),
    )


def same_key(factors):
    world = World("second")
    world.account_key = fixed("account key first", 32)
    world.add_slot("paper", factors)
    return world


def secrets(out):
    """The vault is right, and what is typed is wrong."""

    def wrong(name, expect, comment, base, **how):
        out.add("keyslot", name, expect, comment, out.all["ok", base][0], typed(**how), base=base)

    wrong("password-wrong", "locked", "one letter in upper case", "password", password=PASSWORD.capitalize())
    wrong("password-space-after", "locked", "a space more", "password", password=PASSWORD + " ")
    wrong(
        "recovery-of-another-keyslot",
        "locked",
        "a right code, but not this keyslot's",
        "one-keyslot",
        recovery=Recovery("spare").code,
    )
    wrong(
        "recovery-wrong-beside-password",
        "locked",
        "2 of 2 with one wrong",
        "two-of-two",
        password=PASSWORD,
        recovery=Recovery("x").code,
    )
    wrong(
        "password-wrong-beside-recovery",
        "locked",
        "2 of 2 with the other wrong",
        "two-of-two",
        password="x",
        recovery=CODE,
    )
    wrong(
        "token-secret-wrong",
        "locked",
        "another token's secret under this token's URI",
        "password-and-token",
        password=PASSWORD,
        tokens=[{"uri": Token("a").uri, "secret": fixed("another", 32).hex()}],
    )
    wrong("one-of-two-given", "missing", "2 of 2 with one alone", "two-of-two", password=PASSWORD)
    wrong("token-absent", "missing", "the password without the token", "password-and-token", password=PASSWORD)
    code = CODE.replace("-", "")
    other = "2" if code[7] != "2" else "3"
    swapped = next(i for i in range(5, 9) if code[i] != code[i + 1])
    wrong(
        "recovery-character-wrong",
        "mistyped",
        "one character of group 2",
        "one-keyslot",
        recovery=code[:7] + other + code[8:],
    )
    wrong(
        "recovery-characters-exchanged",
        "mistyped",
        "two neighbours of group 2",
        "one-keyslot",
        recovery=code[:swapped] + code[swapped + 1] + code[swapped] + code[swapped + 2 :],
    )
    wrong(
        "recovery-groups-exchanged",
        "mistyped",
        "groups 1 and 2, each right by itself",
        "one-keyslot",
        recovery=code[5:10] + code[:5] + code[10:],
    )
    wrong("recovery-short", "mistyped", "the last group is missing", "one-keyslot", recovery=code[:35])
    wrong("recovery-long", "mistyped", "a character more", "one-keyslot", recovery=code + "0")
    wrong("recovery-foreign-character", "mistyped", "a U", "one-keyslot", recovery="U" + code[1:])
