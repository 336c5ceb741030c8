"""The exploration's page in a real browser."""

import json
import re
import shutil

import numpy as np
import pytest
from playwright.sync_api import sync_playwright

from truncmac.commands import explore as exploring
from truncmac.exploration.page import page
from truncmac.sim.explore.settings import spec_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("explore") / "out"
    space = {"rows": "2..4", "cols": [2, 4], "lanes": 4, "planes": [1, 2]}
    request = exploring.ExploreRequest(out=out, workers=0, as_json=True)
    assert exploring.explore(spec_of({"bits": "8,2", "space": space}), request)
    return out


@pytest.fixture(scope="module")
def opened(folder):
    """The page; all that it complains about or asks for fails the tests."""
    program = shutil.which("chromium")
    if program is None:
        pytest.fail("chromium is missing. Install it with: sudo apt-get install chromium")
    seen = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program)
        context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
        page = context.new_page()
        page.on("pageerror", lambda error: seen.append(str(error)))
        page.on("request", lambda request: seen.append(request.url))
        page.goto((folder / "report.html").as_uri())
        page.wait_for_function("document.getElementById('plot').data !== undefined")
        yield page
        browser.close()
    asked = [what for what in seen if not what.startswith(("data:", "blob:"))]
    assert asked == [(folder / "report.html").as_uri()]


@pytest.fixture(scope="module")
def front(folder):
    return json.loads((folder / "front.json").read_text())["front"]


def drawn(page):
    """Name, coordinates and size of each trace."""
    return page.evaluate(
        "document.getElementById('plot').data.map(t => [t.name, t.x, t.y, t.marker.size])"
    )


def test_the_fronts_are_drawn_and_listed(opened, front):
    traces = {(name, size): (x, y) for name, x, y, size in drawn(opened)}
    assert set(traces) == {(f"digits, k = {k}", size) for k in (8, 2) for size in (4, 10)}
    for k in (8, 2):
        rows = [row for row in front if row["bits"] == k]
        x, y = traces[f"digits, k = {k}", 10]
        assert x == [row["peak_macs"] for row in rows]
        assert y == [row["images_per_s"] for row in rows]
        assert len(traces[f"digits, k = {k}", 4][0]) == 12
    assert opened.locator("tbody tr").count() == len(front)


def test_other_columns_can_be_drawn(opened, front):
    opened.select_option("#x", "cycles")
    opened.check("#log")
    xs = [x for name, x, _, size in drawn(opened) if (name, size) == ("digits, k = 8", 10)]
    assert xs == [[row["cycles"] for row in front if row["bits"] == 8]]
    assert opened.evaluate("document.getElementById('plot').layout.xaxis.type") == "log"
    opened.uncheck("#log")
    opened.select_option("#x", "peak_macs")


def test_hovering_shows_and_clicking_copies_a_design(opened, front):
    place = opened.evaluate(
        """() => {
          const plot = document.getElementById("plot");
          plot.scrollIntoView();
          const box = plot.getBoundingClientRect();
          const {xaxis, yaxis} = plot._fullLayout, trace = plot.data[1];
          return [box.x + xaxis._offset + xaxis.d2p(trace.x[0]),
                  box.y + yaxis._offset + yaxis.d2p(trace.y[0])];
        }"""
    )
    opened.mouse.move(*place)
    opened.wait_for_selector(".hoverlayer text")
    shown = opened.text_content(".hoverlayer")
    assert "point" in shown and "images_per_s" in shown
    opened.mouse.click(*place)
    opened.wait_for_function("document.getElementById('command').textContent !== ''")
    command = opened.text_content("#command")
    assert command in {row["command"] for row in front if row["bits"] == 8}
    assert opened.evaluate("navigator.clipboard.readText()") == command


HOSTILE = "</script><script>alert(1)</script><!--<script>"


def test_names_stay_data_in_the_pages_script():
    """A workload's name ends no script element, and begins no comment in it."""
    spec = spec_of({"space": {"rows": 4, "cols": 4}}).as_dictionary() | {"workloads": [HOSTILE]}
    row = {"point": 1, "workload": HOSTILE, "command": "truncmac rtl", "fits": True}
    found = {"spec": spec, "front": [row], "figures": None, "notes": [HOSTILE], "method": "all"}
    found |= dict.fromkeys(("space", "designs", "rows", "feasible"), 1)
    found |= {"versions": {"truncmac": "1"}, "digest": "0"}
    text = page(found, {"workload": np.array([HOSTILE]), "cycles": np.array([1.5, np.inf])})
    assert "<script>alert" not in text
    (data,) = re.findall(r'(?s)<script[^>]*id="data">(.*?)</script>', text)
    assert "<" not in data
    again = json.loads(data)
    assert again["front"] == {name: [value] for name, value in row.items()}
    assert again["sample"] == {"workload": [HOSTILE], "cycles": [1.5, None]}
    assert again["found"]["notes"] == [HOSTILE]
