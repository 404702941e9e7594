# The second story, sourced by demo.sh: a YubiKey, lost, and its spare. The YubiKeys are programs, behind the real smart-card service in
# namespaces of its own; they end with their standard input.

mkfifo "$work/desk"
virtual-yubikey start "$work/cards" firmware=5.7 serial=12345678 finger=300 -- \
    firmware=5.4 serial=87654321 finger=300 inserted=no <"$work/desk" >/dev/null &
exec 9>"$work/desk"
export PCSCLITE_CSOCK_NAME="$work/cards/run/pcscd/pcscd.comm"
export TWINLOCK_VAULT="$work/personal.twinlock"
for _ in $(seq 100); do
    if twinlock token list 2>/dev/null | grep -q 'YubiKey 12345678'; then
        break
    fi
    sleep 0.1
done

# What the hand does with a YubiKey.
hand() { virtual-yubikey ctl "$work/cards/card-$1" "$2" >/dev/null; }

printf '\n\n'
echo "The second story: a YubiKey (here: a program behind the real smart-card service, with a finger"
echo "that touches it when it blinks)."

tell "You have a new YubiKey. What is on it?"
run twinlock token list

tell "Prepare it: a PIN and a PUK of your own, and a key that is born on it and cannot leave it." \
     "The key wants the PIN, and a touch for every use."
echo 123456 >factory-pin
echo 12345678 >factory-puk
echo 428571 >ada-pin
echo 57142857 >ada-puk
run twinlock token setup piv --no-input --name ada --pin-file factory-pin --new-pin-file ada-pin \
    --puk-file factory-puk --new-puk-file ada-puk

tell "A vault that opens by the YubiKey alone: PIN and touch. And, for the day when it is lost, one" \
     "other way: the password together with a recovery code on paper."
run twinlock init --no-input --factor 'piv:serial=12345678;name=ada' --no-recovery --pin-file ada-pin
run twinlock keyslot enroll --no-input --name rescue --factor password --factor recovery --force \
    --new-password-file password --recovery-out rescue-paper --pin-file ada-pin
run twinlock keyslot list

tell "Every morning: PIN, touch, done. A small process, the agent, keeps the account key for the day," \
     "and nothing else; until it locks, nothing is asked for."
run twinlock unlock --pin-file ada-pin
run twinlock add github --username ada --value-file secret
run twinlock get github --field password
run twinlock status

tell "The YubiKey is lost. When it is pulled, the vault locks."
hand 0 remove
for _ in $(seq 100); do
    if twinlock status 2>/dev/null | grep -q 'It is locked'; then
        break
    fi
    sleep 0.1
done
fails twinlock get github --no-input --pin-file ada-pin

tell "Back in with password and code, and the spare YubiKey takes its place."
hand 1 insert
run twinlock token setup piv --no-input --name spare --pin-file factory-pin --new-pin-file ada-pin \
    --puk-file factory-puk --new-puk-file ada-puk
run twinlock keyslot enroll --no-input --name spare --factor 'piv:serial=87654321;name=spare' --force \
    --password-file password --recovery-file rescue-paper --pin-file ada-pin

tell "The lost one is wiped. Whoever finds it may have an older copy of the file, so the vault gets a" \
     "new account key, too: what the old one opened stays behind."
run twinlock keyslot wipe piv --force --pin-file ada-pin
run twinlock rotate --no-input --force --pin-file ada-pin --password-file password --recovery-file rescue-paper
run twinlock keyslot list
run twinlock get github --field password --pin-file ada-pin

exec 9>&-
wait
