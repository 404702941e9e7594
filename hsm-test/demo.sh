#!/usr/bin/env bash
# Two stories on software tokens: an HSM (SoftHSM) that is lost, and a YubiKey that is lost; each time the vault is recovered. Installs
# what is missing, works in a temporary folder, and removes it.
set -euo pipefail
shopt -s globstar
cd "$(dirname "$0")/.."
. hsm-test/packages.sh

need_rust
need_softhsm
need_pcsc
install_missing
cargo build --release --quiet --bin twinlock
cargo build --release --quiet --package hsm-test --bin virtual-yubikey
here="$PWD/hsm-test"
PATH="$PWD/target/release:$PATH"

work=$(mktemp -d)
leave() {
    # The agent, if the story was cut short: it empties the file when it ends.
    [ ! -s "$work/run/twinlock/agent.lock" ] || kill "$(cat "$work/run/twinlock/agent.lock")" || true
    rm -rf "$work"
}
trap leave EXIT
cd "$work"
umask 077
modules=(/usr/lib*/**/softhsm/libsofthsm2.so)
export HOME="$work/home" SOFTHSM2_CONF="$work/softhsm2.conf"
export XDG_RUNTIME_DIR="$work/run"
unset XDG_CONFIG_HOME XDG_DATA_HOME XDG_STATE_HOME TWINLOCK_CONFIG TWINLOCK_VAULT
mkdir -p hsm nothing run home/.config/twinlock
printf 'directories.tokendir = %s/hsm\nobjectstore.backend = file\nlog.level = ERROR\n' "$work" >"$SOFTHSM2_CONF"
sed 's,/hsm$,/nothing,' "$SOFTHSM2_CONF" >thief.conf         # the machine of somebody who does not have the HSM

# A step of the story, in words.
tell() {
    printf '\n\n'
    printf '# %s\n' "$@"
}

# A command as one would type it: what the shell would read otherwise is quoted.
show() {
    local word line='$'
    for word in "$@"; do
        case $word in
        *[\;\&\'\ ]*) line+=" '$word'" ;;
        *) line+=" $word" ;;
        esac
    done
    printf '\n%s\n' "$line"
}

# A command and what it answers.
run() {
    show "$@"
    "$@" 2>&1
}

# A command that must fail, and what it answers.
fails() {
    show "$@"
    if "$@" 2>&1; then
        echo "this should have failed" >&2
        exit 1
    else
        printf '(exit code %s)\n' "$?"
    fi
}

# A new HSM of that name, with its PIN.
new_hsm() {
    softhsm2-util --init-token --free --label "$1" --so-pin 87654321 --pin "$(cat "$2")" >/dev/null
}

echo "twinlock keeps secrets in a vault: one file, opened by any combination of passwords,"
echo "hardware tokens (here: an HSM, played by SoftHSM) and recovery codes."
echo "On a terminal it asks for passwords and PINs; here they come from files."

tell "You have an HSM called 'office'. twinlock is told once where its driver is."
echo 'the office plant needs water 7' >password
echo 246810 >pin
new_hsm office pin
printf '[[module]]\npath = "%s"\n' "${modules[0]}" >home/.config/twinlock/config.toml
run cat home/.config/twinlock/config.toml
run twinlock token list

tell "Make a key on the HSM. It is born there and can never leave it."
run twinlock token setup 'pkcs11:token=office' --pin-file pin

tell "Make a vault that needs BOTH the password and the HSM." \
     "Beside it, a recovery code, for the day when one of them is lost. It is written down" \
     "and kept elsewhere: here, in the file 'paper'."
run twinlock init --no-input --factor password --factor 'pkcs11:token=office;object=twinlock' --recovery \
    --new-password-file password --pin-file pin --recovery-out paper
run twinlock keyslot list

tell "Put a secret in, and get it out again."
echo 'Tr0ub4dor & 3' >secret
run twinlock add github --username ada --url https://github.com --value-file secret \
    --password-file password --pin-file pin
run twinlock get github --field password --password-file password --pin-file pin

tell "A thief copies the file. The password alone does not open it, the HSM alone does not either," \
     "and without the HSM a guess at the password cannot even be tested."
cp home/.local/share/twinlock/vault.twinlock stolen
echo 'maybe this one?' >guess
SOFTHSM2_CONF="$work/thief.conf" fails twinlock --vault stolen --keyslot password+pkcs11 list --no-input \
    --password-file password
fails twinlock --vault stolen --keyslot password+pkcs11 list --no-input --pin-file pin
fails twinlock --vault stolen --keyslot password+pkcs11 list --no-input --password-file guess --pin-file pin

tell "The HSM is lost: the machine room has burnt down."
rm -rf hsm && mkdir hsm
fails twinlock get github --no-input --password-file password --pin-file pin

tell "You still have the paper. No server, no e-mail, no account:"
run twinlock get github --field password --recovery-file paper

tell "A new HSM arrives. Enroll it, prove that it works, and wipe the lost one."
echo 135791 >newpin
new_hsm spare newpin
run twinlock token setup 'pkcs11:token=spare' --pin-file newpin
run twinlock keyslot enroll --name daily --factor password --factor 'pkcs11:token=spare;object=twinlock' \
    --recovery-file paper --new-password-file password --pin-file newpin
run twinlock keyslot test daily --password-file password --pin-file newpin
run twinlock keyslot wipe password+pkcs11 --force --password-file password --pin-file newpin
run twinlock keyslot list

tell "The vault is a file like any other: move it where you like."
mv home/.local/share/twinlock/vault.twinlock moved.twinlock
export TWINLOCK_VAULT="$work/moved.twinlock"

tell "Nothing was lost, and nobody has changed the vault behind your back."
run twinlock verify --password-file password --pin-file newpin
run twinlock get github --password-file password --pin-file newpin

. "$here/demo-yubikey.sh"

printf '\n# Done. All of this was in a temporary folder, which is removed now.\n'
