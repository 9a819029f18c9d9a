"""The store: whatever happens to its files or its directory, no wrong entry is ever returned."""

import fcntl
import os
import random
import stat
import tempfile
import time
import warnings
from pathlib import Path

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
    assert (entry.form, entry.source, len(entry.payload)) == (LIBRARY, "int x;", 304)
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


@pytest.mark.parametrize(("mode", "above", "trusted"), [
    (0o777, 0o755, False),
    (0o1777, 0o755, True),  # sticky, as /tmp is
    (0o777, 0o700, True),  # nobody else gets there
])  # fmt: skip
def test_directories_that_anybody_can_replace_are_refused(cache, monkeypatch, mode, above, trusted):
    monkeypatch.setattr("cgrad.cache.store._safe_above", set())
    monkeypatch.setattr("cgrad.cache.store._warned", set())
    # not below tmp_path, which only this user can enter
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "folder")
        folder.mkdir()
        folder.chmod(mode)
        os.chmod(name, above)
        monkeypatch.setenv("CGRAD_CACHE_DIR", str(folder / "cache"))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            assert (current_stores().main is not None) == trusted
    assert [f"anybody can write to {folder}" in str(each.message) for each in caught] == (
        [] if trusted else [True]
    )


@pytest.mark.parametrize("kind", ["symlink", "writable"])
@pytest.mark.parametrize("name", ["v1", "v1/tmp"])
def test_directories_inside_that_others_could_control_are_refused(cache, tmp_path, kind, name):
    store = current_stores().main
    os.rmdir(store.make_workdir())
    folder = cache / name
    if kind == "writable":
        folder.chmod(0o777)
    else:
        folder.rename(tmp_path / "elsewhere")
        folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match=r"symbolic link|other users"):
        store.check()
        store.make_workdir()


def test_directories_are_private_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        store = Store(str(tmp_path / "a" / "b" / "root"), writable=True)
        store.check()
        _publish(store)
    finally:
        os.umask(before)
    modes = {stat.S_IMODE(os.stat(path).st_mode) for path, _, _ in os.walk(tmp_path / "a")}
    assert modes == {0o700}


def test_locks_are_not_made_behind_links(store, tmp_path):
    os.symlink(tmp_path / "target", os.path.join(store.make_folder("lock"), KEY))
    with pytest.raises(OSError):
        store.open_lock(KEY)
    assert not (tmp_path / "target").exists()


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


def test_publishing_makes_room_first(store, monkeypatch):
    """The bytes are counted once, then known; a count that is damaged is made again."""
    size = len(_data())
    monkeypatch.setenv("CGRAD_CACHE_SIZE", str(10 * size + 1))
    counted = []
    count = eviction._remove_unused
    monkeypatch.setattr(
        eviction, "_remove_unused", lambda *args: counted.append(args) or count(*args)
    )

    def publish(number):
        key = f"{number:02x}" + "0" * 62
        with eviction.make_room(store, size):
            path = _publish(store, key).path
        store.publish_record(key, Record(key, "cc", []), store.make_workdir())
        for file in (path, store.path("lookup", key[:2], key)):
            os.utime(file, (1e9 + number, 1e9 + number))
        return len(list((Path(store.base)).glob("??/*.so")))

    assert [publish(number) for number in range(10)] == list(range(1, 11))
    assert len(counted) == 1
    assert publish(10) == 9 and len(counted) == 2  # down to 90 % of the cap
    assert [publish(number) for number in range(11, 13)] == [10, 9]
    records = sorted(file.name[:2] for file in Path(store.base).glob("lookup/??/*"))
    assert records[0] == "03" or records[0] == "04"  # the last one evicted, or the first one kept
    Path(store.path("lock", "evict")).write_text("nonsense")
    assert publish(13) == 10 and len(counted) == 4


def test_room_is_not_waited_for_for_ever(store, monkeypatch):
    monkeypatch.setattr(eviction, "_PATIENCE", 0.01)
    with eviction.make_room(store, 1), eviction.make_room(store, 1):
        _publish(store)
    assert store.find(KEY, ".so") is not None


def test_a_child_forked_meanwhile_does_not_keep_the_lock(store):
    waits, ends = os.pipe()
    with eviction.make_room(store, 1):
        pid = os.fork()
        if pid == 0:
            os.close(ends)
            os.read(waits, 1)
            os._exit(0)
    lock = store.open_lock("evict")
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(lock)
    os.close(ends)
    os.waitpid(pid, 0)


def test_litter_of_killed_processes_is_removed(store):
    old, new = store.make_workdir(), store.make_workdir()
    os.utime(old, (1e9, 1e9))
    eviction.evict(store)
    assert os.path.isdir(new) and not os.path.exists(old)
