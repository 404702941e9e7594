"""What make.py builds vectors from: whole vaults with fixed keys and nonces, and the writing and checking of a vector's file."""

import copy
import hashlib
import json
import pathlib

import read
import twinlock as t

HERE = pathlib.Path(__file__).parent
CREATED = "2026-01-01T00:00:00Z"


def fixed(label, length):
    """Bytes that stand in for random ones: the same at every run, and different for each label."""
    return hashlib.shake_256(b"twinlock vectors: " + label.encode()).digest(length)


class Recovery:
    """A recovery code as a factor."""

    def __init__(self, label):
        self.entropy = fixed(f"code {label}", 20)
        self.code = t.recovery_code(self.entropy)

    def make(self, vault_id, slot_id):
        return {"kind": "recovery"}, t.recovery_secret(self.entropy, vault_id, slot_id)


class Password:
    """A password as a factor. `stored` says other parameters in the stanza than were computed with."""

    def __init__(self, password, memory_kib=19456, passes=2, lanes=1, salt=None, stored=None):
        self.password, self.cost, self.stored = password, (memory_kib, passes, lanes), stored or {}
        self.salt = salt or fixed("password salt", 16)

    def make(self, vault_id, slot_id):
        memory_kib, passes, lanes = self.cost
        stanza = {"kind": "password", "kdf": "argon2id", "memory_kib": memory_kib, "passes": passes, "lanes": lanes}
        stanza["salt"] = self.salt.hex()
        return {**stanza, **self.stored}, t.argon2id(self.password, self.salt, *self.cost)


class Token:
    """An HMAC key on a PKCS#11 token as a factor; the key itself is no secret here."""

    def __init__(self, label):
        self.key, self.challenge = fixed(f"token key {label}", 32), fixed(f"challenge {label}", 32)
        self.uri = f"pkcs11:token={label};object=twinlock"

    def make(self, vault_id, slot_id):
        stanza = {"kind": "pkcs11", "mode": "hmac-sha256", "uri": self.uri, "challenge": self.challenge.hex()}
        bind = t.pkcs11_bind("hmac-sha256", vault_id, slot_id)
        return stanza, t.hkdf(t.mac(self.key, bind + self.challenge), b"", bind)


class Plain:
    """A factor of any kind and any parameters, whose secret is fixed."""

    def __init__(self, kind, **params):
        self.stanza = {"kind": kind, **params}

    def make(self, vault_id, slot_id):
        return copy.deepcopy(self.stanza), fixed("plain factor", 32)


class World:
    """A vault while it is built."""

    def __init__(self, label="first", name="personal"):
        self.label = label
        self.account_key, self.vault_id = fixed(f"account key {label}", 32), fixed(f"vault {label}", 16)
        self.body = {"twinlock": 1, "vault": self.vault_id.hex(), "name": name, "created": CREATED, "epoch": 1}
        self.body |= {"generation": 1, "cipher": "xaes-256-gcm", "keyslots": []}
        self.sequence, self.records, self.entries, self.items = 1, [], [], []
        self.past = []

    @property
    def keys(self):
        return t.keys(self.account_key, self.vault_id)

    def add_slot(self, name, factors, threshold=None, extra=None, extras=None, wrapped_at="first"):
        """A keyslot; `extra` are further fields of it, `extras` of its factors."""
        slot_id = fixed(f"keyslot {name} {self.label}", 16)
        made = [factor.make(self.vault_id, slot_id) for factor in factors]
        threshold = threshold or len(factors)
        slot = {"id": slot_id.hex(), "name": name, "created": CREATED, "threshold": threshold}
        slot |= {"factors": [{**stanza, **more} for (stanza, _), more in zip(made, extras or [{}] * len(made))]}
        slot |= {"nonce": fixed(f"nonce {name} {self.label} {wrapped_at}", 32).hex()} | (extra or {})
        secret = fixed(f"S {name} {self.label} {wrapped_at}", 32)
        coefficients = [fixed(f"c{d} {name} {self.label} {wrapped_at}", 32) for d in range(1, threshold)]
        t.wrap(self.vault_id, slot, [f for _, f in made], secret, coefficients, self.account_key)
        self.body["keyslots"].append(slot)
        return slot

    def put(self, item, revision=1, epoch=1, record_id=None, content=None, padded=None, name=None):
        """A record and its entry. `content` stands in for the item's JSON, `padded` for its padded form, `name` for the entry's name."""
        record_id = record_id or fixed(f"record {item['name']}", 16)
        content = (
            content if content is not None else json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode()
        )
        padded = padded if padded is not None else t.pad(content)
        nonce = lambda what: fixed(f"{what} nonce {self.label} {record_id.hex()} {revision} {epoch} {len(content)}", 24)
        aad = t.record_aad(self.vault_id, epoch, record_id, revision)
        sealed = t.seal(self.keys["record"], aad, padded, nonce("record"))
        self.records.append({"id": record_id, "epoch": epoch, "revision": revision, "sealed": sealed})
        self.entries.append(self.entry(name or item["name"], record_id, revision, epoch, nonce("entry")))
        self.items.append(item)

    def entry(self, name, record_id, revision, epoch, nonce):
        content = t.pad(t.u64(revision) + name.encode())
        sealed = t.seal(self.keys["entry"], t.entry_aad(self.vault_id, epoch, record_id), content, nonce)
        return {"tag": t.index_tag(self.keys["index"], name), "id": record_id, "sealed": sealed}

    def text(self):
        return json.dumps(self.body, indent=2, ensure_ascii=False).encode()

    def parts(self, body=None, tag=None, header=None, sequence=None, count=None):
        """The vault as it lies in the store. The manifest is right for whatever header and records there are."""
        body = self.text() if body is None else body
        if header is None:
            header = t.sign(self.account_key, self.vault_id, body)
            if tag is not None:
                header = header[:-65] + tag.encode() + b"\n"
        return {
            "header": header,
            "manifest": self.manifest(bytes.fromhex(header[-65:-1].decode()), sequence, count),
            "records": copy.deepcopy(self.records),
            "entries": copy.deepcopy(self.entries),
        }

    def manifest(self, header_tag, sequence=None, count=None):
        total = t.record_set(self.keys["set"], [r for r in self.records if len(r["sealed"]) >= 40])
        sequence, count = sequence or self.sequence, len(self.records) if count is None else count
        past = b"".join(self.past).hex()
        nonce = fixed(f"manifest nonce {header_tag.hex()} {sequence} {count} {total.hex()}{past and ' ' + past}", 24)
        return t.seal_manifest(self.account_key, self.vault_id, header_tag, sequence, count, total, nonce, self.past)


def login(name, password="correct horse", **more):
    fields = [{"name": "username", "kind": "text", "value": "ada"}]
    fields.append({"name": "password", "kind": "concealed", "value": password})
    return {"type": "login", "name": name, "created": CREATED, "updated": CREATED, "fields": fields, **more}


def note(name, text="first line\nsecond line"):
    fields = [{"name": "notes", "kind": "multiline", "value": text}]
    return {"type": "note", "name": name, "created": CREATED, "updated": CREATED, "fields": fields}


class Vectors:
    """All vectors so far. Each is opened by the reader of this folder before it is written: it must fail as it says."""

    def __init__(self):
        self.all, self.count = {}, {}

    def add(self, folder, name, expect, comment, parts, given, base=None, pieces=None, world=None):
        """`pieces` is a shorter way to write the header; `world` is what opening gives, of a vector that opens."""
        assert (folder, name) not in self.all, name
        try:
            account_key, _, items = read.read_vault(parts, given)
            got = "ok"
        except t.Refused as refused:
            got = refused.failure
        assert got == expect, f"{name}: {got} where {expect} belongs"
        vector = {"name": name, "comment": comment, "expect": expect}
        if expect == "ok":
            assert account_key == world.account_key
            assert items == sorted(world.items, key=lambda item: t.folded(item["name"])), name
        else:
            base_parts, base_given = self.all["ok", base]
            whole = {**parts, "open": given}, {**base_parts, "open": base_given}
            vector |= {"base": base, "differs": [part for part in whole[0] if whole[0][part] != whole[1][part]]}
            assert vector["differs"], name
        vector["open"] = given
        if expect == "ok":
            vector |= {"account_key": account_key.hex(), "items": items}
        self.all[folder, name] = (parts, given)
        self.count[expect] = self.count.get(expect, 0) + 1
        vector["header"] = pieces or header_json(parts["header"])
        vector["manifest"] = None if parts["manifest"] is None else parts["manifest"].hex()
        for table in ("records", "entries"):
            vector[table] = [
                {k: v.hex() if isinstance(v, bytes) else v for k, v in row.items()} for row in parts[table]
            ]
        write(folder, name, vector)


def expand(pieces):
    """The bytes of a header that is written in pieces."""
    if isinstance(pieces, str):
        return pieces.encode()
    if isinstance(pieces, list):
        return b"".join(expand(piece) for piece in pieces)
    return bytes.fromhex(pieces["hex"]) if "hex" in pieces else pieces["repeat"].encode() * pieces["times"]


def header_json(header):
    try:
        return header.decode()
    except UnicodeDecodeError as error:
        at = error.start
        return [header[:at].decode(), {"hex": header[at : at + 1].hex()}, header_json(header[at + 1 :])]


def write(folder, name, value):
    path = HERE / folder / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n")
