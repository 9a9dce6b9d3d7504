from __future__ import annotations

from subscribers.suppression import NORM_VERSION, address_hash


def test_the_hash_never_changes_or_the_list_would_be_forgotten() -> None:
    assert NORM_VERSION == 1
    assert address_hash(b"s" * 32, "maria@reader.example") == (
        "7ddaddb295eabdea6b26f3f4f585d9e6411b3d7d88efe3c08b5af4e399f0ca8c"
    )


def test_another_secret_gives_another_hash() -> None:
    key = "maria@reader.example"
    assert address_hash(b"s" * 32, key) != address_hash(b"t" * 32, key)
