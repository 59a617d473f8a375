"""Ctrl-C during compiled work, and what a forked child may do; each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and fork are those of POSIX")

GRACE_SECONDS = 2.0
"""The promise is 0.1 s from our own loops; a busy machine may schedule the thread late."""

PREAMBLE = """
    import os, signal, threading, time
    import numpy as np
    import scipy.sparse.linalg
    import eigenscope
    from eigenscope import testing
    from eigenscope.errors import Interrupted

    def interrupted_by_sigint(call, after):
        sent = []
        def send():
            sent.append(time.perf_counter())
            os.kill(os.getpid(), signal.SIGINT)
        timer = threading.Timer(after, send)
        timer.start()
        try:
            call()
        except KeyboardInterrupt as error:
            waited = time.perf_counter() - sent[0]
            timer.join()
            return error, waited
        raise SystemExit("the call ended before the signal was sent")

    def assert_all_is_well():
        values = testing.exponential_spectrum(600)
        found = eigenscope.eigsh(testing.diagonal_operator(values), 3, rng=0)
        assert abs(found.eigenvalues - values[:3]).max() < 1e-12
"""


def run_python(script, timeout=60.0):
    source = textwrap.dedent(PREAMBLE) + textwrap.dedent(script)
    return subprocess.run(
        [sys.executable, "-W", "always", "-c", source],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "2"},
    )


def assert_interrupted(call, *, has_partial, after=0.25):
    done = run_python(
        f"""
        random = np.random.default_rng(0)
        symmetric = random.standard_normal((3000, 3000)).astype(np.float32)
        symmetric += symmetric.T
        data = random.standard_normal((8000, 3000)).astype(np.float32)
        samples = np.zeros((200_000, 1500), dtype=np.int16)
        copies = scipy.sparse.diags_array(np.repeat(np.arange(1000.0), 50)).tocsr()
        assert_all_is_well()
        n_threads = len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else 0
        error, waited = interrupted_by_sigint(lambda: {call}, after={after})
        assert waited < {GRACE_SECONDS}, waited
        if {has_partial}:
            assert isinstance(error, Interrupted)
            partial = error.partial
            assert partial is not None and partial.status == "budget", partial
            vectors = partial.eigenvectors if hasattr(partial, "eigenvectors") else partial.Vh.T
            testing.assert_orthonormal(vectors, rtol=1e-4)
            assert "holds the result so far" in str(error)
        assert_all_is_well()
        while eigenscope._core.abandoned_calls():
            time.sleep(0.01)
        if n_threads:
            # The timer of this script may need a moment to go.
            time.sleep(0.1)
            assert len(os.listdir("/proc/self/task")) <= n_threads + 2, os.listdir("/proc/self/task")
        print("done")
        """
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "done"


@pytest.mark.parametrize(
    ("call", "has_partial", "after"),
    [
        ("eigenscope.eigsh(symmetric, 400, tol=0.0, check=False, rng=0)", True, 0.25),
        ("eigenscope.svds(data, 300, tol=1e-12, check=False, rng=0)", True, 0.25),
        (
            "eigenscope.eigsh(lambda block: (time.sleep(0.01), block * np.arange(3000.0)[:, None])[1], 5, "
            "tol=0.0, shape=(3000, 3000), check=False, rng=0)",
            True,
            0.25,
        ),
        ("eigenscope.eigsh(copies, 49, sigma=40.0, check=False, rng=0)", True, 1.5),
        ("eigenscope.covariance_spectrum(samples)", False, 0.25),
        ("eigenscope.spectral_density(symmetric, degree=1500, n_probes=64, check=False, rng=0)", False, 0.25),
        ("eigenscope.eigsh(symmetric[:2000, :2000], 2000, check=False)", False, 0.25),
        ("eigenscope.eigsh(symmetric[:1500, :1500].astype(complex), 1400, check=False)", False, 0.25),
        ("eigenscope.svds(data[:2000, :1500], 1500, check=False)", False, 0.25),
        ("eigenscope.covariance_spectrum(data[:3000, :1500], eigenvectors=True)", False, 0.25),
    ],
    ids=[
        "eigsh",
        "svds",
        "callable",
        "inverse",
        "covariance_spectrum",
        "spectral_density",
        "all eigenpairs",
        "complex eigenpairs",
        "all triplets",
        "covariance eigenvectors",
    ],
)
def test_ctrl_c_comes_back_with_what_was_found(call, has_partial, after):
    assert_interrupted(call, has_partial=has_partial, after=after)


@pytest.mark.parametrize("after", [0.1, 0.13, 0.17, 0.21, 0.25])
def test_partial_results_tell_the_truth_about_themselves(after):
    done = run_python(
        f"""
        n = 20_000
        path = scipy.sparse.diags_array([2 * np.ones(n), -np.ones(n - 1), -np.ones(n - 1)], offsets=[0, 1, -1]).tocsr()
        assert_all_is_well()
        error, _ = interrupted_by_sigint(
            lambda: eigenscope.eigsh(path, 10, which="SA", tol=1e-12, check=False, rng=0), after={after})
        partial = error.partial
        known = np.isfinite(partial.residual_norms)
        vectors = partial.eigenvectors[:, known]
        residual_norms = np.linalg.norm(path @ vectors - vectors * partial.eigenvalues[known], axis=0)
        assert (residual_norms <= 1.01 * partial.residual_norms[known] + 1e-12).all(), residual_norms
        testing.assert_orthonormal(partial.eigenvectors, rtol=1e-12)
        print("done")
        """
    )
    assert done.stdout.strip() == "done", done.stderr


EXIT_DURING_LAPACK = """
    def press(after):
        time.sleep(after)
        os.kill(os.getpid(), signal.SIGINT)

    matrix = np.random.default_rng(0).standard_normal(({order}, {order}))
    matrix += matrix.T
    threading.Thread(target=lambda: [press(after) for after in {pauses}], daemon=True).start()
    eigenscope.eigsh(matrix, len(matrix), check=False)
    """


def test_a_process_does_not_end_under_a_call_it_left():
    done = run_python(EXIT_DURING_LAPACK.format(order=2000, pauses=[0.4]))
    assert done.returncode == 1, done.stderr
    assert "Interrupted" in done.stderr


def test_ctrl_c_at_the_end_of_the_process_leaves_at_once():
    done = run_python(EXIT_DURING_LAPACK.format(order=4500, pauses=[0.8, 2.0]))
    assert done.returncode == 130, done.stderr
    assert "Ctrl-C again leaves at once" in done.stderr


def test_a_signal_handler_of_the_user_is_heard():
    done = run_python(
        """
        class Mine(Exception):
            pass

        def handler(number, frame):
            raise Mine

        signal.signal(signal.SIGALRM, handler)
        data = np.random.default_rng(0).standard_normal((6000, 2000)).astype(np.float32)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            while True:
                eigenscope.svds(data, 60, tol=1e-12, rng=0)
        except Mine:
            assert_all_is_well()
            print("done")
        """
    )
    assert done.stdout.strip() == "done", done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_runs_on_one_thread_and_says_so_once():
    done = run_python(
        """
        import warnings
        from eigenscope.errors import EigenscopeWarning
        data = np.random.default_rng(0).standard_normal((3000, 400))

        def answers():
            return [
                eigenscope.svds(data, 4, rng=1, threads=2).singular_values,
                eigenscope.covariance_spectrum(data, reproducible=True, threads=2).eigenvalues,
            ]

        expected = answers()
        warnings.simplefilter("ignore", DeprecationWarning)  # Python warns about forking with threads.
        child = os.fork()
        if child == 0:
            status = 1
            try:
                with warnings.catch_warnings(record=True) as caught:
                    warnings.simplefilter("always")
                    found = answers()
                    info = eigenscope.svds(data, 4, rng=1, threads=2).info
                ours = [warning for warning in caught if issubclass(warning.category, EigenscopeWarning)]
                same = all(np.array_equal(a, b) for a, b in zip(found, expected))
                print(same, len(ours), info.threads, "forked" in str(ours[0].message), flush=True)
                status = 0
            finally:
                os._exit(status)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            waited, status = os.waitpid(child, os.WNOHANG)
            if waited:
                break
            time.sleep(0.01)
        else:
            os.kill(child, signal.SIGKILL)
            raise SystemExit("the child hangs")
        assert status == 0, status
        again = answers()
        assert all(np.array_equal(a, b) for a, b in zip(again, expected))
        """
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["True", "1", "1", "True"]
