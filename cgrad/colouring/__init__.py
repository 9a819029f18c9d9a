"""Colourings: which columns, rows or both of a sparse matrix are computed together.

`places` is a matrix without values, `columns`, `bicolouring` and `symmetric` colour it, `lattice`
knows the colourings of regular grids, and `library` holds the loops, which are in C.
"""
