"""What is emitted: golden texts, determinism, hostile names, and what is refused."""

import ast
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from snn_deploy.errors import DoesNotFitError
from snn_deploy.ir.maps import Conv, Dense
from snn_deploy.ir.quant import QuantInput, QuantNetwork, SignMode
from snn_deploy_backends.lava import backend as lava
from snn_deploy_backends.lava.backend import check
from snn_deploy_backends.lava.plan import plan
from snn_deploy_simulators import integer
from support import emitted
from support.emitted import emit
from support.integer_networks import (
    held_network,
    levels_network,
    network,
    population,
    projection,
    stimulus,
    stock_network,
)

HOSTILE = (
    '"""\nimport os; os._exit(7)\n#',
    "a|b`c`<script>",
    "../../up",
    "pop_0",
    "{{ 7 * 7 }}",
)
TEXTS = ("run.py", "README.md", "network.json", "requirements.txt")
OWN_TEXTS = (*TEXTS, "snn_processes/neurons.py", "snn_processes/floating.py")


def render(net: QuantNetwork) -> Mapping[str, bytes]:
    given = stimulus(net)
    return emitted.render(net, given, integer.run(net, given))


@pytest.mark.parametrize(
    "file", [*TEXTS, "snn_processes/recording.py", "snn_processes/tables.py"]
)
def test_text_of_a_stock_network_is_as_before(
    file: str, golden_lava: Callable[[str, bytes], None]
) -> None:
    golden_lava(f"stock-{Path(file).name}.txt", render(stock_network())[file])


@pytest.mark.parametrize("file", OWN_TEXTS)
def test_text_of_a_network_with_own_processes_is_as_before(
    file: str, golden_lava: Callable[[str, bytes], None]
) -> None:
    golden_lava(f"held-{Path(file).name}.txt", render(held_network())[file])


@pytest.mark.parametrize("file", OWN_TEXTS[-2:])
def test_text_of_neurons_that_send_levels_is_as_before(
    file: str, golden_lava: Callable[[str, bytes], None]
) -> None:
    golden_lava(f"levels-{Path(file).name}.txt", render(levels_network())[file])


@pytest.mark.parametrize("make", [stock_network, held_network, levels_network])
def test_the_same_network_gives_the_same_bytes(make: Callable[[], QuantNetwork]) -> None:
    assert render(make()) == render(make())


def test_only_a_network_without_own_processes_lacks_neurons_py() -> None:
    assert "snn_processes/neurons.py" not in render(stock_network())
    assert "snn_processes/neurons.py" in render(held_network())


def renamed(net: QuantNetwork, names: dict[str, str]) -> QuantNetwork:
    return replace(
        net,
        inputs=tuple(replace(p, name=names[p.name]) for p in net.inputs),
        populations=tuple(replace(p, name=names[p.name]) for p in net.populations),
        projections=tuple(
            replace(p, pre=names[p.pre], post=names[p.post]) for p in net.projections
        ),
        outputs=tuple(names[n] for n in net.outputs),
    )


def test_names_of_the_model_never_become_code() -> None:
    net = stock_network()
    names = dict(zip(["image", "conv", "pool", "out"], HOSTILE, strict=False))
    plain, hostile = render(net), render(renamed(net, names))
    for file in plain:
        if file.endswith((".py", ".npz", ".txt")):
            assert plain[file] == hostile[file], file
    assert json.loads(hostile["network.json"])["names"]["pop_1"] == HOSTILE[2]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_stays_inside_its_table_cell(name: str) -> None:
    net = stock_network()
    names = {"image": "image", "conv": name, "pool": "pool", "out": "out"}
    text = render(renamed(net, names))["README.md"].decode()
    (row,) = re.findall(r"^\| `pop_0` \|.*$", text, re.MULTILINE)
    assert (
        row.count("|")
        == render(net)["README.md"].decode().split("`pop_0` |")[1].split("\n")[0].count("|")
        + 2
    )
    assert not re.search(r"[<>{}`]", row.split("|")[2])


@pytest.mark.parametrize("make", [stock_network, held_network, levels_network])
def test_every_emitted_module_compiles(make: Callable[[], QuantNetwork]) -> None:
    texts = {n: c for n, c in render(make()).items() if n.endswith(".py")}
    assert "run.py" in texts
    for file, content in texts.items():
        assert compile(content, file, "exec") is not None


def test_the_emitted_step_is_the_source_of_the_single_definition() -> None:
    emitted = ast.parse(render(held_network())["snn_processes/neurons.py"])
    functions = {n.name: n for n in emitted.body if isinstance(n, ast.FunctionDef)}
    file = Path(lava.__file__).parents[3] / "toolchain/snn_deploy/neurons/soft_lif.py"
    (defined,) = (
        n for n in ast.parse(file.read_text("utf-8")).body if isinstance(n, ast.FunctionDef)
    )
    assert ast.dump(functions["soft_lif"]) == ast.dump(defined)


def kinds(net: QuantNetwork) -> list[str]:
    return [s.process for s in plan(net, frozenset()).synapses]


def one_conv(conv: Conv, **values: object) -> QuantNetwork:
    return network(
        (QuantInput("x", conv.in_shape, 8, 1.0),),
        (population("y", conv.out_shape, int(values.pop("lag", 1))),),  # type: ignore[call-overload]
        (projection("x", "y", conv, **values),),
        ("y",),
    )


PLAIN = Conv(np.full((2, 1, 2, 2), 20, np.int16), (1, 9, 9), (2, 8, 8))
WIDE = Conv(np.full((128, 1, 1, 1), 20, np.int16), (128, 2, 2), (128, 2, 2), groups=128)
CROPPED = Conv(np.full((1, 1, 2, 2), 20, np.int16), (1, 9, 9), (1, 9, 9))


@pytest.mark.parametrize(
    ("conv", "values", "process"),
    [
        (PLAIN, {}, "Conv"),
        (PLAIN, {"weight_exp": 2}, "Conv"),
        (PLAIN, {"weight_exp": -2}, "Conv"),  # 20 / 4 is whole
        (
            PLAIN,
            {"weight_exp": -3},
            "Sparse",
        ),  # 20 / 8 is not, and Lava's Conv has no exponent
        (PLAIN, {"lag": 3}, "DelaySparse"),  # and has no delays
        (PLAIN, {"weight_exp": 9, "payload_bits": 8}, "Sparse"),  # and wraps at 24 bits
        (WIDE, {}, "Sparse"),  # and holds at most 127 groups in its int8
        (CROPPED, {}, "Sparse"),  # and pads alike on both sides
        (
            Conv(np.full((4, 4, 3, 3), 20, np.int16), (4, 3, 3), (4, 1, 1)),
            {"delay": 1},
            "DelayDense",
        ),
    ],
)
def test_a_conv_lava_cannot_compute_exactly_becomes_a_matrix(
    conv: Conv, values: dict[str, object], process: str
) -> None:
    assert kinds(one_conv(conv, **values)) == [process]


def pair(**values: object) -> QuantNetwork:
    fields = {"shape": (2,), "lag": 1} | {
        k: v for k, v in values.items() if k in ("model", "vth", "dv", "bias_mant", "lag")
    }
    links = {k: v for k, v in values.items() if k not in fields and k != "weight"}
    weight = np.asarray(values.get("weight", [[2, 4, 6], [-2, 0, 8]]), np.int16)
    return network(
        (QuantInput("x", (3,), 0, 1.0),),
        (population("y", **fields),),  # type: ignore[arg-type]
        (projection("x", "y", Dense(weight), **links),),
        ("y",),
    )


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (pair(vth=131072), r"'y': vth 131072 is outside 0\.\.131071.*scale the population"),
        (pair(dv=4097), r"'y': dv 4097 is outside 0\.\.4096"),
        (pair(bias_mant=-5000), r"'y': bias_mant -5000 is outside -4096\.\.4095"),
        (pair(lag=0), r"'x' -> 'y': takes 0 chip steps.*retime"),
        (pair(delay=64), r"'x' -> 'y': takes 65 chip steps.*end at 64.*relay"),
        (
            pair(weight=[[3, 0, 0], [0, 1, 0]]),
            r"would change 2 of 6 weights.*8 bits mixed \(2\)",
        ),
        (pair(sign_mode=SignMode.EXCITATORY), r"would change 1 of 6 weights.*excitatory"),
        (pair(weight_bits=4), r"would change 5 of 6 weights.*4 bits mixed \(32\)"),
        (replace(pair(), arithmetic="xylo"), r"arithmetic 'xylo'.*Loihi target"),
        (
            replace(pair(), inputs=(QuantInput("x", (3,), 0, 1.0, lag=2),)),
            r"'x'.*lag 2.*retime",
        ),
        (
            replace(
                pair(), populations=(replace(population("y", (2,), 1), model="ghost"),)
            ),
            r"no process for the neuron model 'ghost'; known are floored_level, lif, ",
        ),
    ],
)
def test_what_lava_cannot_express_is_refused_before_the_first_byte(
    net: QuantNetwork, message: str, tmp_path: Path
) -> None:
    given = stimulus(net)
    out = tmp_path / "build"
    fine = pair()
    expected = integer.run(fine, stimulus(fine))
    with pytest.raises(DoesNotFitError, match=message):
        emit(net, given, expected, out)
    assert not out.exists()
    assert check(fine) == ()


def test_all_violations_are_listed_at_once() -> None:
    net = pair(vth=200000, bias_mant=9999, weight_bits=4)
    assert len(check(net)) == 3


def test_the_readme_says_where_a_register_of_a_chip_is_too_small() -> None:
    assert "dv 4096 does not fit its 12 bits" in render(pair(dv=4096))["README.md"].decode()
    assert "12 bits" not in render(pair(dv=4095))["README.md"].decode()


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"model": "soft_lif"}, "no fixed-point soft_lif"),
        ({"vth": [50, 60]}, "more than one vth"),
    ],
)
def test_the_readme_says_why_a_population_is_not_stock(
    changed: dict[str, object], reason: str
) -> None:
    text = render(pair(**changed))["README.md"].decode()
    assert reason in text
    assert "microcode" in text
