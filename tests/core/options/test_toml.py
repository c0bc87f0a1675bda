"""What is written as TOML is read back as the same value."""

import tomllib

import pytest

from esg_core.options.toml import inline


@pytest.mark.parametrize(
    "value",
    [
        True,
        0,
        -1,
        0.25,
        float("inf"),
        1e300,
        "",
        'a "quoted" \\ text',
        "lines\r\n\tand \x00 \x1b \x7f controls",
        "caf\xe9 \U0001f680",
        [],
        ["a", "b, c"],
        [1, [2.5, False]],
        {},
        {"version": 1, "handlers": {"a.b c": {"level": "INFO"}}},
    ],
)
def test_values_are_read_back(value: object) -> None:
    text = inline(value)
    assert "\n" not in text
    assert tomllib.loads(f"value = {text}") == {"value": value}


def test_whole_times_are_written_without_a_fraction() -> None:
    assert inline(5.0) == "5"


@pytest.mark.parametrize("value", [None, object(), [None], {"a": len}])
def test_what_toml_has_no_form_for(value: object) -> None:
    with pytest.raises(TypeError, match="TOML cannot express"):
        inline(value)
