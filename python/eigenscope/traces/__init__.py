"""Traces, log-determinants and diagonals from products, with intervals that hold."""

from .diagonal import diagonal
from .estimation import logdet, trace

__all__ = ["diagonal", "logdet", "trace"]
