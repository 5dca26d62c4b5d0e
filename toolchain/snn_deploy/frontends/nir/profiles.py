"""What each framework means by a NIR file: one Profile per framework, in one table.

To add a framework: a file in `frameworks/` with its PROFILE, its place here, and its name
in `snn_deploy.names`. Every entry but Rockpool's is held against the framework itself, step
by step (tests/toolchain/frontends/nir/frameworks).
"""

from collections.abc import Mapping

from snn_deploy.frontends.nir.frameworks import (
    norse,
    rockpool,
    sinabs,
    snntorch,
    spikingjelly,
)
from snn_deploy.frontends.nir.frameworks.profile import Profile
from snn_deploy.names import ProfileName

NIR = Profile(
    "nir", "the NIR specification",
    dt=None, reset="v_reset", inclusive=False, current_first=False,
)  # fmt: skip
FRAMEWORKS = (snntorch, spikingjelly, norse, sinabs, rockpool)
PROFILES: Mapping[ProfileName, Profile] = {
    p.name: p for p in (NIR, *(framework.PROFILE for framework in FRAMEWORKS))
}
