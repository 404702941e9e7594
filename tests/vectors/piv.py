"""The `piv` factor of docs/spec.md, section 5.4, written from that page alone. The token's private key is known here."""

import twinlock as t
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CURVES = {"ecdh-p256": (ec.SECP256R1(), 65), "ecdh-p384": (ec.SECP384R1(), 97), "ecdh-x25519": (None, 32)}
SLOTS = {f"{slot:02x}" for slot in (*range(0x82, 0x96), 0x9A, 0x9C, 0x9D, 0x9E)}
POLICIES = {"pin_policy": ("never", "once", "always"), "touch_policy": ("never", "always", "cached")}


def private_key(mode, secret):
    curve, _ = CURVES[mode]
    if curve is None:
        return x25519.X25519PrivateKey.from_private_bytes(secret)
    return ec.derive_private_key(int.from_bytes(secret, "big"), curve)


def point(private):
    if isinstance(private, x25519.X25519PrivateKey):
        return private.public_key().public_bytes_raw()
    return private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def exchange(private, peer):
    """Raises ValueError for what is no point of the curve, or of small order."""
    if isinstance(private, x25519.X25519PrivateKey):
        return private.exchange(x25519.X25519PublicKey.from_public_bytes(peer))
    return private.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(private.curve, peer))


def bind(mode, vault_id, keyslot_id):
    return b"twinlock/1 piv" + t.u8(len(mode)) + mode.encode() + vault_id + keyslot_id


def secret(factor, z, vault_id, keyslot_id):
    salt = bytes.fromhex(factor["ephemeral"]) + bytes.fromhex(factor["public"])
    return t.hkdf(z, salt, bind(factor["mode"], vault_id, keyslot_id))


def check(factor):
    """Every limit, before anything is computed."""
    refuse = t.Refused("bad-parameters", factor)
    mode = factor.get("mode")
    if not isinstance(mode, str) or mode not in CURVES:
        raise refuse
    for field in ("public", "ephemeral"):
        value = factor.get(field)
        if not t.is_hex(value, CURVES[mode][1]) or (len(value) != 64 and value[:2] != "04"):
            raise refuse
        try:
            exchange(private_key(mode, bytes(31) + b"\x01"), bytes.fromhex(value))
        except ValueError:
            raise refuse from None
    if not t.is_number(factor.get("serial", 1), 1, (1 << 32) - 1) or factor.get("piv_slot", "82") not in SLOTS:
        raise refuse
    if any(factor.get(name, values[0]) not in values for name, values in POLICIES.items()):
        raise refuse
    if not t.is_name(factor.get("name", "x")) or not isinstance(factor.get("attested", False), bool):
        raise refuse


def open_factor(factor, tokens, vault_id, keyslot_id):
    """F, if the token of this public key is there. `tokens` is a list of {public, private}."""
    check(factor)
    for token in tokens:
        if token["public"] == factor["public"]:
            private = private_key(factor["mode"], bytes.fromhex(token["private"]))
            return secret(factor, exchange(private, bytes.fromhex(factor["ephemeral"])), vault_id, keyslot_id)
    return None
