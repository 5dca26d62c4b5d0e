from importlib.metadata import EntryPoint
from typing import Any

import pytest

from snn_deploy import backend
from snn_deploy.backend import backend_modules, load_backend
from snn_deploy.errors import InputError


def offer(monkeypatch: pytest.MonkeyPatch, *points: tuple[str, str]) -> None:
    made = [EntryPoint(name, value, backend.GROUP) for name, value in points]
    monkeypatch.setattr(backend, "entry_points", lambda **_: made)


def test_lava_is_built_in() -> None:
    module: Any = load_backend("lava")
    assert callable(module.check)
    assert callable(module.emit)


def test_an_unknown_backend_lists_those_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, ("other", "json"))
    with pytest.raises(
        InputError, match=r"no backend 'lawa'; did you mean lava\?; .*: lava, other"
    ):
        load_backend("lawa")


def test_others_can_offer_a_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, ("other", "json"))
    assert load_backend("other").__name__ == "json"  # type: ignore[attr-defined]


def test_two_backends_of_one_name_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, ("lava", "theirs.lava"))
    with pytest.raises(
        InputError, match=r"'lava': offered by snn_deploy_backends.lava and by theirs"
    ):
        backend_modules()
