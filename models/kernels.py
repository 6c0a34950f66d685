"""The compiled kernels of triples, ranks and steps; their plain float64 references are in ``tests/models/references.py``.

All kernels are single-threaded by design: a probe runs one training per core. Compilation is cached on disk. Those of graphs are in
``graph_kernels``.
"""

from __future__ import annotations

import math

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

__all__ = [
    "LINE",
    "NO_DECAY",
    "adam_rows",
    "aligned",
    "coast_rows",
    "coasting_table",
    "count_ahead",
    "count_ranks",
    "distinct",
    "fetch_row",
    "part_gradients",
    "part_margins",
    "sample_unseen",
    "squares_of_parts",
]

NO_DECAY = np.empty(0, dtype=np.float32)
"""For ``part_gradients``, where no L2 acts on its rows."""


LINE = 16  # numbers of four bytes in a cache line


def aligned(*shape):
    """A float32 array of this shape, whatever it holds, that begins with a cache line: 64 numbers then fill four and not five."""
    size = math.prod(shape)
    room = np.empty(size + LINE, dtype=np.float32)
    begin = -(room.ctypes.data // 4) % LINE
    return room[begin : begin + size].reshape(shape)


@njit(cache=True, nogil=True, fastmath=False)
def count_ranks(scores, seen_start, seen_items, target_start, target_items, ranks):
    """Exact 0-based rank of every target item among all items its user has not seen.

    Operations: one comparison per (target, item); bytes: each score row is read once per target from cache.
    Among equal scores the item with the lower index ranks first. A target whose score is -inf or NaN cannot be recommended
    and gets rank ``n_items``.

    Parameters
    ----------
    scores : float32 (n, n_items)
    seen_start : int64 (n + 1,), seen_items : int32; items left out of the ranking, per row
    target_start : int64 (n + 1,), target_items : int32; items whose rank is wanted, per row
    ranks : int32 (n_targets,), written
    """
    n, n_items = scores.shape
    for row in range(n):
        s = scores[row]
        for t in range(target_start[row], target_start[row + 1]):
            item = target_items[t]
            own = s[item]
            if not own > -np.inf:
                ranks[t] = n_items
                continue
            ahead = np.int32(0)
            for j in range(item):
                ahead += np.int32(s[j] >= own)
            for j in range(item + 1, n_items):
                ahead += np.int32(s[j] > own)
            for q in range(seen_start[row], seen_start[row + 1]):
                j = seen_items[q]
                if j != item and (s[j] > own or (s[j] == own and j < item)):
                    ahead -= np.int32(1)
            ranks[t] = ahead


@njit(cache=True, nogil=True)
def count_ahead(
    parts, members, own, slack, target_low, target_high, own_place, seen_low, seen_high, seen_place, low, depth, ahead, near
):
    """Counts, among some of the items, those that are surely ahead of each target and those that are too close to tell.

    A set's scores are summed from the parts a row at a time, while the row is in the nearest cache. Operations: for each item, an
    addition per part of each set, and two comparisons per target; bytes: each part's row once.

    Parameters
    ----------
    parts : float32 (n_parts, n, width), of the items at the places from ``low`` on; entries of seen items are overwritten by -inf
    members : bool (n_sets, n_parts), of which parts the score of a set is the sum, at least one
    own : float32 (n_sets, n_targets), the targets' own scores; own_place : int32 (n_targets,), where they stand among all items
    slack : float32 (n_sets, n); a score that differs by no more from a target's is counted in ``near``
    target_low, target_high : int64 (n,), which of the targets are a row's
    seen_low, seen_high : int64 (n,); seen_place : int32, the places of items that are left out
    depth : where ``depth`` items are ahead of a target in a set, no more are counted, neither ahead nor near
    ahead, near : int32 (n_sets, n_targets), added to
    """
    n_parts, n, width = parts.shape
    total = np.empty(width, dtype=np.float32)
    for row in range(n):
        for q in range(seen_low[row], seen_high[row]):
            at = seen_place[q] - low
            if at >= 0 and at < width:
                for part in range(n_parts):
                    parts[part, row, at] = -np.inf
        for one in range(len(members)):
            is_open = False
            for t in range(target_low[row], target_high[row]):
                is_open |= ahead[one, t] < depth
            if not is_open:
                continue
            begun = False  # the sum is always made in its own memory, and its counters stay narrow: both let the loops vectorise
            for part in range(n_parts):
                if members[one, part]:
                    more = parts[part, row]
                    if begun:
                        for j in range(width):
                            total[j] += more[j]
                    else:
                        for j in range(width):
                            total[j] = more[j]
                    begun = True
            for t in range(target_low[row], target_high[row]):
                if ahead[one, t] >= depth:
                    continue
                above, below = own[one, t] + slack[one, row], own[one, t] - slack[one, row]
                sure, close = np.int32(0), np.int32(0)
                for j in range(width):
                    sure = np.int32(sure + np.int32(total[j] > above))
                    close = np.int32(close + np.int32(total[j] >= below))
                at = own_place[t] - low
                if at >= 0 and at < width:  # a target is not ahead of itself, however its own score was rounded here
                    sure -= np.int32(total[at] > above)
                    close -= np.int32(total[at] >= below)
                ahead[one, t] += sure
                if ahead[one, t] < depth:
                    near[one, t] += close - sure


@intrinsic
def _fetch_line(context, array, offset):
    """Asks for the cache line of the number ``offset`` of an array, and does not wait for it."""

    def code(context, builder, signature, arguments):
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        line = builder.bitcast(builder.gep(data, [arguments[1]]), ir.IntType(8).as_pointer())
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [line.type, number, number, number])
        fetch = builder.module.declare_intrinsic("llvm.prefetch", (line.type,), kind)
        builder.call(fetch, [line, number(0), number(3), number(1)])  # to read, keep it close, it is data
        return context.get_dummy_value()

    return types.void(array, offset), code


_AHEAD = 2  # rows; a row is computed in about the time that one takes to arrive
_TRIPLES_AHEAD = 5


@njit(cache=True, nogil=True)
def fetch_row(table, row):
    """Asks for all cache lines of a row of a table in row order, of whatever shape its rows are."""
    size = table[row].size
    for f in range(0, size, LINE):
        _fetch_line(table, row * size + f)  # type: ignore[call-arg]  # Numba adds the context


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def part_margins(user_rows, item_rows, user, positive, negative, out):
    """Margin of every part for every triple: ``<user part, positive's part - negative's part>``.

    One user part serves all parts of the items where it is the only one.

    Operations: 3 x n_parts x d per triple; bytes: three rows of n_parts x d floats per triple.

    Parameters
    ----------
    user_rows : float32 (n_rows, n_parts or 1, d); item_rows : float32 (n_item_rows, n_parts, d)
    user, positive, negative : int32 (n,), rows of those tables
    out : float32 (n, n_parts), written
    """
    n_parts, d, last = item_rows.shape[1], item_rows.shape[2], len(user) - 1
    for t in range(len(user)):
        u, i, j, then = user[t], positive[t], negative[t], min(t + _TRIPLES_AHEAD, last)
        fetch_row(user_rows, user[then])
        fetch_row(item_rows, positive[then])
        fetch_row(item_rows, negative[then])
        for part in range(n_parts):
            own, total = min(part, user_rows.shape[1] - 1), np.float32(0.0)
            for f in range(d):
                total += user_rows[u, own, f] * (item_rows[i, part, f] - item_rows[j, part, f])
            out[t, part] = total


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def part_gradients(user_rows, item_rows, user, positive, negative, weight, decay, user_gradient, item_gradient):
    """Adds the gradients of ``sum_t sum_part weight[t, part] * margin[t, part] + decay[t] / 2 * (|u|^2 + |i|^2 + |j|^2)`` with
    respect to both tables; u, i and j are the rows of triple t.

    Operations: 12 x n_parts x d per triple, 6 where nothing decays. ``decay`` float32 (n,), or (0,) for none, as there has to be
    where one user part serves all;
    ``user_gradient`` and ``item_gradient`` have the tables' shapes and are added to.
    """
    n_parts, d = item_rows.shape[1], item_rows.shape[2]
    for t in range(len(user)):
        u, i, j = user[t], positive[t], negative[t]
        for part in range(n_parts):
            w, mine = weight[t, part], min(part, user_rows.shape[1] - 1)
            shrink = decay[t] if t < len(decay) else np.float32(0.0)
            if shrink != np.float32(0.0):
                for f in range(d):
                    own, good, bad = user_rows[u, mine, f], item_rows[i, part, f], item_rows[j, part, f]
                    user_gradient[u, mine, f] += w * (good - bad) + shrink * own
                    item_gradient[i, part, f] += w * own + shrink * good
                    item_gradient[j, part, f] += shrink * bad - w * own
            elif w != np.float32(0.0):
                for f in range(d):
                    step = w * user_rows[u, mine, f]
                    user_gradient[u, mine, f] += w * (item_rows[i, part, f] - item_rows[j, part, f])
                    item_gradient[i, part, f] += step
                    item_gradient[j, part, f] -= step


@njit(cache=True, nogil=True, fastmath={"contract"}, error_model="numpy")  # no test for division by zero: lets it vectorise
def adam_rows(state, last, rows, gradient, factor, rate, beta1, beta2, epsilon, step):
    """Adam on some rows of a table, which ``coast_rows`` has brought to the step before.

    Parameters
    ----------
    state : float32 (n_rows, 3, d); of every row the weights and Adam's two moments, side by side because memory is what takes time
    last : int32 (n_rows,), the step up to which a row has been brought; set to ``step``
    rows : int32 (n,), distinct; gradient : float32 (n, at least d), of which the first d columns count
    factor : float32 (d,), by which each column's step is multiplied
    rate, beta1, beta2, epsilon : float; step : int, 1 at the first call

    Source: Kingma and Ba 2015, algorithm 1.
    """
    d = state.shape[2]
    size = np.float32(rate * np.sqrt(1.0 - beta2**step) / (1.0 - beta1**step))
    scaled_epsilon = np.float32(epsilon * np.sqrt(1.0 - beta2**step))
    keep1, keep2 = np.float32(beta1), np.float32(beta2)
    new1, new2 = np.float32(1.0 - beta1), np.float32(1.0 - beta2)
    for position in range(len(rows)):
        r = rows[position]
        if position + _AHEAD < len(rows):
            fetch_row(state, rows[position + _AHEAD])
        last[r] = step
        weights, first, second = state[r, 0], state[r, 1], state[r, 2]
        for f in range(d):
            g = gradient[position, f]
            m = keep1 * first[f] + new1 * g
            v = keep2 * second[f] + new2 * g * g
            first[f] = m
            second[f] = v
            weights[f] -= size * factor[f] * m / (np.sqrt(v) + scaled_epsilon)


@njit(cache=True, nogil=True, fastmath={"contract"}, error_model="numpy")
def coast_rows(state, last, rows, rate, epsilon, coasting, step, out):
    """Brings some rows to ``step`` as dense Adam would have, had their gradient been zero since their last step; copies them out.

    After step t a row without gradient moves by ``rate * c(t + s) * q^s * m / (sqrt(v) + e(t, s))`` in its s-th step, where
    q = beta1 / sqrt(beta2), c(t) = sqrt(1 - beta2^t) / (1 - beta1^t), e(t, s) = epsilon * sqrt(1 - beta2^(t + s)) / beta2^(s / 2).
    But for e, n steps are m / sqrt(v) times a number that t and n alone decide, ``ahead(t) - q^n * ahead(t + n)`` with ahead(t) the
    sum of c(t + s) q^s over all steps to come: one look into a table replaces n steps. In the place of e stands its mean with those
    weights, which another such table gives; what is left is of second order in epsilon.

    Parameters
    ----------
    state, last : see ``adam_rows``; rows : int32 (n,); all but ``rows`` brought to ``step``
    coasting : float64 (at least step + 1, 6), see ``coasting_table``
    out : float32 (n, at least d), the weights are written to its first d columns; (0, d) where nobody wants the rows

    Operations: 5 per entry, of them a root and a division; bytes: three rows of the table read and written.
    """
    d = state.shape[2]
    wanted = len(out) > 0
    for position in range(len(rows)):
        r = rows[position]
        if position + _AHEAD < len(rows):
            fetch_row(state, rows[position + _AHEAD])
        before = last[r]
        weights, first, second = state[r, 0], state[r, 1], state[r, 2]
        if before > 0 and before < step:
            n = step - before
            steps = coasting[before, 0] - coasting[n, 1] * coasting[step, 0]
            reach = np.float32(rate * steps)
            scaled_epsilon = np.float32(epsilon * (coasting[before, 2] - coasting[n, 3] * coasting[step, 2]) / steps)
            keep1, keep2 = np.float32(coasting[n, 4]), np.float32(coasting[n, 5])
            for f in range(d):
                m, v = first[f], second[f]
                weights[f] -= reach * m / (np.sqrt(v) + scaled_epsilon)
                first[f] = keep1 * m
                second[f] = keep2 * v
        last[r] = step
        if wanted:
            for f in range(d):
                out[position, f] = weights[f]


@njit(cache=True, nogil=True)
def coasting_table(n, beta1, beta2):
    """What ``coast_rows`` looks up, by a step or a number of steps from 0 to n - 1; float64 (n, 6).

    Columns: ahead (see there) and q^n; the same of the terms that epsilon multiplies and (beta1 / beta2)^n; beta1^n; beta2^n.
    """
    q, q_epsilon = beta1 / np.sqrt(beta2), beta1 / beta2
    beyond = n + 400  # q^400 is below 1e-17 for the usual betas: what lies further does not count
    table = np.empty((n, 6))
    ahead, ahead_epsilon = 0.0, 0.0
    for t in range(beyond, -1, -1):
        if t < n:
            table[t] = np.array([ahead, q**t, ahead_epsilon, q_epsilon**t, beta1**t, beta2**t])
        if t > 0:
            root = np.sqrt(1.0 - beta2**t)
            size = root / (1.0 - beta1**t)
            ahead = q * (size + ahead)
            ahead_epsilon = q_epsilon * (size * root + ahead_epsilon)
    return table


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def squares_of_parts(values, out):
    """Adds to ``out`` float64 the sum of squares of as many parts of ``values`` float32 (n, n_parts, d), from the first on."""
    for row in range(values.shape[0]):
        for part in range(len(out)):
            total = np.float32(0.0)
            for f in range(values.shape[2]):
                total += values[row, part, f] * values[row, part, f]
            out[part] += total


@njit(cache=True, nogil=True)
def distinct(indices, n, position, found):
    """Lists the distinct values among ``indices`` (int32, each < n) in order of first appearance.

    ``position`` int32 (n,) must hold -1 everywhere and is left so except at the values found, where it holds their place in
    ``found``. Returns how many there are. Call ``position[found[:count]] = -1`` when done.
    """
    count = 0
    for index in indices:
        if position[index] < 0:
            position[index] = count
            found[count] = index
            count += 1
    return count


@njit(cache=True, nogil=True)
def _next_random(state):
    """SplitMix64 (Steele, Lea, Flood 2014): a 64-bit state, one well-mixed 64-bit number per call."""
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    z = state[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit(cache=True, nogil=True)
def sample_unseen(users, seen_start, seen_items, n_items, state, out):
    """For each user one item drawn uniformly among those not in the user's (sorted) list; any item if the list is full.

    ``state`` uint64 (1,) is the generator's state and is advanced.
    """
    bound = np.uint64(n_items)
    for t in range(len(users)):
        low, high = seen_start[users[t]], seen_start[users[t] + 1]
        while True:
            item = np.int32(_next_random(state) % bound)
            a, b = low, high
            while a < b:
                middle = (a + b) // 2
                if seen_items[middle] < item:
                    a = middle + 1
                else:
                    b = middle
            if a == high or seen_items[a] != item or high - low >= n_items:
                out[t] = item
                break
