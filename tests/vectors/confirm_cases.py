"""Items that want a confirmation: docs/spec.md, section 6.6, written from that page alone."""

import copy
import json

import piv
import twinlock as t
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap
from world import CREATED, Password, fixed

VAULT, C, ITEM_KEY = fixed("vault first", 16), fixed("confirmation", 16), fixed("item key", 32)
PASSWORD, CARD = Password("correct horse battery staple"), fixed("card confirm", 32)


def kek(vault_id, c, way, secret):
    params = t.sha256(t.canonical({name: value for name, value in way.items() if name != "wrapped"}))
    return t.hkdf(secret, vault_id + c, b"twinlock/1 confirm key" + params)


def aad(vault_id, c):
    return b"twinlock/1 confirm" + vault_id + c


def seal(whole, ways, vault_id=VAULT, part=None):
    item, kept, places = dict(whole), [], []
    item["fields"] = []
    for place, field in enumerate(whole["fields"]):
        if field["kind"] in ("text", "url"):
            item["fields"].append(field)
        else:
            kept.append(field)
            places.append(place)
    part = t.pad(json.dumps(part or {"fields": kept, "places": places}, ensure_ascii=False).encode())
    how = [dict(way, wrapped=aes_key_wrap(kek(vault_id, C, way, secret), ITEM_KEY).hex()) for way, secret in ways]
    sealed = t.seal(ITEM_KEY, aad(vault_id, C), part, fixed("confirm nonce", 24))
    item["confirm"] = {"id": C.hex(), "how": how, "sealed": sealed.hex()}
    return item


def open_item(vault_id, item, given):
    """The whole item, by the first way that is at hand."""
    confirm = item["confirm"]
    if not (0 < len(confirm["how"]) <= 64 and t.is_hex(confirm["id"], 16)):
        raise t.Refused("damaged", "confirm")
    c, key, tried = bytes.fromhex(confirm["id"]), None, False
    for way in confirm["how"]:
        secret = None
        if way["kind"] == "password" and "password" in given:
            secret = t.password_secret(given["password"], way)
        elif way["kind"] == "piv" and "piv" in given:
            secret = piv.open_factor(way, given["piv"], vault_id, c)
        if secret is None:
            continue
        tried = True
        try:
            key = aes_key_unwrap(kek(vault_id, c, way, secret), bytes.fromhex(way["wrapped"]))
            break
        except InvalidUnwrap:
            pass
    if key is None:
        raise t.Refused("locked" if tried else "missing")
    part = json.loads(t.unpad(t.open_sealed(key, aad(vault_id, c), bytes.fromhex(confirm["sealed"]))))
    if len(part["fields"]) != len(part["places"]):
        raise t.Refused("damaged", "places")
    whole = {name: value for name, value in item.items() if name != "confirm"}
    whole["fields"] = list(item["fields"])
    for place, field in zip(part["places"], part["fields"]):
        whole["fields"].insert(place, field)
    return whole


def kat():
    field = lambda name, kind, value: {"name": name, "kind": kind, "value": value}
    whole = {
        "type": "login",
        "name": "bank",
        "created": CREATED,
        "updated": CREATED,
        "tags": ["money"],
        "fields": [
            field("username", "text", "ada"),
            field("password", "concealed", "hünter2"),
            field("url", "url", "https://bank.example"),
            field("notes", "multiline", "two\nlines"),
            field("later", "digits", "4111"),
        ],
        "icon": "of a later version",
    }
    password = PASSWORD.make(b"", b"")
    mode, ours = "ecdh-p256", piv.private_key("ecdh-p256", fixed("ephemeral confirm", 32))
    card = piv.private_key(mode, CARD)
    token = {"kind": "piv", "mode": mode, "public": piv.point(card).hex(), "ephemeral": piv.point(ours).hex()}
    token |= {"serial": 12345678, "touch_policy": "always", "attested": False}
    z = piv.exchange(ours, piv.point(card))
    touch = (token, piv.secret(token, z, VAULT, C))
    unknown = ({"kind": "of-a-later-version", "x": 1}, fixed("unknown", 32))
    typed = {"password": "correct horse battery staple"}
    touched = {"piv": [{"public": token["public"], "private": CARD.hex()}]}
    good = seal(whole, [password, touch])
    cases = []

    def case(name, expect, item, given, vault=VAULT, opened=whole):
        try:
            assert (open_item(vault, item, given), expect) == (opened, "ok"), name
        except t.Refused as refused:
            assert refused.failure == expect, (name, refused.args)
        row = {"name": name, "expect": expect, "vault": vault.hex(), "item": item, "open": {"keyslot": ""} | given}
        cases.append(row | ({"whole": opened} if expect == "ok" else {}))

    def changed(change):
        item = copy.deepcopy(good)
        change(item["confirm"])
        return item

    def with_(path, value):
        def change(confirm):
            for step in path[:-1]:
                confirm = confirm[step]
            confirm[path[-1]] = value

        return changed(change)

    case("by the password", "ok", good, typed)
    case("by the token", "ok", good, touched)
    case("beside a way that is not known", "ok", seal(whole, [unknown, touch]), touched)
    renamed = dict(good, name="Bank of Ada", tags=[])
    case("renamed since", "ok", renamed, typed, opened=dict(whole, name="Bank of Ada", tags=[]))
    case("neither is there", "missing", good, {})
    case("another password", "locked", good, {"password": "another"})
    case("of another vault", "locked", good, touched, vault=fixed("vault second", 16))
    case("id altered", "locked", with_(["id"], fixed("other", 16).hex()), typed)
    case("serial altered", "locked", with_(["how", 1, "serial"], 1), touched)
    case("field added to a way", "locked", with_(["how", 0, "more"], 1), typed)
    case("wrapped of the other way", "locked", with_(["how", 0, "wrapped"], good["confirm"]["how"][1]["wrapped"]), typed)
    case("no way", "damaged", with_(["how"], []), typed)
    flipped = bytes.fromhex(good["confirm"]["sealed"])
    flipped = flipped[:-1] + bytes([flipped[-1] ^ 1])
    case("sealed altered", "damaged", with_(["sealed"], flipped.hex()), typed)
    short = {"fields": [field("password", "concealed", "x")], "places": []}
    case("a field without a place", "damaged", seal(whole, [password], part=short), typed)
    return {"source": "spec 6.6", "item_key": ITEM_KEY.hex(), "cases": cases}
