"""Digests: of bytes, and of all that a result was made from."""

import hashlib

import msgspec


def sha256(content: bytes) -> str:
    """Return the hexadecimal SHA-256 of some bytes."""
    return hashlib.sha256(content).hexdigest()


def digest_of(*parts: object) -> str:
    """Return one digest of several values that JSON can hold (structures included), in order."""
    return sha256(msgspec.json.encode(parts, order="deterministic"))
