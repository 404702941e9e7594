#!/usr/bin/env bash
# Builds equal vaults for pass, keepassxc-cli and twinlock, times the same work on them with hyperfine, side by side, and says which of
# twinlock's targets are met. Only ratios within one run mean anything: machines differ, and are never quiet.
#
#   benches/compare.sh [--keyslot hmac|recovery] [--write] [--only WORD] [N...]
#
# N: numbers of items (1000 10000 100000). The keyslot that twinlock opens has no slow KDF: a key on a SoftHSM token, or a recovery code.
# --only: vaults or argon2 alone. --write: puts the result into docs/performance.md. Ends with 1 if a target is missed.
# Needs, on Debian: apt-get install pass gnupg keepassxc argon2 hyperfine softhsm2. Installs nothing. All it makes lies in a folder of its
# own below TMPDIR, which it removes; 3 GB are enough.
set -euo pipefail
shopt -s inherit_errexit

cd "$(dirname "$0")/.."

ROUNDS=${ROUNDS:-3}             # the tools take turns this often, so that a slow minute hits all of them
RUNS=${RUNS:-12}                # most runs of one command in a round
GREP_MOST=10000                 # pass grep needs ten seconds for each thousand items
TARGETS_AT=${TARGETS_AT:-10000}
SMALL=${SMALL:-1000} LARGE=${LARGE:-100000}    # a get in these two takes turns, to see whether it grows
NEW=group-000/new               # is added, and removed again
GPG_KEY=${GPG_KEY:-default}     # the kind that gpg makes unless told otherwise; future-default: Curve25519, where pass is fastest
MODULE=${MODULE:-/usr/lib/softhsm/libsofthsm2.so}

keyslot=hmac write=no only=all sizes=() way=()

usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; }
die() { printf 'compare.sh: %s\n' "$*" >&2; exit 2; }
say() { printf '%s\n' "$*" >&2; }

while (($#)); do
    case $1 in
        --keyslot) keyslot=${2:?hmac or recovery}; shift ;;
        --only) only=${2:?vaults or argon2}; shift ;;
        --write) write=yes ;;
        -h | --help) usage; exit 0 ;;
        *[!0-9]* | '') die "'$1' is neither an option nor a number" ;;
        *) sizes+=("$1") ;;
    esac
    shift
done
((${#sizes[@]})) || sizes=(1000 10000 100000)
[[ $keyslot == hmac || $keyslot == recovery ]] || die "--keyslot is hmac or recovery"
[[ $only == all || $only == vaults || $only == argon2 ]] || die "--only is vaults or argon2"

needed=(cargo hyperfine argon2)
[[ $only == argon2 ]] || needed+=(pass gpg keepassxc-cli tree)
[[ $keyslot == recovery ]] || needed+=(softhsm2-util)
missing=()
for tool in "${needed[@]}"; do command -v "$tool" >/dev/null || missing+=("$tool"); done
((${#missing[@]} == 0)) ||
    die "missing: ${missing[*]}; on Debian: apt-get install pass gnupg tree keepassxc argon2 hyperfine softhsm2"

say "building"
cargo build --release --quiet --bins --examples
[[ $keyslot == recovery ]] || cargo build --release --quiet --package hsm-test --bin token-tool
target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
PATH=$target/release:$target/release/examples:$PATH

work=$(mktemp -d "${TMPDIR:-/tmp}/twinlock-compare.XXXXXX")
chmod 700 "$work"
leave() {
    [[ ! -s $work/run/twinlock/agent.lock ]] || kill "$(cat "$work/run/twinlock/agent.lock")" 2>/dev/null || true
    GNUPGHOME=$work/gnupg gpgconf --kill all 2>/dev/null || true
    rm -rf "$work"
}
trap leave EXIT
trap 'exit 130' INT TERM

export HOME=$work LC_ALL=C.UTF-8 GNUPGHOME=$work/gnupg SOFTHSM2_CONF=$work/softhsm2.conf QT_QPA_PLATFORM=offscreen
export XDG_RUNTIME_DIR=$work/run
mkdir -m 700 "$XDG_RUNTIME_DIR"
unset XDG_DATA_HOME XDG_CONFIG_HOME XDG_STATE_HOME PASSWORD_STORE_GPG_OPTS TWINLOCK_CONFIG
results=$work/results.tsv
: >"$results"

# --- the same items for all -----------------------------------------------------------------------------------------------------------

# name, user name, password, URL, notes, with tabs between; a hundred items in each group
items() {
    awk -v n="$1" 'BEGIN { OFS = "\t"; for (i = 0; i < n; i++)
        print sprintf("group-%03d/site-%06d", i / 100, i), "person-" i "@example.org", sprintf("correct-horse-%06d", i),
              sprintf("https://site-%06d.example.org/login", i), sprintf("remark-%06d, of no interest to anybody", i) }'
}

# gpg without passphrase: with one, pass is slower by far; files are encrypted many at a time, with the options of pass
make_pass() {
    export PASSWORD_STORE_DIR=$work/pass-$1
    pass init bench >/dev/null
    items "$1" | awk -F '\t' -v dir="$PASSWORD_STORE_DIR" '{
        split($1, part, "/"); if (part[1] != last) { system("mkdir -p " dir "/" part[1]); last = part[1] }
        file = dir "/" $1; printf "%s\nusername: %s\nurl: %s\n%s\n", $3, $2, $4, $5 >file; close(file) }'
    find "$PASSWORD_STORE_DIR" -type f -name 'site-*' -print0 | xargs -0 -n 500 -P "$(nproc)" \
        gpg --quiet --batch --yes --trust-model always --compress-algo none --no-encrypt-to --recipient bench --multifile --encrypt
    find "$PASSWORD_STORE_DIR" -type f -name 'site-*' ! -name '*.gpg' -delete
}

# a key file, no password, and the shortest KDF that keepassxc-cli makes, 100 ms
make_keepassxc() {
    items "$1" | awk -F '\t' '
        function text(key, value) { printf "<String><Key>%s</Key><Value>%s</Value></String>", key, value }
        BEGIN { print "<?xml version=\"1.0\" encoding=\"UTF-8\"?><KeePassFile><Meta/><Root><Group><Name>Root</Name>" }
        { split($1, part, "/")
          if (part[1] != last) { if (last != "") print "</Group>"; print "<Group><Name>" part[1] "</Name>"; last = part[1] }
          printf "<Entry>"; text("Title", part[2]); text("UserName", $2); text("Password", $3); text("URL", $4); text("Notes", $5)
          print "</Entry>" }
        END { print "</Group></Group></Root></KeePassFile>" }' >"$work/items.xml"
    keepassxc-cli import --quiet --decryption-time 100 --set-key-file "$work/keepassxc.key" "$work/items.xml" "$work/$1.kdbx" >/dev/null
    rm "$work/items.xml"
    cp "$work/$1.kdbx" "$work/$1.kdbx.before"
}

make_twinlock() {
    export TWINLOCK_VAULT=$work/$1.twinlock
    way=(--recovery-file "$work/$1.code")
    [[ $keyslot == recovery ]] || way=(--module "$MODULE" --pin-file "$work/pin" --keyslot pkcs11)
    if [[ $keyslot == hmac ]]; then
        twinlock "${way[@]}" init --force --factor 'pkcs11:token=bench;object=bench' --recovery --recovery-out "$work/$1.code" 2>/dev/null
    else
        twinlock init --factor recovery --no-recovery --recovery-out "$work/$1.code" 2>/dev/null
    fi
    items "$1" | bench-fill "$TWINLOCK_VAULT" "$work/$1.code"
}

# --- timing ---------------------------------------------------------------------------------------------------------------------------

# Median of one hyperfine call in seconds: RUNS, options and command of hyperfine.
median() {
    local runs=$1
    shift
    hyperfine -N --style none --runs "$runs" --export-csv "$work/one.csv" "$@" >"$work/said" 2>&1 ||
        { cat "$work/said" >&2; die "failed: $*"; }
    awk -F, 'NR == 2 { print $4 }' "$work/one.csv"
}

middle() { sort -g | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'; }

# Times tools in turn: N, what, then for each tool its name and the name of an array with hyperfine's options and command.
turns() {
    local n=$1 what=$2 round at runs
    shift 2
    local -A times=() planned=()
    for ((round = 0; round < ROUNDS; round++)); do
        for ((at = 1; at < $#; at += 2)); do
            local tool=${!at} next=$((at + 1))
            local -n call=${!next}
            if ((round == 0)); then
                # The first run warms the caches, and says how many more are affordable: about four seconds a round.
                local first
                first=$(median 1 "${call[@]}")
                planned[$tool]=$(awk -v t="$first" -v most="$RUNS" 'BEGIN { r = int(4 / t); print (r < 1 ? 1 : (r > most ? most : r)) }')
                if awk -v t="$first" 'BEGIN { exit t < 20 }'; then
                    planned[$tool]=0 times[$tool]=$first
                fi
            fi
            runs=${planned[$tool]}
            ((runs == 0)) || times[$tool]+=" $(median "$runs" "${call[@]}")"
        done
    done
    for ((at = 1; at < $#; at += 2)); do
        printf '%s\t%s\t%s\t%s\n' "$n" "$what" "${!at}" "$(tr ' ' '\n' <<<"${times[${!at}]# }" | middle)" >>"$results"
        tail -n 1 "$results" | awk -F '\t' '{ printf "  %-7s %-14s %-10s %10.2f ms\n", $1, $2, $3, $4 * 1000 }' >&2
    done
}

of() { awk -F '\t' -v n="$1" -v what="$2" -v tool="$3" '$1 == n && $2 == what && $3 == tool { print $4 }' "$results"; }

# The arrays below are read by turns, through their names.
# shellcheck disable=SC2034
compare_vaults() {
    local n=$1 name site needle
    name=$(items "$n" | awk -F '\t' -v at=$((n / 2 + 1)) 'NR == at { print $1 }')
    site=${name#*/}
    needle=${site/site/remark}  # in the notes of this item alone
    local kp=(keepassxc-cli) key=(--quiet --no-password --key-file "$work/keepassxc.key" "$work/$n.kdbx")
    local tl="twinlock ${way[*]} --no-input"

    local pass_start=("pass version") kp_start=("keepassxc-cli --version") tl_start=("twinlock --version")
    turns "$n" start pass pass_start keepassxc kp_start twinlock tl_start

    local pass_get=("pass show $name") kp_get=("${kp[*]} show -s ${key[*]} $name") tl_get=("$tl get $name")
    turns "$n" get pass pass_get keepassxc kp_get twinlock tl_get

    if ((n == LARGE)) && [[ -e $work/$SMALL.twinlock ]]; then
        local small=${way[*]//$n.code/$SMALL.code} first=group-000/site-000000
        local get_small=("twinlock --vault $work/$SMALL.twinlock $small --no-input get $first") get_large=("$tl get $first")
        turns "$n" 'get grows' small get_small large get_large
    fi

    local pass_list=("pass ls") kp_list=("${kp[*]} ls -R -f ${key[*]}") tl_list=("$tl list")
    turns "$n" list pass pass_list keepassxc kp_list twinlock tl_list

    local pass_find=("pass find $site") kp_find=("${kp[*]} search ${key[*]} title:$site") tl_find=("$tl find $site")
    turns "$n" 'find in names' pass pass_find keepassxc kp_find twinlock tl_find

    local pass_grep=("pass grep $needle") kp_grep=("${kp[*]} search ${key[*]} $needle") tl_grep=("$tl find --secrets $needle")
    if ((n <= GREP_MOST)); then
        turns "$n" 'find in contents' pass pass_grep keepassxc kp_grep twinlock tl_grep
    else
        turns "$n" 'find in contents' keepassxc kp_grep twinlock tl_grep
    fi

    # A new item each time: what the last run added is taken away before the next, outside the measured time.
    items 1 | awk -F '\t' '{ printf "%s\nusername: %s\nurl: %s\n%s\n", $3, $2, $4, $5 }' >"$work/new"
    local values="--username person@example.org --url https://new.example.org/login --notes remark"
    # Only a shell gives a command its standard input; all three have one.
    local pass_add=(--prepare "rm -f $PASSWORD_STORE_DIR/$NEW.gpg" "sh -c 'exec pass insert -m $NEW <$work/new'")
    local kp_add=(--prepare "cp $work/$n.kdbx.before $work/$n.kdbx"
        "sh -c 'exec ${kp[*]} add $values -p ${key[*]} $NEW <$work/password'")
    local tl_add=(--prepare "sh -c '$tl rm --force $NEW || true'" "sh -c 'exec $tl add $NEW $values --value-file - <$work/password'")
    turns "$n" add pass pass_add keepassxc kp_add twinlock tl_add
    compare_agent
}

# The same with the agent, beside the least that a program can do. Reads the variables of compare_vaults.
# shellcheck disable=SC2034
compare_agent() {
    local hello=("bench-hello ada") get=("twinlock --vault $TWINLOCK_VAULT get $name")
    local values="--username person@example.org --url https://new.example.org/login --notes remark"
    local starts
    starts=$(bench-agent start "$target/release/twinlock")
    twinlock --recovery-file "$work/$n.code" unlock --idle 7d --max 7d 2>/dev/null
    turns "$n" 'get, agent' pass pass_get hello hello twinlock get
    if ((n == LARGE)) && [[ -e $work/$SMALL.twinlock ]]; then
        TWINLOCK_VAULT=$work/$SMALL.twinlock twinlock --recovery-file "$work/$SMALL.code" unlock --idle 7d --max 7d 2>/dev/null
        local get_small=("twinlock --vault $work/$SMALL.twinlock get $first") get_large=("twinlock --vault $TWINLOCK_VAULT get $first")
        turns "$n" 'get grows, agent' small get_small large get_large
    fi
    local add=(--prepare "sh -c 'twinlock rm --force $NEW || true'" "sh -c 'exec twinlock add $NEW $values --value-file - <$work/password'")
    turns "$n" 'add, agent' pass pass_add twinlock add
    printf '%s %s %s\n' "$n" "$starts" "$(bench-agent ask "$TWINLOCK_VAULT" "$name")" | tee -a "$work/agent" >&2
    twinlock lock 2>/dev/null
}

# --- the result -----------------------------------------------------------------------------------------------------------------------

failed=0

# A line of the targets: what, ratio's two sides, comparison, limit.
target() {
    local what=$1 mine=$2 theirs=$3 limit=$4 ratio verdict=PASS
    [[ -n $mine && -n $theirs ]] || { printf '| %s | %s | not measured | |\n' "$what" "$limit"; return; }
    ratio=$(awk -v a="$mine" -v b="$theirs" 'BEGIN { printf "%.4f", a / b }')
    awk -v r="$ratio" -v l="$limit" 'BEGIN { exit !(r <= l) }' || { verdict=FAIL; failed=1; }
    printf '| %s | %s | %.3f | %s |\n' "$what" "$limit" "$ratio" "$verdict"
}

# Of the agent itself, in microseconds: N, column.
agent_took() { awk -v n="$1" -v at="$2" '$1 == n { print $at }' "$work/agent"; }

tables() {
    local n what t=$TARGETS_AT
    printf 'Medians of whole processes in milliseconds; keyslot: %s; %s.\n\n' "$keyslot" "$(date -u +%F)"
    printf '%s, %s threads; pass %s, gpg %s with %s key, keepassxc-cli %s, argon2 (libargon2) as packaged.\n\n' \
        "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(nproc)" \
        "$(pass version 2>/dev/null | grep -o 'v[0-9.]*' | head -n 1)" "$(gpg --version | awk 'NR == 1 { print $3 }')" \
        "$(gpg --list-keys --with-colons | awk -F: '$1 == "sub" { print ($4 == 1 ? "an RSA-" $3 : "a " $17) }')" \
        "$(keepassxc-cli --version 2>/dev/null)"
    if [[ $only != argon2 ]]; then
        printf '| items | | pass | keepassxc-cli | twinlock | twinlock / pass |\n|--:|---|--:|--:|--:|--:|\n'
        for n in "${sizes[@]}"; do
            for what in start get list 'find in names' 'find in contents' add 'get, agent' 'add, agent'; do
                awk -v n="$n" -v what="$what" -v p="$(of "$n" "$what" pass)" -v k="$(of "$n" "$what" keepassxc)" \
                    -v t="$(of "$n" "$what" twinlock)" '
                    function ms(s) { return s == "" ? "" : s < 1 ? sprintf("%.1f", s * 1000) : sprintf("%.0f", s * 1000) }
                    BEGIN { printf "| %s | %s | %s | %s | %s | %s |\n", n, what, ms(p), ms(k), ms(t), p == "" ? "" : sprintf("%.3f", t / p) }'
            done
        done
        printf '\n'
    fi
    printf '| target | at most | measured | |\n|---|--:|--:|---|\n'
    if [[ $only != argon2 ]]; then
        target "get / \`pass show\`, $t items" "$(of $t get twinlock)" "$(of $t get pass)" 0.5
        target "add / \`pass insert\`, $t items" "$(of $t add twinlock)" "$(of $t add pass)" 0.5
        target "list / \`pass ls\`, $t items" "$(of $t list twinlock)" "$(of $t list pass)" 1
        target "find in contents / \`pass grep\`, $t items" "$(of $t 'find in contents' twinlock)" "$(of $t 'find in contents' pass)" 0.01
        target "get at $LARGE / get at $SMALL" "$(of "$LARGE" 'get grows' large)" "$(of "$LARGE" 'get grows' small)" 1.2
    fi
    if [[ $only != argon2 ]]; then
        target "agent: get / a clap program that says hello, $t items" "$(of $t 'get, agent' twinlock)" "$(of $t 'get, agent' hello)" 2
        target "agent: get / \`pass show\`, $t items" "$(of $t 'get, agent' twinlock)" "$(of $t 'get, agent' pass)" 0.125
        target "agent: add / \`pass insert\`, $t items" "$(of $t 'add, agent' twinlock)" "$(of $t 'add, agent' pass)" 0.167
        target "agent: get at $LARGE / get at $SMALL" "$(of "$LARGE" 'get grows, agent' large)" "$(of "$LARGE" 'get grows, agent' small)" 1.2
        target "agent: its start / 20 ms" "$(agent_took "$t" 2)" 20000 1
        target "agent: a status / 100 microseconds" "$(agent_took "$t" 3)" 100 1
        target "agent: a get / 100 microseconds" "$(agent_took "$t" 4)" 100 1
    fi
    [[ $only == vaults ]] ||
        target "Argon2id (64 MiB, 3, 4) / \`argon2\`" "$(of 0 argon2id twinlock)" "$(of 0 argon2id argon2)" 0.9
}

mkdir -m 700 "$GNUPGHOME"
printf 'correct-horse-battery\n' >"$work/password"
chmod 600 "$work/password"

if [[ $only != argon2 ]]; then
    gpg --batch --quiet --pinentry-mode loopback --passphrase '' --quick-generate-key bench "$GPG_KEY" default never 2>/dev/null
    head -c 64 /dev/urandom >"$work/keepassxc.key"
    if [[ $keyslot == hmac ]]; then
        mkdir -m 700 "$work/tokens"
        printf 'directories.tokendir = %s\nlog.level = ERROR\n' "$work/tokens" >"$SOFTHSM2_CONF"
        serial=$(token-tool "$MODULE" init label=bench so-pin=12345678 pin=123456)
        token-tool "$MODULE" make-key serial="$serial" pin=123456 type=hmac label=bench id=01
        (umask 077 && printf '123456\n' >"$work/pin")
    fi
    for n in "${sizes[@]}"; do
        say "making three vaults of $n items"
        make_pass "$n"
        make_keepassxc "$n"
        make_twinlock "$n"
        compare_vaults "$n"
        rm -rf "$work/pass-$n" "$work/$n.kdbx"*
        ((n == SMALL)) || rm -f "$work/$n.twinlock" "$work/$n.code"
    done
fi

if [[ $only != vaults ]]; then
    say "Argon2id"
    # shellcheck disable=SC2034
    theirs=("sh -c 'exec argon2 somesaltsomesalt -id -t 3 -k 65536 -p 4 -l 32 -r <$work/password'")
    # shellcheck disable=SC2034
    ours=("sh -c 'exec bench-argon2 65536 3 4 <$work/password'")
    turns 0 argon2id argon2 theirs twinlock ours
fi

tables >"$work/tables.md"
cat "$work/tables.md"
if [[ $write == yes ]]; then
    page=docs/performance.md
    awk -v tables="$work/tables.md" '
        /<!-- compare.sh: end -->/ { inside = 0 }
        !inside { print }
        /<!-- compare.sh: begin -->/ { inside = 1; print ""; while ((getline line <tables) > 0) print line; print "" }' \
        "$page" >"$work/page" && cat "$work/page" >"$page"
fi
exit "$failed"
