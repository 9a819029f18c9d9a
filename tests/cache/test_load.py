"""Loading: found or built, healed when damaged, and never a call lost to the cache."""

import errno
import fcntl
import os
import shutil
import sys
import types
import warnings
from pathlib import Path

import numpy as np
import pytest
from callers import call_scalar

from cgrad.cache import load as loading
from cgrad.cache import obtain, store, toolchain
from cgrad.cache.build import Compilation
from cgrad.cache.glue import glue_text
from cgrad.cache.load import Source, load_kernel
from cgrad.errors import BuildError, CacheError, CgradWarning

USE_BOTH = """
from hand_written import load
from callers import call_scalar
print(call_scalar(load('double'), 3.0), call_scalar(load('triple'), 3.0))
"""


@pytest.fixture(autouse=True)
def _fresh(cache, monkeypatch):
    """Nothing is remembered from other tests."""
    monkeypatch.setattr(store, "_warned", set())
    monkeypatch.setattr(store, "_private", None)


def test_built_then_found(kernel, text):
    first = kernel("double", {"n": [1, "two"]})
    assert first.origin == "built" and first.build_seconds > 0
    second = load_kernel([("graph", "double")], lambda: pytest.fail("generated again"))
    assert second.origin == "disk" and second.build_seconds == 0
    assert (second.key, second.path) == (first.key, first.path)
    assert second.meta == {"n": [1, "two"]} and second.source == text("double")
    assert second.entry_address == first.entry_address != 0


def test_one_text_from_two_graphs_is_compiled_once(kernel, text, compiler):
    made = compiler()
    first = kernel("double")
    second = load_kernel([("graph", "other")], lambda: Source(text("double")))
    assert second.key == first.key and second.origin == "disk"
    assert made.calls("kernel") == 1


def test_what_the_text_does_not_show_is_in_the_key(kernel, text):
    first = kernel("double", {"name": "x"})
    second = load_kernel([("graph", "o")], lambda: Source(text("double"), {"name": "y"}))
    assert second.key != first.key and second.meta == {"name": "y"}


@pytest.mark.parametrize(
    ("variable", "value"), [("CGRAD_CFLAGS", "-O1"), ("CGRAD_CC", "gcc"), ("CC", "gcc")]
)
def test_settings_that_change_code_are_in_the_key(kernel, text, monkeypatch, variable, value):
    kernel("double")
    monkeypatch.setenv(variable, value)
    generated = []
    load_kernel(
        [("graph", "double")], lambda: generated.append(1) or Source(text("double") + "/* */")
    )
    assert generated


@pytest.mark.parametrize(("variable", "value"), [("CGRAD_DEBUG", "1"), ("LC_ALL", "C")])
def test_settings_that_do_not_are_not(kernel, monkeypatch, variable, value):
    kernel("double")
    monkeypatch.setenv(variable, value)
    assert kernel("double").origin == "disk"


def test_another_compiler_builds_again(kernel, compiler):
    made = compiler()
    assert kernel("double").origin == "built"
    os.utime(made.path, (1, 1))
    assert kernel("double").origin == "built"


def test_without_a_compiler_the_cache_still_serves(kernel, monkeypatch):
    path = kernel("double").path
    monkeypatch.setenv("PATH", "/nowhere")
    assert kernel("double").path == path


def test_without_a_compiler_a_lesser_cpus_kernel_serves(kernel, monkeypatch):
    monkeypatch.setattr(toolchain, "cpu_level", lambda: 0)
    path = kernel("double").path
    monkeypatch.setattr(toolchain, "cpu_level", lambda: 2)
    monkeypatch.setenv("PATH", "/nowhere")
    assert kernel("double").path == path
    monkeypatch.setattr(toolchain, "cpu_level", lambda: 0)
    monkeypatch.undo()


def test_a_better_cpus_kernel_never_serves(kernel, monkeypatch):
    if toolchain.cpu_level() == 0:
        pytest.skip("the CPU has nothing above the baseline")
    kernel("double")
    monkeypatch.setattr(toolchain, "cpu_level", lambda: 0)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(BuildError, match="no C compiler"):
        kernel("double")


def test_what_was_shipped_serves_whatever_compiler_was_asked_for(
    kernel, compiler, cache, tmp_path, monkeypatch
):
    compiler()  # by name, as CC in an environment for building
    path = kernel("double").path
    monkeypatch.setenv("CGRAD_CACHE_BASE", str(cache))
    monkeypatch.setenv("CGRAD_CACHE_DIR", str(tmp_path / "own"))
    monkeypatch.delenv("CGRAD_CC")
    monkeypatch.setenv("PATH", "/nowhere")
    assert kernel("double").path == path
    monkeypatch.setenv("CC", "/no/such/cc")
    assert kernel("double").path == path
    assert not list((tmp_path / "own").rglob("*.so"))


def test_the_dispatcher_is_published_while_the_first_kernel_is_compiled(compiler, run_child, cache):
    # compiles no kernel before a dispatcher is there for others
    wait = 'n=0; case "$*" in *kernel.c*) until ls ' + str(cache) + "/v1/??/*.so; do sleep 0.1;"
    compiler(wait + ' n=$((n+1)); [ $n -lt 300 ] || exit 1; done;; esac; exec {real} "$@"')
    code = """
import cgrad, cgrad.tensor as ct
x = ct.dscalar("x")
print(cgrad.function([x], x * 2)(3.0))
"""
    assert run_child(code) == "6.0"


def test_a_warm_start_starts_no_process(kernel, run_child, compiler):
    made = compiler()
    kernel("double")
    calls = made.calls()
    assert run_child("from hand_written import load; print(load('double').origin)") == "disk"
    assert made.calls() == calls


def test_a_warm_start_imports_nothing_slow(kernel, run_child):
    kernel("double")
    code = """
from cgrad.cache.load import load_kernel
k = load_kernel([("graph", "double")], lambda: 1 / 0)
slow = "json subprocess tempfile shutil hashlib cffi pycparser setuptools sysconfig shlex scipy"
print(k.origin, [name for name in slow.split() if name in sys.modules])
"""
    assert run_child(code) == "disk []"


def test_a_damaged_entry_heals_in_the_process_that_uses_it(kernel, text, cache):
    """The dynamic loader would return the old library for the old path."""
    first = kernel("double")
    path, size = first.path, os.path.getsize(first.path)
    broken = text("double").replace("2 * x[0]", "5 * x[0]")
    os.unlink(path)  # the loaded file stays mapped
    Path(path).write_bytes(bytes(size))
    os.chmod(path, 0o500)
    with pytest.warns(CgradWarning, match="built again"):
        second = kernel("double")
    assert second.origin == "built" and second.path == path
    assert call_scalar(first, 1.0) == call_scalar(second, 1.0) == 2.0
    third = load_kernel([("graph", "broken")], lambda: Source(broken))
    assert call_scalar(third, 1.0) == 5.0


def test_damage_between_processes_heals(kernel, run_child, compiler):
    made = compiler()
    path = kernel("double").path
    kernel("triple")
    for damage in (b"", b"x" * 5000, Path(path).read_bytes()[:-100]):
        os.unlink(path)
        Path(path).write_bytes(damage)
        os.chmod(path, 0o500)
        before = made.calls("kernel")
        assert run_child(USE_BOTH, PYTHONWARNINGS="ignore") == "6.0 9.0"
        assert run_child(USE_BOTH) == "6.0 9.0"
        assert made.calls("kernel") == before + 1


def test_a_dangling_record_is_a_miss(kernel):
    os.unlink(kernel("double").path)
    assert kernel("double").origin == "built"


def test_a_cold_stampede_compiles_each_kernel_once(child, compiler):
    made = compiler()
    processes = [child(USE_BOTH) for _ in range(6)]
    for process in processes:
        out, err = process.communicate(timeout=60)
        assert out == "6.0 9.0\n" and process.returncode == 0, err
    assert made.calls("kernel") == 2
    assert made.calls("glue") == 1


def test_without_locks_everything_is_still_right(child, compiler):
    compiler()
    code = "from cgrad.cache.obtain import _Build\n_Build._acquire = lambda *a: None\n" + USE_BOTH
    for process in [child(code) for _ in range(6)]:
        out, err = process.communicate(timeout=60)
        assert out == "6.0 9.0\n" and process.returncode == 0, err


def test_a_busy_lock_is_not_waited_for_for_ever(kernel, text, monkeypatch, cache):
    monkeypatch.setattr(obtain, "_LOCK_PATIENCE", 0.05)
    kernel("triple")  # makes the directories

    real = os.open

    def busy(path, *args, **kwargs):
        fd = real(path, *args, **kwargs)
        if os.sep + "lock" + os.sep in str(path):
            holder = real(path, os.O_RDWR)
            fcntl.flock(holder, fcntl.LOCK_EX)
        return fd

    monkeypatch.setattr(os, "open", busy)
    assert kernel("double").origin == "built"


def test_a_child_forked_meanwhile_neither_keeps_a_lock_nor_ends_the_build(text, compiler, cache):
    """It may live on, or leave the build by an exception of its own."""
    made, locks, children = compiler(), [], []
    lives, ends = os.pipe()

    class Left(BaseException):
        pass

    def fork():
        locks.extend(os.open(path, os.O_RDWR) for path in cache.glob("v1/lock/*"))
        for leaves in (True, False):
            children.append(os.fork())
            if children[-1] == 0 and leaves:
                raise Left
            if children[-1] == 0:
                os.close(ends)
                os.read(lives, 1)
                os._exit(0)
            if leaves:
                assert os.waitpid(children[-1], 0)[1] == 0

    try:
        built = load_kernel([("graph", "d")], lambda: Source(text("double")), fork)
    except Left:
        os._exit(0)
    assert built.origin == "built" and built.path.startswith(os.fspath(cache))
    assert made.calls("kernel") == 1 and len(locks) >= 1
    for lock in locks:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(lock)
    os.close(ends)
    os.waitpid(children[-1], 0)


def test_a_read_only_cache_still_serves(kernel, monkeypatch, cache):
    kernel("double")
    before = sorted(os.walk(cache))
    monkeypatch.setenv("CGRAD_CACHE", "ro")
    assert kernel("double").origin == "disk"
    other = kernel("triple")
    assert other.origin == "built" and not other.path.startswith(str(cache))
    assert kernel("triple").origin == "disk"
    assert sorted(os.walk(cache)) == before


def test_a_cache_that_is_off_is_not_touched(kernel, monkeypatch, cache):
    monkeypatch.setenv("CGRAD_CACHE", "off")
    assert kernel("double").origin == "built"
    assert not cache.exists()


@pytest.mark.parametrize("size", ["1", "30K"])
def test_a_cap_below_one_entry_never_fails_a_call(kernel, monkeypatch, size):
    monkeypatch.setenv("CGRAD_CACHE_SIZE", size)
    assert call_scalar(kernel("double"), 2.0) == 4.0
    assert call_scalar(kernel("triple"), 2.0) == 6.0


def test_an_entry_that_vanishes_before_it_is_opened(kernel, monkeypatch):
    """Another process may evict it at any time."""
    kernel("double")
    published = store.Store.publish

    def publish(self, key, suffix, *args):
        entry = published(self, key, suffix, *args)
        os.unlink(entry.path)
        return entry

    monkeypatch.setattr(store.Store, "publish", publish)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert call_scalar(kernel("triple"), 2.0) == 6.0
        assert not os.path.exists(kernel("triple").path)


def test_an_entry_that_vanishes_while_it_is_published(kernel, monkeypatch):
    kernel("double")
    monkeypatch.setattr(store.Store, "find", lambda self, key, suffix: None)
    replace = store.Store._replace

    def remove(self, path, *args):
        replace(self, path, *args)
        if "lookup" not in path:
            os.unlink(path)

    monkeypatch.setattr(store.Store, "_replace", remove)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert call_scalar(kernel("triple"), 2.0) == 6.0


def test_a_directory_that_libraries_cannot_be_opened_in(kernel, monkeypatch, cache):
    """As one on a file system that is mounted noexec."""
    real = loading.open_extension

    def refuse(name, path):
        if path.startswith(str(cache)):
            raise ImportError("failed to map segment from shared object")
        return real(name, path)

    monkeypatch.setattr(loading, "open_extension", refuse)
    monkeypatch.setattr(loading, "_opened", {})
    monkeypatch.setattr(loading, "_used_paths", set())
    with pytest.warns(CgradWarning, match="cannot be opened in") as caught:
        assert call_scalar(kernel("double"), 2.0) == 4.0
        assert call_scalar(kernel("triple"), 2.0) == 6.0
    assert len(caught) == 1 and kernel("double").origin == "disk"


DISK_ERRORS = [
    (call, error)
    for call in ("rename", "mkdir")
    for error in ("ENOSPC", "EROFS", "EACCES", "EDQUOT", "EIO", "ESTALE", "EMFILE")
]


@pytest.mark.parametrize(("call", "error"), DISK_ERRORS)
def test_trouble_with_the_disk_never_fails_a_call(kernel, monkeypatch, cache, call, error):
    real, number = getattr(os, call), getattr(errno, error)

    def fails(path, *args, **kwargs):
        if str(path).startswith(str(cache)):
            raise OSError(number, os.strerror(number), str(path))
        return real(path, *args, **kwargs)

    monkeypatch.setattr(os, call, fails)
    with pytest.warns(CgradWarning, match="cannot be used") as caught:
        assert call_scalar(kernel("double"), 2.0) == 4.0
        assert call_scalar(kernel("double"), 2.0) == 4.0
    assert len(caught) == 1


def test_no_place_at_all_is_an_error_that_says_so(kernel, monkeypatch, cache):
    def fails(path, *args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(os, "mkdir", fails)
    with pytest.warns(CgradWarning), pytest.raises(CacheError, match="No space left"):
        kernel("double")


def test_a_full_disk_while_compiling(kernel, compiler, cache):
    compiler(
        f'case "$PWD" in {cache}*) echo "x.s: No space left on device" >&2; exit 1;; esac\n'
        'exec {real} "$@"'
    )
    with pytest.warns(CgradWarning, match="No space left"):
        assert not kernel("double").path.startswith(str(cache))


def test_a_full_disk_that_swallows_what_the_compiler_says(kernel, compiler, cache, monkeypatch):
    compiler(f'case "$PWD" in {cache}*) exit 1;; esac\nexec {{real}} "$@"')
    real = os.statvfs
    monkeypatch.setattr(
        os, "statvfs", lambda path: types.SimpleNamespace(f_bavail=3, f_frsize=4096)
        if path.startswith(str(cache)) else real(path)
    )  # fmt: skip
    with pytest.warns(CgradWarning, match="No space left"):
        assert not kernel("double").path.startswith(str(cache))


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_cache_that_is_removed_around_the_compiler(kernel, compiler, cache, monkeypatch, moment):
    compiler()
    start = Compilation._start

    def remove(self, log, workdir):
        if moment == "after":
            started = start(self, log, workdir)
        if workdir.startswith(str(cache)):
            shutil.rmtree(cache, ignore_errors=True)
        return start(self, log, workdir) if moment == "before" else started

    monkeypatch.setattr(Compilation, "_start", remove)
    with pytest.warns(CgradWarning, match="cannot be used"):
        assert call_scalar(kernel("double"), 2.0) == 4.0


def test_a_directory_removed_meanwhile(kernel, cache):
    kernel("double")
    shutil.rmtree(cache)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert kernel("double").origin == "built"


def test_the_private_directory_goes_with_the_process(run_child, tmp_path):
    home = tmp_path / "tmp"
    home.mkdir()
    out = run_child(USE_BOTH, CGRAD_CACHE="off", TMPDIR=str(home))
    assert out == "6.0 9.0" and os.listdir(home) == []


def test_without_python_headers_kernels_are_opened_without_glue(kernel, monkeypatch):
    monkeypatch.setattr(toolchain, "python_include", lambda: None)
    with pytest.warns(CgradWarning, match=r"Python\.h"):
        plain = kernel("double")
    assert call_scalar(plain, 4.0) == 8.0
    assert kernel("double").origin == "disk"


def test_the_glue_is_what_the_installed_cffi_writes(kernel):
    """cffi's own import of a kernel works: types, functions and a call through the module."""
    module = loading.open_extension("_cgrad_kernel", _copy(kernel("double").path))
    ffi, lib = module.ffi, module.lib
    size = ffi.new("int64_t[1]")
    assert lib.cg_work(size) == 0
    assert ffi.typeof(ffi.addressof(lib, "cg_work")).kind == "function"
    assert "cg_entry" in glue_text()


def _copy(path):
    copy = path + ".copy.so"
    shutil.copy(path, copy)
    return copy


def test_nothing_stays_in_sys_modules(kernel):
    kernel("double")
    assert not [name for name in sys.modules if name.startswith("_cgrad_kernel")]


def test_floating_point_modes_are_untouched(kernel):
    """Linking with -ffast-math would flush denormals for the whole process."""
    kernel("double")
    assert np.float64(5e-324) * 1.0 == 5e-324
