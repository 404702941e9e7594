#!/usr/bin/env python3
"""Writes every vector beside it. The same at every run; nothing of it is needed to run the vectors.

python3 -m venv venv && venv/bin/pip install cryptography argon2-cffi && venv/bin/python tests/vectors/make.py
"""

import shutil

import confirm_cases
import custody_cases
import header_cases
import kat
import keyslot_cases
import kit_cases
import past_cases
import piv_cases
import record_cases
import rotation_cases
import vaults
from world import HERE, Vectors, write


def main():
    for folder in ("ok", "header", "keyslot", "record", "file", "kat", "vaults", "kit", "request", "answer", "custody"):
        shutil.rmtree(HERE / folder, ignore_errors=True)
    out = Vectors()
    for cases in (header_cases, keyslot_cases, piv_cases, record_cases, rotation_cases, past_cases):
        cases.negative(out)
    kat.write_all()
    write("kat", "piv", piv_cases.kat())
    write("kat", "past", past_cases.kat())
    write("kat", "confirm", confirm_cases.kat())
    vaults.write_all(out)
    kit_cases.write_all(out)
    for counts in (out.count, custody_cases.write_all()):
        for failure, count in sorted(counts.items()):
            print(f"{count:4} {failure}")
        print(f"{sum(counts.values()):4} in all")


if __name__ == "__main__":
    main()
