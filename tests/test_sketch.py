"""Sketches of rows: the laws of merging hold to the last bit, and the bounds hold for certain."""

from __future__ import annotations

import dataclasses
import itertools
import pickle
import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse
from eigenscope import RowSketch, row_summaries, testing
from eigenscope.errors import InvalidInputError, NonFiniteInputError, UnsupportedTypeError
from eigenscope.row_summaries import panel_rows
from hypothesis import given, settings
from hypothesis import strategies as st

N_FEATURES, N_VECTORS = 6, 4
ROWS = np.random.default_rng(0).standard_normal((3 * panel_rows(N_FEATURES) + 77, N_FEATURES)) + 5.0
DECAYING = testing.rectangular_matrix(testing.exponential_spectrum(80, ratio=0.7), (3000, 80), rng=1)


def sketch(rows=ROWS, first_row=0, n_vectors=N_VECTORS, seed=3):
    return RowSketch(rows.shape[1], n_vectors, first_row=first_row, rng=seed, threads=1).update(rows)


def assert_same_bits(left, right):
    for center in (False, True):
        one, other = left.svd(3, center=center), right.svd(3, center=center)
        for field in dataclasses.fields(one):
            if field.name != "info":
                assert np.array_equal(getattr(one, field.name), getattr(other, field.name)) or repr(
                    getattr(one, field.name)
                ) == repr(getattr(other, field.name)), field.name


WHOLE = sketch()

cuts = st.lists(st.integers(0, len(ROWS)), max_size=6).map(lambda inner: sorted({0, *inner, len(ROWS)}))


@settings(max_examples=25, deadline=None)
@given(cuts)
def test_updates_may_be_split_anywhere(bounds):
    pieces = RowSketch(N_FEATURES, N_VECTORS, rng=3, threads=1)
    for first, stop in itertools.pairwise(bounds):
        pieces.update(ROWS[first:stop])
    assert pieces.n_rows == pieces.next_row == len(ROWS)
    assert_same_bits(pieces, WHOLE)


@settings(max_examples=25, deadline=None)
@given(cuts, st.randoms(use_true_random=False))
def test_merging_is_commutative_and_associative(bounds, random):
    parts = [sketch(ROWS[a:b], a) for a, b in itertools.pairwise(bounds)]
    parts.append(RowSketch(N_FEATURES, N_VECTORS, rng=3, threads=1))  # the identity
    random.shuffle(parts)
    while len(parts) > 1:
        parts.append(parts.pop(random.randrange(len(parts))).merge(parts.pop()))
    assert_same_bits(parts[0], WHOLE)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, len(ROWS)), st.integers(0, len(ROWS)))
def test_resumed_sketches_have_the_same_bits(tmp_path_factory, first, second):
    path = tmp_path_factory.mktemp("sketch") / "rows.npz"
    begun = sketch(ROWS[: min(first, second)])
    begun.save(path)
    resumed = RowSketch.load(path, threads=1)
    assert resumed.next_row == min(first, second)
    resumed.update(ROWS[resumed.next_row :])
    assert_same_bits(resumed, WHOLE)
    assert_same_bits(pickle.loads(pickle.dumps(begun)).update(ROWS[min(first, second) :]), WHOLE)


def test_other_processes_and_threads_give_the_same_bits(tmp_path):
    np.save(tmp_path / "rows.npy", ROWS)
    script = (
        "import sys, numpy as np; from eigenscope import RowSketch\n"
        "first, stop, threads = map(int, sys.argv[1:4])\n"
        f"sketch = RowSketch({N_FEATURES}, {N_VECTORS}, first_row=first, rng=3, threads=threads)\n"
        f"sketch.update(np.load({str(tmp_path / 'rows.npy')!r})[first:stop]).save(sys.argv[4])"
    )
    cut = 2 * panel_rows(N_FEATURES) - 11
    for number, (first, stop) in enumerate([(0, cut), (cut, len(ROWS))]):
        arguments = [str(first), str(stop), str(number + 1), str(tmp_path / f"{number}.npz")]
        subprocess.run([sys.executable, "-c", script, *arguments], check=True, stdin=subprocess.DEVNULL)
    merged = RowSketch.load(tmp_path / "1.npz").merge(RowSketch.load(tmp_path / "0.npz"))
    assert_same_bits(merged, WHOLE)


def test_gaps_are_allowed_and_merged_sketches_are_left_alone():
    late = sketch(ROWS[5000:], 5000)
    early = sketch(ROWS[:3000])
    before = late.svd(2)
    early.merge(late)
    assert early.n_rows == 3000 + len(ROWS) - 5000
    assert_same_bits(early, sketch(ROWS[5000:], 5000).merge(sketch(ROWS[:3000])))
    np.testing.assert_array_equal(late.svd(2).singular_values, before.singular_values)


@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("offset", [0.0, 1e3])
def test_bounds_enclose_the_truth(center, offset):
    A = DECAYING + offset * np.linspace(0.5, 1.0, 80)
    wide = A.astype(np.longdouble)
    explicit = (wide - wide.mean(axis=0) if center else wide).astype(np.float64)
    truth = np.linalg.svd(explicit, compute_uv=False)
    for seed in range(5):
        found = sketch(A, n_vectors=30, seed=seed).svd(10, center=center)
        rounding = 1e-7 * truth[0]  # sqrt(eps) σ₁ is what squaring leaves
        assert (found.singular_values <= truth[:10] + rounding).all()
        assert (found.upper_bounds >= truth[:10] - rounding).all()
        error = np.linalg.norm(explicit - explicit @ found.Vh.T @ found.Vh) / np.linalg.norm(explicit)
        low, high = found.error_estimate.interval
        assert low - 1e-7 <= error <= high + 1e-7
        testing.assert_orthonormal(found.Vh.T)
        np.testing.assert_allclose(found.squared_norm, np.linalg.norm(explicit) ** 2, rtol=1e-12)
        assert (found.Vh[np.arange(10), np.abs(found.Vh).argmax(axis=1)] > 0).all()


def test_it_is_the_randomized_decomposition_of_halko_martinsson_and_tropp():
    one = RowSketch(80, 25, rng=4).update(DECAYING)
    Q = np.linalg.qr(DECAYING @ one._test_matrix)[0]
    expected = np.linalg.svd(Q.T @ DECAYING, compute_uv=False)
    np.testing.assert_allclose(one.svd(15).singular_values, expected[:15], rtol=1e-9)


@pytest.mark.parametrize("offset", [0.0, 1e8])
def test_exact_with_as_many_vectors_as_features(offset):
    A = np.random.default_rng(5).standard_normal((5000, 12)) + offset
    wide = A.astype(np.longdouble)
    found = sketch(A, n_vectors=40).svd(12, center=True)
    truth = np.linalg.svd((wide - wide.mean(axis=0)).astype(np.float64), compute_uv=False)
    np.testing.assert_allclose(found.singular_values, truth, rtol=1e-12)
    np.testing.assert_allclose(found.mean, wide.mean(axis=0).astype(np.float64), rtol=1e-15, atol=1e-15)


@pytest.mark.parametrize("power", [-500, -240, 240, 500])
def test_units_do_not_matter(power):
    expected, found = sketch(), sketch(np.ldexp(ROWS, power))
    for center in (False, True):
        left, right = expected.svd(3, center=center), found.svd(3, center=center)
        np.testing.assert_allclose(np.ldexp(right.singular_values, -power), left.singular_values, rtol=1e-13)
        np.testing.assert_allclose(right.Vh, left.Vh, atol=1e-12)


@pytest.mark.parametrize("dtype", ["int8", "uint16", "int64", "float16", "float32", ">f4", "bool"])
def test_any_real_dtype(dtype):
    A = (np.random.default_rng(6).standard_normal((300, 8)) * 100).astype(dtype)
    truth = np.linalg.svd(A.astype(np.float64), compute_uv=False)
    np.testing.assert_allclose(sketch(A, n_vectors=8).svd(8).singular_values, truth, rtol=1e-10, atol=1e-7 * truth[0])


@pytest.mark.parametrize("rows", [np.zeros((50, 6)), np.ones((1, 6)), np.full((70, 6), 0.1), np.eye(6)[:2]])
def test_degenerate_rows(rows):
    for center in (False, True):
        k = min(3, len(rows))
        found = sketch(rows).svd(k, center=center)
        explicit = rows - rows.mean(axis=0) if center else rows
        truth = np.linalg.svd(explicit, compute_uv=False)[:k]
        assert (found.singular_values <= truth + 1e-7 * max(1.0, truth[0])).all()
        testing.assert_orthonormal(found.Vh.T)


def test_memory_does_not_grow_with_the_rows():
    summary = 8 * N_FEATURES * (N_VECTORS + 3)
    fragments = 2 * 8 * N_FEATURES * panel_rows(N_FEATURES)
    growing = RowSketch(N_FEATURES, N_VECTORS, rng=3)
    for doubling in range(1, 7):
        growing.update(np.tile(ROWS, (2 ** (doubling - 1), 1)))
        assert growing.nbytes <= summary * (doubling + 3) + fragments


def test_wrong_use_is_refused_and_changes_nothing():
    one = sketch()
    broken = ROWS[:10].copy()
    broken[4, 2] = np.nan
    with pytest.raises(NonFiniteInputError, match="first at row 4, column 2"):
        one.update(broken)
    with pytest.raises(InvalidInputError, match="the sketch has 6 features, the rows have 5"):
        one.update(ROWS[:, :5])
    with pytest.raises(UnsupportedTypeError, match="real numbers are needed"):
        one.update(ROWS * 1j)
    with pytest.raises(InvalidInputError, match=r"rows 100 to 149 have been sketched already.*first_row"):
        one.merge(sketch(ROWS[:50], 100))
    with pytest.raises(InvalidInputError, match="different seed"):
        one.merge(sketch(ROWS[:50], len(ROWS), seed=4))
    with pytest.raises(InvalidInputError, match="different n_vectors"):
        one.merge(sketch(ROWS[:50], len(ROWS), n_vectors=3))
    with pytest.raises(InvalidInputError, match="merges with a RowSketch, got int"):
        one.merge(3)
    for k in (0, 5, 1.0, True):
        with pytest.raises(InvalidInputError, match="k must be an integer from 1 to 4"):
            one.svd(k)
    with pytest.raises(InvalidInputError, match="no rows yet"):
        RowSketch(3, 2).svd(1)
    with pytest.raises(InvalidInputError, match="n_vectors must be an integer of at least 1, got 0"):
        RowSketch(3, 0)
    one.update(np.zeros((0, 6)))
    assert_same_bits(one, WHOLE)


def test_files_of_something_else_are_refused(tmp_path):
    np.savez(tmp_path / "other.npz", a=1)
    with pytest.raises(InvalidInputError, match="does not hold a RowSketch"):
        RowSketch.load(tmp_path / "other.npz")


def test_norms_beyond_the_range_of_double_warn_of_nothing():
    A = np.random.default_rng(0).standard_normal((40, 6))
    found = RowSketch(6, 6, rng=0).update(A * 1e300).svd(2)
    np.testing.assert_allclose(found.singular_values / 1e300, np.linalg.svd(A, compute_uv=False)[:2], rtol=1e-12)
    assert found.squared_norm == np.inf


def test_an_update_that_is_interrupted_leaves_the_sketch_as_it_was(monkeypatch):
    rows = np.random.default_rng(0).standard_normal((9000, 8))
    sketch, other = (RowSketch(8, 8, first_row=first, rng=0) for first in (0, 1000))
    sketch.update(rows[:1000])
    other.update(rows[1000:])
    before, original = sketch.svd(3).singular_values, row_summaries.summarize
    # An update finishes two panels, a merger one.
    for change, finished in ((lambda: sketch.update(rows[1000:]), 1), (lambda: sketch.merge(other), 0)):
        left = [original] * finished

        def interrupted(*arguments, left=left):
            if not left:
                raise KeyboardInterrupt
            return left.pop()(*arguments)

        with monkeypatch.context() as patched:
            patched.setattr(row_summaries, "summarize", interrupted)
            with pytest.raises(KeyboardInterrupt):
                change()
    assert sketch.n_rows == sketch.next_row == 1000
    np.testing.assert_array_equal(sketch.svd(3).singular_values, before)
    whole = RowSketch(8, 8, rng=0).update(rows)
    np.testing.assert_array_equal(sketch.update(rows[1000:]).svd(3).singular_values, whole.svd(3).singular_values)


def test_bounds_hold_where_values_are_rounding():
    for seed in range(60):
        generator = np.random.default_rng(seed)
        m, n = (int(size) for size in generator.integers(2, [300, 40]))
        rows = generator.standard_normal((m, n)) * np.logspace(0, -generator.uniform(0, 20), n)
        rows = rows + (10.0 ** generator.uniform(-3, 9) if seed % 3 == 0 else 0.0)
        k = min(m, int(generator.integers(1, n + 1)))
        found = RowSketch(n, k, rng=seed).update(rows).svd(k)
        exact = np.linalg.svd(rows, compute_uv=False)[:k]
        error = np.linalg.norm(rows - rows @ found.Vh.T @ found.Vh) / np.linalg.norm(rows)
        low, high = found.error_estimate.interval
        # The reference itself is right to this.
        rounding = 1e-14 * exact[0]
        assert (found.singular_values <= exact + rounding).all()
        assert (found.upper_bounds >= exact - rounding).all()
        assert low - 1e-14 <= error <= high + 1e-14


def test_a_panel_of_zeros_does_not_hide_tiny_rows():
    tiny = 1e-170 * np.random.default_rng(0).standard_normal((100, 20))
    for parts in ([np.zeros((4096, 20)), tiny], [tiny, np.zeros((4096 - 100, 20)), np.zeros((4096, 20))]):
        found = RowSketch(20, 20, rng=0).update(np.vstack(parts)).svd(2)
        np.testing.assert_allclose(found.singular_values, np.linalg.svd(tiny, compute_uv=False)[:2], rtol=1e-12)


def test_rows_of_another_width_are_refused_even_when_there_are_none():
    sketch = RowSketch(20, 5, rng=0).update(np.zeros((0, 20)))
    assert sketch.update(scipy.sparse.csr_array((0, 20))).n_rows == 0
    with pytest.raises(InvalidInputError, match="20 features, the rows have 3"):
        sketch.update(np.zeros((0, 3)))


def test_files_that_hold_no_sketch_are_refused(tmp_path):
    path = tmp_path / "sketch.npz"
    RowSketch(6, 4, rng=0).update(np.ones((5, 6))).save(path)
    whole = path.read_bytes()
    for content in (b"", b"junk" * 10, whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(InvalidInputError, match="does not hold a RowSketch"):
            RowSketch.load(path)
    np.save(tmp_path / "array.npy", np.ones(3))
    with pytest.raises(InvalidInputError, match="holds one array"):
        RowSketch.load(tmp_path / "array.npy")
