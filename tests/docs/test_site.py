"""The tool that looks for dead links in the site that has been built."""

from pathlib import Path

from tools.site.links import dead_links


def test_dead_links_are_found(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "chart.svg").write_text("<svg/>")
    (tmp_path / "a" / "index.html").write_text('<h1 id="top">a</h1><a href="#top"></a><a href="#gone"></a>')
    (tmp_path / "404.html").write_text('<a href="/elsewhere/"></a>')
    (tmp_path / "index.html").write_text(
        '<a href="a/">1</a><a href="a/#top">2</a><a href="a/#other">3</a><a href="b/">4</a><img src="chart.svg">'
        '<img src="none.svg"><a href="https://example.org/b/">5</a><link href="style.css">'
    )
    assert list(dead_links(tmp_path)) == [
        "a/index.html: #gone",
        "index.html: a/#other",
        "index.html: b/",
        "index.html: none.svg",
        "index.html: style.css",
    ]
