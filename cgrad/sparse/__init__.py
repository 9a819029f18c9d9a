"""Sparse derivatives: stored elements of Jacobians and Hessians in compressed rows."""

from cgrad.sparse.matrix import SparseMatrix
from cgrad.sparse.sparsity import Sparsity
from cgrad.sparse.spy import spy

__all__ = ["SparseMatrix", "Sparsity", "spy"]
