"""What names of services mean, and how keys are read and never shown."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from wordfield.models.service.keys import Key, key_of
from wordfield.models.service.providers import PROVIDERS, is_service, service_of

SECRET = "sk-very-secret-4711"


def test_a_name_is_a_service_and_a_model() -> None:
    provider, model = service_of("siliconflow:BAAI/bge-m3")
    assert (provider.address, model) == ("https://api.siliconflow.cn/v1", "BAAI/bge-m3")
    assert [provider.family(name).longest for name in (model, "BAAI/bge-large-zh-v1.5")] == [8192, 512]


def test_any_address_is_a_service() -> None:
    provider, model = service_of("http://127.0.0.1:8000/v1/#small:latest")
    assert (provider.address, model) == ("http://127.0.0.1:8000/v1", "small:latest")
    assert provider.inputs > 0


def test_files_are_no_services() -> None:
    assert not any(map(is_service, ("king", "./openai", "C:/vectors.bin", "docs-model/", "a:b")))
    assert all(is_service(f"{name}:x") for name in PROVIDERS)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("openai:", "which model"),
        ("http://host/v1", "Name it after #"),
        ("http:///v1#m", "no address"),
        ("https://user:word@host/v1#m", "does not belong"),
        ("opnai:m", "known: siliconflow"),
    ],
)
def test_what_is_missing_is_said(name: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as raised:
        service_of(name)
    assert "user:word" not in str(raised.value)


def test_a_key_comes_from_the_environment_and_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", f"{SECRET}\n")
    key = key_of("SOME_KEY")
    assert key.revealed() == SECRET
    assert SECRET not in f"{key} {key!r} {[key]} {vars(Key)}"
    with pytest.raises(TypeError, match="not written anywhere"):
        pickle.dumps(key)


def test_a_key_comes_from_a_file_that_nobody_else_may_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(SECRET)
    file.chmod(0o600)
    monkeypatch.delenv("SOME_KEY", raising=False)
    monkeypatch.setenv("SOME_KEY_FILE", str(file))
    assert key_of("SOME_KEY").revealed() == SECRET
    file.chmod(0o644)
    with pytest.raises(PermissionError, match="chmod 600") as raised:
        key_of("SOME_KEY")
    assert SECRET not in str(raised.value)


def test_without_a_key_the_variable_and_where_to_get_one_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", " ")
    monkeypatch.delenv("SOME_KEY_FILE", raising=False)
    with pytest.raises(ValueError, match=r"set SOME_KEY, .* https://keys\.example"):
        key_of("SOME_KEY", "https://keys.example")


def test_a_key_that_no_header_can_hold_is_refused_unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", f"{SECRET}\nX-Other: 1")
    with pytest.raises(ValueError, match="copy it again") as raised:
        key_of("SOME_KEY")
    assert SECRET not in str(raised.value)
