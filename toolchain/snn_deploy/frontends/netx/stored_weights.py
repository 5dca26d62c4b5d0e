"""Weights of a lava-dl network, stored as Intel's tools store them, and split by delay."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from snn_deploy.arrays import AnyArray, IntArray
from snn_deploy.errors import InputError
from snn_deploy.ir.linear import matrix
from snn_deploy.ir.maps import Connection, Sparse
from snn_deploy.ir.quant import QuantProjection, SignMode


@dataclass(frozen=True, eq=False)
class Stored:
    """Integer weights as Intel's tools store them: shifted left as far as 8 bits allow,
    with the exponent that takes this back, in as few bits as they need.

    netx/utils.py, optimize_weight_bits. The product of weight and 2**exponent is what the
    file says.

    Attributes:
        weight: As stored, int16, in the shape that it was given in; -256..254 and even if
            signs are mixed, 0..255 if excitatory, -255..0 if inhibitory.
        bits: Of a weight as stored, the sign included where signs are mixed; 1..8.
        exponent: Of 2; minus the shift, -7..0.
        sign_mode: Which signs the weights have together; EXCITATORY if all are 0.
    """

    weight: AnyArray
    bits: int
    exponent: int
    sign_mode: SignMode

    @staticmethod
    def of(weight: IntArray, where: str) -> "Stored":
        """Return how `weight` is stored.

        Raises:
            InputError: It does not fit 8 bits.
        """
        low, high = int(weight.min()), int(weight.max())
        mode = SignMode.EXCITATORY if low >= 0 else SignMode.MIXED
        if high < 0:
            mode = SignMode.INHIBITORY
        signed = int(mode is SignMode.MIXED)
        least, most = {1: (-256, 254), 2: (0, 255), 3: (-255, 0)}[mode.value]
        if low < least or high > most or (signed and bool((weight % 2).any())):
            odd = ", even numbers only" if signed else ""
            raise InputError(
                f"{where}: weights {low}..{high} do not fit 8 bits {mode.name.lower()} "
                f"({least}..{most}{odd}); train it for Loihi's weights"
            )
        if low == high == 0:
            return Stored(weight.astype(np.int16), 1, 0, mode)
        shift = 0
        while least <= low << shift + 1 and high << shift + 1 <= most:
            shift += 1
        trailing = next(n for n in range(9, -1, -1) if not (weight % (1 << n)).any())
        bits = 8 - shift - trailing + signed
        return Stored((weight << shift).astype(np.int16), bits, -shift, mode)

    def projection(self, pre: str, post: str, m: Connection, delay: int) -> QuantProjection:
        """Return a projection with these weights."""
        return QuantProjection(
            pre, post, m, self.sign_mode, self.bits, self.exponent, delay, payload_bits=0
        )


def split_by_delay(
    pre: str, post: str, m: Connection, delay: IntArray, stored: Stored
) -> Iterator[QuantProjection]:
    """Yield one projection for each delay, lists of synapses; all of `m` if there is one.

    Args:
        pre: Name of the source.
        post: Name of the target.
        m: Weights as `stored`.
        delay: Of each synapse, in a shape that broadcasts to [n_post, n_pre].
        stored: How the weights are stored.
    """
    values = np.unique(delay)
    entries = sp.coo_array(matrix(m)) if values.size > 1 else None
    if entries is None or not entries.data.any():
        yield stored.projection(pre, post, m, int(values[0]))
        return
    of_entry = np.broadcast_to(delay, entries.shape)[entries.row, entries.col]
    for value in values:
        chosen = (of_entry == value) & (entries.data != 0)
        if not chosen.any():
            continue
        rows, columns = entries.row[chosen], entries.col[chosen]
        part = sp.coo_array((entries.data[chosen], (rows, columns)), shape=entries.shape)
        yield stored.projection(pre, post, Sparse(canonical(part)), int(value))


def canonical(m: sp.sparray) -> sp.csr_array:
    """Return a matrix in canonical CSR form, as `Sparse` holds it."""
    result = sp.csr_array(m)
    result.sum_duplicates()
    result.sort_indices()
    return result
