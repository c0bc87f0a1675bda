"""What a page of the site is called elsewhere: its description, and the picture of a link to it."""

from typing import Any

import pytest

cards: Any = pytest.importorskip(
    "tools.site.cards", reason="the packages for documentation are installed with one interpreter only"
)


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("# Title\n\nThe `esg` of [the page](a.md#b),\n*on* two lines:\n\nMore.", "The esg of the page, on two lines."),
        (
            "<!-- made -->\n\n# Title\n\n![a picture](a.svg)\n\n```sh\nesg\n\nx\n```\n\nText with [`code`][key].",
            "Text with code.",
        ),
        ("# Title\n\n| a |\n|---|\n", ""),
        ("word " * 100, "word " * 35 + "…"),
    ],
)
def test_a_page_is_described_by_its_first_paragraph(markdown: str, expected: str) -> None:
    assert cards.described(markdown) == expected


def test_a_card_is_a_picture_of_the_size_that_is_asked_for() -> None:
    from io import BytesIO

    from PIL import Image

    drawn = cards.card("ESG", "A title that needs more than one line here", "What it is about, in words. " * 9)
    with Image.open(BytesIO(drawn)) as image:
        assert (image.format, image.size) == ("PNG", (1200, 630))
        assert len(image.convert("RGB").getcolors(1 << 16) or []) > 10  # more than an empty ground
    assert len(drawn) < 60_000
