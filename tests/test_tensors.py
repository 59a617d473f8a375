"""PyTorch tensors, dense and sparse, give what arrays give."""

import warnings

import eigenscope
import numpy as np
import pytest
import scipy.sparse
from eigenscope import as_operator, covariance_spectrum, eigsh, plan, spectral_density, svds
from eigenscope.errors import UnsupportedTypeError

torch = pytest.importorskip("torch")

A = scipy.sparse.random_array((120, 40), density=0.2, rng=np.random.default_rng(0), format="csr")
SQUARE = (A.T @ A + scipy.sparse.eye_array(40)).tocsr()


def sparse_tensor(matrix, layout):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # torch announces its sparse formats
        return getattr(torch.from_numpy(matrix.toarray()), f"to_sparse_{layout}")()


@pytest.mark.parametrize("layout", ["csr", "csc", "coo"])
@pytest.mark.parametrize(
    "numbers",
    [
        lambda X: svds(X, 3, rng=0).singular_values,
        lambda X: svds(X, 3, center=True, rng=0).singular_values,
        lambda X: eigenscope.randomized_svd(X, 3, rng=0).singular_values,
        lambda X: covariance_spectrum(X).eigenvalues,
        lambda X: spectral_density(X, center=True, rng=0).expectation(np.square).value,
        lambda X: eigsh(eigenscope.gram_view(eigenscope.centered_view(X)), 2, rng=0).eigenvalues,
        lambda X: plan("svds", X, 3).flops,
    ],
)
def test_sparse_data(layout, numbers):
    tensor = sparse_tensor(A, layout)
    np.testing.assert_array_equal(numbers(tensor), numbers(A))


@pytest.mark.parametrize(
    "numbers",
    [
        lambda X: eigenscope.trace(X).value,
        lambda X: eigenscope.trace(X, np.log, rng=0).value,
        lambda X: eigenscope.diagonal(X, np.log, rng=0).value,
        lambda X: spectral_density(X, rng=0).expectation(np.square).value,
        lambda X: eigsh(X, 2, rng=0).eigenvalues,
    ],
)
def test_sparse_symmetric_matrices(numbers):
    np.testing.assert_array_equal(numbers(sparse_tensor(SQUARE, "csr")), numbers(SQUARE))


def test_gradients_and_conjugation_do_not_matter():
    X = np.random.default_rng(1).standard_normal((30, 8)) * (1 + 1j)
    values = np.linalg.svd(X, compute_uv=False)[:2]
    tensor = torch.from_numpy(X)
    for held in (tensor.conj(), tensor.requires_grad_()):
        np.testing.assert_allclose(svds(held, 2, rng=0).singular_values, values)


def test_what_numpy_does_not_have_is_named():
    for wrong in (torch.ones(4, 4).bfloat16(), lambda X: X.bfloat16()):
        with pytest.raises(UnsupportedTypeError, match=r"torch.bfloat16 has no counterpart in NumPy: use .float\(\)"):
            eigsh(as_operator(wrong, shape=(4, 4), dtype=torch.float32), 1)
    with pytest.raises(UnsupportedTypeError, match=r"torch.bfloat16 has no counterpart in NumPy: use torch.float32"):
        as_operator(lambda X: X, shape=(4, 4), dtype=torch.bfloat16)


def test_other_devices_are_refused():
    with pytest.raises(
        UnsupportedTypeError, match=r"the tensor lies on meta: move it \(64 bytes\) with .cpu\(\) first"
    ):
        svds(torch.ones(4, 4, device="meta"), 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        sparse = torch.sparse_coo_tensor(torch.zeros((2, 3), dtype=torch.int64), torch.zeros(3), (4, 4), device="meta")
    with pytest.raises(UnsupportedTypeError, match="the tensor lies on meta"):
        svds(sparse, 1)
