"""Multidimensional scaling: exact on planted points, monotone, honest about what it cannot show."""

import numpy as np
import pytest
from eigenscope.errors import ConvergenceWarning, InvalidInputError, NonFiniteInputError, UnsupportedTypeError
from eigenscope.neural import Embedding, classical_scaling, smacof
from eigenscope.neural.embedding import _guttman_transform, _stress
from scipy.spatial import procrustes
from scipy.spatial.distance import pdist, squareform


def planted(n_points=30, seed=0):
    points = np.random.default_rng(seed).standard_normal((n_points, 2)) * [3, 1]
    return points, squareform(pdist(points))


@pytest.mark.parametrize("method", [classical_scaling, smacof])
def test_planted_points_are_recovered(method):
    points, distances = planted()
    embedding = method(distances)
    # SciPy's disparity is a sum of squares of standardised points.
    assert procrustes(points, embedding.coordinates)[2] < 1e-20
    assert embedding.stress < 1e-12
    assert embedding.negative_mass < 1e-12
    np.testing.assert_allclose(pdist(embedding.coordinates), pdist(points), rtol=1e-10)


def test_smacof_never_rises_and_improves_on_classical_scaling():
    rng = np.random.default_rng(1)
    distances = squareform(pdist(rng.standard_normal((40, 10))))
    points = rng.standard_normal((40, 2))
    stresses = []
    for _ in range(50):
        stresses.append(_stress(points, distances))
        points = _guttman_transform(points, distances)
    assert np.all(np.diff(stresses) <= 1e-14)
    assert smacof(distances).stress < classical_scaling(distances).stress


def test_smacof_agrees_with_scikit_learn():
    manifold = pytest.importorskip("sklearn.manifold")
    rng = np.random.default_rng(2)
    distances = squareform(pdist(rng.standard_normal((25, 6))))
    start = rng.standard_normal((25, 2))
    ours = smacof(distances, start=start, tol=1e-12, max_iterations=10_000)
    theirs, _ = manifold.smacof(
        distances, n_components=2, init=start, n_init=1, max_iter=10_000, eps=1e-14, normalized_stress=False
    )
    assert ours.stress == pytest.approx(_stress(theirs, distances), rel=1e-3)


def test_distances_that_are_not_euclidean_show_as_negative_mass():
    # Four points on a circle, distances along it.
    square = np.array([[0, 1, 2, 1], [1, 0, 1, 2], [2, 1, 0, 1], [1, 2, 1, 0.0]])
    embedding = classical_scaling(square)
    np.testing.assert_allclose(embedding.eigenvalues, [2, 2, 0, -1], atol=1e-12)
    assert embedding.negative_mass == pytest.approx(0.2)


@pytest.mark.parametrize("factor", [1e-150, 1e150])
def test_units_do_not_matter(factor):
    _, distances = planted()
    for method in (classical_scaling, smacof):
        scaled = method(distances * factor).coordinates if method is smacof else None
        plain = method(distances).coordinates
        if scaled is not None:
            np.testing.assert_allclose(scaled, plain * factor, rtol=1e-9, atol=1e-9 * factor)


@pytest.mark.parametrize("method", [classical_scaling, smacof])
@pytest.mark.parametrize(("factor", "remedy"), [(1e200, "divide"), (1e-200, "multiply")])
def test_distances_whose_squares_are_no_doubles_are_refused(method, factor, remedy):
    with pytest.raises(InvalidInputError, match=rf"squares of such numbers .* {remedy} them by a power of ten"):
        method(planted()[1] * factor)


def test_coinciding_points():
    points = np.array([[0.0, 0], [0, 0], [1, 0], [0, 1]])
    embedding = smacof(squareform(pdist(points)))
    assert procrustes(points, embedding.coordinates)[2] < 1e-12


def test_budget_is_reported():
    distances = squareform(pdist(np.random.default_rng(3).standard_normal((20, 8))))
    with pytest.warns(ConvergenceWarning, match="2 iterations"):
        embedding = smacof(distances, max_iterations=2)
    assert embedding.status == "budget"


@pytest.mark.parametrize("options", [{"tol": float("nan")}, {"tol": -1}, {"max_iterations": 0}])
def test_options_of_smacof_are_checked(options):
    with pytest.raises(InvalidInputError, match="tol must not be negative"):
        smacof(np.ones((3, 3)) - np.eye(3), **options)


def test_wrong_input_is_refused():
    _, distances = planted(6)
    asymmetric = distances.copy()
    asymmetric[0, 1] *= 2
    for call in [
        lambda: classical_scaling(distances[:3]),
        lambda: classical_scaling(distances, k=6),
        lambda: classical_scaling(distances, k=0),
        lambda: classical_scaling(asymmetric),
        lambda: classical_scaling(-distances),
        lambda: classical_scaling(np.eye(4)),
        lambda: classical_scaling(np.zeros((4, 4))),
        lambda: smacof(distances, start=np.zeros((6, 3))),
        lambda: smacof(distances, start=np.full((6, 2), np.nan)),
        lambda: smacof(distances, start="a"),
    ]:
        with pytest.raises(InvalidInputError):
            call()
    distances[1, 2] = np.nan
    with pytest.raises(NonFiniteInputError):
        smacof(distances)


@pytest.mark.parametrize("method", [classical_scaling, smacof])
def test_what_is_no_real_numbers_is_refused(method):
    _, distances = planted(6)
    masked = np.ma.masked_array(distances, mask=distances > 5)
    with pytest.raises(InvalidInputError, match="are masked"):
        method(masked)
    for wrong in (distances + 0j, distances.astype("U32"), distances.astype(object)):
        with pytest.raises(UnsupportedTypeError):
            method(wrong)
    np.testing.assert_array_equal(method(np.ma.masked_array(distances)).coordinates, method(distances).coordinates)


def test_start_is_read_like_data():
    points, distances = planted(6)
    with pytest.raises(InvalidInputError, match="are masked"):
        smacof(distances, start=np.ma.masked_array(points, mask=points > 1))
    with pytest.raises(UnsupportedTypeError):
        smacof(distances, start=points + 1j)


def test_result_saves_prints_and_draws(tmp_path):
    pytest.importorskip("matplotlib").use("Agg")
    embedding = classical_scaling(planted(6)[1])
    embedding.save(tmp_path / "map.npz")
    assert Embedding.load(tmp_path / "map.npz") == embedding
    assert len(repr(embedding).splitlines()) == 3
    assert embedding.plot(groups=[0, 0, 0, 1, 1, 1]).get_xlabel() == "coordinate 1"
    with pytest.raises(InvalidInputError):
        embedding.plot(groups=[1])
