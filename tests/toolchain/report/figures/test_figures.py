"""Figures say what the report says, come out the same each time, and draw what there is."""

import re
import xml.etree.ElementTree as ET

import msgspec
import numpy as np
import pytest
from matplotlib.figure import Figure

from snn_deploy.report.figures.figures import PLOTS, figures, pdf_file, svg, svg_file
from snn_deploy.report.forms.forms import FIGURES
from snn_deploy.report.report import Report
from support.deployed import bounded, measured, readout, stopped, unlabelled
from support.made_by_hand import report as by_hand


def bars(figure: Figure, axes: int = 0) -> list[float]:
    return [patch.get_width() for patch in figure.axes[axes].patches]  # type: ignore[attr-defined]


def texts(element: str) -> set[str]:
    return {
        "".join(t.itertext()).strip()
        for t in ET.fromstring(element).iter()
        if "text" in t.tag
    }


def test_every_figure_is_drawn_of_a_run_with_samples() -> None:
    assert tuple(figures(measured())) == tuple(PLOTS) == FIGURES


def test_what_a_run_does_not_hold_is_not_drawn() -> None:
    assert set(figures(bounded())) == {"energy", "utilization", "floorplan", "time"}
    assert figures(stopped()) == {}
    assert set(FIGURES) - set(figures(unlabelled())) == {"accuracy"}


@pytest.mark.parametrize("make", [measured, bounded])
def test_same_report_gives_the_same_bytes(make: object) -> None:
    report = make()  # type: ignore[operator]
    first, again = figures(report), figures(report)
    assert first
    for name, figure in first.items():
        assert svg(figure, name) == svg(again[name], name)
        assert pdf_file(figure, name) == pdf_file(again[name], name)
        assert pdf_file(figure, name).startswith(b"%PDF")


def test_no_date_and_no_tool_is_in_a_file() -> None:
    for name, figure in figures(measured()).items():
        for content in (svg_file(svg(figure, name)), pdf_file(figure, name)):
            assert not re.search(rb"<dc:date>|CreationDate|Matplotlib v|/Producer", content)


def test_figures_share_a_page_without_sharing_ids() -> None:
    drawn = {name: svg(figure, name) for name, figure in figures(measured()).items()}
    ids = {name: set(re.findall(r'\bid="([^"]+)"', text)) for name, text in drawn.items()}
    for name, text in drawn.items():
        others = set().union(*(found for n, found in ids.items() if n != name))
        assert not ids[name] & others
        used = set(re.findall(r'(?:url\(|href=")#([^")]+)', text))
        assert used
        assert used <= ids[name]


def test_energy_bars_are_the_lines_of_the_ledger() -> None:
    report = measured()
    assert report.energy is not None
    figure = figures(report)["energy"]
    for i, account in enumerate(report.energy.accounts):
        joules = [x.joules.mean if x.joules else 0.0 for x in account.lines]
        assert np.allclose(bars(figure, i), np.array(joules, float) * 1e6)
        assert sum(bars(figure, i)) > 0


def test_bounds_are_bars_from_silent_to_firing() -> None:
    energy = bounded().energy
    assert energy is not None
    lines = energy.accounts[0].lines
    drawn = figures(bounded())["energy"].axes[0].patches
    ends = [p.get_x() + p.get_width() for p in drawn]  # type: ignore[attr-defined]
    joules = [x.joules.high if x.joules else 0.0 for x in lines]
    assert np.allclose(ends, np.array(joules) * 1e6)
    starts = [p.get_x() for p in drawn]  # type: ignore[attr-defined]
    assert any(s > 0 for s in starts)


def test_unpublished_energy_is_written_not_drawn() -> None:
    assert "not published" in texts(svg(figures(by_hand())["energy"], "energy"))


def test_layer_bars_are_synops_and_sparsity() -> None:
    report = measured()
    figure = figures(report)["layers"]
    assert bars(figure, 0) == [x.synops for x in report.layers]
    assert bars(figure, 1) == [
        100 * (1 - x.rate) for x in report.layers if x.rate is not None
    ]
    assert bars(figure, 0)[0] > 0


def test_time_bars_add_up_to_the_mean_time_of_a_frame() -> None:
    time = measured().latency
    assert time is not None
    drawn = figures(measured())["time"].axes[0].patches
    total = sum(p.get_height() * p.get_width() for p in drawn)  # type: ignore[attr-defined]
    assert total == pytest.approx(1e6 * (time.inference_s.mean or 0))


def test_floorplan_colours_the_cores_in_use() -> None:
    report = measured()
    assert report.utilization is not None
    grid = figures(report)["floorplan"].axes[0].collections[0].get_array()
    assert grid is not None
    assert np.ma.count(grid) == report.utilization.cores > 1
    assert grid.sum() == pytest.approx(
        sum(p.synops or 0 for p in report.utilization.pieces)
    )


def test_raster_marks_each_spike_and_readouts_draw_lines() -> None:
    shown = measured().example
    assert shown is not None
    marks = figures(measured())["raster"].axes[0].collections[0]
    assert len(marks.get_segments()) == len(shown.events) > 0  # type: ignore[attr-defined]
    lines = figures(readout())["raster"].axes[0].lines
    assert readout().example is not None
    assert len(lines) == readout().example.neurons  # type: ignore[union-attr]


def test_names_cannot_break_a_figure() -> None:
    layer = msgspec.structs.replace(by_hand().layers[0], name="$x^{$ <b>&" + "y" * 99)
    report: Report = msgspec.structs.replace(by_hand(), layers=(layer,))
    element = svg(figures(report)["layers"], "layers")
    assert any(t.startswith("$x^{$ <b>&yy") and t.endswith("…") for t in texts(element))


def test_large_networks_are_cut_to_what_a_page_can_show() -> None:
    """300 populations on 8 chips: as many rows and chips as are readable, no more."""
    base = by_hand()
    assert base.utilization is not None
    layers = tuple(
        msgspec.structs.replace(base.layers[0], name=f"p{i}") for i in range(300)
    )
    piece = base.utilization.pieces[0]
    pieces = tuple(
        msgspec.structs.replace(
            piece, population=f"p{i}", core=i, chip=i // 128, synops=1.0 * i
        )
        for i in range(1024)
    )
    target = msgspec.structs.replace(base.target, chips=8, cores=1024, columns=8, rows=16)
    used = msgspec.structs.replace(base.utilization, cores=1024, chips=8, pieces=pieces)
    drawn = figures(
        msgspec.structs.replace(base, layers=layers, utilization=used, target=target)
    )
    grids = [axes for axes in drawn["floorplan"].axes if axes.collections]
    assert len([axes for axes in grids if axes.get_title(loc="left")]) == 4
    assert len(bars(drawn["layers"])) == 60
    assert max(f.get_figheight() for f in drawn.values()) < 40
