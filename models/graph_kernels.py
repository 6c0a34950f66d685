"""The compiled kernels of graphs: products, neighbours, weights of edges. References and rules as in ``kernels``."""

from __future__ import annotations

import numpy as np
from numba import njit

from models.kernels import LINE, fetch_row

__all__ = [
    "edge_dots",
    "largest",
    "nearest_rows",
    "route",
    "route_gradient",
    "softmax_rows",
    "softmax_rows_gradient",
    "spmm",
    "spmm_onto",
]


_USUAL = 64  # columns: loops of a length that the compiler knows take little more than half the time
_AHEAD = 8  # edges; the row of the eighth next one arrives while those before it are added


@njit(cache=True, nogil=True)
def spmm(start, columns, weight, dense, out):
    """Product of a sparse matrix in compressed rows with a dense one.

    Operations: 2 x nnz x width; bytes: one dense row of ``width`` floats per nonzero, from cache where the table fits.

    Parameters
    ----------
    start : int64 (n_rows + 1,), columns : int32 (nnz,), weight : float32 (nnz,)
    dense : float32 (n_columns, width); out : float32 (n_rows, width), overwritten
    """
    out[:] = np.float32(0.0)
    spmm_onto(start, columns, weight, dense, out, np.float32(1.0), out)


@njit(cache=True, nogil=True, fastmath={"contract"})
def spmm_onto(start, columns, weight, dense, base, scale, out):
    """``scale * (base + product)``, the product being that of ``spmm``, in one pass over ``out``, which ``base`` may be.

    Operations: 2 x nnz x width; ``base`` float32 (n_rows, width), ``scale`` float32; the rest as in ``spmm``.
    """
    width, last = dense.shape[1], len(columns) - 1
    room = np.empty(_USUAL + LINE, dtype=np.float32)
    begin = -(room.ctypes.data // 4) % LINE
    sums = room[begin : begin + _USUAL]  # it begins with a cache line
    for row in range(len(start) - 1):
        own, target = base[row], out[row]
        if width == _USUAL:
            for f in range(_USUAL):
                sums[f] = own[f]
            for edge in range(start[row], start[row + 1]):
                fetch_row(dense, columns[min(edge + _AHEAD, last)])
                w, source = weight[edge], dense[columns[edge]]
                for f in range(_USUAL):
                    sums[f] += w * source[f]
            for f in range(_USUAL):
                target[f] = scale * sums[f]
            continue
        target[:] = own
        for edge in range(start[row], start[row + 1]):
            fetch_row(dense, columns[min(edge + _AHEAD, last)])
            w, source = weight[edge], dense[columns[edge]]
            for f in range(width):
                target[f] += w * source[f]
        for f in range(width):
            target[f] *= scale


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def edge_dots(start, columns, left, right, out):
    """Dot product of the two ends of every edge: the gradient of ``spmm`` with respect to its weights.

    Operations: 2 x nnz x width; bytes: one row of ``right`` per edge.

    Parameters
    ----------
    start : int64 (n_rows + 1,), columns : int32 (nnz,)
    left : float32 (n_rows, width), right : float32 (n_columns, width); out : float32 (nnz,), written
    """
    width = left.shape[1]
    for row in range(len(start) - 1):
        own = left[row]
        for edge in range(start[row], start[row + 1]):
            other, total = right[columns[edge]], np.float32(0.0)
            for f in range(width):
                total += own[f] * other[f]
            out[edge] = total


@njit(cache=True, nogil=True)
def largest(values, columns):
    """The columns of the largest values of each row, largest first; among equals the lower column first.

    Operations: one comparison per value, and an insertion for the few that rank; bytes: each value once.

    Parameters
    ----------
    values : float32 (n, m); columns : int32 (n, k), k <= m, written
    """
    m, k = values.shape[1], columns.shape[1]
    best = np.empty(k, dtype=np.float32)
    for row in range(values.shape[0]):
        found = 0
        for column in range(m):
            value = values[row, column]
            if found < k:
                place = found
                found += 1
            elif value > best[k - 1]:
                place = k - 1
            else:
                continue
            while place > 0 and value > best[place - 1]:
                best[place] = best[place - 1]
                columns[row, place] = columns[row, place - 1]
                place -= 1
            best[place] = value
            columns[row, place] = column


@njit(cache=True, nogil=True, fastmath={"contract"})
def softmax_rows(start, values, out):
    """Softmax over the edges of each row.

    Operations: one exponential and about 4 more per edge.

    Parameters
    ----------
    start : int64 (n_rows + 1,); values : float32 (nnz,); out : float32 (nnz,), written
    """
    for row in range(len(start) - 1):
        top, total = np.float32(-np.inf), np.float32(0.0)
        for edge in range(start[row], start[row + 1]):
            top = max(top, values[edge])
        for edge in range(start[row], start[row + 1]):
            out[edge] = np.exp(values[edge] - top)
            total += out[edge]
        for edge in range(start[row], start[row + 1]):
            out[edge] /= total


@njit(cache=True, nogil=True, fastmath={"contract"})
def softmax_rows_gradient(start, share, gradient, out):
    """What flows back through ``softmax_rows``: ``share * (gradient - <share, gradient> of the row)``; all float32 (nnz,)."""
    for row in range(len(start) - 1):
        mean = np.float32(0.0)
        for edge in range(start[row], start[row + 1]):
            mean += share[edge] * gradient[edge]
        for edge in range(start[row], start[row + 1]):
            out[edge] = share[edge] * (gradient[edge] - mean)


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def route(start, columns, items, path, share, norm):
    """Neighbour routing: users move towards those of their items that lie near them, a few times.

    Per step and user: ``z = u + sum_k softmax(<u, x>)_k x_k`` over the user's items x, then ``u = z / |z|``. All steps of a user
    are taken at once, while the items' rows are in cache. Operations: 4 x nnz x d per step.

    Parameters
    ----------
    start : int64 (n_users + 1,), columns : int32 (nnz,), items : float32 (n_items, d)
    path : float32 (steps + 1, n_users, d), the first given, the others written
    share : float32 (steps, nnz), the softmax, and norm : float32 (steps, n_users), |z|, written: what the way back needs
    """
    d = items.shape[1]
    for user in range(len(start) - 1):
        low, high = start[user], start[user + 1]
        for step in range(len(share)):
            own, new, near = path[step, user], path[step + 1, user], share[step]
            top, total = np.float32(-1e38), np.float32(0.0)
            for edge in range(low, high):
                x, dot = items[columns[edge]], np.float32(0.0)
                for f in range(d):
                    dot += own[f] * x[f]
                near[edge] = dot
                top = max(top, dot)
            for edge in range(low, high):
                near[edge] = np.exp(near[edge] - top)
                total += near[edge]
            new[:] = own
            for edge in range(low, high):
                near[edge] /= total
                weight, x = near[edge], items[columns[edge]]
                for f in range(d):
                    new[f] += weight * x[f]
            length = np.float32(0.0)
            for f in range(d):
                length += new[f] * new[f]
            length = max(np.sqrt(length), np.float32(1e-12))
            norm[step, user] = length
            for f in range(d):
                new[f] /= length


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def route_gradient(start, columns, items, path, share, norm, user_gradient, item_gradient):
    """What flows back through ``route``, of which ``path``, ``share`` and ``norm`` come. Operations: 8 x nnz x d per step.

    ``user_gradient`` float32 (n_users, d): given that of the last step's users, left as that of the first's.
    ``item_gradient`` float32 (n_items, d) is added to.
    """
    d = items.shape[1]
    inner = np.empty(max(1, np.max(start[1:] - start[:-1])), dtype=np.float32)
    for user in range(len(start) - 1):
        low, high, back = start[user], start[user + 1], user_gradient[user]
        for step in range(len(share) - 1, -1, -1):
            own, new, near = path[step, user], path[step + 1, user], share[step]
            along, mean = np.float32(0.0), np.float32(0.0)
            for f in range(d):
                along += new[f] * back[f]
            for f in range(d):
                back[f] = (back[f] - along * new[f]) / norm[step, user]
            for edge in range(low, high):
                x, dot = items[columns[edge]], np.float32(0.0)
                for f in range(d):
                    dot += back[f] * x[f]
                inner[edge - low] = dot
                mean += near[edge] * dot
            for edge in range(low, high):
                weight, pull, target = near[edge], near[edge] * (inner[edge - low] - mean), item_gradient[columns[edge]]
                inner[edge - low] = pull
                for f in range(d):
                    target[f] += weight * back[f] + pull * own[f]
            for edge in range(low, high):
                pull, x = inner[edge - low], items[columns[edge]]
                for f in range(d):
                    back[f] += pull * x[f]


@njit(cache=True, nogil=True)
def nearest_rows(scores, own, start, tolerance, found):
    """The ``k`` highest-scoring columns of each row, best first, without the row's own column.

    Operations: one comparison per score, a few dozen insertions per row. Scores closer than ``tolerance`` count as equal, and among
    equals the one visited first stays: each row is visited from a place of its own, round to it again. With columns in random order
    no item is then favoured for where it stands (a thousand equal items must not all name the same ten).

    Parameters
    ----------
    scores : float32 (n, n_items), finite; own : int64 (n,), the column that is the row itself
    start : int64 (n,), each < n_items
    found : int32 (n, k), written; k < n_items
    """
    n_items, k = scores.shape[1], found.shape[1]
    values = np.empty(k, dtype=np.float32)
    for row in range(len(scores)):
        values[:] = -np.inf
        s = scores[row]
        bar = np.float32(-np.inf)
        for half in range(2):
            for column in range(start[row] if half == 0 else 0, n_items if half == 0 else start[row]):
                value = s[column]
                if value > bar and column != own[row]:
                    at = k - 1
                    while at > 0 and value > values[at - 1]:
                        values[at] = values[at - 1]
                        found[row, at] = found[row, at - 1]
                        at -= 1
                    values[at] = value
                    found[row, at] = column
                    bar = values[k - 1] + tolerance
