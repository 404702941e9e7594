"""Vectors of requests and answers: one thing wrong a file."""

import copy
import json

import custody as c
import twinlock as t
from keyslot_cases import PASSWORD, world_of
from world import Password, Recovery, Token, fixed, write

NOW = "2026-01-02T00:00:00Z"
KEY = fixed("request key", 32)


def asked():
    """Factors 1 and 3 of the keyslot of two of three: a password and a code."""
    world = world_of([Password(PASSWORD), Token("a"), Recovery("paper")], 2, extra={"custodians": True})
    return world, fields_of(world)


def fields_of(world, numbers=(1, 3)):
    slot = world.body["keyslots"][0]
    factors = [{k: v for k, v in factor.items() if k != "share"} for factor in slot["factors"]]
    fields = {"request": 1, "vault": world.body["vault"], "name": world.body["name"], "keyslot": slot["id"]}
    fields |= {"keyslot_name": slot["name"], "nonce": slot["nonce"], "threshold": slot["threshold"]}
    fields |= {"of": len(factors), "factors": [{**factors[i - 1], "number": i} for i in numbers]}
    fields |= {"from": "Ada", "reason": "lost my token", "created": "2026-01-01T00:00:00Z"}
    fields |= {"expires": "2026-01-03T00:00:00Z", "key": c.public_of(KEY).hex()}
    return fields


def encode(fields):
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


class Out:
    def __init__(self):
        self.count = {}

    def request(self, name, expect, comment, text, now=NOW):
        try:
            fields, data = c.read_request(text, now)
            got = "ok"
        except t.Refused as refused:
            got = refused.failure
        assert got == expect, f"{name}: {got} where {expect} belongs"
        vector = {"name": name, "comment": comment, "expect": expect, "now": now, "text": text}
        if got == "ok":
            vector |= {"hash": c.request_hash(data).hex(), "fields": fields}
        self.count[expect] = self.count.get(expect, 0) + 1
        write("request", name, vector)

    def answer(self, name, expect, comment, text, request, key=KEY):
        fields, data = c.read_request(request)
        try:
            (payload,) = c.payloads("answer", text)
            masks = c.open_answer(payload, fields, data, key)
            got = "ok"
        except t.Refused as refused:
            got = refused.failure
        assert got == expect, f"{name}: {got} where {expect} belongs"
        vector = {"name": name, "comment": comment, "expect": expect, "request": request, "key": key.hex(), "text": text}
        if got == "ok":
            vector["masks"] = {str(number): mask.hex() for number, mask in masks.items()}
        self.count[expect] = self.count.get(expect, 0) + 1
        write("answer", name, vector)

    def opened(self, name, expect, comment, world, fields, entries):
        """From answers to the account key; `entries` are those of an answer each."""
        data = encode(fields)
        digest, public = c.request_hash(data), c.public_of(KEY)
        answers = []
        for at, sealed in enumerate(entries):
            fresh = fixed(f"ephemeral {name} {at}", 32), fixed(f"nonce {name} {at}", 24)
            answers.append(c.armour("answer", c.seal_answer(digest, public, sealed, *fresh)))
        parts = world.parts()
        try:
            header, _, _ = t.read_header(parts["header"])
            key = c.open_vault(header, fields, data, KEY, [c.payloads("answer", text)[0] for text in answers])
            got = "ok"
        except t.Refused as refused:
            got = refused.failure
        assert got == expect, f"{name}: {got} where {expect} belongs"
        vector = {"name": name, "comment": comment, "expect": expect, "request": c.armour("request", c.pack(data))}
        vector |= {"key": KEY.hex(), "answers": answers}
        if got == "ok":
            assert key == world.account_key
            vector["account_key"] = key.hex()
        vector |= {"header": parts["header"].decode(), "manifest": parts["manifest"].hex()}
        self.count[expect] = self.count.get(expect, 0) + 1
        write("custody", name, vector)


def write_all():
    out = Out()
    requests(out)
    answers(out)
    opened(out)
    return out.count


def requests(out):
    _, fields = asked()
    whole = c.armour("request", c.pack(encode(fields)))
    out.request("whole", "ok", "factors 1 and 3 of 2 of 3", whole)
    lines = "\n".join(whole[at : at + 64] for at in range(0, len(whole), 64))
    out.request("in-a-mail", "ok", "quoted lines, a word before and after", "Dear Bob.\n> " + lines.replace("\n", "\r\n> ") + "\r\nAda.")
    out.request("typed", "ok", "lower case, o for 0, i and l for 1, dashes", spelt(whole))
    out.request("twice-the-same", "ok", "the same text two times", whole + whole)
    least = {k: v for k, v in fields.items() if k not in ("reason", "fingerprint")}
    out.request("least", "ok", "without what may be absent", c.armour("request", c.pack(encode(least))))
    most = {**fields, "reason": "ü" * 256, "fingerprint": "00" * 10, "expires": "2026-02-01T00:00:00Z", "later": [1]}
    out.request("most", "ok", "31 days, 256 characters, an unknown field", c.armour("request", c.pack(encode(most))))
    spaced = json.dumps(fields, indent=2).encode()
    out.request("other-json", "ok", "the same fields in other bytes have another hash", c.armour("request", c.pack(spaced)))

    out.request("none", "nothing", "no text", "Dear Bob, please help. Ada.")
    out.request("an-answer", "nothing", "an answer", "TWINLOCK-ANSWER:" + whole.split(":")[1])
    out.request("cut-short", "cut-short", "without its full stop", whole[:-1])
    at = whole.index(":") + 20
    out.request("character-wrong", "mistyped", "one character", whole[:at] + ("2" if whole[at] != "2" else "3") + whole[at + 1 :])
    out.request("character-missing", "mistyped", "one character", whole[:at] + whole[at + 1 :])
    out.request("character-foreign", "mistyped", "a U", whole[:at] + "U" + whole[at + 1 :])
    swap = next(i for i in range(at, at + 99) if whole[i] != whole[i + 1])
    out.request("characters-exchanged", "mistyped", "two neighbours", whole[:swap] + whole[swap + 1] + whole[swap] + whole[swap + 2 :])
    out.request("label-of-answers", "mistyped", "the check sum of an answer", c.armour("answer", c.pack(encode(fields))).replace("ANSWER", "REQUEST"))
    out.request("frame-version-2", "unsupported", "a later frame", c.armour("request", c.pack(encode(fields)), 2))
    other = c.armour("request", c.pack(encode({**fields, "from": "Eve"})))
    out.request("two", "several", "two requests", whole + other)

    def malformed(name, comment, edit, expect="malformed"):
        changed = copy.deepcopy(fields)
        edit(changed)
        out.request(name, expect, comment, c.armour("request", c.pack(encode(changed))))

    malformed("version-2", "a later version", lambda f: f.update(request=2), "unsupported")
    malformed("critical-field", "at the top", lambda f: f.update({"!later": 1}), "unsupported")
    malformed("critical-field-in-factor", "in a factor", lambda f: f["factors"][0].update({"!later": 1}), "unsupported")
    for field in ("vault", "keyslot", "nonce", "key", "name", "keyslot_name", "from", "of", "threshold", "factors", "created", "expires"):
        malformed(f"{field.replace('_', '-')}-missing", f"no {field}", lambda f, n=field: f.pop(n))
    malformed("nonce-upper-case-hex", "hex", lambda f: f.update(nonce=f["nonce"].upper()))
    malformed("fingerprint-32-bytes", "more of it than is sent", lambda f: f.update(fingerprint="00" * 32))
    malformed("threshold-above-n", "4 of 3", lambda f: f.update(threshold=4))
    malformed("of-17", "more factors than a keyslot has", lambda f: f.update(of=17))
    malformed("number-above-n", "factor 4 of 3", lambda f: f["factors"][1].update(number=4))
    malformed("number-twice", "factor 1 twice", lambda f: f["factors"][1].update(number=1))
    malformed("numbers-descending", "3 before 1", lambda f: f["factors"].reverse())
    malformed("number-0", "counted from 0", lambda f: f["factors"][0].update(number=0))
    malformed("factors-none", "nothing is asked for", lambda f: f.update(factors=[]))
    malformed("kind-upper-case", "a kind that is none", lambda f: f["factors"][0].update(kind="Password"))
    malformed("key-zero", "of small order", lambda f: f.update(key="00" * 32))
    malformed("key-small-order", "p - 1, a point of order 4", lambda f: f.update(key="ec" + "ff" * 30 + "7f"))
    malformed("expires-before-created", "over before it began", lambda f: f.update(expires="2025-12-31T23:59:59Z"))
    malformed("expires-at-created", "over when it began", lambda f: f.update(expires=f["created"]))
    malformed("expires-after-31-days", "a second more", lambda f: f.update(expires="2026-02-01T00:00:01Z"))
    malformed("reason-257-characters", "a character more", lambda f: f.update(reason="x" * 257))
    malformed("from-control-character", "U+0085", lambda f: f.update({"from": "A\u0085da"}))
    duplicate = encode(fields)[:-1] + b',"from":"Eve"}'
    out.request("duplicate-key", "malformed", "who asks is there twice", c.armour("request", c.pack(duplicate)))
    out.request("not-packed", "malformed", "JSON where DEFLATE belongs", c.armour("request", encode(fields)))
    out.request("stream-and-more", "malformed", "a byte behind the stream", c.armour("request", c.pack(encode(fields)) + b"x"))
    out.request("stream-cut", "malformed", "the stream has no end", c.armour("request", c.pack(encode(fields))[:-3]))
    bomb = c.pack(encode(fields)[:-1] + b" " * 16384 + b"}")
    out.request("longer-than-16-kib", "malformed", "much white space", c.armour("request", bomb))
    out.request("expired", "expired", "read at the second at which it ends", whole, fields["expires"])


def spelt(text):
    head, body = text.split(":")
    body = body.lower().replace("0", "o").replace("1", "l", 1).replace("1", "i")
    return head.lower() + ": " + "-".join(body[at : at + 5] for at in range(0, len(body), 5))


def answers(out):
    world, fields = asked()
    data = encode(fields)
    request = c.armour("request", c.pack(data))
    digest, public = c.request_hash(data), c.public_of(KEY)
    password = t.password_secret(PASSWORD, world.body["keyslots"][0]["factors"][0])
    code = Recovery("paper")
    code_secret = t.recovery_secret(code.entropy, world.vault_id, bytes.fromhex(fields["keyslot"]))
    mask = {1: c.request_mask(fields, 1, password), 3: c.request_mask(fields, 3, code_secret)}

    def sealed(entries, label="answer", digest=digest, public=public, request_id=None):
        return c.seal_answer(digest, public, entries, fixed(f"ephemeral {label}", 32), fixed(f"nonce {label}", 24), request_id)

    def text(payload):
        return c.armour("answer", payload)

    by_password, by_code = sealed([(1, mask[1])]), sealed([(3, mask[3])], "code")
    out.answer("password", "ok", "the mask of factor 1", text(by_password), request)
    out.answer("recovery", "ok", "the mask of factor 3", text(by_code), request)
    both = sealed([(1, mask[1]), (3, c.request_mask(fields, 3, password))], "both")
    out.answer("two-entries", "ok", "what was typed as either factor", text(both), request)
    out.answer("typed", "ok", "lower case, o for 0, i and l for 1, dashes", spelt(text(by_password)), request)
    masks = [c.open_answer(payload, fields, data, KEY) for payload in (both, by_code)]
    assert c.open_keyslot(world.vault_id, world.body["keyslots"][0], masks) == world.account_key
    vault = {"header": world.parts()["header"].decode(), "request": request, "key": KEY.hex()}
    vault |= {"answers": [text(both), text(by_code)], "account_key": world.account_key.hex(), "words": c.words(digest)}
    write("kat", "custody", vault)

    out.answer("none", "nothing", "a request", request, request)
    whole = text(by_password)
    out.answer("cut-short", "cut-short", "without its full stop", whole[:-1], request)
    out.answer("character-wrong", "mistyped", "one character", whole[:60] + ("2" if whole[60] != "2" else "3") + whole[61:], request)
    out.answer("frame-version-2", "unsupported", "a later frame", c.armour("answer", by_password, 2), request)
    out.answer("byte-missing", "malformed", "a length that no answer has", text(by_password[:-1]), request)
    out.answer("no-entry", "malformed", "nothing sealed", text(sealed([])), request)
    many = [(i, mask[1]) for i in range(1, 18)]
    out.answer("entries-17", "malformed", "more entries than factors can be", text(sealed(many)), request)
    later = encode({**fields, "reason": "another"})
    other = sealed([(1, mask[1])], "other", c.request_hash(later))
    out.answer("of-another-request", "foreign", "the same keyslot, asked at another time", text(other), request)
    out.answer("id-altered", "foreign", "one bit of the id", text(bytes([by_password[0] ^ 1]) + by_password[1:]), request)
    relabelled = sealed([(1, mask[1])], "other", c.request_hash(later), request_id=digest[:16])
    out.answer("replayed", "forged", "an answer to another request under this one's id", text(relabelled), request)
    eve = sealed([(1, mask[1])], "eve", public=c.public_of(fixed("another key", 32)))
    out.answer("for-another-key", "forged", "sealed to somebody else's key", text(eve), request)
    out.answer("ephemeral-altered", "forged", "one bit of E", text(flip(by_password, 20)), request)
    out.answer("ephemeral-zero", "forged", "E of small order", text(by_password[:16] + bytes(32) + by_password[48:]), request)
    out.answer("nonce-altered", "forged", "one bit", text(flip(by_password, 50)), request)
    out.answer("mask-altered", "forged", "one bit of what is sealed", text(flip(by_password, 80)), request)
    out.answer("tag-altered", "forged", "one bit", text(flip(by_password, len(by_password) - 1)), request)
    out.answer("number-not-asked-for", "forged", "factor 2, which was not asked for", text(sealed([(2, mask[1])])), request)
    out.answer("number-0", "forged", "factor 0", text(sealed([(0, mask[1])])), request)
    out.answer("number-twice", "forged", "factor 1 two times", text(sealed([(1, mask[1]), (1, mask[3])])), request)
    out.answer("numbers-descending", "forged", "3 before 1", text(sealed([(3, mask[3]), (1, mask[1])])), request)


def flip(payload, at):
    return payload[:at] + bytes([payload[at] ^ 1]) + payload[at + 1 :]


def opened(out):
    """Whole ways from a keyslot by a request and answers to the account key; `custodians` is what they stand and fall with."""
    held = {"custodians": True}
    code = Recovery("paper")
    three = lambda threshold=2, **more: world_of([Password(PASSWORD), Token("a"), Recovery("paper")], threshold, **more)

    def entry(world, fields, number, personal=False):
        slot = world.body["keyslots"][0]
        if number == 1:
            secret = t.password_secret(PASSWORD, slot["factors"][0])
        else:
            secret = t.recovery_secret(code.entropy, world.vault_id, bytes.fromhex(slot["id"]))
        own = lambda: t.mask(secret, t.slot_salt(world.vault_id, slot), number, slot["factors"][number - 1]["kind"])
        return [(number, own() if personal else c.request_mask(fields, number, secret))]

    def add(name, expect, comment, world, asked={}, numbers=(1, 3), edit=None, personal=()):
        """`asked` is what the request says otherwise; `edit` what happens to the keyslot after it was wrapped."""
        fields = {**fields_of(world), **asked}
        entries = [entry(world, fields, number, number in personal) for number in numbers]
        if edit:
            edit(world.body["keyslots"][0])
        out.opened(name, expect, comment, world, fields, entries)

    add("two-of-three", "ok", "a password and a code at two places", three(extra=held))
    add("one-of-three", "ok", "each alone", three(1, extra=held), numbers=(3,))
    add("two-of-three-needed", "missing", "3 of 3, and two have answered", three(3, extra=held))
    add("one-answer", "missing", "2 of 3, and one has answered", three(extra=held), numbers=(1,))
    add("threshold-said-lower", "locked", "who answers is told that it takes 1", three(extra=held), {"threshold": 1})
    add("threshold-said-higher", "locked", "who answers is told that it takes 3", three(extra=held), {"threshold": 3})
    add("of-said-higher", "locked", "who answers is told that there are 5", three(extra=held), {"of": 5})
    add("keyslot-without-it", "personal", "a keyslot that is for nobody else", three())
    add("field-removed", "personal", "the field taken away", three(extra=held), edit=lambda slot: slot.pop("custodians"))
    add("field-false", "personal", "true made false", three(extra=held), edit=lambda slot: slot.update(custodians=False))
    add("field-added", "locked", "put into a keyslot that is for nobody else", three(), edit=lambda slot: slot.update(held))
    both = lambda slot: slot.update(held)
    add("field-added-personal-masks", "locked", "the same, and the masks it has", three(), edit=both, personal=(1, 3))
    add("personal-mask", "locked", "one of the answers gives the mask of the other kind", three(extra=held), personal=(3,))
    other = three(extra=held, wrapped_at="later").body["keyslots"][0]
    add("wrapped-since", "not-this-keyslot", "a nonce of later", three(extra=held), edit=lambda slot: slot.update(other))
    add("of-another-vault", "not-this-keyslot", "another vault id", three(extra=held), {"vault": "00" * 16})
