"""Random numbers of the core: NumPy's Philox bit for bit, exact laws, values fixed by their place."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from eigenscope import _core
from scipy import special, stats

FILLS = [_core.gaussian, _core.rademacher, _core.uniform]
DTYPES = ["float32", "float64", "complex64", "complex128"]
MAX_WORD = 2**64 - 1


def words(seed: int, stream: int, rows: int, cols: int, *, first_row: int = 0) -> npt.NDArray[np.uint64]:
    """Return the raw words of a block as NumPy's generator gives them."""
    blocks = -(-cols // 4)
    raw = np.empty((rows, blocks, 4), dtype=np.uint64)
    for i in range(rows):
        for block in range(blocks):
            # NumPy adds one to its 256-bit counter before it draws.
            counter = block + ((first_row + i) << 64) + (stream << 128) - 1
            raw[i, block] = np.random.Philox(key=seed, counter=counter % 2**256).random_raw(4)
    return raw.reshape(rows, 4 * blocks)[:, :cols]


@pytest.mark.parametrize(
    ("key", "counter"),
    [
        ((0, 0), (1, 0, 0, 0)),
        ((5, 7), (4, 2, 1, 9)),
        ((MAX_WORD, 1), (MAX_WORD, MAX_WORD, 0, 3)),
        ((2**63, MAX_WORD), (12345, 2**40, 2**50, 2**60)),
    ],
)
def test_philox_equals_numpy(key: tuple[int, int], counter: tuple[int, int, int, int]) -> None:
    stepped_back = sum(word << (64 * i) for i, word in enumerate(counter)) - 1
    expected = np.random.Philox(key=key[0] + (key[1] << 64), counter=stepped_back).random_raw(4)
    assert _core.philox_raw(*key, counter) == tuple(expected.tolist())


def test_uniform_and_rademacher_are_the_words_of_numpy() -> None:
    raw = words(11, 3, 40, 6, first_row=9)
    uniform = _core.uniform(11, 3, 40, 6, first_row=9)
    signs = _core.rademacher(11, 3, 40, 6, first_row=9)
    assert np.array_equal(uniform, (raw >> np.uint64(11)) * 2.0**-53)
    assert np.array_equal(signs, np.where(raw < 2**63, 1.0, -1.0))


def test_gaussian_is_the_normal_quantile() -> None:
    """Against SciPy's inverse of the smaller tail, which is where 1 - p would lose digits."""
    raw = words(11, 3, 1500, 8)
    k = (raw >> np.uint64(11)).astype(np.int64)
    from_centre = (k - 2**52) + 0.5
    tail = (2.0**52 - np.abs(from_centre)) * 2.0**-53
    expected = np.copysign(special.ndtri(tail), from_centre)
    assert np.max(np.abs(_core.gaussian(11, 3, 1500, 8) / expected - 1)) < 1e-14


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("fill", FILLS)
def test_values_depend_on_their_place_alone(fill, dtype: str) -> None:
    whole = fill(5, 2, 2000, 9, dtype=dtype)
    assert whole.dtype == dtype
    assert whole.shape == (2000, 9)
    for threads in (2, 3):
        assert np.array_equal(fill(5, 2, 2000, 9, dtype=dtype, threads=threads), whole)
    assert np.array_equal(fill(5, 2, 300, 4, dtype=dtype, first_row=1234), whole[1234:1534, :4])
    assert not np.array_equal(fill(6, 2, 2000, 9, dtype=dtype), whole)
    assert not np.array_equal(fill(5, 3, 2000, 9, dtype=dtype), whole)


@pytest.mark.parametrize("fill", FILLS)
def test_single_precision_is_double_precision_rounded(fill) -> None:
    assert np.array_equal(fill(1, 0, 700, 5, dtype="float32"), fill(1, 0, 700, 5).astype(np.float32))


@pytest.mark.parametrize(
    ("fill", "scale"), [(_core.gaussian, 0.5**0.5), (_core.rademacher, 0.5**0.5), (_core.uniform, 1.0)]
)
def test_complex_columns_are_pairs_of_real_ones(fill, scale: float) -> None:
    real = fill(1, 0, 400, 6)
    complex_ = fill(1, 0, 400, 3, dtype="complex128")
    np.testing.assert_allclose(complex_, scale * (real[:, ::2] + 1j * real[:, 1::2]), rtol=4e-16)


@pytest.mark.parametrize(
    ("fill", "law"),
    [(_core.gaussian, stats.norm()), (_core.uniform, stats.uniform())],
    ids=["gaussian", "uniform"],
)
def test_laws_pass_kolmogorov_smirnov(fill, law) -> None:
    """Of 200 streams, those below p = 0.01 are Binomial(200, 0.01): more than 10 has probability 1e-5."""
    p_values = [stats.kstest(fill(7, stream, 500, 4).ravel(), law.cdf).pvalue for stream in range(200)]
    assert sum(p < 0.01 for p in p_values) <= 10
    assert stats.kstest(p_values, "uniform").pvalue > 1e-4


def test_gaussian_moments() -> None:
    """Sample moments of 10^6 normals within five standard errors of 0, 1, 0, 3 (variances 1, 2, 15, 96)."""
    z = _core.gaussian(123, 0, 250_000, 4).ravel()
    for power, mean, variance in [(1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)]:
        assert abs(np.mean(z**power) - mean) < 5 * np.sqrt(variance / z.size)


def test_columns_and_streams_are_uncorrelated() -> None:
    """Correlations of columns with 20 000 rows are about N(0, 1/20000): all 66 stay below 5 sigma."""
    z = np.hstack([_core.gaussian(9, stream, 20_000, 6) for stream in (0, 1)])
    correlations = np.corrcoef(z.T)[np.triu_indices(12, 1)]
    assert np.max(np.abs(correlations)) < 5 / np.sqrt(20_000)


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="4 words"):
        _core.philox_raw(0, 0, [1, 2, 3])
    with pytest.raises(ValueError, match="int32"):
        _core.gaussian(0, 0, 2, 2, dtype="int32")
    with pytest.raises(ValueError, match="negative"):
        _core.gaussian(0, 0, -1, 2)


def test_the_instruction_set_is_reported() -> None:
    assert _core.build_config()["instruction_set"] in {"baseline", "v3", "v4"}
