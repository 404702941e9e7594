"""Whole vault files, and what makes a file none: each as SQL to be run on a copy of one that opens."""

import pathlib
import shutil
import sqlite3
import tempfile

import read
import rotation_cases
import twinlock as t
from keyslot_cases import PASSWORD
from world import HERE, Password, Recovery, World, login, note, write

FOLDER = HERE / "vaults"

REFUSED = [
    ("table-added", "another table", ["CREATE TABLE more (x)"]),
    ("index-added", "an index", ["CREATE INDEX more ON record (epoch)"]),
    ("view-added", "a view", ["CREATE VIEW more AS SELECT * FROM meta"]),
    ("trigger-added", "a trigger", ["CREATE TRIGGER more AFTER INSERT ON record BEGIN DELETE FROM entry; END"]),
    ("table-missing", "no table of entries", ["DROP TABLE entry"]),
    (
        "table-not-strict",
        "records in a table without STRICT",
        [
            "DROP TABLE record",
            "CREATE TABLE record (id BLOB PRIMARY KEY, epoch INTEGER, revision INTEGER, sealed BLOB) WITHOUT ROWID",
        ],
    ),
    ("column-added", "a column more", ["ALTER TABLE record ADD COLUMN more BLOB"]),
    (
        "column-default",
        "a default, which is SQL of somebody else",
        [
            "DROP TABLE meta",
            "CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB DEFAULT x'00') STRICT, WITHOUT ROWID",
        ],
    ),
    ("application-id", "another program's file", ["PRAGMA application_id = 1"]),
    ("user-version-0", "no version", ["PRAGMA user_version = 0"]),
    ("user-version-2", "a later version", ["PRAGMA user_version = 2"]),
    ("journal-wal", "a write-ahead log", ["PRAGMA journal_mode = WAL"]),
    (
        "record-id-15-bytes",
        "a record's id too short",
        ["UPDATE record SET id = substr(id, 2) WHERE id = (SELECT min(id) FROM record)"],
    ),
    ("record-sealed-null", "a record without its sealed item", ["UPDATE record SET sealed = NULL"]),
    ("record-revision-null", "a record without a revision", ["UPDATE record SET revision = NULL"]),
    ("record-revision-negative", "a revision below 0", ["UPDATE record SET revision = -1"]),
    ("record-epoch-negative", "an epoch below 0", ["UPDATE record SET epoch = -1"]),
    ("entry-tag-31-bytes", "an entry's tag too short", ["UPDATE entry SET tag = substr(tag, 2)"]),
    ("entry-id-17-bytes", "an entry's id too long", ["UPDATE entry SET id = CAST(id || x'00' AS BLOB)"]),
    ("entry-sealed-null", "an entry that seals nothing", ["UPDATE entry SET sealed = NULL"]),
    ("header-null", "no header text", ["UPDATE meta SET value = NULL WHERE name = 'header'"]),
]


def create(path, parts, tables=tuple(read.TABLES.values())):
    file = sqlite3.connect(path)
    file.executescript("PRAGMA application_id = 0x54574C4B; PRAGMA user_version = 1;" + ";".join(tables))
    file.executemany("INSERT INTO meta VALUES (?, ?)", [(name, parts[name]) for name in ("header", "manifest")])
    file.executemany("INSERT INTO record VALUES (:id, :epoch, :revision, :sealed)", parts["records"])
    file.executemany("INSERT INTO entry VALUES (:tag, :id, :sealed)", parts["entries"])
    file.commit()
    file.close()


def write_all(out):
    FOLDER.mkdir()

    def ok(name, comment, world, tables=tuple(read.TABLES.values()), **given):
        path = FOLDER / f"{name}.vault"
        create(path, world.parts(), tables)
        account_key, _, items = read.read_vault(read.from_sqlite(path), given)
        assert account_key == world.account_key and len(items) == len(world.items)
        vector = {
            "name": name,
            "comment": comment,
            "expect": "ok",
            "open": given,
            "account_key": account_key.hex(),
            "items": items,
        }
        write("vaults", name, vector)
        out.count["ok"] += 1

    world = World("file", "a file")
    world.add_slot("both", [Password(PASSWORD), Recovery("file")])
    world.add_slot("paper", [Recovery("paper")])
    world.put(login("GitHub"))
    world.put(note("Wi-Fi"))
    ok("two-keyslots", "a login and a note", world, keyslot="both", password=PASSWORD, recovery=Recovery("file").code)
    world = World("large", "many items")
    world.add_slot("paper", [Recovery("paper")])
    for i in range(24):
        world.put(login(f"Account {i}", password=f"secret {i} " + "x" * (i * 60)))
    ok(
        "many-items",
        "24 items, some of which need pages of their own",
        world,
        keyslot="paper",
        recovery=Recovery("paper").code,
    )
    lower = tuple(sql.lower().replace(", ", " ,\n\t").replace("(", "\n(\n") for sql in read.TABLES.values())
    world = World("schema", "spelled otherwise")
    world.add_slot("daily", [Password(PASSWORD)])
    world.put(note("Wi-Fi"))
    ok(
        "schema-spelled-otherwise",
        "the same tables in lower case, with other white space",
        world,
        lower,
        keyslot="daily",
        password=PASSWORD,
    )

    ok(
        "rotated",
        "a login and a note, after a rotation",
        rotation_cases.after(),
        keyslot="paper",
        recovery=Recovery("paper").code,
    )

    given = {"keyslot": "paper", "recovery": Recovery("paper").code}
    for name, comment, sql in REFUSED:
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(shutil.copy(FOLDER / "two-keyslots.vault", folder))
            file = sqlite3.connect(path, isolation_level=None)
            for statement in sql:
                file.execute(statement)
            file.close()
            try:
                read.read_vault(read.from_sqlite(path), given)
                got = "ok"
            except t.Refused as refused:
                got = refused.failure
            assert got == "store", f"{name}: {got}"
        vector = {
            "name": name,
            "comment": comment,
            "expect": "store",
            "base": "two-keyslots",
            "open": given,
            "sql": sql,
        }
        write("file", name, vector)
        out.count["store"] = out.count.get("store", 0) + 1
