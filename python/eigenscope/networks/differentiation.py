"""Second derivatives in PyTorch: the modes they need, and the graph that says whether there are any."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any


@contextlib.contextmanager
def differentiable_twice() -> Iterator[None]:
    """Record gradients whatever the mode of the caller, with attention by kernels that have a second derivative."""
    import torch

    with contextlib.ExitStack() as modes:
        modes.enter_context(torch.inference_mode(False))
        modes.enter_context(torch.enable_grad())
        attention: Any = getattr(torch.nn, "attention", None)
        # Older releases choose such kernels for processors anyway.
        if hasattr(attention, "sdpa_kernel"):
            modes.enter_context(attention.sdpa_kernel(attention.SDPBackend.MATH))
        yield


def graph_names(tensors: Iterable[Any]) -> set[str]:
    """Names of all nodes in the graph behind some tensors."""
    pending = [tensor.grad_fn for tensor in tensors if tensor is not None and tensor.grad_fn is not None]
    seen = set(pending)
    names = set()
    while pending:
        node = pending.pop()
        names.add(node.name())
        fresh = {parent for parent, _ in node.next_functions if parent is not None} - seen
        seen |= fresh
        pending.extend(fresh)
    return names
