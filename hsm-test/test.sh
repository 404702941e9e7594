#!/usr/bin/env bash
# Runs every test: formatting, lints, and all suites, on software tokens. Installs what is missing.
set -euo pipefail
shopt -s globstar
umask 022                                          # modules that others can change are not used, and the tests build some
cd "$(dirname "$0")/.."
. hsm-test/packages.sh

need_rust
need_softhsm
need_piv
need pkg-config pkg-config                         # Kryoptic finds OpenSSL and SQLite by it; the program finds libpcsclite
need '/usr/include/openssl/evp.h' libssl-dev
need '/usr/include/sqlite3.h' libsqlite3-dev
need '/usr/lib/llvm-*/lib/libclang*.so*' libclang-dev
need setsid util-linux                             # a terminal of its own for each test of a prompt
need gdb gdb                                       # cores of processes, in which secrets are looked for
need zbarimg zbar-tools                            # an independent reader of QR codes on printed pages
need pdftoppm poppler-utils                        # an independent reader of PDF: pictures, text, fonts
need rsvg-convert librsvg2-bin                     # the same of SVG
need gnome-keyring-daemon gnome-keyring            # a Secret Service, for the feature 'keychain'
need dbus-run-session dbus
need dbus-daemon dbus-daemon                       # a message bus for a mock logind
need secret-tool libsecret-tools
need pinentry-curses pinentry-curses               # asks at a terminal for a program that has none
need systemd-analyze systemd                       # what systemd says of the units in contrib/
install_missing

if cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1; then
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    cargo clippy --all-targets --features keychain -- -D warnings
elif [ -n "${CI:-}" ]; then
    echo "rustfmt or clippy is missing: rustup component add rustfmt clippy" >&2
    exit 1
else
    echo "SKIPPED: formatting and lints: rustup component add rustfmt clippy"
fi

# The test factor is for debug builds alone: the program as it is shipped must not know it.
cargo build --release --bin twinlock
if target/release/twinlock init --vault /nonexistent/vault --no-input --factor fake:x 2>/dev/null; then
    echo "the release build knows the test factor" >&2
    exit 1
elif [ "$?" -ne 2 ]; then
    echo "the release build does not refuse the test factor as wrong usage" >&2
    exit 1
fi

# Without YubiKeys: their keyslots are listed, explained and wrapped again, and the smart-card library is not asked for.
cargo test --no-default-features --test cli -- piv
if ldd target/debug/twinlock | grep -q libpcsclite; then
    echo "a build without the feature 'piv' asks for libpcsclite" >&2
    exit 1
fi

cargo build --manifest-path hsm-test/kryoptic/Cargo.toml --target-dir target/kryoptic
# Not part of the program unless asked for. Before the program that the other tests run, which takes its place.
cargo test --features keychain --test keychain
cargo build --workspace --bins --examples          # the program, and the module that fails on command
# Without examples in comments, of which there are none: the last line is then that of a suite.
cargo test --workspace --lib --bins --tests
