"""Vectors of the `piv` factor. The header's tag is right in all of them, and the share is what the parameters give."""

import piv
import twinlock as t
from keyslot_cases import PASSWORD, typed, world_of
from world import Password, fixed

HINTS = {"serial": 12345678, "piv_slot": "82", "pin_policy": "once", "touch_policy": "always", "name": "ada"}


class Yubikey:
    """A key in a PIV slot as a factor; the private half is no secret here. `stored` is what the stanza says instead."""

    def __init__(self, mode="ecdh-p256", label="ada", stored=None, gone=(), **hints):
        self.mode, self.stored, self.gone, self.hints = mode, stored or {}, gone, hints
        size = {"ecdh-p384": 48}.get(mode, 32)
        draw = lambda who: fixed(f"piv {mode} {label} {who}", size - 1).rjust(size, b"\x01")
        self.own, self.ephemeral = draw("own"), draw("ephemeral")

    def keys(self):
        return piv.private_key(self.mode, self.own), piv.private_key(self.mode, self.ephemeral)

    def token(self):
        return {"public": piv.point(self.keys()[0]).hex(), "private": self.own.hex()}

    def make(self, vault_id, slot_id):
        own, ephemeral = self.keys()
        stanza = {"kind": "piv", "mode": self.mode, "public": piv.point(own).hex()}
        stanza |= {"ephemeral": piv.point(ephemeral).hex(), **self.hints}
        secret = piv.secret(stanza, piv.exchange(own, piv.point(ephemeral)), vault_id, slot_id)
        stanza |= self.stored
        return {name: value for name, value in stanza.items() if name not in self.gone}, secret


def negative(out):
    for mode in piv.CURVES:
        key = Yubikey(mode)
        world = world_of([key])
        out.add("ok", f"piv-{mode}", "ok", "nothing but what is required", world.parts(), typed(piv=[key.token()]), world=world)
    full = Yubikey(**HINTS, attested=True)
    how = typed(piv=[full.token()])
    world = world_of([full])
    out.add("ok", "piv-hints", "ok", "every field", world.parts(), how, world=world)
    both = world_of([Password(PASSWORD), full])
    out.add("ok", "password-and-piv", "ok", "both are needed", both.parts(), {**how, "password": PASSWORD}, world=both)
    last = Yubikey(serial=(1 << 32) - 1, piv_slot="95", pin_policy="always", touch_policy="cached", name="\u00e4" * 64)
    world = world_of([last])
    out.add("ok", "piv-hints-at-their-limits", "ok", "the largest of each", world.parts(), typed(piv=[last.token()]), world=world)

    def bad(name, comment, /, **stored):
        key = Yubikey(**HINTS, attested=True, stored=stored)
        out.add("keyslot", f"piv-{name}", "bad-parameters", comment, world_of([key]).parts(), how, base="piv-hints")

    stanza, _ = full.make(bytes(16), bytes(16))
    p384, _ = Yubikey("ecdh-p384").make(bytes(16), bytes(16))
    flipped = lambda text: text[:-1] + ("0" if text[-1] != "0" else "1")
    compressed = lambda text: ("03" if int(text[-1], 16) & 1 else "02") + text[2:66]
    for field in ("public", "ephemeral"):
        bad(f"{field}-off-curve", "one bit of y", **{field: flipped(stanza[field])})
        bad(f"{field}-compressed", "33 bytes", **{field: compressed(stanza[field])})
        bad(f"{field}-of-another-curve", "a point of P-384", **{field: p384[field]})
        bad(f"{field}-identity", "the point at infinity", **{field: "00"})
        bad(f"{field}-upper-case-hex", "the right bytes in upper case", **{field: stanza[field].upper()})
    bad("mode-rsa", "there is none", mode="rsa-oaep-sha256")
    bad("mode-number", "a number for the mode", mode=1)
    bad("serial-0", "below 1", serial=0)
    bad("serial-2-32", "above 4294967295", serial=1 << 32)
    bad("serial-text", "a string for a number", serial="12345678")
    for slot in ("81", "96", "9b", "f9", "9D", "0x82"):
        bad(f"slot-{slot.lower()}", "not a PIV slot of the list", piv_slot=slot)
    bad("slot-number", "a number for hex", piv_slot=0x82)
    bad("pin-policy", "not one of the three", pin_policy="sometimes")
    bad("touch-policy", "a PIN's policy", touch_policy="once")
    bad("name-empty", "no character", name="")
    bad("name-65", "65 characters", name="x" * 65)
    bad("attested-text", "a string for true", attested="true")
    for field in ("mode", "public", "ephemeral"):
        key = Yubikey(**HINTS, attested=True, gone=(field,))
        out.add("keyslot", f"piv-{field}-missing", "bad-parameters", f"no {field}", world_of([key]).parts(), how, base="piv-hints")
    order8 = "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"
    for field in ("public", "ephemeral"):
        for name, value in (("zero", "00" * 32), ("order-8", order8)):
            key = Yubikey("ecdh-x25519", stored={field: value})
            where, how25519 = world_of([key]).parts(), typed(piv=[Yubikey("ecdh-x25519").token()])
            out.add("keyslot", f"piv-x25519-{field}-{name}", "bad-parameters", "of small order", where, how25519, base="piv-ecdh-x25519")

    def add(name, failure, comment, key, given, base="piv-hints"):
        out.add("keyslot", f"piv-{name}", failure, comment, world_of([key]).parts(), given, base=base)

    add("absent", "missing", "another token is here", full, typed(piv=[Yubikey(label="bob").token()]))
    wrong = {**full.token(), "private": Yubikey(label="bob").token()["private"]}
    add("rekeyed", "locked", "the token has another key than it says", full, typed(piv=[wrong]))
    for field, value in (("serial", 12345679), ("piv_slot", "83"), ("touch_policy", "never"), ("name", "eve")):
        edited = world_of([full])
        edited.body["keyslots"][0]["factors"][0][field] = value
        out.add("keyslot", f"piv-{field.replace('_', '-')}-altered", "locked", "a hint is bound, too", edited.parts(), how, base="piv-hints")
    other = Yubikey(**HINTS, attested=True, stored={"ephemeral": piv.point(Yubikey(label="bob").keys()[1]).hex()})
    add("ephemeral-of-another", "locked", "a point of the curve, but not the one", other, how)


def kat():
    """From Z to F in each mode."""
    vault_id, slot_id, cases = fixed("vault first", 16), fixed("keyslot paper first", 16), []
    for mode in piv.CURVES:
        key = Yubikey(mode)
        stanza, secret = key.make(vault_id, slot_id)
        own, ephemeral = key.keys()
        row = {"mode": mode, "tokens_key": key.own.hex(), "public": stanza["public"], "ephemeral": stanza["ephemeral"]}
        row |= {"z": piv.exchange(own, piv.point(ephemeral)).hex(), "bind": piv.bind(mode, vault_id, slot_id).hex()}
        cases.append(row | {"secret": secret.hex()})
    return {"source": "spec 5.4", "vault": vault_id.hex(), "keyslot": slot_id.hex(), "cases": cases}
