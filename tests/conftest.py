from __future__ import annotations

import signal

import pytest
import threadpoolctl


@pytest.fixture(scope="session", autouse=True)
def interrupts():
    """Hear Ctrl-C also where the test run was started in the background, with interrupts ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session", autouse=True)
def one_blas_thread():
    """Two threads of BLAS wait for each other on a busy machine: small problems then take several times longer."""
    with threadpoolctl.threadpool_limits(limits=1, user_api="blas"):
        yield
