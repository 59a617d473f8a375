"""Compiled core of eigenscope; the public interface is the Python package."""

from __future__ import annotations

import collections.abc
import typing

import typing_extensions

def available_processors() -> int: ...
def blas_ready() -> bool: ...
def blas_routine_names() -> list[str]: ...
def build_config() -> dict[str, typing.Any]: ...
def forbid_threads_after_fork() -> None: ...
def forbidden_after_fork() -> bool: ...
def gaussian(
    seed: int,
    stream: int,
    rows: int,
    cols: int,
    *,
    dtype: str = "float64",
    first_row: int = 0,
    threads: int = 1,
) -> typing.Any: ...
def install_blas(name: str, routine: typing_extensions.CapsuleType) -> None: ...
def philox_raw(
    key0: int, key1: int, counter: collections.abc.Sequence[typing.Any]
) -> tuple[typing.Any, ...]: ...
def rademacher(
    seed: int,
    stream: int,
    rows: int,
    cols: int,
    *,
    dtype: str = "float64",
    first_row: int = 0,
    threads: int = 1,
) -> typing.Any: ...
def uniform(
    seed: int,
    stream: int,
    rows: int,
    cols: int,
    *,
    dtype: str = "float64",
    first_row: int = 0,
    threads: int = 1,
) -> typing.Any: ...

__version__: str = "0.1.0"
