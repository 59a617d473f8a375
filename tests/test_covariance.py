"""The covariance spectrum against NumPy, over every kind of input it promises to take."""

from __future__ import annotations

import warnings

import hypothesis
import hypothesis.extra.numpy
import hypothesis.strategies as strategies
import numpy as np
import pytest
from eigenscope import _core, covariance_spectrum, fit_marchenko_pastur, testing
from eigenscope.errors import DataWarning, InvalidInputError, MemoryBudgetError, UnsupportedTypeError

NATIVE_DTYPES = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
REAL_DTYPES = [*NATIVE_DTYPES, "float16", "float32", "float64", ">i2", ">u4", ">f2", ">f4", ">f8", "<f8"]
SHAPES = {
    "tall": (90, 17),
    "wide": (17, 90),
    "square": (40, 40),
    "one feature": (50, 1),
    "two samples": (2, 30),
}
FEW_EXAMPLES = hypothesis.settings(max_examples=30, deadline=None)


def reference(X, *, center=True, scale=False):
    """Descending eigenvalues and the centred data, from the singular values of the data themselves."""
    wide = np.asarray(X).astype(np.longdouble)
    n = len(wide)
    deviations = wide - wide.mean(axis=0) if center else wide
    divisor = n - 1 if center else n
    if scale:
        spread = np.sqrt((deviations**2).sum(axis=0) / divisor)
        deviations = deviations[:, spread > 0] / spread[spread > 0]
    deviations = deviations.astype(np.float64)
    return np.linalg.svd(deviations, compute_uv=False) ** 2 / divisor, deviations, divisor


def tolerance(dtype):
    """Errors of eigenvalues relative to the largest: the products of narrow floats are single precision."""
    dtype = np.dtype(dtype)
    return 1e-6 if dtype.kind == "f" and dtype.itemsize <= 4 else 1e-13


def assert_spectrum(spectrum, X, *, center=True, scale=False, rtol=1e-13):
    expected, deviations, divisor = reference(X, center=center, scale=scale)
    k = len(spectrum.eigenvalues)
    top = max(float(expected[0]), np.finfo(float).tiny)
    np.testing.assert_allclose(spectrum.eigenvalues, expected[:k], rtol=0, atol=rtol * top)
    assert (np.diff(spectrum.eigenvalues) <= 0).all()
    np.testing.assert_allclose(spectrum.total_variance, expected.sum(), rtol=max(rtol, 1e-13))
    assert spectrum.degrees_of_freedom == divisor
    assert spectrum.n_samples == len(X)
    assert spectrum.n_features == deviations.shape[1]
    if spectrum.eigenvectors is not None:
        assert spectrum.eigenvectors.shape == (deviations.shape[1], k)
        testing.assert_orthonormal(spectrum.eigenvectors, rtol=1e-12)
        image = deviations.T @ (deviations @ spectrum.eigenvectors) / divisor
        residuals = np.linalg.norm(image - spectrum.eigenvectors * spectrum.eigenvalues, axis=0)
        assert residuals.max() <= 10 * rtol * top


def draw(dtype, shape, seed=0):
    """Values that use a good part of the range of the dtype."""
    random = np.random.default_rng(seed)
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return random.random(shape) < 0.3
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return random.integers(limits.min // 2, limits.max // 2, shape).astype(dtype)
    return (random.standard_normal(shape) * 3 + 1).astype(dtype)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("dtype", REAL_DTYPES)
def test_every_dtype_agrees_with_numpy(dtype, shape):
    X = draw(dtype, shape)
    before = X.copy()
    assert_spectrum(covariance_spectrum(X), X, rtol=tolerance(dtype))
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int16"])
def test_centring_scaling_and_vectors(dtype, scale, center, shape):
    X = draw(dtype, shape)
    options = {"center": center, "scale": scale}
    assert_spectrum(covariance_spectrum(X, eigenvectors=True, **options), X, rtol=tolerance(dtype), **options)
    some = covariance_spectrum(X, k=1, **options)
    assert_spectrum(some, X, rtol=tolerance(dtype), **options)
    assert some.eigenvectors.shape[1] == 1


@pytest.mark.parametrize("shape", [(3000, 40), (700, 600), (600, 700), (130, 1100)])
def test_many_panels_and_tiles(shape):
    X = draw("float64", shape) + np.linspace(-50, 50, shape[1])
    assert_spectrum(covariance_spectrum(X, threads=2), X)


def test_the_spectrum_is_that_of_the_covariance_matrix_of_numpy():
    X = draw("float64", (200, 30))
    expected = np.linalg.eigvalsh(np.cov(X.T))[::-1]
    np.testing.assert_allclose(covariance_spectrum(X).eigenvalues, expected, rtol=1e-12)
    expected = np.linalg.eigvalsh(np.corrcoef(X.T))[::-1]
    np.testing.assert_allclose(covariance_spectrum(X, scale=True).eigenvalues, expected, rtol=1e-12)


def test_iterative_top_of_a_large_covariance_matrix():
    values = testing.polynomial_spectrum(1100, exponent=1.0)
    X = np.random.default_rng(1).standard_normal((1300, 1100)) * np.sqrt(values)
    spectrum = covariance_spectrum(X, k=20)
    assert "Lanczos" in spectrum.info.method
    assert spectrum.status == "converged"
    assert_spectrum(spectrum, X, rtol=1e-9)
    expected = np.linalg.eigvalsh(np.cov(X.T))[::-1][:20]
    np.testing.assert_allclose(spectrum.eigenvalues, expected, rtol=1e-12)
    assert (spectrum.residual_norms <= 1e-9 * spectrum.eigenvalues[0]).all()


CONTAINERS = {
    "C order": np.ascontiguousarray,
    "F order": np.asfortranarray,
    "strided rows": lambda X: np.repeat(X, 3, axis=0)[::3],
    "strided both": lambda X: np.repeat(np.repeat(X, 2, axis=0), 2, axis=1)[::2, ::2],
    "reversed rows": lambda X: X[::-1].copy()[::-1],
    "reversed columns": lambda X: X[:, ::-1].copy()[:, ::-1],
    "list of rows": lambda X: X.tolist(),
    "unaligned": lambda X: np.frombuffer(b"x" + X.tobytes(), dtype=np.uint8)[1:].view(X.dtype).reshape(X.shape),
}


@pytest.mark.parametrize("name", CONTAINERS)
@pytest.mark.parametrize("shape", [(120, 20), (20, 120)])
def test_container_does_not_matter(name, shape):
    X = draw("float64", shape)
    held = CONTAINERS[name](X)
    assert_spectrum(covariance_spectrum(held, eigenvectors=True), X)


@pytest.mark.parametrize("shape", [(120, 20), (20, 120)])
def test_read_only_memory_maps_and_paths(tmp_path, shape):
    X = draw("float32", shape)
    X.flags.writeable = False
    np.save(tmp_path / "data.npy", X)
    np.save(tmp_path / "columns.npy", np.asfortranarray(X))
    expected = covariance_spectrum(X).eigenvalues
    for held in (
        tmp_path / "data.npy",
        str(tmp_path / "data.npy"),
        np.load(tmp_path / "data.npy", mmap_mode="r"),
    ):
        np.testing.assert_array_equal(covariance_spectrum(held).eigenvalues, expected)
    by_columns = covariance_spectrum(tmp_path / "columns.npy").eigenvalues
    np.testing.assert_allclose(by_columns, expected, rtol=0, atol=1e-6 * expected[0])


@pytest.mark.parametrize("shape", [(300, 20), (20, 300)])
@pytest.mark.parametrize("scale", [True, False])
def test_a_mean_of_1e8_deviations_costs_no_digits(shape, scale):
    X = draw("float64", shape) + 1e8
    assert_spectrum(covariance_spectrum(X, scale=scale), X, scale=scale, rtol=1e-12)
    narrow = (draw("float64", shape) + 1e4).astype(np.float32)
    assert_spectrum(covariance_spectrum(narrow, scale=scale), narrow, scale=scale, rtol=1e-6)


@pytest.mark.parametrize("shape", [(60, 20), (20, 60)])
@pytest.mark.parametrize(("dtype", "power"), [("float64", 498), ("float64", -498), ("float32", 83), ("float32", -83)])
def test_units_near_the_ends_of_the_range(dtype, power, shape):
    X = draw(dtype, shape)
    extreme = np.ldexp(X, power).astype(dtype)
    expected = covariance_spectrum(X, k=5)
    found = covariance_spectrum(extreme, k=5)
    rtol = 1e-12 if dtype == "float64" else 1e-5
    np.testing.assert_allclose(np.ldexp(found.eigenvalues, -2 * power), expected.eigenvalues, rtol=rtol)
    np.testing.assert_allclose(np.ldexp(found.total_variance, -2 * power), expected.total_variance, rtol=rtol)
    np.testing.assert_allclose(found.eigenvectors, expected.eigenvectors, atol=1e3 * rtol)
    scaled = covariance_spectrum(extreme, scale=True).eigenvalues
    np.testing.assert_allclose(scaled, covariance_spectrum(X, scale=True).eigenvalues, rtol=0, atol=20 * rtol)


@pytest.mark.parametrize("n_late", [1, 70])
def test_a_few_huge_values_that_a_look_at_some_rows_misses(n_late):
    X = draw("float32", (1001, 9))
    X[500 : 500 + n_late] = np.ldexp(X[500 : 500 + n_late], 90)
    # The rest of a panel is one constant beside the huge rows; its rounding adds up over 256 rows.
    assert_spectrum(covariance_spectrum(X), X, rtol=256 * float(np.finfo(np.float32).eps))


@pytest.mark.parametrize("shape", [(30, 8), (8, 30)])
def test_zero_and_constant_data(shape):
    for value in (0.0, 0.1, 1e8 + 0.1):
        spectrum = covariance_spectrum(np.full(shape, value), eigenvectors=True)
        assert (np.abs(spectrum.eigenvalues) <= (4e-16 * value) ** 2 * 300).all()
        testing.assert_orthonormal(spectrum.eigenvectors, rtol=1e-12)


@pytest.mark.parametrize("shape", [(50, 12), (12, 50)])
def test_constant_features_are_left_out_of_scaled_spectra_only(shape):
    X = draw("float64", shape)
    X[:, [2, 5]] = [0.0, 0.1]
    spectrum = covariance_spectrum(X)
    assert spectrum.n_features == shape[1]
    assert_spectrum(spectrum, X)
    with pytest.warns(DataWarning, match=f"2 of {shape[1]} features are constant"):
        scaled = covariance_spectrum(X, scale=True, eigenvectors=True)
    assert_spectrum(scaled, np.delete(X, [2, 5], axis=1), scale=True)
    assert len(scaled.feature_means) == len(scaled.feature_variances) == shape[1] - 2


@pytest.mark.parametrize("shape", [(300, 12), (40, 90)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int16"])
def test_statistics_of_features(shape, dtype):
    X = draw(dtype, shape, seed=3)
    spectrum = covariance_spectrum(X)
    wide = X.astype(np.float64)
    rtol = 1e-6 if dtype == "float32" else 1e-12
    np.testing.assert_allclose(spectrum.feature_means, wide.mean(axis=0), rtol=rtol, atol=rtol * np.abs(wide).max())
    np.testing.assert_allclose(spectrum.feature_variances, wide.var(axis=0, ddof=1), rtol=rtol)


@pytest.mark.parametrize("shape", [(2000, 12), (40, 90), (300, 600)])
def test_lag_one_autocorrelation_is_the_pooled_one(shape):
    random = np.random.default_rng(2)
    X = np.cumsum(random.standard_normal(shape), axis=0) * random.uniform(0.1, 3, shape[1]) + 7
    deviations = X - X.mean(axis=0)
    expected = (deviations[1:] * deviations[:-1]).sum() / (deviations**2).sum()
    assert covariance_spectrum(X).lag_one_autocorrelation == pytest.approx(expected, rel=1e-12)


def test_labels_come_along():
    pandas = pytest.importorskip("pandas")
    X = draw("float64", (30, 4))
    X[:, 1] = 2.0
    frame = pandas.DataFrame(X, columns=["a", "b", "c", 7])
    assert covariance_spectrum(frame).feature_names == ("a", "b", "c", "7")
    with pytest.warns(DataWarning):
        assert covariance_spectrum(frame, scale=True).feature_names == ("a", "c", "7")


@FEW_EXAMPLES
@hypothesis.given(
    X=hypothesis.extra.numpy.arrays(
        np.float64,
        hypothesis.extra.numpy.array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=12),
        elements=strategies.floats(-1e3, 1e3, width=32),
    ),
    data=strategies.data(),
)
def test_orientation_order_and_unit(X, data):
    expected = covariance_spectrum(X).eigenvalues
    atol = 1e-12 * max(float((X**2).sum()), 1e-300)
    transposed = covariance_spectrum(X.T, sample_axis=1)
    np.testing.assert_array_equal(transposed.eigenvalues, expected)
    assert transposed.sample_axis == 1
    permuted = X[:, data.draw(strategies.permutations(range(X.shape[1])))]
    np.testing.assert_allclose(covariance_spectrum(permuted).eigenvalues, expected, rtol=0, atol=atol)
    shuffled = X[data.draw(strategies.permutations(range(X.shape[0])))]
    np.testing.assert_allclose(covariance_spectrum(shuffled).eigenvalues, expected, rtol=0, atol=atol)
    # Powers of two change no digit.
    np.testing.assert_allclose(covariance_spectrum(8 * X).eigenvalues, 64 * expected, rtol=1e-15, atol=0)


@FEW_EXAMPLES
@hypothesis.given(
    split=strategies.integers(1, 599), seed=strategies.integers(0, 2**31), offset=strategies.floats(-1e6, 1e6)
)
def test_moments_of_a_concatenation_merge(split, seed, offset):
    X = np.random.default_rng(seed).standard_normal((600, 5)) + offset
    whole, early, late = _core.moments(X), _core.moments(X[:split]), _core.moments(X[split:])
    n, n_early, n_late = whole["count"], early["count"], late["count"]
    assert (n, n_early, n_late) == (600, split, 600 - split)
    size = 1 + abs(offset)
    mean = (n_early * early["mean"] + n_late * late["mean"]) / n
    np.testing.assert_allclose(whole["mean"], mean, atol=1e-14 * size)
    difference = late["mean"] - early["mean"]
    products = early["cross_products"] + late["cross_products"]
    products = products + n_early * n_late / n * np.outer(difference, difference)
    # The means of the pieces are rounded to the offset's last digit and enter times their difference.
    atol = 600 * (1e-13 + 4e-16 * size)
    np.testing.assert_allclose(np.tril(whole["cross_products"]), np.tril(products), rtol=0, atol=atol)


def test_a_matrix_that_does_not_fit_is_refused_with_its_bytes_or_iterated():
    X = np.random.default_rng(0).standard_normal((900, 800)) * testing.polynomial_spectrum(800, exponent=1.0)
    needed = 8 * 800**2
    with pytest.raises(MemoryBudgetError, match=r"900 samples x 800 features need [\d.]+ MB.*give k=20, or") as caught:
        covariance_spectrum(X, max_memory=needed // 2)
    assert "budget is 2.56 MB" in str(caught.value)
    assert len(covariance_spectrum(X, k=20, max_memory=needed // 2).eigenvalues) == 20
    spectrum = covariance_spectrum(X, k=5, max_memory=needed // 2, rng=0)
    assert "Krylov" in spectrum.info.method
    assert_spectrum(spectrum, X, rtol=1e-7)
    np.testing.assert_allclose(spectrum.eigenvalues, reference(X)[0][:5], rtol=1e-10)
    assert spectrum.lag_one_autocorrelation == pytest.approx(covariance_spectrum(X).lag_one_autocorrelation, rel=1e-10)
    scaled = covariance_spectrum(X, k=3, scale=True, max_memory=needed // 2, rng=0)
    np.testing.assert_allclose(scaled.eigenvalues, reference(X, scale=True)[0][:3], rtol=1e-10)
    assert scaled.total_variance == pytest.approx(800)


def test_fewer_eigenvalues_are_suggested_only_where_they_fit():
    X = np.random.default_rng(0).standard_normal((300, 80))
    with pytest.raises(MemoryBudgetError, match=r"need [\d.]+ MB, the budget is 1 kB: raise max_memory$"):
        covariance_spectrum(X, max_memory=1000)


def test_wrong_input_is_refused_with_numbers():
    X = draw("float64", (10, 4))
    for k in (0, 5, -1):
        with pytest.raises(InvalidInputError, match=rf"from 1 to min\(samples, features\) = 4, got {k}"):
            covariance_spectrum(X, k=k)
    with pytest.raises(InvalidInputError, match="at least 2 samples, got 1"):
        covariance_spectrum(X[:1])
    with pytest.raises(UnsupportedTypeError, match="complex128"):
        covariance_spectrum(X * 1j)
    with pytest.raises(UnsupportedTypeError, match="compute_dtype"):
        covariance_spectrum(X, compute_dtype="float16")
    for wrong in ("int8", "complex128"):
        with pytest.raises(UnsupportedTypeError, match=f"compute_dtype must be one of float32, float64, got '{wrong}'"):
            covariance_spectrum(X, compute_dtype=wrong)
    with pytest.raises(InvalidInputError, match="sample_axis must be 0 or 1, got 2"):
        covariance_spectrum(X, sample_axis=2)
    assert len(covariance_spectrum(X[:1], center=False).eigenvalues) == 1


@pytest.mark.parametrize("requested", ["float32", "float64"])
def test_precision_can_be_chosen(requested):
    X = draw("float32", (400, 30))
    assert_spectrum(covariance_spectrum(X, compute_dtype=requested), X, rtol=tolerance(requested))


def test_single_precision_products_leave_no_negative_eigenvalue():
    # Copies of features: half of the eigenvalues are zero, and rounding in float32 would push some below.
    half = np.random.default_rng(5).standard_normal((1300, 510)).astype(np.float32)
    spectrum = covariance_spectrum(np.hstack([half, half]))
    assert spectrum.eigenvalues.min() >= 0
    assert spectrum.eigenvalues[510:].max() < 1e-5 * spectrum.eigenvalues[0]
    # How much rounding leaves depends on the kernel: half of the values above the noise, or no noise at all.
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "half of all 1020", DataWarning)
        fit = fit_marchenko_pastur(spectrum)
    assert fit.n_features == 1020
    assert not fit.credible


def test_features_that_are_all_constant_cannot_be_scaled():
    with pytest.raises(InvalidInputError, match="all 4 features are constant"):
        covariance_spectrum(np.ones((10, 4)), scale=True)


def test_bits_of_full_spectra_do_not_depend_on_threads():
    X = np.random.default_rng(3).standard_normal((1500, 1100))
    one, two, three = (covariance_spectrum(X, threads=threads).eigenvalues for threads in (1, 2, 3))
    np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(one, three)
