import re

import pytest
import typer
from typer.testing import CliRunner

from truncmac.cli.options import parse_bits, parse_settings, with_array
from truncmac.golden import Setting
from truncmac.hw.config import ArrayConfig


def test_a_list_or_all():
    assert parse_bits("8,4, 2,1") == [8, 4, 2, 1]
    assert parse_bits("all") == [8, 7, 6, 5, 4, 3, 2, 1]


@pytest.mark.parametrize("text", ["", "8,", "x", "-1", "1.5", "9"])
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match=r"^Bit-width k must be in 1\.\.8, not '.*'$"):
        parse_bits(text)


@pytest.mark.parametrize(
    ("args", "config"),
    [
        ([], ArrayConfig()),
        (
            [
                *("--rows", "1", "--cols", "6", "--lanes", "3", "--planes", "4"),
                *("--max-reduction", "5", "--requantisers", "2", "--multiplier-bits", "7"),
            ],
            ArrayConfig(1, 6, 3, 4, 5, 2, 7),
        ),
    ],
)
def test_the_arrays_options_become_one_configuration(args, config):
    found = []
    app = typer.Typer()

    @app.command()
    @with_array
    def command(config: ArrayConfig, name: str, count: int = 3) -> None:
        found.append((config, name, count))

    result = CliRunner().invoke(app, ["x", *args], catch_exceptions=False)
    assert result.exit_code == 0
    assert found == [(config, "x", 3)]


def test_settings_are_bit_widths_and_files_of_them(tmp_path):
    (tmp_path / "mixed.json").write_text('{"conv2": 4, "conv3": 1}')
    (tmp_path / "more.toml").write_text("conv2 = 8")
    files = f"{tmp_path}/mixed.json,{tmp_path}/more.toml"
    assert parse_settings(f"8,{files}, 1") == [
        Setting("8", 8),
        Setting("mixed", {"conv2": 4, "conv3": 1}),
        Setting("more", {"conv2": 8}),
        Setting("1", 1),
    ]
    assert parse_settings("all") == []
    with pytest.raises(ValueError, match="^Bit-width k = 8 is named twice in '8,2,8'$"):
        parse_settings("8,2,8")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("k.json", "[8]", "must map names of layers to bit-widths"),
        ("k.json", '{"a": 9}', "k of layer 'a' must be in 1..8, not 9"),
        ("k.json", '{"a": true}', "k of layer 'a' must be in 1..8, not True"),
        ("k.toml", "a = 1.5", "k of layer 'a' must be in 1..8, not 1.5"),
        ("k.json", "{", "is not whole JSON (Expecting"),
        ("k.json", "[" * 100_000, "is not whole JSON ("),
        ("k.json", '{"a": 1, "a": 2}', "is not whole JSON ('a' is there twice)"),
        ("k.toml", "a", "is not whole TOML (Expected"),
        ("k.json", " " * (1 << 20) + "1", "the most that is read is 1048576 bytes"),
    ],
)
def test_other_files_of_bit_widths_are_refused(tmp_path, name, text, message):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(ValueError, match=f"^{re.escape(f'{path}: {message}')}"):
        parse_settings(str(path))
