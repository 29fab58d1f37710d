"""How does LAPACK work on all cores at once? Called without Python's lock, which SciPy's own wrappers hold."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from types import ModuleType

import numpy as np
from scipy.linalg import cython_blas, cython_lapack

from modelcollapse.checks import Array

N_INTEGERS = {"dpotrf": 3, "dpotri": 3, "dpotrs": 5, "dlauum": 3, "dtrmm": 4}
"""How many of each routine's arguments are C integers, to tell a library with others before it is called."""


def invert(matrix: Array) -> None:
    """Replace the upper triangle of a symmetric positive definite matrix by that of its inverse.

    Through Cholesky's factor: LAPACK's dpotrf and dpotri, which store by columns and call the triangle lower.

    Parameters
    ----------
    matrix : array of shape (d, d), C order
        Overwritten; only its upper triangle is read.

    Raises
    ------
    numpy.linalg.LinAlgError
        When the matrix is not positive definite.
    """
    factor(matrix)
    failed = ctypes.c_int()
    _call("dpotri", b"L", len(matrix), matrix, len(matrix), failed)
    if failed.value:
        raise np.linalg.LinAlgError("the matrix is not positive definite")


def factor(matrix: Array) -> None:
    """Replace the upper triangle of a symmetric positive definite matrix by R with RᵀR = matrix: LAPACK's dpotrf.

    Parameters
    ----------
    matrix : array of shape (d, d), C order
        Overwritten; only its upper triangle is read.

    Raises
    ------
    numpy.linalg.LinAlgError
        When the matrix is not positive definite.
    """
    failed = ctypes.c_int()
    _call("dpotrf", b"L", len(matrix), matrix, len(matrix), failed)
    if failed.value:
        raise np.linalg.LinAlgError("the matrix is not positive definite")


def solve_factored(triangle: Array, right: Array) -> Array:
    """Return (RᵀR)⁻¹ B for what `factor` left, (d, d), and B, (d, p): LAPACK's dpotrs."""
    solution = np.array(right, order="F")
    rows, columns = solution.shape
    _call("dpotrs", b"L", rows, columns, triangle, rows, solution, rows, ctypes.c_int())
    return solution


def square_triangle(triangle: Array) -> None:
    """Replace an upper triangular T, (d, d) in C order, by the upper triangle of T Tᵀ: LAPACK's dlauum."""
    _call("dlauum", b"L", len(triangle), triangle, len(triangle), ctypes.c_int())


def transposed_triangle_times(triangle: Array, matrix: Array) -> Array:
    """Return Tᵀ M for an upper triangular T, (d, d) in C order, and M, (d, p): BLAS's dtrmm, stored by columns."""
    product = np.array(matrix, order="F")
    rows, columns = product.shape
    _call("dtrmm", b"L", b"L", b"N", b"N", rows, columns, 1.0, np.ascontiguousarray(triangle), rows, product, rows)
    return product


def _call(name: str, *arguments: bytes | int | float | Array | ctypes.c_int) -> None:
    """Call a routine of Fortran, which wants a pointer to each argument."""
    exported = cython_blas if name == "dtrmm" else cython_lapack
    _routine(exported, name, len(arguments))(*map(_pointer, arguments))


def _pointer(argument: bytes | int | float | Array | ctypes.c_int) -> object:
    if isinstance(argument, np.ndarray):
        return argument.ctypes.data_as(ctypes.c_void_p)
    if isinstance(argument, bytes):
        return argument
    if isinstance(argument, ctypes.c_int):
        return ctypes.byref(argument)
    return ctypes.byref(ctypes.c_int(argument) if isinstance(argument, int) else ctypes.c_double(argument))


@cache
def _routine(library: ModuleType, name: str, n_arguments: int) -> Callable[..., None]:
    """Return a routine of the library that SciPy brings, by the address that SciPy exports for Cython."""
    capsule = library.__pyx_capi__[name]
    name_of = ctypes.PYFUNCTYPE(ctypes.c_char_p, ctypes.py_object)(("PyCapsule_GetName", ctypes.pythonapi))
    address_of = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(
        ("PyCapsule_GetPointer", ctypes.pythonapi)
    )
    signature = name_of(capsule)
    if signature.count(b"int *") != N_INTEGERS[name] or signature.count(b"*") != n_arguments:
        raise ImportError(f"SciPy exports another {name} than the one that is called here: {signature.decode()}.")
    address = address_of(capsule, signature)
    return ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * n_arguments)(address)
