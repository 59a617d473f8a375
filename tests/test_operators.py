"""Products through the operator protocol: right for every container, and consistent with their adjoints."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg
from eigenscope import as_operator, centered_view, gram_view, randomized_svd, shifted_view, svds, testing
from eigenscope.errors import InvalidInputError, UnsupportedTypeError
from eigenscope.inputs import as_source
from eigenscope.operators import compute_dtype, dense_operator, is_implicit, safe_scale

DTYPES = ["float32", "float64", "complex64", "complex128"]


def gaussian(shape, dtype, seed=0):
    random = np.random.default_rng(seed)
    array = random.standard_normal(shape)
    if np.dtype(dtype).kind == "c":
        array = array + 1j * random.standard_normal(shape)
    return array.astype(dtype)


class Products:
    """Shape and ``@``, with the adjoint under the name SciPy gives it."""

    def __init__(self, array):
        self._array = array
        self.shape, self.dtype = array.shape, array.dtype

    def __matmul__(self, block):
        return self._array @ block

    @property
    def H(self):
        return Products(self._array.conj().T)


CONTAINERS = {
    "C order": np.ascontiguousarray,
    "F order": np.asfortranarray,
    "strided": lambda A: np.repeat(np.repeat(A, 2, axis=0), 3, axis=1)[::2, ::3],
    "reversed": lambda A: A[::-1, ::-1].copy()[::-1, ::-1],
    "byte-swapped": lambda A: A.astype(A.dtype.newbyteorder()),
    "csr": scipy.sparse.csr_array,
    "csc": scipy.sparse.csc_array,
    "coo": scipy.sparse.coo_array,
    "linear operator": scipy.sparse.linalg.aslinearoperator,
    "products": Products,
}


@pytest.mark.parametrize("name", CONTAINERS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(700, 40), (40, 700), (1, 9), (9, 1)])
def test_products(name, dtype, shape):
    A = gaussian(shape, dtype)
    operator = as_operator(CONTAINERS[name](A))
    assert operator.shape == shape
    assert operator.dtype == dtype
    wide = A.astype(np.result_type(dtype, np.float64))
    right, left = gaussian((shape[1], 3), dtype, 1), gaussian((shape[0], 3), dtype, 2)
    rtol = testing.default_tolerance(dtype, max(shape))
    cases = {"forward": (right, wide @ right), "adjoint": (left, wide.conj().T @ left)}
    cases["gram"] = (right, wide.conj().T @ (wide @ right))
    for product, (block, expected) in cases.items():
        before = block.copy()
        found = [operator.product(block, threads, product) for threads in (1, 2, 3)]
        np.testing.assert_allclose(found[0], expected, rtol=0, atol=rtol * np.abs(expected).max())
        np.testing.assert_array_equal(found[1], found[0])
        np.testing.assert_array_equal(found[2], found[0])
        np.testing.assert_array_equal(block, before)
    # <A x, y> = <x, A^H y>
    image, back = operator.product(right, 1), operator.product(left, 1, "adjoint")
    size = np.linalg.norm(image) * np.linalg.norm(left)
    mirrored = (right.conj().T @ back).conj().T
    np.testing.assert_allclose(left.conj().T @ image, mirrored, rtol=0, atol=rtol * size)


@pytest.mark.parametrize(
    ("container", "dtype"),
    [
        *((np.asarray, dtype) for dtype in ("bool", "int8", "uint16", "int64", "float16")),
        # SciPy has no sparse half precision.
        *((scipy.sparse.csr_array, dtype) for dtype in ("bool", "int8", "uint16", "int64")),
    ],
)
def test_other_numbers_are_cast(dtype, container):
    A = (gaussian((60, 30), "float64") * 50).astype(dtype)
    operator = as_operator(container(A))
    assert operator.dtype == ("float32" if dtype == "float16" else "float64")
    block = gaussian((30, 2), "float64", 1)
    rtol = 1e-5 if dtype == "float16" else 1e-13
    expected = A.astype(np.float64) @ block
    np.testing.assert_allclose(operator.product(block, 1), expected, atol=rtol * np.abs(expected).max())


@pytest.mark.parametrize("dtype", ["float32", "float64", "int16"])
def test_centred_scaled_and_selected_data(dtype):
    A = (gaussian((300, 20), "float64") * 30 + 100).astype(dtype)
    rows, columns = np.array([0, 3, 5, 200, 299]), np.array([1, 2, 19])
    shift, factor = np.linspace(90, 110, 3), np.linspace(0.5, 2, 3)
    source = as_source(A)
    kept = type(source)(array=A, row_index=rows, column_index=columns)
    operator = dense_operator(kept, shift=shift, factor=factor)
    expected = (A[np.ix_(rows, columns)].astype(np.float64) - shift) * factor
    rtol = 1e-5 if dtype == "float32" else 1e-13
    np.testing.assert_allclose(operator.product(np.eye(3), 1) / operator.scale, expected, atol=rtol * 100)
    np.testing.assert_allclose(operator.product(np.eye(5), 1, "adjoint") / operator.scale, expected.T, atol=rtol * 100)


def test_an_operator_is_an_operator_and_what_is_implicit():
    operator = as_operator(np.eye(3))
    assert as_operator(operator) is operator
    assert not is_implicit(np.eye(3))
    assert not is_implicit([[1.0]])
    for implicit in (operator, scipy.sparse.eye_array(3), lambda block: block, Products(np.eye(3))):
        assert is_implicit(implicit)


def test_the_scalar_of_the_computation():
    kept = {name: name for name in DTYPES}
    kept |= {"float16": "float32", "int8": "float64", "uint64": "float64", "bool": "float64"}
    for stored, computed in kept.items():
        assert compute_dtype(np.dtype(stored)) == computed
    assert compute_dtype(np.dtype("float32"), "float64") == "float64"
    with pytest.raises(UnsupportedTypeError, match=r"must be one of float32, .*, got 'int32'"):
        compute_dtype(np.dtype("float32"), "int32")
    with pytest.raises(UnsupportedTypeError, match="got 'float31'"):
        compute_dtype(np.dtype("float32"), "float31")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_scaling_is_by_powers_of_two_and_only_where_needed(dtype):
    limits = np.finfo(dtype)
    for ordinary in (0.0, 1.0, 1e-4, 12345.0, np.nan):
        assert safe_scale(ordinary, np.dtype(dtype)) == 1.0
    for extreme in (limits.max, limits.tiny, limits.max**0.5, limits.tiny**0.5):
        scale = safe_scale(float(extreme), np.dtype(dtype))
        assert np.frexp(scale)[0] == 0.5
        assert 0.25 <= float(extreme) * scale <= 4.0


def test_an_exception_in_a_product_comes_back_unchanged():
    failure = KeyError("mine")

    def fail(_):
        raise failure

    with pytest.raises(KeyError) as caught:
        as_operator(fail, shape=(4, 4)).product(np.ones((4, 1)), 1)
    assert caught.value is failure


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"obj": lambda block: block}, InvalidInputError, r"needs shape=\(rows, columns\)"),
        (
            {"obj": lambda block: block, "shape": (0, 3)},
            InvalidInputError,
            r"shape=\(rows, columns\), two positive integers, got \(0, 3\)",
        ),
        ({"obj": lambda block: block, "shape": 600}, InvalidInputError, "two positive integers, got 600"),
        ({"obj": lambda block: block, "shape": (3, 2.5)}, InvalidInputError, r"two positive integers, got \(3, 2.5\)"),
        ({"obj": lambda block: block, "shape": (10**25, 3)}, InvalidInputError, "at most 281,474,976,710,656 rows"),
        ({"obj": lambda block: block, "shape": (3, 3), "dtype": "int32"}, None, None),
        ({"obj": np.zeros((2, 2, 2))}, InvalidInputError, r"got shape \(2, 2, 2\)"),
        ({"obj": "text"}, InvalidInputError, "no such file: text"),
        ({"obj": scipy.sparse.csr_array([[np.inf]])}, InvalidInputError, "first at stored entry 0"),
        (
            {"obj": scipy.sparse.coo_array([1.0, 2.0])},
            InvalidInputError,
            r"two-dimensional, got shape \(2,\)",
        ),
    ],
)
def test_what_has_no_products_is_said(arguments, error, match):
    if error is None:
        assert as_operator(**arguments).dtype == "float64"
        return
    with pytest.raises(error, match=match):
        as_operator(**arguments)


def test_a_sparse_structure_that_points_outside_is_refused():
    A = scipy.sparse.csr_array(np.eye(3))
    A.indices[1] = 7
    with pytest.raises(InvalidInputError, match="column"):
        as_operator(A)


def test_singular_values_of_operators_of_every_kind():
    A = scipy.sparse.random_array((70, 40), density=0.2, rng=np.random.default_rng(0), format="csr")
    dense = A.toarray()
    truth = np.linalg.svd(dense, compute_uv=False)[:3]
    centered = np.linalg.svd(dense - dense.mean(axis=0), compute_uv=False)[:3]

    class ForwardOnly:
        shape = (70, 40)

        def __matmul__(self, block):
            return dense @ block

    forward_only = scipy.sparse.linalg.LinearOperator((70, 40), matvec=lambda v: dense @ v)
    for solve in (svds, randomized_svd):
        options = {"rng": 0, "threads": 1} | ({"n_iter": 12} if solve is randomized_svd else {})
        for held in (as_operator(A), as_operator(A.tocsc()), as_operator(dense)):
            np.testing.assert_allclose(solve(held, 3, **options).singular_values, truth, rtol=1e-9)
        np.testing.assert_allclose(solve(centered_view(A), 3, **options).singular_values, centered, rtol=1e-9)
        np.testing.assert_allclose(solve(gram_view(A), 3, **options).singular_values, truth**2, rtol=1e-9)
        for held in (forward_only, ForwardOnly()):
            found = solve(held, 3, adjoint=lambda block: dense.T @ block, **options)
            np.testing.assert_allclose(found.singular_values, truth, rtol=1e-9)
            with pytest.raises(InvalidInputError, match="give adjoint="):
                solve(held, 3, **options)
    square = dense[:40]
    shifted = np.linalg.svd(square - 0.3 * np.eye(40), compute_uv=False)[:3]
    found = svds(shifted_view(scipy.sparse.csr_array(square), 0.3), 3, rng=0)
    np.testing.assert_allclose(found.singular_values, shifted, rtol=1e-9)
    with pytest.raises(InvalidInputError, match="rmatvec="):
        svds(forward_only, 3)
    with pytest.raises(UnsupportedTypeError, match="adjoint must be a function"):
        svds(forward_only, 3, adjoint=dense.T)
