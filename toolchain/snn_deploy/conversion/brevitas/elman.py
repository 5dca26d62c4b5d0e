"""A recurrent cell that converts exactly: Elman's, with every number quantized.

Brevitas' own QuantRNN rounds the sum of both products again before its activation and
offers no piecewise linear one; here h_t = quantizer(W x_t + U h_(t-1) + b), nothing else.
"""

from typing import Any

import torch
from brevitas.nn import QuantIdentity, QuantLinear
from brevitas.quant import Int8WeightPerTensorFloat


class QuantElman(torch.nn.Module):
    """h_t = quantizer(W x_t + U h_(t-1) + b), h_0 = 0: x [N, L, in] -> h [N, L, hidden].

    Args:
        inputs: Values of x in one step of the sequence.
        hidden: Values of h.
        bits: Of h, signed.
        weight_bits: Of W and U.
        weight_quant: How Brevitas quantizes W and U; with scales that are powers of two
            (Int8WeightPerTensorFixedPoint), and one of h, both products share a unit.
        quantizer: Settings of the QuantIdentity.
    """

    def __init__(
        self,
        inputs: int,
        hidden: int,
        *,
        bits: int = 4,
        weight_bits: int = 8,
        weight_quant: Any = Int8WeightPerTensorFloat,
        **quantizer: Any,
    ) -> None:
        super().__init__()
        weights = {"weight_quant": weight_quant, "weight_bit_width": weight_bits}
        self.input_weights = QuantLinear(inputs, hidden, bias=True, **weights)
        self.recurrent_weights = QuantLinear(hidden, hidden, bias=False, **weights)
        self.quantizer = QuantIdentity(bit_width=bits, **quantizer)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return h after every step [N, L, hidden]."""
        h = x.new_zeros(len(x), self.recurrent_weights.in_features)
        steps = []
        for value in x.unbind(1):
            h = self.quantizer(self.input_weights(value) + self.recurrent_weights(h))
            steps.append(h)
        return torch.stack(steps, dim=1)
