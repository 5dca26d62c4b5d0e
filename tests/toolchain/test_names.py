"""Names are stated once, in snn_deploy/names.py; the tables of what they mean have the same."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import pytest

from snn_deploy import names
from snn_deploy.board.board import load_board, shipped_boards
from snn_deploy.board.evidence import CounterName
from snn_deploy.conversion.methods import METHODS as CONVERSIONS
from snn_deploy.evaluation import stages
from snn_deploy.evaluation.decode import DECODERS
from snn_deploy.frontends.nir.profiles import PROFILES
from snn_deploy.inputs.events import TIME_UNITS_NS
from snn_deploy.inputs.pixels import POLARITIES
from snn_deploy.ir.activity import CHIP_COUNTERS, CORE_COUNTERS
from snn_deploy.ir.program import RESOURCES
from snn_deploy.mapping.partition import MEANING
from snn_deploy.mapping.partition import METHODS as PARTITIONS
from snn_deploy.mapping.place import METHODS as PLACEMENTS
from snn_deploy.passes.lower import METHODS as LOWERINGS
from snn_deploy.report.forms.forms import FORMS
from snn_deploy_simulators.timing import TIME_MODELS


def subclasses(kind: type[stages.Opened]) -> Iterator[type[stages.Opened]]:
    for below in kind.__subclasses__():
        yield below
        yield from subclasses(below)


STAGES = {kind.stage for kind in subclasses(stages.Opened)} | {stages.Opened.stage}
DERIVED = ("synops", "inactive")  # sums of counters, see ledger.py
TABLES: list[tuple[Any, Collection[str]]] = [
    (names.ProfileName, PROFILES),
    (names.DecoderName, DECODERS),
    (names.PartitionName, PARTITIONS),
    (names.PlacementName, PLACEMENTS),
    (names.LoweringName, LOWERINGS),
    (names.TimeModelName, TIME_MODELS),
    (names.ConversionName, CONVERSIONS),
    (names.TimeUnitName, TIME_UNITS_NS),
    (names.PolarityName, POLARITIES),
    (names.StageName, STAGES),
    (CounterName, {*CORE_COUNTERS, *CHIP_COUNTERS, *DERIVED}),
    (names.FormName, FORMS),
]


@pytest.mark.parametrize(("stated", "table"), TABLES)
def test_a_table_has_the_names_that_are_stated(stated: Any, table: Collection[str]) -> None:
    assert set(table) == set(names.names(stated))


def test_what_a_table_calls_itself_is_its_key() -> None:
    tables: list[Mapping[Any, Any]] = [PROFILES, DECODERS, CONVERSIONS]
    for table in tables:
        for key, entry in table.items():
            assert entry.name == key


def test_every_board_is_called_what_its_file_is_called() -> None:
    assert shipped_boards() == names.board_names()
    assert len(shipped_boards()) >= 5
    for name in shipped_boards():
        assert load_board(name).name == name


@pytest.mark.parametrize("board", shipped_boards())
def test_a_board_limits_the_resources_that_a_piece_uses(board: str) -> None:
    limits = load_board(board).pool.caps()
    assert set(limits) - {"total"} == set(RESOURCES) == set(MEANING) - {"total"}
