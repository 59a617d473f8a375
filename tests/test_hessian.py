"""Products with the Hessian of a PyTorch model against the dense Hessian, and what makes it no operator."""

from __future__ import annotations

import numpy as np
import pytest
from eigenscope import eigsh, spectral_density, svds, testing, trace
from eigenscope.errors import (
    InvalidInputError,
    NonDeterministicOperatorError,
    NonFiniteInputError,
    UnsupportedTypeError,
)
from eigenscope.networks import hessian_operator

torch = pytest.importorskip("torch", reason="needs PyTorch")

MSE = torch.nn.functional.mse_loss


def small_network(dtype=torch.float64):
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2)).to(dtype)


def batch(n=20, dtype=torch.float64, outputs=2):
    generator = torch.Generator().manual_seed(1)
    return (
        torch.randn(n, 3, generator=generator, dtype=dtype),
        torch.randn(n, outputs, generator=generator, dtype=dtype),
    )


def dense_hessian(model, loss, inputs, targets):
    names = [name for name, _ in model.named_parameters()]
    shapes = [p.shape for p in model.parameters()]
    sizes = [p.numel() for p in model.parameters()]
    flat = torch.cat([p.detach().reshape(-1) for p in model.parameters()])

    def value(vector):
        parts = [part.reshape(shape) for part, shape in zip(torch.split(vector, sizes), shapes, strict=True)]
        return loss(torch.func.functional_call(model, dict(zip(names, parts, strict=True)), (inputs,)), targets)

    return torch.autograd.functional.hessian(value, flat).numpy()


def as_matrix(operator):
    return operator.product(np.eye(operator.shape[0]), threads=1)


def test_hessian_products_are_those_of_the_dense_hessian():
    model, (inputs, targets) = small_network(), batch()
    before = [p.detach().clone() for p in model.parameters()]
    matrix = as_matrix(hessian_operator(model, MSE, (inputs, targets)))
    np.testing.assert_allclose(matrix, dense_hessian(model, MSE, inputs, targets), rtol=1e-9, atol=1e-12)
    assert all(torch.equal(p, old) and p.grad is None for p, old in zip(model.parameters(), before, strict=True))
    assert model.training


def test_batches_are_weighted_by_their_size():
    model, (inputs, targets) = small_network(), batch()
    whole = as_matrix(hessian_operator(model, MSE, (inputs, targets)))
    batches = [(inputs[:3], targets[:3]), (inputs[3:], targets[3:])]
    np.testing.assert_allclose(as_matrix(hessian_operator(model, MSE, batches)), whole, rtol=1e-9, atol=1e-12)

    def summed(outputs, labels):
        return ((outputs - labels) ** 2).sum()

    sums = as_matrix(hessian_operator(model, summed, batches, reduction="sum"))
    np.testing.assert_allclose(sums, 40 * whole, rtol=1e-9, atol=1e-10)


def test_gauss_newton_is_the_hessian_without_residuals_and_semidefinite():
    model, (inputs, targets) = small_network(), batch()
    matrix = as_matrix(hessian_operator(model, MSE, (inputs, targets), kind="gauss_newton"))
    assert np.linalg.eigvalsh(matrix).min() > -1e-12
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-13)
    perfect = model(inputs).detach()
    hessian = as_matrix(hessian_operator(model, MSE, (inputs, perfect)))
    np.testing.assert_allclose(matrix, hessian, rtol=1e-9, atol=1e-12)
    labels = torch.randint(0, 2, (20,), generator=torch.Generator().manual_seed(2))
    entropy = torch.nn.functional.cross_entropy
    found = as_matrix(hessian_operator(model, entropy, (inputs, labels), kind="gauss_newton"))
    jacobian = torch.cat([part.reshape(40, -1) for part in _jacobian(model, inputs)], dim=1).numpy()
    p = torch.softmax(model(inputs), dim=1).detach().numpy()
    curvature = np.zeros((40, 40))
    for i, row in enumerate(p):
        curvature[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = (np.diag(row) - np.outer(row, row)) / 20
    np.testing.assert_allclose(found, jacobian.T @ curvature @ jacobian, rtol=1e-9, atol=1e-12)


def _jacobian(model, inputs):
    state = {name: p.detach() for name, p in model.named_parameters()}
    jacobian = torch.func.jacrev(lambda s: torch.func.functional_call(model, s, (inputs,)))(state)
    return [jacobian[name] for name in state]


def test_finite_differences_stand_in_where_there_is_no_second_derivative():
    class Once(torch.autograd.Function):
        @staticmethod
        def forward(context, x):
            context.save_for_backward(x)
            return torch.tanh(x)

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(context, slope):
            return slope * (1 - torch.tanh(context.saved_tensors[0]) ** 2)

    class Layer(torch.nn.Module):
        def forward(self, x):
            return Once.apply(x)

    model, (inputs, targets) = small_network(), batch()
    truth = dense_hessian(model, MSE, inputs, targets)
    model[1] = Layer()
    for kind in ("hessian", "finite_difference"):
        matrix = as_matrix(hessian_operator(model, MSE, (inputs, targets), kind=kind))
        np.testing.assert_allclose(matrix, truth, atol=1e-8 * np.abs(truth).max())


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_differences_are_as_accurate_as_they_say(dtype):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(20, 60), torch.nn.Tanh(), torch.nn.Linear(60, 4)).to(dtype)
    data = torch.randn(30, 20, dtype=dtype), torch.randn(30, 4, dtype=dtype)
    block = np.random.default_rng(0).standard_normal((1504, 3))
    exact, found = (
        hessian_operator(model, MSE, data, kind=kind).product(block, 1) for kind in ("hessian", "finite_difference")
    )
    assert np.linalg.norm(found - exact) < 10 * torch.finfo(dtype).eps ** (2 / 3) * np.linalg.norm(exact)


def test_attention_has_a_second_derivative():
    # The fused kernels have none.
    torch.manual_seed(0)
    model = torch.nn.TransformerEncoderLayer(4, 2, 6, batch_first=True, dropout=0.0).double()
    inputs, targets = torch.randn(2, 3, 4).double(), torch.randn(2, 3, 4).double()
    exact, found = (
        as_matrix(hessian_operator(model, MSE, (inputs, targets), kind=kind))
        for kind in ("hessian", "finite_difference")
    )
    np.testing.assert_allclose(exact, exact.T, atol=1e-12 * np.abs(exact).max())
    np.testing.assert_allclose(found, exact, atol=1e-6 * np.abs(exact).max())


def test_modes_of_the_caller_and_short_floats_make_no_difference():
    model, (inputs, targets) = small_network(), batch()
    truth = dense_hessian(model, MSE, inputs, targets)
    with torch.no_grad():
        np.testing.assert_allclose(as_matrix(hessian_operator(model, MSE, (inputs, targets))), truth, atol=1e-12)
    with torch.inference_mode():
        np.testing.assert_allclose(as_matrix(hessian_operator(model, MSE, (inputs, targets))), truth, atol=1e-12)
    short = hessian_operator(small_network(torch.bfloat16), MSE, (inputs.bfloat16(), targets.bfloat16()))
    np.testing.assert_allclose(as_matrix(short), truth, atol=0.03 * np.abs(truth).max())


def test_losses_that_are_linear_in_the_outputs_have_no_gauss_newton_matrix():
    model, (inputs, targets) = small_network(), batch()
    operator = hessian_operator(model, lambda outputs, _: outputs.sum(), (inputs, targets), kind="gauss_newton")
    assert not as_matrix(operator).any()


def test_operators_go_into_the_solvers():
    model, (inputs, targets) = small_network(), batch()
    operator = hessian_operator(model, MSE, (inputs, targets))
    values = np.linalg.eigvalsh(dense_hessian(model, MSE, inputs, targets))
    np.testing.assert_allclose(eigsh(operator, 3, which="LA", rng=0).eigenvalues, values[::-1][:3], rtol=1e-10)
    n = len(values)
    density = spectral_density(operator, degree=n, n_probes=n, block_size=n, rng=0)
    np.testing.assert_allclose(density.moment(2).value, np.mean(values**2), rtol=1e-9)
    assert abs(trace(operator, rng=0).value - values.sum()) < 0.05 * abs(values.sum())
    single = hessian_operator(small_network(torch.float32), MSE, batch(dtype=torch.float32))
    assert single.dtype == np.float32


def test_linear_teacher_and_student_have_the_kronecker_sum_and_its_nullity():
    inputs_dim, width, outputs = 5, 7, 3
    torch.manual_seed(3)
    student = torch.nn.Sequential(
        torch.nn.Linear(inputs_dim, width, bias=False), torch.nn.Linear(width, outputs, bias=False)
    ).double()
    # Inputs with second moment one stand for the expectation over white noise.
    inputs = torch.as_tensor(np.sqrt(inputs_dim) * testing.random_orthonormal(inputs_dim, inputs_dim)).double()
    targets = student(inputs).detach()

    def half_squares(outputs, labels):
        return 0.5 * ((outputs - labels) ** 2).sum(dim=1).mean()

    operator = hessian_operator(student, half_squares, (inputs, targets))
    W, A = (p.detach().numpy() for p in student.parameters())
    sums = np.add.outer(np.linalg.eigvalsh(A @ A.T), np.linalg.eigvalsh(W.T @ W)).ravel()
    n = operator.shape[0]
    expected = np.sort(np.append(sums, np.zeros(n - outputs * inputs_dim)))
    np.testing.assert_allclose(np.linalg.eigvalsh(as_matrix(operator)), expected, atol=1e-10 * expected.max())
    density = spectral_density(operator, degree=n, n_probes=n, block_size=n, rng=0)
    np.testing.assert_allclose(density.nullity().value, n - outputs * inputs_dim, rtol=1e-9)
    np.testing.assert_allclose(density.support[1], expected[-1], rtol=1e-10)


def test_training_layers_and_changing_data_are_named():
    (inputs, targets) = batch()
    linear = torch.nn.Linear(3, 2).double()
    for layer, name in ((torch.nn.Dropout(0.5), "Dropout"), (torch.nn.BatchNorm1d(2).double(), "BatchNorm1d")):
        model = torch.nn.Sequential(linear, layer)
        with pytest.raises(NonDeterministicOperatorError, match=name):
            hessian_operator(model, MSE, (inputs, targets))
        hessian_operator(model.eval(), MSE, (inputs, targets))

    class Shuffled:
        def __init__(self):
            self.generator = torch.Generator().manual_seed(0)

        def __iter__(self):
            order = torch.randperm(20, generator=self.generator)[:10]
            yield inputs[order], targets[order]

    with pytest.raises(NonDeterministicOperatorError, match="shuffling"):
        hessian_operator(linear, MSE, Shuffled())


def test_unusable_input_is_refused():
    model, data = small_network(), batch()
    with pytest.raises(UnsupportedTypeError, match="Module"):
        hessian_operator(lambda x: x, MSE, data)
    for options in ({"kind": "fisher"}, {"reduction": "none"}):
        with pytest.raises(InvalidInputError):
            hessian_operator(model, MSE, data, **options)
    with pytest.raises(NonFiniteInputError, match="NaN"):
        hessian_operator(model, MSE, (torch.nan * data[0], data[1]))
    with pytest.raises(InvalidInputError, match="no batches"):
        hessian_operator(model, MSE, [])
    with pytest.raises(InvalidInputError, match="tuple of inputs and targets"):
        hessian_operator(model, MSE, (*data, data[1]))
    with pytest.raises(InvalidInputError, match="repeatedly"):
        hessian_operator(model, MSE, iter([data]))
    with pytest.raises(InvalidInputError, match="requires gradients"):
        hessian_operator(model.requires_grad_(False), MSE, data)
    for wrong in (lambda outputs, _: (outputs**2).mean(dim=0), lambda outputs, _: outputs.detach().mean()):
        with pytest.raises(InvalidInputError, match="a tensor of one number that depends on the parameters"):
            hessian_operator(small_network(), wrong, data, check=False).product(np.eye(26)[:, :1], 1)
    for targets in (None, torch.zeros(())):
        with pytest.raises(InvalidInputError, match="targets without a length"):
            hessian_operator(small_network(), lambda outputs, _: (outputs**2).mean(), [(data[0], targets)] * 2)


def test_one_batch_needs_no_targets():
    inputs = batch()[0]
    found = as_matrix(hessian_operator(small_network(), lambda outputs, _: (outputs**2).mean(), (inputs, None)))
    zeros = torch.zeros(20, 2, dtype=torch.float64)
    np.testing.assert_allclose(found, as_matrix(hessian_operator(small_network(), MSE, (inputs, zeros))), atol=1e-13)


class Shared(torch.nn.Module):
    """One weight in two layers: as one module under two names, in a list, or as a parameter of two modules."""

    def __init__(self, how):
        super().__init__()
        torch.manual_seed(0)
        first, second = (torch.nn.Linear(3, 3, bias=False).double() for _ in range(2))
        if how == "tied weight":
            second.weight = first.weight
        else:
            second = first
        if how == "nested":
            first = torch.nn.Sequential(torch.nn.Sequential(first), torch.nn.Tanh())
            self.register_module("part", first)
        self.first, self.second = first, second
        self.how = how

    def forward(self, x):
        return self.second(torch.tanh(self.first(x)))


def differenced_hessian(model, loss, inputs, targets):
    """Central differences of the gradient, by changing the entries of the parameters."""
    parameters, columns = list(model.parameters()), []
    for parameter in parameters:
        for entry in range(parameter.numel()):
            sides = []
            for step in (1e-5, -1e-5):
                with torch.no_grad():
                    parameter.view(-1)[entry] += step
                gradient = torch.autograd.grad(loss(model(inputs), targets), parameters)
                sides.append(torch.cat([part.reshape(-1) for part in gradient]))
                with torch.no_grad():
                    parameter.view(-1)[entry] -= step
            columns.append((sides[0] - sides[1]) / 2e-5)
    return torch.stack(columns, dim=1).numpy()


@pytest.mark.parametrize("how", ["one module", "tied weight", "nested"])
def test_shared_weights_are_one_parameter_and_stay_it(how):
    model, (inputs, targets) = Shared(how), batch(outputs=3)
    places = dict(model.named_parameters(remove_duplicate=False))
    needs = {name: parameter.requires_grad for name, parameter in places.items()}
    expected = differenced_hessian(model, MSE, inputs, targets)
    assert np.abs(np.linalg.eigvalsh(expected)).max() > 0.1

    def assert_untouched():
        for name, parameter in model.named_parameters(remove_duplicate=False):
            assert parameter is places[name]
            assert parameter.requires_grad == needs[name]
            assert parameter.grad is None

    for kind in ("hessian", "finite_difference"):
        found = as_matrix(hessian_operator(model, MSE, (inputs, targets), kind=kind))
        np.testing.assert_allclose(found, expected, atol=1e-8)
        assert_untouched()
    gauss_newton = as_matrix(hessian_operator(model, MSE, (inputs, targets), kind="gauss_newton"))
    # Without residuals the two matrices are one.
    outputs = model(inputs).detach()
    np.testing.assert_allclose(gauss_newton, differenced_hessian(model, MSE, inputs, outputs), atol=1e-8)

    calls = []

    def failing(outputs, targets):
        calls.append(None)
        if len(calls) == 4:
            raise KeyError("loss")
        return MSE(outputs, targets)

    operator = hessian_operator(model, failing, (inputs, targets), kind="finite_difference", check=False)
    with pytest.raises(KeyError, match="loss"):
        operator.product(np.eye(9)[:, :3], 1)
    assert_untouched()


def test_singular_values_of_a_hessian_need_no_adjoint():
    model, data = small_network(), batch()
    operator = hessian_operator(model, MSE, data)
    values = np.linalg.eigvalsh(as_matrix(operator))
    expected = np.sort(np.abs(values))[::-1][:3]
    np.testing.assert_allclose(svds(operator, 3, rng=0).singular_values, expected, rtol=1e-9)


class OnceDifferentiableTanh(torch.autograd.Function):
    """A function whose second derivative PyTorch does not know."""

    @staticmethod
    def forward(context, x):
        context.save_for_backward(x)
        return x.tanh()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(context, gradient):
        (x,) = context.saved_tensors
        return gradient * (1 - x.tanh() ** 2)


class Network(torch.nn.Module):
    def __init__(self, is_once_differentiable, scale=1.0):
        super().__init__()
        self.first, self.second = torch.nn.Linear(3, 4).double(), torch.nn.Linear(4, 2).double()
        self.is_once_differentiable = is_once_differentiable
        with torch.no_grad():
            for parameter in self.parameters():
                parameter *= scale

    def forward(self, x):
        hidden = self.first(x)
        return self.second(OnceDifferentiableTanh.apply(hidden) if self.is_once_differentiable(x) else hidden.tanh())


def network_and_data(is_once_differentiable, scale=1.0):
    torch.manual_seed(0)
    model = Network(is_once_differentiable, scale)
    return model, (torch.randn(7, 3).double() / scale, torch.randn(7, 2).double())


def test_differences_of_gradients_go_into_the_solvers():
    model, data = network_and_data(lambda x: True)
    exact, _ = network_and_data(lambda x: False)
    operator = hessian_operator(model, torch.nn.functional.mse_loss, data)
    dense = hessian_operator(exact, torch.nn.functional.mse_loss, data).product(np.eye(26), 1)
    np.testing.assert_allclose(operator.product(np.eye(26), 1), dense, atol=1e-8)
    np.testing.assert_allclose(eigsh(operator, 1, rng=0).eigenvalues, np.linalg.eigvalsh(dense)[-1], rtol=1e-6)
    assert spectral_density(operator, degree=20, rng=0).moment(1).value == pytest.approx(dense.trace() / 26, rel=1e-6)


def test_differences_of_gradients_are_right_in_any_unit_of_the_parameters():
    model, data = network_and_data(lambda x: False, scale=1e-3)
    exact, found = (
        hessian_operator(model, torch.nn.functional.mse_loss, data, kind=kind).product(np.eye(26), 1)
        for kind in ("hessian", "finite_difference")
    )
    np.testing.assert_allclose(found, exact, atol=1e-7 * np.abs(exact).max())


def test_terms_past_the_model_are_not_lost():
    model, data = network_and_data(lambda x: True)

    def decayed(outputs, targets):
        return torch.nn.functional.mse_loss(outputs, targets) + 0.5 * sum((p**2).sum() for p in model.parameters())

    with pytest.raises(InvalidInputError, match="weight decay"):
        hessian_operator(model, decayed, data)


def test_a_second_derivative_that_is_unknown_is_not_taken_for_zero():
    model, data = network_and_data(lambda x: True)
    with pytest.raises(InvalidInputError, match="finite_difference"):
        hessian_operator(model, torch.nn.functional.mse_loss, data, kind="gauss_newton")
    # Only batches of three use it.
    model, (inputs, targets) = network_and_data(lambda x: len(x) == 3)
    exact, _ = network_and_data(lambda x: False)
    batches = [(inputs[:4], targets[:4]), (inputs[4:], targets[4:])]
    found, dense = (
        hessian_operator(net, torch.nn.functional.mse_loss, batches).product(np.eye(26), 1) for net in (model, exact)
    )
    np.testing.assert_allclose(found, dense, atol=1e-8)


@pytest.mark.parametrize("weight", [None, torch.tensor([1.0, 5.0, 0.5], dtype=torch.float64)])
def test_batches_count_by_the_classes_they_hold(weight):
    torch.manual_seed(0)
    model = torch.nn.Linear(4, 3).double()
    inputs, targets = torch.randn(40, 4, dtype=torch.float64), torch.randint(0, 3, (40,))
    targets[[1, 2, 3, 20, 30, 31, 32]] = -100
    loss = torch.nn.CrossEntropyLoss(weight=weight)
    whole = as_matrix(hessian_operator(model, loss, (inputs, targets)))
    batches = [(inputs[first:last], targets[first:last]) for first, last in ((0, 5), (5, 30), (30, 33), (33, 40))]
    np.testing.assert_allclose(as_matrix(hessian_operator(model, loss, batches)), whole, rtol=1e-9, atol=1e-12)
    with pytest.raises(InvalidInputError, match="reduction='sum'"):
        hessian_operator(model, loss, batches, reduction="sum")
