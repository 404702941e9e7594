#!/usr/bin/env python3
"""Opens a vault that twinlock made, with a password or a recovery code, and prints its items as JSON: the whole of a reader in
another language, on top of twinlock.py. For people without the program, and for proving that the page is enough.

    read.py VAULT --password-file FILE | --recovery-file FILE [--keyslot NAME]
"""

import argparse
import json
import sqlite3
import sys

import piv
import twinlock as t

TYPED = ("password", "recovery")
TABLES = {
    "entry": "CREATE TABLE entry (tag BLOB, id BLOB, sealed BLOB, PRIMARY KEY (tag, id)) STRICT, WITHOUT ROWID",
    "meta": "CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB) STRICT, WITHOUT ROWID",
    "record": "CREATE TABLE record (id BLOB PRIMARY KEY, epoch INTEGER, revision INTEGER, sealed BLOB) STRICT, WITHOUT ROWID",
}


def from_sqlite(path):
    """The parts of a vault file: header text, manifest, records, entries."""
    file = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    squeeze = lambda sql: "".join(sql.split()).lower()
    found = {name: squeeze(sql or "") for name, sql in file.execute("SELECT name, sql FROM sqlite_schema")}
    pragma = lambda name: file.execute(f"PRAGMA {name}").fetchone()[0]
    if (pragma("application_id"), pragma("user_version")) != (0x54574C4B, 1):
        raise t.Refused("store", "no vault")
    if found != {name: squeeze(sql) for name, sql in TABLES.items()}:
        raise t.Refused("store", "tables")
    if pragma("journal_mode") != "delete":
        raise t.Refused("store", "journal")
    meta = dict(file.execute("SELECT name, value FROM meta"))
    if meta.get("header", b"") is None or meta.get("manifest", b"") is None:
        raise t.Refused("store", "null")
    rows = lambda table, *names: [
        dict(zip(names, row)) for row in file.execute(f"SELECT {', '.join(names)} FROM {table}")
    ]
    records, entries = rows("record", "id", "epoch", "revision", "sealed"), rows("entry", "tag", "id", "sealed")
    for row in [*records, *entries]:
        if None in row.values() or len(row["id"]) != 16 or len(row.get("tag", bytes(32))) != 32:
            raise t.Refused("store", "null or length")
        if row.get("epoch", 0) < 0 or row.get("revision", 0) < 0:
            raise t.Refused("store", "negative")
    return {"header": meta.get("header", b""), "manifest": meta.get("manifest"), "records": records, "entries": entries}


def open_keyslot(header, slot, given):
    """The account key by one keyslot. `given` has `password`, `recovery`, `tokens`: a list of {uri, secret}, and
    `piv`: a list of {public, private}."""
    if any(name.startswith("!") for part in [slot, *slot["factors"]] for name in part):
        raise t.Refused("unsupported", "critical field")
    numbered = list(enumerate(slot["factors"], 1))
    if sum(factor["kind"] in (*TYPED, "pkcs11", "piv") for _, factor in numbered) < slot["threshold"]:
        raise t.Refused("unsupported", "kinds")
    vault_id, slot_id = bytes.fromhex(header["vault"]), bytes.fromhex(slot["id"])
    tokens = {token["uri"]: bytes.fromhex(token["secret"]) for token in given.get("tokens", ())}
    secrets = {}
    # Tokens first: a password is not stretched for a keyslot that lacks its token.
    for i, factor in sorted(numbered, key=lambda pair: pair[1]["kind"] in TYPED):
        if len(secrets) == slot["threshold"]:
            break
        if factor["kind"] == "pkcs11" and factor.get("uri") in tokens:
            secrets[i] = tokens[factor["uri"]]
        if factor["kind"] == "piv" and (opened := piv.open_factor(factor, given.get("piv", ()), vault_id, slot_id)):
            secrets[i] = opened
        if factor["kind"] == "password" and "password" in given:
            secrets[i] = t.password_secret(given["password"], factor)
        if factor["kind"] == "recovery" and "recovery" in given:
            secrets[i] = t.recovery_secret(t.recovery_entropy(given["recovery"]), vault_id, slot_id)
    if len(secrets) < slot["threshold"]:
        raise t.Refused("missing", slot["name"])
    return t.unwrap(vault_id, slot, secrets)


def read_item(content):
    try:
        item = json.loads(content.decode())
        texts = [item["type"], item["name"], item["created"], item["updated"], *item.get("tags", [])]
        for field in item["fields"]:
            texts += [field["name"], field["kind"], field["value"]]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise t.Refused("damaged", f"no item: {error}") from None
    lists = isinstance(item["fields"], list) and isinstance(item.get("tags", []), list)
    if (
        not lists
        or not all(isinstance(text, str) for text in texts)
        or not t.is_name(item["name"], 256)
        or not t.folded(item["name"])
    ):
        raise t.Refused("damaged", "no item")
    return item


def check_index(keys, vault_id, epoch, entries, opened):
    """`opened` is {record id: (revision, name)}."""
    left, tags = dict(opened), set()
    for entry in entries:
        try:
            content = t.unpad(t.open_sealed(keys["entry"], t.entry_aad(vault_id, epoch, entry["id"]), entry["sealed"]))
        except t.Refused as error:
            raise t.Refused("index", error) from None
        revision, name = left.pop(entry["id"], (None, ""))
        right = revision is not None and content == t.u64(revision) + name.encode()
        if not right or entry["tag"] != t.index_tag(keys["index"], name) or entry["tag"] in tags:
            raise t.Refused("index", name)
        tags.add(entry["tag"])
    if left:
        raise t.Refused("index", "a record without an entry")


def read_vault(parts, given):
    """Account key, header and items of a vault, everything checked."""
    header, signed, tag = t.read_header(parts["header"])
    slot = next((slot for slot in header["keyslots"] if slot["name"] == given["keyslot"]), None)
    if slot is None:
        raise t.Refused("missing", "no such keyslot")
    account_key = open_keyslot(header, slot, given)
    vault_id, epoch = bytes.fromhex(header["vault"]), header["epoch"]
    keys = t.keys(account_key, vault_id)
    if t.mac(keys["header"], signed) != tag:
        raise t.Refused("tampered")
    _, counted, _ = t.open_manifest(keys["manifest"], vault_id, tag, parts["manifest"])
    records = parts["records"]
    if counted != t.u64(len(records)) + t.record_set(keys["set"], records):
        raise t.Refused("altered")
    items, opened = [], {}
    for record in records:
        if record["epoch"] != epoch:
            raise t.Refused("damaged", "epoch")
        aad = t.record_aad(vault_id, epoch, record["id"], record["revision"])
        item = read_item(t.unpad(t.open_sealed(keys["record"], aad, record["sealed"])))
        items.append(item)
        opened[record["id"]] = (record["revision"], item["name"])
    check_index(keys, vault_id, epoch, parts["entries"], opened)
    return account_key, header, sorted(items, key=lambda item: t.folded(item["name"]))


def main():
    usage = argparse.ArgumentParser(description="Opens a twinlock vault and prints its items as JSON.")
    usage.add_argument("vault")
    usage.add_argument("--password-file", type=argparse.FileType())
    usage.add_argument("--recovery-file", type=argparse.FileType())
    usage.add_argument("--keyslot")
    args = usage.parse_args()
    given = {}
    if args.password_file:
        given["password"] = args.password_file.readline().rstrip("\r\n")
    if args.recovery_file:
        given["recovery"] = args.recovery_file.readline().rstrip("\r\n")
    parts = from_sqlite(args.vault)
    slots = t.read_header(parts["header"])[0]["keyslots"]
    fitting = [slot["name"] for slot in slots if sum(f["kind"] in given for f in slot["factors"]) >= slot["threshold"]]
    given["keyslot"] = args.keyslot or (fitting or ["none"])[0]
    json.dump(read_vault(parts, given)[2], sys.stdout, indent=2, ensure_ascii=False)
    print()


if __name__ == "__main__":
    try:
        main()
    except t.Refused as error:
        sys.exit(f"refused: {error}")
