"""Layers between images: convolutions, their transposes and pooling, as linear maps.

What they compute is SLAYER's forward (lava-dl 0.6, slayer/synapse/layer.py: Conv,
ConvTranspose, Pool); lava-dl's netx reads convolutions only, and means the same by them.
Pooling lays the channels of an image below each other and slides one kernel over all of
them. Where its windows do not end with a channel, they go on into the next one.
"""

import math
from dataclasses import dataclass

import numpy as np

from snn_deploy.arrays import AnyArray, IntArray, frozen
from snn_deploy.errors import InputError
from snn_deploy.frontends.netx.net_file import (
    NetxLayer,
    integers,
    number,
    pair,
    shape_of,
)
from snn_deploy.frontends.netx.stored_weights import Stored, canonical
from snn_deploy.ir.linear import matrix
from snn_deploy.ir.maps import Connection, Conv, Sparse

KINDS = ("conv", "convT", "pool")


@dataclass(frozen=True, eq=False)
class ImageLayer:
    """A layer from images to images, its fields checked.

    Attributes:
        kind: One of KINDS.
        where: File and layer, for messages.
        weight: As the file has it, whole numbers: conv [C_out, C_in / groups, K_y, K_x],
            convT [C_in, C_out / groups, K_y, K_x], pool [1, 1, K_y, K_x].
        groups: Groups of channels that do not mix; 1 for pool.
        stride: (y, x).
        padding: (y, x), zeros on each side.
        dilation: (y, x), positions from one kernel element to the next.
        shape: Of its output by the file, (C, H, W).
    """

    kind: str
    where: str
    weight: IntArray
    groups: int
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]
    shape: tuple[int, int, int]

    @property
    def channels(self) -> int:
        """Channels that it takes."""
        per_layer = {
            "conv": self.weight.shape[1] * self.groups,
            "convT": self.weight.shape[0],
            "pool": self.shape[0],
        }
        return int(per_layer[self.kind])

    @property
    def taps(self) -> int:
        """Most synapses of one input neuron (convT) or output neuron."""
        return math.prod(self.weight.shape[1:])

    def length(self, axis: int, n: IntArray) -> IntArray:
        """Return how long its output is along y (0) or x (1), for inputs of lengths n; 0
        where SLAYER itself would fail."""
        kernel, stride = self.weight.shape[2 + axis], self.stride[axis]
        reach = self.dilation[axis] * (kernel - 1) + 1
        pad = 2 * self.padding[axis]
        if self.kind == "convT":
            return np.asarray((n - 1) * stride - pad + reach)
        if self.kind == "conv":
            return np.asarray((n + pad - reach) // stride + 1)
        # Pool.forward pads by n % kernel, not by what is missing to a multiple of it.
        channels = self.shape[0] if axis == 0 else 1
        in_all = ((n + n % kernel) * channels + pad - reach) // stride + 1
        return np.where(in_all % channels == 0, in_all // channels, 0)

    def check(self, image: tuple[int, ...]) -> tuple[int, int, int]:
        """Return an input (C, H, W) if it is one that makes an output of `shape`.

        Raises:
            InputError: It is none.
        """
        if len(image) != 3:
            raise InputError(
                f"{self.where}: a kernel {list(self.weight.shape)} on an input "
                f"{list(image)} is no 2-D convolution; export the network again"
            )
        made = [int(self.length(i, np.array(image[1 + i]))) for i in (0, 1)]
        if image[0] != self.channels or tuple(made) != self.shape[1:]:
            raise InputError(
                f"{self.where}: {self.kind} with kernel {list(self.weight.shape)} in "
                f"{self.groups} groups makes {[self.shape[0], *made]} of {list(image)}, "
                f"but the file says {list(self.shape)} of {self.channels} channels; export "
                "the network again"
            )
        return image[0], image[1], image[2]

    def unrolled(self, image: tuple[int, int, int]) -> int:
        """Return how many weights `map_from` writes out that the file does not."""
        if self.kind == "conv":
            return 0
        if self.kind == "pool" and self._apart(image):
            return image[0] * self.taps
        return math.prod(image if self.kind == "convT" else self.shape) * self.taps

    def mixes(self, image: tuple[int, int, int]) -> bool:
        """Whether it pools windows that belong to two channels."""
        return self.kind == "pool" and not self._apart(image)

    def map_from(self, image: tuple[int, int, int], stored: Stored) -> Connection:
        """Return the map from an image that `check` has passed, its weights as stored."""
        weight = stored.weight
        if self.kind == "conv":
            return self._conv(weight, image, self.shape, self.groups)
        if self.kind == "convT":  # the adjoint of a convolution
            there = matrix(self._conv(weight, self.shape, image, self.groups))
            return Sparse(canonical(there.T))
        if self._apart(image):
            each = np.repeat(weight, image[0], axis=0)
            return self._conv(each, image, self.shape, image[0])
        return self._pool_on(image, weight)

    def _conv(
        self,
        weight: AnyArray,
        image: tuple[int, int, int],
        shape: tuple[int, int, int],
        groups: int,
    ) -> Conv:
        return Conv(
            weight=frozen(weight),
            in_shape=image,
            out_shape=shape,
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            groups=groups,
        )

    def _apart(self, image: tuple[int, int, int]) -> bool:
        """Whether every window of a pooling lies in one channel."""
        kernel, stride, reach = self.weight.shape[2], self.stride[0], self.dilation[0]
        reach *= kernel - 1
        padded = image[1] + image[1] % kernel
        ends = padded % stride == 0 and reach < stride and self.padding[0] == 0
        return image[0] == 1 or ends

    def _pool_on(self, image: tuple[int, int, int], weight: AnyArray) -> Sparse:
        """Return a pooling whose windows go on from channel to channel."""
        channels, high, wide = image
        padded = high + high % weight.shape[2]
        tall = (1, channels * padded, wide)
        rows = (1, self.shape[0] * self.shape[1], self.shape[2])
        inside = np.arange(padded * channels * wide).reshape(channels, padded, wide)
        whole = matrix(self._conv(weight, tall, rows, 1))
        return Sparse(canonical(whole[:, inside[:, :high].ravel()]))


def read_image_layer(layer: NetxLayer) -> ImageLayer:
    """Return a conv, convT or pool layer.

    Raises:
        InputError: A field is missing or does not go with the others.
    """
    shape = shape_of(layer)
    weight = _pool_kernel(layer) if layer.kind == "pool" else _kernel(layer)
    groups = 1
    if layer.kind != "pool":
        groups = int(number(layer.fields, "groups", layer.where, 1))
    own, each = weight.shape[:2]
    out = {"conv": own, "convT": each * max(groups, 1), "pool": shape[0]}[layer.kind]
    if len(shape) != 3 or groups < 1 or own % groups or out != shape[0]:
        raise InputError(
            f"{layer.where}: a kernel {list(weight.shape)} in {groups} groups for an "
            f"output {list(shape)} is no 2-D {layer.kind}; export the network again"
        )
    return ImageLayer(
        kind=layer.kind,
        where=layer.where,
        weight=weight,
        groups=groups,
        stride=pair(layer, "stride"),
        padding=pair(layer, "padding"),
        dilation=pair(layer, "dilation"),
        shape=(shape[0], shape[1], shape[2]),
    )


def _kernel(layer: NetxLayer) -> IntArray:
    weight = integers(layer.fields, "weight", layer.where)
    if weight.ndim not in (4, 5) or weight.size != math.prod(weight.shape[:4]):
        raise InputError(
            f"{layer.where}: a kernel {list(weight.shape)} is none of a 2-D {layer.kind}; "
            "export the network again"
        )
    return weight.reshape(weight.shape[:4])


def _pool_kernel(layer: NetxLayer) -> IntArray:
    """Return the kernel [1, 1, K_y, K_x]; the file may have one number for all of it."""
    weight = integers(layer.fields, "weight", layer.where)
    high, wide = pair(layer, "kernelSize")
    if weight.size not in (1, high * wide):
        raise InputError(
            f"{layer.where}: {weight.size} weights for a kernel {[high, wide]}; export the "
            "network again"
        )
    values = weight.ravel() if weight.size > 1 else np.full(high * wide, weight)
    return values.reshape(1, 1, high, wide)
