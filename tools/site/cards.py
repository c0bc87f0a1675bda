"""Gives each page of the site a description, and the picture that a link to it shows elsewhere.

MkDocs loads this file by its path, so it imports nothing of the project. Material has a plugin for such pictures, but
that needs Cairo and fonts from the network. Here, the font is the one that Pillow brings.
"""

import re
from html import escape
from io import BytesIO
from pathlib import Path
from textwrap import shorten, wrap
from typing import Any

from PIL import Image, ImageDraw, ImageFont

SIZE = (1200, 630)
"""What social networks ask for, in pixels."""

GROUND, FULL, SOFT = 0, 255, 205
"""Shades, from indigo to white."""
INDIGO = (63, 81, 181)
PALETTE = [start + (255 - start) * shade // 255 for shade in range(256) for start in INDIGO]

MARGIN = 80
BOLT = ((0.58, 0.0), (0.1, 0.58), (0.46, 0.58), (0.36, 1.0), (0.9, 0.38), (0.52, 0.38))
"""The logo."""

LONGEST = 180
"""Characters of a description: search engines cut longer ones."""


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> None:
    """Describe a page by its first paragraph, unless it says something else itself."""
    page.meta.setdefault("description", described(markdown))


def on_post_page(output: str, *, page: Any, config: Any) -> str:
    """Draw the picture of a page, and name it in the head of the page."""
    name = f"cards/{page.file.src_uri.removesuffix('.md').replace('/', '-')}.png"
    path = Path(config.site_dir, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(card(config.site_name, page.title, page.meta["description"]))
    tags = {
        "og:type": "website",
        "og:title": page.title,
        "og:description": page.meta["description"],
        "og:url": page.canonical_url,
        "og:image": f"{config.site_url.rstrip('/')}/{name}",
        "twitter:card": "summary_large_image",
    }
    lines = (f'<meta property="{key}" content="{escape(str(value))}">' for key, value in tags.items())
    return output.replace("</head>", "\n".join((*lines, "</head>")), 1)


def described(markdown: str) -> str:
    """The first paragraph of a page in plain text, cut to `LONGEST` characters; "" if it has none."""
    text = re.sub(r"<!--.*?-->|^```.*?^```$", "", markdown, flags=re.DOTALL | re.MULTILINE)
    paragraphs = (part.strip() for part in text.split("\n\n"))
    first = next((part for part in paragraphs if part and part[0] not in "#|*<!"), "")
    plain = re.sub(r"\[([^\]]*)\](\([^)]*\)|\[[^\]]*\])", r"\1", first.translate({ord("`"): None, ord("*"): None}))
    return re.sub(":$", ".", shorten(plain, LONGEST, placeholder=" …"))


def card(site: str, title: str, about: str) -> bytes:
    """The picture, in PNG."""
    image = Image.new("L", SIZE, GROUND)
    draw = ImageDraw.Draw(image)
    draw.polygon([(MARGIN + 64 * x, MARGIN + 72 * y) for x, y in BOLT], FULL)
    draw.text((MARGIN + 92, MARGIN + 6), site, FULL, ImageFont.load_default(56))
    lines = wrap(title, 26)[:2]
    draw.multiline_text((MARGIN, 240), "\n".join(lines), FULL, ImageFont.load_default(80), spacing=14)
    below = 256 + 100 * len(lines)
    draw.multiline_text((MARGIN, below), "\n".join(wrap(about, 62)[:3]), SOFT, ImageFont.load_default(34), spacing=12)
    coloured = Image.frombytes("P", SIZE, image.tobytes())
    coloured.putpalette(PALETTE)
    written = BytesIO()
    coloured.save(written, "PNG")
    return written.getvalue()
