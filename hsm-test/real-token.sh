#!/usr/bin/env bash
# Has the conversation of tests/piv_card/same.rs with a real YubiKey: real-token.sh SERIAL --wipe
# Its PIV application is wiped, before and after: all keys, certificates, PIN, PUK, management key. The attestation key stays.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "$#" -ne 2 ] || [ "$2" != --wipe ] || ! [[ "$1" =~ ^[0-9]+$ ]]; then
    echo "real-token.sh SERIAL --wipe    deletes every PIV key of the YubiKey with this serial number" >&2
    exit 2
fi
export TWINLOCK_REAL_TOKEN=$1 TWINLOCK_REAL_TOKEN_WIPE=yes
exec cargo test -p hsm-test --test piv_card -- --ignored --nocapture same::a_real_one_answers_as_expected
