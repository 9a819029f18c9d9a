"""The store: whatever happens to its files or its directory, no wrong entry is ever returned."""

import os
import random
import stat
import time

import pytest

from cgrad.cache import evict as eviction
from cgrad.cache.entry import LIBRARY, Record, pack
from cgrad.cache.store import Store, current_stores, default_root, private_store
from cgrad.errors import CgradWarning

KEY = "ab" + "0" * 62
OTHER = "ab" + "1" * 62

pytestmark = pytest.mark.filterwarnings("ignore::cgrad.errors.CgradWarning")


@pytest.fixture
def store(tmp_path):
    made = Store(str(tmp_path / "root"), writable=True)
    made.check()
    return made


def _data(key=KEY, payload=b"\x7fELF" + bytes(300)):
    return pack(key, LIBRARY, payload, b"int x;", b'{"meta": {"n": 1}}')


def _publish(store, key=KEY, **kwargs):
    return store.publish(key, ".so", _data(key, **kwargs), store.make_workdir())


def test_what_was_published_is_found(store):
    _publish(store)
    entry = store.find(KEY, ".so")
    assert (entry.form, entry.source, entry.payload_size) == (LIBRARY, "int x;", 304)
    assert entry.attributes == {"meta": {"n": 1}}
    assert stat.S_IMODE(os.stat(entry.path).st_mode) == 0o500
    assert stat.S_IMODE(os.stat(store.root).st_mode) == 0o700


def test_nothing_is_found_in_an_empty_store(store):
    assert store.find(KEY, ".so") is None
    assert store.find_record(KEY) is None


def _rewrite(path, data):
    os.chmod(path, 0o600)
    with open(path, "wb") as file:
        file.write(data)
    os.chmod(path, 0o500)


def test_every_damage_is_detected_and_removed(store):
    """300 flips of one bit, 200 truncations, and fills with zeros and garbage."""
    rng = random.Random(1)
    good = _data()
    damaged = []
    for _ in range(300):
        flipped = bytearray(good)
        flipped[rng.randrange(len(good))] ^= 1 << rng.randrange(8)
        damaged.append(bytes(flipped))
    damaged += [good[: rng.randrange(len(good))] for _ in range(200)]
    damaged += [bytes(len(good)), rng.randbytes(len(good)), b"", good + b"\0", good + good]
    for data in damaged:
        path = _publish(store).path
        _rewrite(path, data)
        assert store.find(KEY, ".so") is None
        assert not os.path.exists(path)


def test_every_damage_to_a_record_is_detected(store):
    rng = random.Random(2)
    record = Record(OTHER, "cc", [("flags", "-O3"), ("odd", "a\u2028b")])
    good = record.pack(KEY)
    assert Record.unpack("", KEY, good).summary == record.summary
    for cut in [rng.randrange(len(good)) for _ in range(100)]:
        for data in (good[:cut], good[:cut] + bytes([good[cut] ^ 4]) + good[cut + 1 :]):
            store.publish_record(KEY, record, store.make_workdir())
            _rewrite(store.path("lookup", "ab", KEY), data)
            assert store.find_record(KEY) is None
    store.publish_record(KEY, record, store.make_workdir())
    assert store.find_record(KEY).content == OTHER


def test_an_entry_under_a_wrong_name_is_refused(store):
    path = _publish(store).path
    os.rename(path, path.replace(KEY, OTHER))
    assert store.find(OTHER, ".so") is None


@pytest.mark.parametrize("kind", ["symlink", "fifo", "directory", "writable", "foreign"])
def test_files_that_others_could_control_are_refused(store, tmp_path, kind):
    path = _publish(store).path
    if kind == "writable":
        os.chmod(path, 0o666)
    elif kind == "foreign":
        if os.geteuid() != 0:
            pytest.skip("only root can give files away")
        os.chown(path, 65534, 65534)
    else:
        moved = tmp_path / "moved"
        os.rename(path, moved)
        if kind == "symlink":
            os.symlink(moved, path)
        elif kind == "fifo":
            os.mkfifo(path)
        else:
            os.mkdir(path)
    if kind == "directory":
        with pytest.raises(OSError):
            store.find(KEY, ".so")
    else:
        assert store.find(KEY, ".so") is None


@pytest.mark.parametrize("kind", ["symlink", "file", "writable", "foreign"])
def test_a_root_that_others_could_control_is_refused(cache, tmp_path, kind):
    target = tmp_path / "elsewhere"
    if kind == "symlink":
        target.mkdir(mode=0o700)
        cache.symlink_to(target)
    elif kind == "file":
        cache.write_text("")
    else:
        cache.mkdir(mode=0o700)
        if kind == "writable":
            cache.chmod(0o777)
        elif os.geteuid() == 0:
            os.chown(cache, 65534, 65534)
        else:
            pytest.skip("only root can give directories away")
    with pytest.warns(CgradWarning, match="cannot be used"):
        stores = current_stores()
    assert stores.main is None
    assert stores.writer() is private_store()
    assert stat.S_IMODE(os.stat(private_store().root).st_mode) == 0o700


def test_modes(cache, monkeypatch):
    monkeypatch.setenv("CGRAD_CACHE", "off")
    assert current_stores().main is None
    monkeypatch.setenv("CGRAD_CACHE", "ro")
    stores = current_stores()
    assert stores.main is not None and not stores.main.writable
    assert stores.writer() is private_store()
    assert not cache.exists()


def test_default_roots(monkeypatch):
    monkeypatch.delenv("CGRAD_CACHE_DIR", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert default_root() == "/x/cgrad"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", "/h")
    assert default_root() == "/h/.cache/cgrad"
    monkeypatch.setattr("sys.platform", "darwin")
    assert default_root() == "/h/Library/Caches/cgrad"


def test_an_entry_that_vanishes_meanwhile_is_missing(store):
    os.unlink(_publish(store).path)
    assert store.find(KEY, ".so") is None


def test_use_is_remembered_at_most_hourly(store):
    path = _publish(store).path
    recent, old = time.time() - 60, time.time() - 7200
    os.utime(path, (recent, recent))
    store.find(KEY, ".so")
    assert os.stat(path).st_mtime == pytest.approx(recent)
    os.utime(path, (old, old))
    store.find(KEY, ".so")
    assert os.stat(path).st_mtime > recent


def test_the_longest_unused_entries_go_first(store, monkeypatch):
    keys = [f"{i:02x}" + "0" * 62 for i in range(10)]
    for age, key in enumerate(keys):
        path = _publish(store, key).path
        os.utime(path, (1e9 - age, 1e9 - age))
    monkeypatch.setenv("CGRAD_CACHE_SIZE", str(4 * len(_data())))
    assert eviction.evict(store) == 4 * len(_data())
    left = [key for key in keys if os.path.exists(store.path(key[:2], key + ".so"))]
    assert left == keys[:4]


def test_litter_of_killed_processes_is_removed(store):
    old, new = store.make_workdir(), store.make_workdir()
    os.utime(old, (1e9, 1e9))
    eviction.evict(store)
    assert os.path.isdir(new) and not os.path.exists(old)
