"""The Hessian of a PyTorch model's loss as an operator: products with vectors, nothing formed."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InvalidInputError, NonDeterministicOperatorError, NonFiniteInputError, UnsupportedTypeError
from ..operators import Operator, as_operator
from .batch_sizes import check_reduction, size_of
from .differentiation import differentiable_twice, graph_names

if TYPE_CHECKING:
    import torch

Array = np.ndarray[Any, np.dtype[Any]]

KINDS = ("hessian", "gauss_newton", "finite_difference")
REDUCTIONS = ("mean", "sum")

CHANGE_FACTOR = 1e3
"""Two evaluations of one gradient may differ by this many rounding units of its norm."""


def hessian_operator(
    model: torch.nn.Module,
    loss: Callable[[Any, Any], torch.Tensor],
    data: Any,
    *,
    kind: str = "hessian",
    reduction: str = "mean",
    check: bool = True,
) -> Operator:
    """View the Hessian of a loss with respect to a model's parameters as an operator.

    What it returns goes into `eigsh`, `spectral_density`, `trace` and `diagonal`. Parameters, gradients and modes of
    the model stay as they are, and products run on its device.

    Parameters
    ----------
    model : torch.nn.Module
        In evaluation mode, or without layers that behave differently in training.
    loss : callable
        ``loss(outputs, targets)``, a scalar tensor.
    data : tuple of (inputs, targets), or iterable of such tuples
        One batch, or batches that can be gone through repeatedly, such as a list or a DataLoader.
    kind : {"hessian", "gauss_newton", "finite_difference"}
        "gauss_newton" is ``Jᵀ H_out J``, positive semidefinite when the loss is convex in the outputs.
        "finite_difference" takes central differences of gradients, and "hessian" does so where a model has no second
        derivative; they are accurate to about ``eps**(2/3)`` for smooth models. Activations with kinks, such as ReLU,
        need double precision for them.
    reduction : {"mean", "sum"}
        How `loss` treats the samples of a batch. Means are weighted by the sizes of the batches; for
        ``torch.nn.CrossEntropyLoss`` and ``NLLLoss`` by the weights of the classes, without those it ignores. Where a
        function of yours leaves samples out or weights them, let it sum.
    check : bool
        Refuse models whose gradient changes from one evaluation to the next, and differences of gradients where the
        loss reaches parameters past the model, as weight decay does.

    Returns
    -------
    Operator
        Of order P, the number of parameters that require gradients, in the order of ``model.parameters()``.

    Raises
    ------
    NonDeterministicOperatorError
        With dropout or batch normalisation in training mode, or when data come shuffled or augmented.
    InvalidInputError
        When no parameter requires gradients, parameters are of several types or devices, the data cannot be gone
        through twice, or there is no second derivative and the loss reaches parameters past the model.
    ImportError
        Without PyTorch.

    References
    ----------
    Pearlmutter 1994, "Fast exact multiplication by the Hessian", Neural Computation 6; Schraudolph 2002, Neural
    Computation 14.

    Examples
    --------
    >>> import torch  # doctest: +SKIP
    >>> from eigenscope import eigsh  # doctest: +SKIP
    >>> model = torch.nn.Linear(2, 1, bias=False).double()  # doctest: +SKIP
    >>> batch = torch.eye(2).double(), torch.zeros(2, 1).double()  # doctest: +SKIP
    >>> operator = hessian_operator(model, torch.nn.functional.mse_loss, batch)  # doctest: +SKIP
    >>> eigsh(operator, k=2, rng=0).eigenvalues.round(12)  # doctest: +SKIP
    array([1., 1.])
    """
    try:
        import torch
    except ImportError as error:
        raise ImportError('hessian_operator needs PyTorch: pip install "eigenscope[torch]"') from error
    if kind not in KINDS:
        raise InvalidInputError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    if reduction not in REDUCTIONS:
        raise InvalidInputError(f"reduction must be one of {', '.join(REDUCTIONS)}, got {reduction!r}")
    if not callable(loss):
        raise UnsupportedTypeError(f"loss must be a function of outputs and targets, got {loss!r}")
    if not isinstance(model, torch.nn.Module):
        raise UnsupportedTypeError(f"model must be a torch.nn.Module, got {type(model).__name__}")
    curvature = Curvature(model, loss, data, reduction)
    with differentiable_twice():
        if check:
            refuse_training_layers(model)
            curvature.check_determinism()
        if kind != "finite_difference" and not curvature.has_second_derivative(all_batches=check):
            if kind == "gauss_newton":
                raise InvalidInputError(
                    "a function of the model or the loss can be differentiated once only, and Gauss-Newton products "
                    'would take its second derivative for zero: use kind="finite_difference"'
                )
            kind = "finite_difference"
        if kind == "finite_difference" and check:
            curvature.check_parameters_are_moved()
    products = {
        "hessian": curvature.hessian_products,
        "gauss_newton": curvature.gauss_newton_products,
        "finite_difference": curvature.difference_products,
    }[kind]

    def product(block: Array) -> Array:
        with differentiable_twice():
            return products(block)

    stored = curvature.parameters[0].dtype
    dtype = np.dtype(np.float64 if stored == torch.float64 else np.float32)
    operator = as_operator(product, shape=(curvature.size, curvature.size), dtype=dtype, adjoint=product)
    # What checks and tolerances can expect of the products.
    accuracy = float(torch.finfo(stored).eps) ** (2.0 / 3.0 if kind == "finite_difference" else 1.0)
    assert operator.answers is not None
    operator.answers.rounding_unit = accuracy
    return operator


def refuse_training_layers(model: Any) -> None:
    """Raise when layers in training mode make the loss random or dependent on the composition of batches."""
    import torch

    batch_norm = torch.nn.modules.batchnorm._BatchNorm
    dropout = torch.nn.modules.dropout._DropoutNd
    wrong = [
        f"{name or 'the model'} ({type(layer).__name__})"
        for name, layer in model.named_modules()
        if layer.training and (isinstance(layer, batch_norm) or (isinstance(layer, dropout) and layer.p > 0))
    ]
    if wrong:
        raise NonDeterministicOperatorError(
            f"{len(wrong)} layers are in training mode, where dropout is random and batch normalisation depends on the "
            f"batch and changes with every evaluation: {', '.join(wrong[:4])}{', …' if len(wrong) > 4 else ''}. "
            "Call model.eval() first, or use check=False"
        )


class Curvature:
    """Products of second-derivative matrices with blocks of vectors, summed over batches.

    Parameters
    ----------
    model, loss, data, reduction
        As `hessian_operator` takes them.
    """

    def __init__(self, model: Any, loss: Callable[[Any, Any], Any], data: Any, reduction: str) -> None:
        self.model, self.loss, self._reduction = model, loss, reduction
        self.parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
        if not self.parameters:
            raise InvalidInputError("no parameter of the model requires gradients")
        kinds = {(str(parameter.dtype), str(parameter.device)) for parameter in self.parameters}
        if len(kinds) > 1:
            raise InvalidInputError(f"parameters are of several types or devices: {sorted(kinds)}; convert them first")
        self.size = sum(parameter.numel() for parameter in self.parameters)
        self._places = _places_of(model, self.parameters)
        self._data = _repeatable(data)
        self._is_single = isinstance(self._data, list) and len(self._data) == 1
        if not self._is_single:
            check_reduction(loss, reduction)

    def batches(self) -> Iterator[tuple[Any, Any, float]]:
        """Yield inputs, targets and the weight of each batch, on the device of the model."""
        device = self.parameters[0].device
        is_weighted = self._reduction == "mean" and not self._is_single
        total = sum(size_of(targets, self.loss) for _, targets in self._pairs()) if is_weighted else 1.0
        for inputs, targets in self._pairs():
            weight = size_of(targets, self.loss) / total if is_weighted else 1.0
            # The mean over a batch without samples that count is not a number.
            if weight == 0.0:
                continue
            yield _to(inputs, device), _to(targets, device), weight

    def _pairs(self) -> Iterator[tuple[Any, Any]]:
        """Yield inputs and targets of each batch, or raise when there are none."""
        n_batches = 0
        for batch in self._data:
            if not isinstance(batch, (tuple, list)) or len(batch) != 2:
                raise InvalidInputError(f"a batch must be a tuple of inputs and targets, got {_describe(batch)}")
            n_batches += 1
            yield batch[0], batch[1]
        if n_batches == 0:
            raise InvalidInputError("data hold no batches")

    def _value(self, outputs: Any, targets: Any) -> Any:
        """Return the loss of one batch, or raise when it cannot be differentiated."""
        value = self.loss(outputs, targets)
        if not hasattr(value, "requires_grad") or value.numel() != 1 or not value.requires_grad:
            shape = f" of shape {tuple(value.shape)}" if hasattr(value, "shape") else ""
            raise InvalidInputError(
                "loss must return a tensor of one number that depends on the parameters of the model, got a "
                f"{type(value).__name__}{shape}: reduce it with .mean() or .sum(), and detach nothing on the way"
            )
        return value

    def hessian_products(self, block: Array) -> Array:
        """Return H V by differentiating the gradient once more, the graph of the gradient being made once."""
        import torch

        vectors = self._unflatten(block)
        total = [0.0] * len(vectors)
        for inputs, targets, weight in self.batches():
            value = self._value(self.model(inputs), targets)
            gradient = torch.autograd.grad(value, self.parameters, create_graph=True, allow_unused=True)
            used = [(g, k) for k, g in enumerate(gradient) if g is not None and g.requires_grad]
            for j, vector in enumerate(vectors):
                if not used:
                    continue
                again = torch.autograd.grad(
                    [g for g, _ in used],
                    self.parameters,
                    grad_outputs=[vector[k] for _, k in used],
                    retain_graph=j + 1 < len(vectors),
                    allow_unused=True,
                )
                total[j] = total[j] + weight * self._flatten(again)
        return self._to_numpy(total)

    def gauss_newton_products(self, block: Array) -> Array:
        """Return ``Jᵀ H_out J V``; ``J v`` is the derivative of ``Jᵀ u`` along v with respect to u."""
        import torch

        vectors = self._unflatten(block)
        total = [0.0] * len(vectors)
        for inputs, targets, weight in self.batches():
            outputs = self.model(inputs)
            slope = torch.autograd.grad(self._value(outputs, targets), outputs, create_graph=True)[0]
            dummy = torch.zeros_like(outputs, requires_grad=True)
            pulled = torch.autograd.grad(
                outputs, self.parameters, grad_outputs=dummy, create_graph=True, allow_unused=True
            )
            used = [k for k, part in enumerate(pulled) if part is not None and part.requires_grad]
            for j, vector in enumerate(vectors):
                pushed = torch.autograd.grad(
                    [pulled[k] for k in used],
                    dummy,
                    grad_outputs=[vector[k] for k in used],
                    retain_graph=True,
                )[0]
                if not slope.requires_grad:  # The loss is linear in the outputs.
                    continue
                weighted = torch.autograd.grad(
                    slope, outputs, grad_outputs=pushed, retain_graph=True, allow_unused=True
                )[0]
                if weighted is None:
                    continue
                found = torch.autograd.grad(
                    outputs, self.parameters, grad_outputs=weighted, retain_graph=True, allow_unused=True
                )
                total[j] = total[j] + weight * self._flatten(found)
        return self._to_numpy(total)

    def difference_products(self, block: Array) -> Array:
        """Return central differences of the gradient, ``(g(θ + ε v) - g(θ - ε v)) / 2 ε``."""
        import torch

        unit = torch.finfo(self.parameters[0].dtype).eps
        length = float(sum(float((p.detach() ** 2).sum()) for p in self.parameters)) ** 0.5
        total = []
        for vector in self._unflatten(block):
            size = float(sum(float((part**2).sum()) for part in vector)) ** 0.5
            if size == 0.0:
                total.append(torch.zeros_like(self._flatten(vector)))
                continue
            # The error is eps / step from rounding and step² from the third derivative.
            step = unit ** (1.0 / 3.0) * (length or 1.0) / size
            forward = self.gradient([step * part for part in vector])
            backward = self.gradient([-step * part for part in vector])
            total.append((forward - backward) / (2.0 * step))
        return self._to_numpy(total)

    def gradient(self, shift: list[Any] | None = None) -> Any:
        """Return the gradient at the parameters plus `shift`, as one vector; the model is not touched."""
        import torch

        at = self.parameters
        if shift is not None:
            at = [(p.detach() + part).requires_grad_(True) for p, part in zip(at, shift, strict=True)]
        total: Any = 0.0
        for inputs, targets, weight in self.batches():
            if shift is None:
                outputs = self.model(inputs)
            else:
                # Every place is named here: with tie_weights PyTorch swaps one that two names lead to twice, and the
                # second swap forgets the parameter.
                moved = {name: at[k] for name, k in self._places.items()}
                outputs = torch.func.functional_call(self.model, moved, (inputs,), tie_weights=False)
            parts = torch.autograd.grad(self._value(outputs, targets), at, allow_unused=True)
            total = total + weight * self._flatten(parts)
        return total

    def has_second_derivative(self, *, all_batches: bool) -> bool:
        """Whether the gradient of all batches, or of the first, can be differentiated.

        Some fused kernels and custom functions cannot.

        PyTorch marks a function that is differentiable once by an error node beside the path to the parameters, which
        is never run: its second derivative would silently be taken for zero. So the graph is searched for such nodes.
        """
        batches = itertools.islice(self.batches(), None if all_batches else 1)
        return all(self._is_differentiable_twice(inputs, targets) for inputs, targets, _ in batches)

    def _is_differentiable_twice(self, inputs: Any, targets: Any) -> bool:
        import torch

        try:
            value = self._value(self.model(inputs), targets)
            gradient = torch.autograd.grad(value, self.parameters, create_graph=True, allow_unused=True)
            if any("::Error" in name for name in graph_names(gradient)):
                return False
            used = [g for g in gradient if g is not None and g.requires_grad]
            if used:
                torch.autograd.grad(used, self.parameters, grad_outputs=used, allow_unused=True)
        except RuntimeError as error:
            if "not implemented" in str(error) or "double backward" in str(error):
                return False
            raise
        return True

    def check_parameters_are_moved(self) -> None:
        """Raise when the loss reaches parameters past the model, where a shift of them does not arrive."""
        import torch

        own = self.gradient()
        copied = self.gradient([torch.zeros_like(p) for p in self.parameters])
        if not float((own - copied).norm()) <= CHANGE_FACTOR * float(torch.finfo(own.dtype).eps) * float(own.norm()):
            raise InvalidInputError(
                "the loss depends on parameters beside the outputs of the model, as weight decay does, and differences "
                "of gradients would miss that: add such terms to the operator, or put them into the model"
            )

    def check_determinism(self) -> None:
        """Compare two gradients over all data."""
        import torch

        first, second = self.gradient(), self.gradient()
        wrong = int((~torch.isfinite(first)).sum())
        if wrong:
            raise NonFiniteInputError(
                f"{wrong} of {self.size} entries of the gradient of the loss are NaN or infinite: look at the data, "
                "the parameters and the loss"
            )
        change = float((first - second).norm() / (first.norm() or 1.0))
        tolerance = CHANGE_FACTOR * float(torch.finfo(first.dtype).eps)
        if not change <= tolerance:
            raise NonDeterministicOperatorError(
                f"two gradients over the same data differ by {change:.1e} of their norm (tolerance {tolerance:.1e}): "
                "switch off dropout and batch normalisation (model.eval()), and shuffling, random augmentation and "
                "drop_last of the data loader (a list of its batches is fixed), or use check=False"
            )

    def _unflatten(self, block: Array) -> list[list[Any]]:
        """Columns as lists of tensors shaped like the parameters."""
        import torch

        like = self.parameters[0]
        columns = torch.as_tensor(np.array(block.T, order="C"), dtype=like.dtype, device=like.device)
        sizes = [parameter.numel() for parameter in self.parameters]
        return [
            [part.reshape(p.shape) for part, p in zip(torch.split(column, sizes), self.parameters, strict=True)]
            for column in columns
        ]

    def _flatten(self, parts: Iterable[Any]) -> Any:
        import torch

        pairs = zip(parts, self.parameters, strict=True)
        return torch.cat([(torch.zeros_like(p) if part is None else part).detach().reshape(-1) for part, p in pairs])

    def _to_numpy(self, columns: list[Any]) -> Array:
        import torch

        empty = torch.zeros(self.size, dtype=self.parameters[0].dtype)
        stacked = torch.stack([empty if isinstance(column, float) else column.cpu() for column in columns], dim=1)
        # NumPy has no bfloat16.
        return np.asarray((stacked if stacked.dtype == torch.float64 else stacked.float()).numpy())


def _places_of(model: Any, parameters: list[Any]) -> dict[str, int]:
    """Where each parameter is held: a module used twice is one place, a weight that two modules share is two."""
    number = {id(parameter): k for k, parameter in enumerate(parameters)}
    return {
        name: number[id(parameter)]
        for prefix, module in model.named_modules()
        for name, parameter in module.named_parameters(prefix=prefix, recurse=False, remove_duplicate=False)
        if id(parameter) in number
    }


def _repeatable(data: Any) -> Any:
    """One batch as a list of it; an iterator, which ends after one round, is refused."""
    if isinstance(data, tuple) and len(data) == 2 and not isinstance(data[0], (tuple, list)):
        return [data]
    if isinstance(data, (Iterator, dict)) or not isinstance(data, Iterable):
        raise InvalidInputError(
            "data must be one (inputs, targets) tuple or batches that can be gone through repeatedly; give "
            "list(batches) instead of an iterator"
        )
    return data


def _describe(batch: Any) -> str:
    return f"{len(batch)} parts" if isinstance(batch, (tuple, list)) else f"a {type(batch).__name__}"


def _to(value: Any, device: Any) -> Any:
    return value.to(device) if hasattr(value, "to") else value
