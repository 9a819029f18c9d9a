"""The hash that keys are made of."""

# hashlib loads OpenSSL, which takes 3 ms of every start; the interpreter's own functions take none,
# and of these blake2b is three times as fast as sha256.
try:
    from _blake2 import blake2b
except ImportError:  # another Python than CPython
    from hashlib import blake2b


def digest(data: bytes | memoryview) -> bytes:
    """The 32 bytes of the blake2b of data."""
    return blake2b(data, digest_size=32).digest()
