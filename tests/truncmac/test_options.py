import pytest
import typer
from typer.testing import CliRunner

from truncmac.hw.config import ArrayConfig
from truncmac.options import parse_bits, with_array


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
