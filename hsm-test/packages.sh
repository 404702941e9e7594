# Sourced by demo.sh and test.sh: makes sure that Debian packages are there. `need FILE-OR-COMMAND PACKAGE ...`, then `install`.

missing=()

# Notes the packages unless the command is on the PATH or the file (a glob) exists.
need() {
    local what=$1
    shift
    if command -v "$what" >/dev/null 2>&1 || compgen -G "$what" >/dev/null; then
        return
    fi
    missing+=("$@")
}

# Installs what was noted, with apt as root or through sudo; says what to install where that is not possible.
install_missing() {
    if [ "${#missing[@]}" -eq 0 ]; then
        return
    fi
    local root=()
    if [ "$(id -u)" -ne 0 ]; then
        root=(sudo -n)
    fi
    if ! command -v apt-get >/dev/null || { [ "${#root[@]}" -gt 0 ] && ! sudo -n true 2>/dev/null; }; then
        echo "these Debian packages are missing: ${missing[*]}" >&2
        echo "install them, as root:  apt-get install --no-install-recommends ${missing[*]}" >&2
        exit 1
    fi
    echo "installing: ${missing[*]}"
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

need_rust() {
    if ! command -v cargo >/dev/null; then
        echo "Rust is missing: install version 1.89 or later, see https://rustup.rs" >&2
        exit 1
    fi
    need cc gcc libc6-dev
}

need_softhsm() {
    need softhsm2-util softhsm2
    need '/usr/lib*/**/softhsm/libsofthsm2.so' softhsm2
}

# The virtual YubiKey's pcscd and reader driver, the namespaces it lives in, and what the program is linked with.
need_pcsc() {
    need pkg-config pkg-config
    need '/usr/sbin/pcscd' pcscd
    need '/usr/lib/pcsc/drivers/serial/libifdvpcd.so' vsmartcard-vpcd
    need '/usr/include/PCSC/winscard.h' libpcsclite-dev
    need unshare util-linux
    need mount mount
    need '/sbin/ip' iproute2
}

# The same, and other people's programs that use the same card.
need_piv() {
    need_pcsc
    need pkcs11-tool opensc
    need '/usr/lib*/**/opensc-pkcs11.so' opensc-pkcs11
    need '/usr/lib*/**/libykcs11.so' ykcs11
    need yubico-piv-tool yubico-piv-tool
    need ykman yubikey-manager
    need openssl openssl
}
