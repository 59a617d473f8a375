"""A computation that was killed goes on from its last completed pass, with the same bits."""

from __future__ import annotations

import dataclasses
import itertools
import os
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg
from eigenscope import randomized_svd, svds
from eigenscope.errors import Interrupted, InvalidInputError

A = np.random.default_rng(0).standard_normal((900, 400)) * np.linspace(2, 0.5, 400) + 1.0

CALLS = {
    "svds": lambda X, **o: svds(X, 5, method="block-krylov", **o),
    "svds centred": lambda X, **o: svds(X, 5, center=True, method="block-krylov", **o),
    "svds gram": lambda X, **o: svds(X, 5, method="gram", **o),
    "svds sparse": lambda X, **o: svds(scipy.sparse.csr_array(X), 5, **o),
    "svds wide": lambda X, **o: svds(X[:150], 5, method="block-krylov", **o),
    "randomized_svd": lambda X, **o: randomized_svd(X, 5, **o),
}


def assert_same_bits(left, right):
    for field in dataclasses.fields(left):
        if isinstance(getattr(left, field.name), np.ndarray):
            np.testing.assert_array_equal(getattr(left, field.name), getattr(right, field.name), err_msg=field.name)


def recorded(call, path, monkeypatch):
    """Run a call to its end, and keep its checkpoint."""
    with monkeypatch.context() as context:
        context.setattr(os, "remove", lambda _: None)
        call(A, rng=3, threads=1, checkpoint=path)
    return path.read_bytes()


@pytest.mark.parametrize("name", CALLS)
def test_any_prefix_of_a_checkpoint_will_do(name, tmp_path, monkeypatch):
    call, path = CALLS[name], tmp_path / "log"
    expected = call(A, rng=3, threads=1)
    whole = recorded(call, path, monkeypatch)
    for share in (0.0, 0.01, 0.3, 0.77, 1.0):
        path.write_bytes(whole[: int(share * len(whole))])
        # The seed is in the file, unless nothing is.
        seed = {} if share > 0.2 else {"rng": 3}
        assert_same_bits(call(A, threads=2, checkpoint=path, **seed), expected)
        assert not path.exists()


def test_a_damaged_product_is_made_again(tmp_path, monkeypatch):
    path = tmp_path / "log"
    whole = bytearray(recorded(CALLS["svds"], path, monkeypatch))
    whole[len(whole) // 2] ^= 0xFF
    path.write_bytes(bytes(whole))
    assert_same_bits(CALLS["svds"](A, checkpoint=path), CALLS["svds"](A, rng=3))


def test_interrupted_computations_keep_their_checkpoint(tmp_path):
    path = tmp_path / "log"

    def stop(_):
        raise KeyboardInterrupt

    with pytest.raises((Interrupted, KeyboardInterrupt)):
        svds(A, 5, method="block-krylov", rng=3, checkpoint=path, callback=stop)
    assert path.stat().st_size > 0
    assert_same_bits(svds(A, 5, method="block-krylov", checkpoint=path), svds(A, 5, method="block-krylov", rng=3))


@pytest.mark.parametrize("last", [2, 3, 8])
def test_products_that_end_an_interrupted_run_are_not_part_of_it(last, tmp_path):
    path, count = tmp_path / "log", itertools.count(1)

    def interrupted_product(block):
        if next(count) == last:
            raise KeyboardInterrupt
        return A @ block

    options = {"shape": A.shape, "adjoint": lambda block: A.T @ block, "method": "block-krylov", "rng": 3}
    with pytest.raises(KeyboardInterrupt):
        svds(interrupted_product, 5, checkpoint=path, **options)
    expected = svds(lambda block: A @ block, 5, **options)
    assert_same_bits(svds(lambda block: A @ block, 5, checkpoint=path, **options), expected)


@pytest.mark.skipif(sys.platform == "win32", reason="kills a process")
def test_killed_processes_are_resumed(tmp_path):
    np.save(tmp_path / "A.npy", A)
    script = f"""
        import os, signal, sys
        from eigenscope import svds
        checks = 0
        def count(_):
            global checks
            checks += 1
            if checks == 2 and sys.argv[1] == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
        result = svds({str(tmp_path / "A.npy")!r}, 5, center=True, method="block-krylov", rng=3,
                      checkpoint={str(tmp_path / "log")!r}, callback=count)
        print(result.singular_values.tobytes().hex())
    """

    def run(mode):
        return subprocess.run(
            [sys.executable, "-c", textwrap.dedent(script), mode], capture_output=True, text=True, check=False
        )

    assert run("kill").returncode == -signal.SIGKILL
    assert (tmp_path / "log").stat().st_size > 0
    expected = svds(tmp_path / "A.npy", 5, center=True, method="block-krylov", rng=3)
    assert run("finish").stdout.strip() == expected.singular_values.tobytes().hex()


def test_checkpoints_of_something_else_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "log"
    recorded(CALLS["svds"], path, monkeypatch)
    for wrong in (
        lambda: svds(A, 6, method="block-krylov", checkpoint=path),
        lambda: svds(A + 1, 5, method="block-krylov", checkpoint=path),
        lambda: svds(A, 5, method="block-krylov", rng=4, checkpoint=path),
        lambda: svds(A, 5, method="block-krylov", center=True, checkpoint=path),
    ):
        with pytest.raises(InvalidInputError, match="belongs to another computation"):
            wrong()
    path.write_bytes(b"something else entirely, of some length")
    with pytest.raises(InvalidInputError, match="is not a checkpoint"):
        svds(A, 5, checkpoint=path)
    with pytest.raises(InvalidInputError, match="cannot be written"):
        svds(A, 5, rng=0, checkpoint=tmp_path / "no" / "folder")
    with pytest.raises(InvalidInputError, match="a checkpoint holds one"):
        svds(A, variance=0.9, checkpoint=path)


class Stopped(BaseException):
    """Ends a computation from its callback."""


def interrupted(data, path):
    def stop(state):
        raise Stopped

    with pytest.raises(Stopped):
        svds(data, 5, method="block-krylov", checkpoint=path, rng=0, callback=stop)


def test_other_data_of_the_same_shape_are_refused(tmp_path):
    graphs = [scipy.sparse.random_array((900, 700), density=0.02, rng=seed, format="csr") for seed in (0, 1)]
    for graph in graphs:
        graph.data[:] = 1.0
    dense = np.random.default_rng(0).standard_normal((3000, 300))
    changed = dense.copy()
    # No row that the checksum looks at.
    changed[1234] *= 3
    operators = [scipy.sparse.linalg.aslinearoperator(part) for part in (dense[:400], dense[400:800])]
    for number, (first, second) in enumerate([graphs, (dense, changed), operators]):
        path = tmp_path / f"checkpoint{number}"
        interrupted(first, path)
        with pytest.raises(InvalidInputError, match="another computation"):
            svds(second, 5, method="block-krylov", checkpoint=path, rng=0)
        resumed = svds(first, 5, method="block-krylov", checkpoint=path, rng=0)
        np.testing.assert_array_equal(
            resumed.singular_values, svds(first, 5, method="block-krylov", rng=0).singular_values
        )
