"""Compiled core of eigenscope; the public interface is the Python package."""

from __future__ import annotations

import collections.abc
import typing

import numpy
import numpy.typing
import typing_extensions

class StoredRows:
    def __init__(
        self,
        rows: int,
        cols: int,
        *,
        block_rows: int,
        most_blocks: int,
        read: typing.Any,
        dtype: numpy.dtype[typing.Any],
    ) -> None: ...
    def clear(self) -> None: ...

class Operator_float32:
    def adjoint(self) -> Operator_float32: ...
    def apply(
        self, x: typing.Annotated[numpy.typing.ArrayLike, numpy.float32], threads: int = 1, product: str = "forward"
    ) -> numpy.typing.NDArray[numpy.float32]: ...
    def deflated(
        self, vectors: typing.Annotated[numpy.typing.ArrayLike, numpy.float32], shift: float
    ) -> Operator_float32: ...
    def eigenpairs(
        self,
        *,
        k: int,
        which: str,
        tolerance: float,
        block: int,
        basis_size: int,
        max_matvecs: int,
        max_seconds: float,
        certify: bool,
        seed: int,
        start: typing.Any,
        monitor: typing.Any,
        filter: bool = False,
        direct: bool,
        threads: int,
    ) -> dict[str, typing.Any]: ...
    def recorded(self, path: str, description: str) -> Operator_float32: ...
    def row_weighted(self, factor: typing.Annotated[numpy.typing.ArrayLike, numpy.float64]) -> Operator_float32: ...
    def standardized(
        self,
        shift: typing.Annotated[numpy.typing.ArrayLike, numpy.float32],
        factor: typing.Annotated[numpy.typing.ArrayLike, numpy.float64],
        scale: float,
    ) -> Operator_float32: ...
    def triplets(
        self,
        *,
        k: int,
        tolerance: float,
        block: int,
        basis_size: int,
        n_blocks: int,
        keeps_last_block_only: bool,
        has_sparse_signs: bool,
        max_matvecs: int,
        max_seconds: float,
        certify: bool,
        n_error_probes: int,
        seed: int,
        monitor: typing.Any,
        direct: bool,
        basis: typing.Any,
        threads: int,
    ) -> dict[str, typing.Any]: ...
    @property
    def shape(self) -> tuple[int, int]: ...

class Operator_float64:
    def adjoint(self) -> Operator_float64: ...
    def apply(
        self, x: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], threads: int = 1, product: str = "forward"
    ) -> numpy.typing.NDArray[numpy.float64]: ...
    def deflated(
        self, vectors: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], shift: float
    ) -> Operator_float64: ...
    def eigenpairs(
        self,
        *,
        k: int,
        which: str,
        tolerance: float,
        block: int,
        basis_size: int,
        max_matvecs: int,
        max_seconds: float,
        certify: bool,
        seed: int,
        start: typing.Any,
        monitor: typing.Any,
        filter: bool = False,
        direct: bool,
        threads: int,
    ) -> dict[str, typing.Any]: ...
    def recorded(self, path: str, description: str) -> Operator_float64: ...
    def row_weighted(self, factor: typing.Annotated[numpy.typing.ArrayLike, numpy.float64]) -> Operator_float64: ...
    def standardized(
        self,
        shift: typing.Annotated[numpy.typing.ArrayLike, numpy.float64],
        factor: typing.Annotated[numpy.typing.ArrayLike, numpy.float64],
        scale: float,
    ) -> Operator_float64: ...
    def triplets(
        self,
        *,
        k: int,
        tolerance: float,
        block: int,
        basis_size: int,
        n_blocks: int,
        keeps_last_block_only: bool,
        has_sparse_signs: bool,
        max_matvecs: int,
        max_seconds: float,
        certify: bool,
        n_error_probes: int,
        seed: int,
        monitor: typing.Any,
        direct: bool,
        basis: typing.Any,
        threads: int,
    ) -> dict[str, typing.Any]: ...
    @property
    def shape(self) -> tuple[int, int]: ...

class Operator_complex64:
    def adjoint(self) -> Operator_complex64: ...
    def apply(
        self, x: typing.Annotated[numpy.typing.ArrayLike, numpy.complex64], threads: int = 1, product: str = "forward"
    ) -> numpy.typing.NDArray[numpy.complex64]: ...
    def deflated(
        self, vectors: typing.Annotated[numpy.typing.ArrayLike, numpy.complex64], shift: float
    ) -> Operator_complex64: ...
    def eigenpairs(
        self,
        *,
        k: int,
        which: str,
        tolerance: float,
        block: int,
        basis_size: int,
        max_matvecs: int,
        max_seconds: float,
        certify: bool,
        seed: int,
        start: typing.Any,
        monitor: typing.Any,
        filter: bool = False,
        direct: bool,
        threads: int,
    ) -> dict[str, typing.Any]: ...
    def recorded(self, path: str, description: str) -> Operator_complex64: ...
    def row_weighted(self, factor: typing.Annotated[numpy.typing.ArrayLike, numpy.float64]) -> Operator_complex64: ...
    def standardized(
        self,
        shift: typing.Annotated[numpy.typing.ArrayLike, numpy.complex64],
        factor: typing.Annotated[numpy.typing.ArrayLike, numpy.float64],
        scale: float,
    ) -> Operator_complex64: ...
    def triplets(
        self,
        *,
        k: int,
        tolerance: float,
        block: int,
        basis_size: int,
        n_blocks: int,
        keeps_last_block_only: bool,
        has_sparse_signs: bool,
        max_matvecs: int,
        max_seconds: float,
        certify: bool,
        n_error_probes: int,
        seed: int,
        monitor: typing.Any,
        direct: bool,
        basis: typing.Any,
        threads: int,
    ) -> dict[str, typing.Any]: ...
    @property
    def shape(self) -> tuple[int, int]: ...

class Operator_complex128:
    def adjoint(self) -> Operator_complex128: ...
    def apply(
        self, x: typing.Annotated[numpy.typing.ArrayLike, numpy.complex128], threads: int = 1, product: str = "forward"
    ) -> numpy.typing.NDArray[numpy.complex128]: ...
    def deflated(
        self, vectors: typing.Annotated[numpy.typing.ArrayLike, numpy.complex128], shift: float
    ) -> Operator_complex128: ...
    def eigenpairs(
        self,
        *,
        k: int,
        which: str,
        tolerance: float,
        block: int,
        basis_size: int,
        max_matvecs: int,
        max_seconds: float,
        certify: bool,
        seed: int,
        start: typing.Any,
        monitor: typing.Any,
        filter: bool = False,
        direct: bool,
        threads: int,
    ) -> dict[str, typing.Any]: ...
    def recorded(self, path: str, description: str) -> Operator_complex128: ...
    def row_weighted(self, factor: typing.Annotated[numpy.typing.ArrayLike, numpy.float64]) -> Operator_complex128: ...
    def standardized(
        self,
        shift: typing.Annotated[numpy.typing.ArrayLike, numpy.complex128],
        factor: typing.Annotated[numpy.typing.ArrayLike, numpy.float64],
        scale: float,
    ) -> Operator_complex128: ...
    def triplets(
        self,
        *,
        k: int,
        tolerance: float,
        block: int,
        basis_size: int,
        n_blocks: int,
        keeps_last_block_only: bool,
        has_sparse_signs: bool,
        max_matvecs: int,
        max_seconds: float,
        certify: bool,
        n_error_probes: int,
        seed: int,
        monitor: typing.Any,
        direct: bool,
        basis: typing.Any,
        threads: int,
    ) -> dict[str, typing.Any]: ...
    @property
    def shape(self) -> tuple[int, int]: ...

class MarchenkoPastur:
    def __init__(self, ratio: float, variance: float) -> None: ...
    def cdf(self, x: numpy.typing.NDArray[numpy.float64]) -> numpy.typing.NDArray[numpy.float64]: ...
    def pdf(self, x: numpy.typing.NDArray[numpy.float64]) -> numpy.typing.NDArray[numpy.float64]: ...
    def ppf(self, probability: numpy.typing.NDArray[numpy.float64]) -> numpy.typing.NDArray[numpy.float64]: ...
    def sf(self, x: numpy.typing.NDArray[numpy.float64]) -> numpy.typing.NDArray[numpy.float64]: ...
    def stieltjes(self, z: numpy.typing.NDArray[numpy.complex128]) -> numpy.typing.NDArray[numpy.complex128]: ...
    @property
    def atom(self) -> float: ...
    @property
    def lower_edge(self) -> float: ...
    @property
    def upper_edge(self) -> float: ...

class TracyWidom:
    def __init__(self, beta: int) -> None: ...
    def cdf(self, s: numpy.typing.NDArray[numpy.float64]) -> numpy.typing.NDArray[numpy.float64]: ...
    def isf(self, probability: numpy.typing.NDArray[numpy.float64]) -> numpy.typing.NDArray[numpy.float64]: ...
    def pdf(self, s: numpy.typing.NDArray[numpy.float64]) -> numpy.typing.NDArray[numpy.float64]: ...
    def pdf_slope(self, s: numpy.typing.NDArray[numpy.float64]) -> numpy.typing.NDArray[numpy.float64]: ...
    def ppf(self, probability: numpy.typing.NDArray[numpy.float64]) -> numpy.typing.NDArray[numpy.float64]: ...
    def sf(self, s: numpy.typing.NDArray[numpy.float64]) -> numpy.typing.NDArray[numpy.float64]: ...
    @property
    def mean(self) -> float: ...
    @property
    def variance(self) -> float: ...

class SilversteinLaw:
    def __init__(
        self, atoms: numpy.typing.NDArray[numpy.float64], weights: numpy.typing.NDArray[numpy.float64], ratio: float
    ) -> None: ...
    def intervals(self) -> numpy.typing.NDArray[numpy.float64]: ...
    def map(self, u: numpy.typing.NDArray[numpy.float64]) -> numpy.typing.NDArray[numpy.float64]: ...
    def slope(self, u: numpy.typing.NDArray[numpy.float64]) -> numpy.typing.NDArray[numpy.float64]: ...
    def solve_complex(self, z: numpy.typing.NDArray[numpy.complex128]) -> numpy.typing.NDArray[numpy.complex128]: ...
    def solve_inside(
        self,
        interval: int,
        above_low: numpy.typing.NDArray[numpy.float64],
        below_high: numpy.typing.NDArray[numpy.float64],
    ) -> numpy.typing.NDArray[numpy.complex128]: ...
    def solve_outside(self, x: numpy.typing.NDArray[numpy.float64]) -> numpy.typing.NDArray[numpy.float64]: ...
    def stieltjes(
        self, u: numpy.typing.NDArray[numpy.complex128], z: numpy.typing.NDArray[numpy.complex128]
    ) -> numpy.typing.NDArray[numpy.complex128]: ...

def abandoned_calls() -> int: ...
def available_processors() -> int: ...
def blas_ready() -> bool: ...
def blas_routine_names() -> list[str]: ...
def build_config() -> dict[str, typing.Any]: ...
def callback_operator_complex128(
    rows: int, cols: int, product: typing.Any, adjoint_product: typing.Any
) -> Operator_complex128: ...
def callback_operator_complex64(
    rows: int, cols: int, product: typing.Any, adjoint_product: typing.Any
) -> Operator_complex64: ...
def callback_operator_float32(
    rows: int, cols: int, product: typing.Any, adjoint_product: typing.Any
) -> Operator_float32: ...
def callback_operator_float64(
    rows: int, cols: int, product: typing.Any, adjoint_product: typing.Any
) -> Operator_float64: ...
def chain_moments(
    gram: numpy.typing.NDArray[numpy.float64], *, n_moments: int
) -> numpy.typing.NDArray[numpy.float64]: ...
def compare_with_adjoint(array: numpy.ndarray[typing.Any, numpy.dtype[typing.Any]], *, threads: int) -> typing.Any: ...
def conditional_edge(
    leading: numpy.typing.NDArray[numpy.float64], variance: float, n_samples: float, n_features: float
) -> tuple[float, float, bool]: ...
def conditional_noise(
    leading: numpy.typing.NDArray[numpy.float64], rest: float, n_samples: float, n_features: float
) -> tuple[float, float, float, bool]: ...
@typing.overload
def csr_operator_complex128(
    rows: int,
    cols: int,
    row_start: numpy.typing.NDArray[numpy.int32],
    columns: numpy.typing.NDArray[numpy.int32],
    values: numpy.typing.NDArray[numpy.complex128],
    scale: float = 1.0,
) -> Operator_complex128: ...
@typing.overload
def csr_operator_complex128(
    rows: int,
    cols: int,
    row_start: numpy.typing.NDArray[numpy.int64],
    columns: numpy.typing.NDArray[numpy.int64],
    values: numpy.typing.NDArray[numpy.complex128],
    scale: float = 1.0,
) -> Operator_complex128: ...
@typing.overload
def csr_operator_complex64(
    rows: int,
    cols: int,
    row_start: numpy.typing.NDArray[numpy.int32],
    columns: numpy.typing.NDArray[numpy.int32],
    values: numpy.typing.NDArray[numpy.complex64],
    scale: float = 1.0,
) -> Operator_complex64: ...
@typing.overload
def csr_operator_complex64(
    rows: int,
    cols: int,
    row_start: numpy.typing.NDArray[numpy.int64],
    columns: numpy.typing.NDArray[numpy.int64],
    values: numpy.typing.NDArray[numpy.complex64],
    scale: float = 1.0,
) -> Operator_complex64: ...
@typing.overload
def csr_operator_float32(
    rows: int,
    cols: int,
    row_start: numpy.typing.NDArray[numpy.int32],
    columns: numpy.typing.NDArray[numpy.int32],
    values: numpy.typing.NDArray[numpy.float32],
    scale: float = 1.0,
) -> Operator_float32: ...
@typing.overload
def csr_operator_float32(
    rows: int,
    cols: int,
    row_start: numpy.typing.NDArray[numpy.int64],
    columns: numpy.typing.NDArray[numpy.int64],
    values: numpy.typing.NDArray[numpy.float32],
    scale: float = 1.0,
) -> Operator_float32: ...
@typing.overload
def csr_operator_float64(
    rows: int,
    cols: int,
    row_start: numpy.typing.NDArray[numpy.int32],
    columns: numpy.typing.NDArray[numpy.int32],
    values: numpy.typing.NDArray[numpy.float64],
    scale: float = 1.0,
) -> Operator_float64: ...
@typing.overload
def csr_operator_float64(
    rows: int,
    cols: int,
    row_start: numpy.typing.NDArray[numpy.int64],
    columns: numpy.typing.NDArray[numpy.int64],
    values: numpy.typing.NDArray[numpy.float64],
    scale: float = 1.0,
) -> Operator_float64: ...
def dense_operator_complex128(
    array: typing.Any,
    *,
    rows: typing.Annotated[numpy.typing.ArrayLike, numpy.int64] | None = None,
    columns: typing.Annotated[numpy.typing.ArrayLike, numpy.int64] | None = None,
    shift: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None = None,
    factor: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None = None,
    shift_remainder: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None = None,
    scale: float = 1.0,
) -> Operator_complex128: ...
def dense_operator_complex64(
    array: typing.Any,
    *,
    rows: typing.Annotated[numpy.typing.ArrayLike, numpy.int64] | None = None,
    columns: typing.Annotated[numpy.typing.ArrayLike, numpy.int64] | None = None,
    shift: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None = None,
    factor: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None = None,
    shift_remainder: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None = None,
    scale: float = 1.0,
) -> Operator_complex64: ...
def dense_operator_float32(
    array: typing.Any,
    *,
    rows: typing.Annotated[numpy.typing.ArrayLike, numpy.int64] | None = None,
    columns: typing.Annotated[numpy.typing.ArrayLike, numpy.int64] | None = None,
    shift: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None = None,
    factor: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None = None,
    shift_remainder: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None = None,
    scale: float = 1.0,
) -> Operator_float32: ...
def dense_operator_float64(
    array: typing.Any,
    *,
    rows: typing.Annotated[numpy.typing.ArrayLike, numpy.int64] | None = None,
    columns: typing.Annotated[numpy.typing.ArrayLike, numpy.int64] | None = None,
    shift: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None = None,
    factor: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None = None,
    shift_remainder: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None = None,
    scale: float = 1.0,
) -> Operator_float64: ...
def eigh_largest_in_place(
    matrix: numpy.typing.NDArray[numpy.float64], count: int, threads: int
) -> tuple[typing.Any, ...]: ...
def eigvalsh_in_place(
    matrix: numpy.typing.NDArray[numpy.float64], threads: int
) -> numpy.typing.NDArray[numpy.float64]: ...
def eigvalsh_workspace_bytes(order: int) -> int: ...
def feature_sums(
    array: typing.Any,
    *,
    rows: typing.Annotated[numpy.typing.ArrayLike, numpy.int64] | None = None,
    columns: typing.Annotated[numpy.typing.ArrayLike, numpy.int64] | None = None,
    scale: float = 1.0,
    threads: int = 1,
) -> dict[str, typing.Any]: ...
def forbid_threads_after_fork() -> None: ...
def forbidden_after_fork() -> bool: ...
def gaussian(
    seed: int, stream: int, rows: int, cols: int, *, dtype: str = "float64", first_row: int = 0, threads: int = 1
) -> typing.Any: ...
def install_blas(name: str, routine: typing_extensions.CapsuleType) -> None: ...
def inverse_resolvent(
    eigenvalues: numpy.typing.NDArray[numpy.float64], *, bandwidth: float, threads: int = 1
) -> tuple[typing.Any, ...]: ...
def kritchman_nadler(
    leading: numpy.typing.NDArray[numpy.float64], rest: float, n_samples: float, n_features: float
) -> tuple[float, numpy.typing.NDArray[numpy.float64], bool]: ...
def moments(
    array: typing.Any,
    *,
    rows: typing.Annotated[numpy.typing.ArrayLike, numpy.int64] | None = None,
    columns: typing.Annotated[numpy.typing.ArrayLike, numpy.int64] | None = None,
    scale: float = 1.0,
    single_precision: bool = False,
    threads: int = 1,
) -> dict[str, typing.Any]: ...
def moments_workspace_bytes(rows: int, cols: int, single_precision: bool, threads: int) -> int: ...
def noise_edge(
    spikes: numpy.typing.NDArray[numpy.float64], variance: float, n_samples: float, n_features: float
) -> tuple[float, float, bool]: ...
def paired_chain_moments_float32(
    cross: numpy.typing.NDArray[numpy.float32],
    orders: numpy.typing.NDArray[numpy.int64],
    *,
    n_moments: int,
    threads: int = 1,
) -> numpy.typing.NDArray[numpy.float64]: ...
def paired_chain_moments_float64(
    cross: numpy.typing.NDArray[numpy.float64],
    orders: numpy.typing.NDArray[numpy.int64],
    *,
    n_moments: int,
    threads: int = 1,
) -> numpy.typing.NDArray[numpy.float64]: ...
def philox_raw(key0: int, key1: int, counter: collections.abc.Sequence[typing.Any]) -> tuple[typing.Any, ...]: ...
def rademacher(
    seed: int, stream: int, rows: int, cols: int, *, dtype: str = "float64", first_row: int = 0, threads: int = 1
) -> typing.Any: ...
def resolvent(
    eigenvalues: numpy.typing.NDArray[numpy.float64], *, offset: float, threads: int = 1
) -> numpy.typing.NDArray[numpy.complex128]: ...
def sample_gram(
    array: typing.Any,
    *,
    rows: typing.Annotated[numpy.typing.ArrayLike, numpy.int64] | None = None,
    columns: typing.Annotated[numpy.typing.ArrayLike, numpy.int64] | None = None,
    scale: float = 1.0,
    center: bool = True,
    standardize: bool = False,
    single_precision: bool = False,
    threads: int = 1,
) -> dict[str, typing.Any]: ...
def scan(
    array: typing.Any,
    *,
    rows: typing.Annotated[numpy.typing.ArrayLike, numpy.int64] | None = None,
    columns: typing.Annotated[numpy.typing.ArrayLike, numpy.int64] | None = None,
    threads: int = 1,
) -> dict[str, typing.Any]: ...
def smoothed_density(
    eigenvalues: numpy.typing.NDArray[numpy.float64], *, bandwidth: float, threads: int = 1
) -> tuple[typing.Any, ...]: ...
def spectral_quadrature_complex128(
    operator: Operator_complex128,
    *,
    degree: int,
    first_probe: int,
    n_probes: int,
    block: int,
    probe: str,
    gram: bool,
    reorthogonalize: bool,
    max_seconds: float,
    seed: int,
    monitor: typing.Any,
    threads: int,
) -> dict[str, typing.Any]: ...
def spectral_quadrature_complex64(
    operator: Operator_complex64,
    *,
    degree: int,
    first_probe: int,
    n_probes: int,
    block: int,
    probe: str,
    gram: bool,
    reorthogonalize: bool,
    max_seconds: float,
    seed: int,
    monitor: typing.Any,
    threads: int,
) -> dict[str, typing.Any]: ...
def spectral_quadrature_float32(
    operator: Operator_float32,
    *,
    degree: int,
    first_probe: int,
    n_probes: int,
    block: int,
    probe: str,
    gram: bool,
    reorthogonalize: bool,
    max_seconds: float,
    seed: int,
    monitor: typing.Any,
    threads: int,
) -> dict[str, typing.Any]: ...
def spectral_quadrature_float64(
    operator: Operator_float64,
    *,
    degree: int,
    first_probe: int,
    n_probes: int,
    block: int,
    probe: str,
    gram: bool,
    reorthogonalize: bool,
    max_seconds: float,
    seed: int,
    monitor: typing.Any,
    threads: int,
) -> dict[str, typing.Any]: ...
def takes_two_stages(order: int, count: int) -> bool: ...
def uniform(
    seed: int, stream: int, rows: int, cols: int, *, dtype: str = "float64", first_row: int = 0, threads: int = 1
) -> typing.Any: ...

__version__: str = "0.1.0"
