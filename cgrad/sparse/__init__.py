"""Sparse derivatives: stored elements of Jacobians and Hessians in compressed rows."""

from cgrad.sparse.matrix import SparseMatrix

__all__ = ["SparseMatrix"]
