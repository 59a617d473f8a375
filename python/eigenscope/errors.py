"""Exceptions and warnings. Errors subclass the built-in that fits, so ordinary handlers catch them."""

from __future__ import annotations

from typing import Any


class InvalidInputError(ValueError):
    """An argument cannot be used; the text says what, where, how much, and what to do."""


class NonFiniteInputError(InvalidInputError):
    """The data hold NaN or infinite values."""


class NotSymmetricError(InvalidInputError):
    """A symmetric (Hermitian) matrix was needed and this one is not."""


class NonDeterministicOperatorError(InvalidInputError):
    """Two products of the operator with the same vector differ."""


class UnsupportedTypeError(TypeError):
    """An object of this type or dtype cannot be used as data."""


class MemoryBudgetError(MemoryError):
    """The computation does not fit `max_memory`; the text gives its bytes and the alternatives' bytes."""


class LapackError(RuntimeError):
    """A LAPACK routine did not converge."""


class Interrupted(KeyboardInterrupt):
    """A computation was stopped by Ctrl-C; `partial` holds the best result so far, or None."""

    def __init__(self, message: str = "interrupted", partial: Any = None) -> None:
        super().__init__(message)
        self.partial = partial


class EigenscopeWarning(UserWarning):
    """Base class of every warning of this package."""


class ConvergenceWarning(EigenscopeWarning):
    """A result does not meet the accuracy asked for."""


class DataWarning(EigenscopeWarning):
    """The data break an assumption of the analysis, in a way its reader must know."""
