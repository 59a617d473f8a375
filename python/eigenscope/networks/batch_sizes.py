"""How much a batch counts in a mean over all batches."""

from __future__ import annotations

from typing import Any

from ..errors import InvalidInputError


def size_of(targets: Any, loss: Any) -> float:
    """Return what the mean over a batch divides by: the number of its samples, or the sum of their class weights.

    Parameters
    ----------
    targets : tensor or sequence
        One per sample.
    loss : callable
        Losses of PyTorch over classes leave out targets of ``ignore_index`` and divide by the ``weight`` of the others.
    """
    import torch

    has_classes = isinstance(loss, (torch.nn.CrossEntropyLoss, torch.nn.NLLLoss))
    if not has_classes or not isinstance(targets, torch.Tensor) or targets.is_floating_point():
        return _length(targets)
    counted = targets[targets != loss.ignore_index]
    if loss.weight is None:
        return float(counted.numel())
    return float(loss.weight.detach().cpu()[counted.detach().cpu()].sum())


def check_reduction(loss: Any, reduction: str) -> None:
    """Raise when a loss of PyTorch reduces the samples of a batch in another way than is said."""
    stated = getattr(loss, "reduction", reduction)
    if isinstance(stated, str) and stated in ("mean", "sum") and stated != reduction:
        raise InvalidInputError(
            f"reduction={reduction!r}, but the loss has reduction={stated!r}: give the same to hessian_operator"
        )


def _length(targets: Any) -> float:
    try:
        return float(len(targets))
    except TypeError:
        raise InvalidInputError(
            'reduction="mean" weights batches by the number of their targets, and a batch has targets without a '
            f'length: {targets!r}. Give one target per sample, or reduction="sum"'
        ) from None
