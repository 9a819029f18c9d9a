"""C that gcc 12 compiles to wrong numbers at -O3 with AVX2: the kernel flags must prevent it."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from cgrad.cache.toolchain import cpu_level, find_compiler, kernel_flags, level_flags

# The condition on c is lost in the first rows when the loop over four is unrolled completely.
UNROLLED = """
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
__attribute__((noinline)) static void f(int64_t m, int64_t q, int64_t n, const int64_t *restrict c,
    const int64_t *restrict a, uint8_t *restrict o, const int64_t *restrict b)
{
    for (int64_t i = 0; i < m; ++i)
        for (int64_t j = 0; j < n; ++j)
            for (int64_t k = 0; k < 4; ++k)
                o[16 * i + 4 * j + k] = a[16 * i + 4 * j + k + 16 * q] - b[16 * i + 4 * j + k]
                    > b[16 * i + 4 * j + k] && c[4 * j + k] != 0;
}
int main(int argc, char **argv)
{
    (void)argv;
    int64_t c[16], a[32], b[32];
    uint8_t o[32];
    int wrong = 0;
    srand(1);
    for (int round = 0; round < 200; ++round) {
        for (int i = 0; i < 16; ++i) c[i] = rand() % 5 - 2;
        for (int i = 0; i < 32; ++i) { a[i] = rand() % 7 - 3; b[i] = rand() % 7 - 3; }
        f(argc + 1, argc - 1, argc + 3, c, a, o, b);
        for (int i = 0; i < 32; ++i)
            wrong += o[i] != ((a[i] - b[i] > b[i]) && c[i % 16] != 0);
    }
    printf("%d\\n", wrong);
    return 0;
}
"""


def wrong_elements(folder: Path, flags: Sequence[str]) -> int:
    compiler = find_compiler()
    assert compiler is not None
    source, program = folder / "program.c", folder / "program"
    source.write_text(UNROLLED)
    command = [*compiler.words, *flags, str(source), "-o", str(program)]
    subprocess.run(command, check=True)
    return int(subprocess.run([str(program)], capture_output=True, check=True).stdout)


@pytest.mark.parametrize("level", range(4))
def test_conditions_survive_the_kernel_flags(tmp_path: Path, level: int) -> None:
    if level > cpu_level():
        pytest.skip("this CPU has no such instructions")
    assert wrong_elements(tmp_path, ["-O1"]) == 0
    assert wrong_elements(tmp_path, [*kernel_flags(find_compiler()), *level_flags(level)]) == 0
