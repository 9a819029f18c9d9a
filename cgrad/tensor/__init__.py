"""What users call: NumPy's and PyTensor's names on symbolic tensors."""

# one name a line would hide what belongs together
# ruff: noqa: I001, RUF022
import cgrad.ops
import cgrad.tensor.numpy_functions  # noqa: F401 (both fill the op registry)
from cgrad.core.node import Node, TensorType
from cgrad.gradient import grad, hessian, jacobian
from cgrad.graph.vectorize import vectorize
from cgrad.tensor import fft, linalg, optimize, random, special

# fmt: off
from cgrad.tensor import interpolate, signal, types  # noqa: F401
from cgrad.tensor.absent import __getattr__  # noqa: F401 (what unknown names are)
from cgrad.tensor.arrange import (
    concat_with_broadcast, flip, horizontal_stack, hstack, repeat, roll, split, stacklists, tile,
    vertical_stack, vstack,
)
from cgrad.tensor.counting import bincount, unique
from cgrad.tensor.declared import (
    broadcast_arrays, broadcast_shape, get_vector_length, is_flat, scalar_from_tensor,
    shape_padaxis, specify_broadcastable, specify_shape, tensor_from_scalar,
)
from cgrad.tensor.diagonals import fill_diagonal, fill_diagonal_offset
from cgrad.tensor.interpolate import interp, interpolate1d
from cgrad.tensor.norms import norm
from cgrad.tensor.packing import join_dims, pack, split_dims, unpack
from cgrad.tensor.padding import pad
from cgrad.tensor.selection import (
    choose, inverse_permutation, nonzero_values, permute_row_elements, ravel_multi_index,
    searchsorted, slice_at_axis, unravel_index,
)
from cgrad.tensor.signal import convolve1d, convolve2d
from cgrad.tensor.statistics import cov, median
from cgrad.tensor.bessel import (
    hyp2f1, i0, i1, iv, ive, j0, j1, jv, kn, kv, kve, owens_t,
)
from cgrad.tensor.complex import angle, complex, complex_from_polar, conj, conjugate, imag, real
from cgrad.tensor.creation import (
    alloc, arange, as_tensor, as_tensor_variable, bcol, bcols, bmatrices, bmatrix, brow,
    brows, bscalar, bscalars, btensor3, btensor3s, btensor4, btensor4s, btensor5, btensor5s,
    btensor6, btensor6s, btensor7, btensor7s, bvector, bvectors, ccol, ccols, cmatrices,
    cmatrix, col, cols, constant, crow, crows, cscalar, cscalars, ctensor3, ctensor3s,
    ctensor4, ctensor4s, ctensor5, ctensor5s, ctensor6, ctensor6s, ctensor7, ctensor7s,
    cvector, cvectors, dcol, dcols, dmatrices, dmatrix, drow, drows, dscalar, dscalars,
    dtensor3, dtensor3s, dtensor4, dtensor4s, dtensor5, dtensor5s, dtensor6, dtensor6s,
    dtensor7, dtensor7s, dvector, dvectors, e, empty, empty_like, euler_gamma, eye, fcol,
    fcols, fmatrices, fmatrix, frow, frows, fscalar, fscalars, ftensor3, ftensor3s, ftensor4,
    ftensor4s, ftensor5, ftensor5s, ftensor6, ftensor6s, ftensor7, ftensor7s, full, full_like,
    fvector, fvectors, icol, icols, identity_like, imatrices, imatrix, inf, irow, irows,
    iscalar, iscalars, itensor3, itensor3s, itensor4, itensor4s, itensor5, itensor5s,
    itensor6, itensor6s, itensor7, itensor7s, ivector, ivectors, lcol, lcols, lmatrices,
    lmatrix, lrow, lrows, lscalar, lscalars, ltensor3, ltensor3s, ltensor4, ltensor4s,
    ltensor5, ltensor5s, ltensor6, ltensor6s, ltensor7, ltensor7s, lvector, lvectors,
    matrices, matrix, nan, newaxis, ones, ones_like, pi, row, rows, scalar, scalars, tensor,
    tensor3, tensor3s, tensor4, tensor4s, tensor5, tensor5s, tensor6, tensor6s, tensor7,
    tensor7s, vector, vectors, wcol, wcols, wmatrices, wmatrix, wrow, wrows, wscalar,
    wscalars, wtensor3, wtensor3s, wtensor4, wtensor4s, wtensor5, wtensor5s, wtensor6,
    wtensor6s, wtensor7, wtensor7s, wvector, wvectors, zcol, zcols, zeros, zeros_like,
    zmatrices, zmatrix, zrow, zrows, zscalar, zscalars, ztensor3, ztensor3s, ztensor4,
    ztensor4s, ztensor5, ztensor5s, ztensor6, ztensor6s, ztensor7, ztensor7s, zvector,
    zvectors,
)
from cgrad.tensor.gammas import (
    beta, betainc, betaincinv, betaln, chi2sf, digamma, factorial, gamma, gammainc, gammaincc,
    gammainccinv, gammaincinv, gammal, gammaln, gammau, poch, polygamma, psi, tri_gamma,
)
from cgrad.tensor.derived import (
    allclose, ceil_intdiv, divmod, iround, isclose, isneginf, isposinf, largest, nan_to_num,
    round, round_half_away_from_zero, smallest,
)
from cgrad.tensor.grids import (
    bartlett, geomspace, linspace, logspace, mgrid, ogrid, tri, tril, tril_indices,
    tril_indices_from, triu, triu_indices, triu_indices_from,
)
from cgrad.tensor.indexing import getitem, inc_subtensor, set_subtensor
from cgrad.tensor.lookup import (
    argmax, argmin, argsort, compress, flatnonzero, max_and_argmax, nonzero, sort, take,
    take_along_axis,
)
from cgrad.tensor.math import (
    abs, absolute, add, all, and_, any, arccos, arccosh, arcsin, arcsinh, arctan, arctan2,
    arctanh, bitwise_and, bitwise_invert, bitwise_not, bitwise_or, bitwise_xor, cast, ceil,
    clip, cos, cosh, deg2rad, divide, eq, equal, erf, erfc, erfcinv, erfcx, erfinv, exp, exp2,
    expit, expm1, fill, floor, floor_div, floor_divide, ge, greater, greater_equal, gt, hypot,
    identity, int_div, invert, isfinite, isinf, isnan, le, less, less_equal, log, log10,
    log1mexp, log1p, log1pexp, log2, log_ndtr, logaddexp, logical_and, logical_not, logical_or,
    logical_xor, logit, lt, max, maximum, mean, min, minimum, mod, mul, multiply, ndtri_exp,
    neg, negative, neq, not_equal, or_, pow, power, rad2deg, reciprocal, remainder,
    round_half_to_even, second, sgn, sigmoid, sign, sin, sinh, softplus, sqr, sqrt, square, sub,
    subtract, sum, switch, tan, tanh, true_div, true_divide, trunc, where, xlog1py, xlogx,
    xlogy, xlogy0, xor,
)
from cgrad.tensor.products import (
    batched_dot, diag, diagonal, dot, einsum, extract_diag, inner, matmul, matvec, outer, tensordot,
    trace, vecdot, vecmat,
)
from cgrad.tensor.reductions import cumprod, cumsum, diff, prod, ptp, std, var
from cgrad.tensor.checkpoints import scan_checkpoints
from cgrad.tensor.scan import filter, foldl, foldr, map, reduce, scan, until
from cgrad.tensor.shape import (
    atleast_1d, atleast_2d, atleast_3d, atleast_Nd, broadcast_to, concatenate, dimshuffle,
    expand_dims, flatten, join, matrix_transpose, moveaxis, ravel, reshape, shape, shape_padleft,
    shape_padright, size, squeeze, stack, swapaxes, transpose,
)
from cgrad.tensor.special import log_softmax, logsumexp, softmax
from cgrad.tensor.shared import shared, SharedVariable

__all__ = [
    "Node", "SharedVariable", "TensorType", "abs", "absolute", "add", "all", "allclose", "alloc",
    "and_", "angle", "any", "arange", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2",
    "arctanh", "argmax", "argmin", "argsort", "as_tensor", "as_tensor_variable", "atleast_1d",
    "atleast_2d", "atleast_3d", "atleast_Nd", "bartlett", "batched_dot", "bcol", "bcols", "beta",
    "betainc", "betaincinv", "betaln", "bincount", "bitwise_and", "bitwise_invert", "bitwise_not",
    "bitwise_or", "bitwise_xor", "bmatrices", "bmatrix", "broadcast_arrays", "broadcast_shape",
    "broadcast_to", "brow", "brows", "bscalar", "bscalars", "btensor3", "btensor3s", "btensor4",
    "btensor4s", "btensor5", "btensor5s", "btensor6", "btensor6s", "btensor7", "btensor7s",
    "bvector", "bvectors", "cast", "ccol", "ccols", "ceil", "ceil_intdiv", "chi2sf", "choose",
    "clip", "cmatrices", "cmatrix", "col", "cols", "complex", "complex_from_polar", "compress",
    "concat_with_broadcast", "concatenate", "conj", "conjugate", "constant", "convolve1d",
    "convolve2d", "cos", "cosh", "cov", "crow", "crows", "cscalar", "cscalars", "ctensor3",
    "ctensor3s", "ctensor4", "ctensor4s", "ctensor5", "ctensor5s", "ctensor6", "ctensor6s",
    "ctensor7", "ctensor7s", "cumprod", "cumsum", "cvector", "cvectors", "dcol", "dcols", "deg2rad",
    "diag", "diagonal", "diff", "digamma", "dimshuffle", "divide", "divmod", "dmatrices", "dmatrix",
    "dot", "drow", "drows", "dscalar", "dscalars", "dtensor3", "dtensor3s", "dtensor4", "dtensor4s",
    "dtensor5", "dtensor5s", "dtensor6", "dtensor6s", "dtensor7", "dtensor7s", "dvector",
    "dvectors", "e", "einsum", "empty", "empty_like", "eq", "equal", "erf", "erfc", "erfcinv",
    "erfcx", "erfinv", "euler_gamma", "exp", "exp2", "expand_dims", "expit", "expm1",
    "extract_diag", "eye", "factorial", "fcol", "fcols", "fft", "fill", "fill_diagonal",
    "fill_diagonal_offset", "filter", "flatnonzero", "flatten", "flip", "floor", "floor_div",
    "floor_divide", "fmatrices", "fmatrix", "foldl", "foldr", "frow", "frows", "fscalar",
    "fscalars", "ftensor3", "ftensor3s", "ftensor4", "ftensor4s", "ftensor5", "ftensor5s",
    "ftensor6", "ftensor6s", "ftensor7", "ftensor7s", "full", "full_like", "fvector", "fvectors",
    "gamma", "gammainc", "gammaincc", "gammainccinv", "gammaincinv", "gammal", "gammaln", "gammau",
    "ge", "geomspace", "get_vector_length", "getitem", "grad", "greater", "greater_equal", "gt",
    "hessian", "horizontal_stack", "hstack", "hyp2f1", "hypot", "i0", "i1", "icol", "icols",
    "identity", "identity_like", "imag", "imatrices", "imatrix", "inc_subtensor", "inf", "inner",
    "int_div", "interp", "interpolate", "interpolate1d", "inverse_permutation", "invert", "iround",
    "irow", "irows", "is_flat", "iscalar", "iscalars", "isclose", "isfinite", "isinf", "isnan",
    "isneginf", "isposinf", "itensor3", "itensor3s", "itensor4", "itensor4s", "itensor5",
    "itensor5s", "itensor6", "itensor6s", "itensor7", "itensor7s", "iv", "ive", "ivector",
    "ivectors", "j0", "j1", "jacobian", "join", "join_dims", "jv", "kn", "kv", "kve", "largest",
    "lcol", "lcols", "le", "less", "less_equal", "linalg", "linspace", "lmatrices", "lmatrix",
    "log", "log10", "log1mexp", "log1p", "log1pexp", "log2", "log_ndtr", "log_softmax", "logaddexp",
    "logical_and", "logical_not", "logical_or", "logical_xor", "logit", "logspace", "logsumexp",
    "lrow", "lrows", "lscalar", "lscalars", "lt", "ltensor3", "ltensor3s", "ltensor4", "ltensor4s",
    "ltensor5", "ltensor5s", "ltensor6", "ltensor6s", "ltensor7", "ltensor7s", "lvector",
    "lvectors", "map", "matmul", "matrices", "matrix", "matrix_transpose", "matvec", "max",
    "max_and_argmax", "maximum", "mean", "median", "mgrid", "min", "minimum", "mod", "moveaxis",
    "mul", "multiply", "nan", "nan_to_num", "ndtri_exp", "neg", "negative", "neq", "newaxis",
    "nonzero", "nonzero_values", "norm", "not_equal", "ogrid", "ones", "ones_like", "optimize",
    "or_", "outer", "owens_t", "pack", "pad", "permute_row_elements", "pi", "poch", "polygamma",
    "pow", "power", "prod", "psi", "ptp", "rad2deg", "random", "ravel", "ravel_multi_index", "real",
    "reciprocal", "reduce", "remainder", "repeat", "reshape", "roll", "round",
    "round_half_away_from_zero", "round_half_to_even", "row", "rows", "scalar",
    "scalar_from_tensor", "scalars", "scan", "scan_checkpoints", "searchsorted", "second",
    "set_subtensor", "sgn", "shape", "shape_padaxis", "shape_padleft", "shape_padright", "shared",
    "sigmoid", "sign", "signal", "sin", "sinh", "size", "slice_at_axis", "smallest", "softmax",
    "softplus", "sort", "special", "specify_broadcastable", "specify_shape", "split", "split_dims",
    "sqr", "sqrt", "square", "squeeze", "stack", "stacklists", "std", "sub", "subtract", "sum",
    "swapaxes", "switch", "take", "take_along_axis", "tan", "tanh", "tensor", "tensor3", "tensor3s",
    "tensor4", "tensor4s", "tensor5", "tensor5s", "tensor6", "tensor6s", "tensor7", "tensor7s",
    "tensor_from_scalar", "tensordot", "tile", "trace", "transpose", "tri", "tri_gamma", "tril",
    "tril_indices", "tril_indices_from", "triu", "triu_indices", "triu_indices_from", "true_div",
    "true_divide", "trunc", "unique", "unpack", "unravel_index", "until", "var", "vecdot", "vecmat",
    "vector", "vectorize", "vectors", "vertical_stack", "vstack", "wcol", "wcols", "where",
    "wmatrices", "wmatrix", "wrow", "wrows", "wscalar", "wscalars", "wtensor3", "wtensor3s",
    "wtensor4", "wtensor4s", "wtensor5", "wtensor5s", "wtensor6", "wtensor6s", "wtensor7",
    "wtensor7s", "wvector", "wvectors", "xlog1py", "xlogx", "xlogy", "xlogy0", "xor", "zcol",
    "zcols", "zeros", "zeros_like", "zmatrices", "zmatrix", "zrow", "zrows", "zscalar", "zscalars",
    "ztensor3", "ztensor3s", "ztensor4", "ztensor4s", "ztensor5", "ztensor5s", "ztensor6",
    "ztensor6s", "ztensor7", "ztensor7s", "zvector", "zvectors",
]
# fmt: on
