#!/usr/bin/env bash
# Puts a real YubiKey through what the virtual one goes through in the suite: real-token.sh SERIAL --wipe
#   - the conversation of tests/piv_card/same.rs, command by command;
#   - its life from the first day to the last with the program, tests/piv_setup/real.rs: set up, enrolled, unlocked with, mistyped, tested,
#     its PIN set anew, listed, its keyslot wiped.
# Its PIV application is wiped, before, between and after: all keys, certificates, PIN, PUK, management key. The attestation key stays.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "$#" -ne 2 ] || [ "$2" != --wipe ] || ! [[ "$1" =~ ^[0-9]+$ ]]; then
    echo "real-token.sh SERIAL --wipe    deletes every PIV key of the YubiKey with this serial number" >&2
    exit 2
fi
export TWINLOCK_REAL_TOKEN=$1 TWINLOCK_REAL_TOKEN_WIPE=yes
cargo=${CARGO:-cargo}

test_on_token() {
    "$cargo" test -p hsm-test --test "$1" -- --ignored --nocapture --exact "$2"
}

"$cargo" build --workspace --bins
test_on_token piv_card same::a_real_one_answers_as_expected
status=0
test_on_token piv_setup real::a_real_one_from_its_first_day_to_its_last || status=$?
# However that went, nothing of it stays on the token.
test_on_token piv_card same::a_real_one_answers_as_expected
exit "$status"
