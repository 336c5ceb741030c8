"""The report's page in a real browser."""

import re
import shutil

import pytest
from playwright.sync_api import sync_playwright

from truncmac.report.columns import LAYER_COLUMNS, TOTAL_COLUMNS, columns_of
from truncmac.report.document import as_dictionary
from truncmac.report.forms import FORMATS
from truncmac.sim.schedule.analysis import analyse
from truncmac.sim.schedule.platforms import PLATFORMS
from truncmac.sim.workloads.names import workload_by_name

BITS = [8, 4, 1]


@pytest.fixture(scope="module")
def document():
    found = analyse(
        workload_by_name("resnet20"),
        PLATFORMS["fpga"],
        BITS,
        energy=lambda config, schedule, bits: schedule.counts.chunks * 1.0,
    )
    return as_dictionary(found)


@pytest.fixture(scope="module")
def page_file(document, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "page.html"
    path.write_text(FORMATS["html"](document))
    return path


@pytest.fixture(scope="module")
def chromium():
    program = shutil.which("chromium")
    if program is None:
        pytest.fail("chromium is missing. Install it with: sh tests/setup-programs.sh")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium, page_file):
    """Open the page; all that it complains about or asks for fails the test."""
    contexts, seen = [], []

    def open_page(**options):
        contexts.append(chromium.new_context(**options))
        page = contexts[-1].new_page()
        page.on("console", lambda message: seen.append(message.text))
        page.on("pageerror", lambda error: seen.append(str(error)))
        page.on("request", lambda request: seen.append(request.url))
        page.goto(page_file.as_uri())
        return page

    yield open_page
    asked = [what for what in seen if not what.startswith("data:")]
    for context in contexts:
        context.close()
    assert asked == [page_file.as_uri()] * len(contexts)


def cells(page, table):
    return page.eval_on_selector_all(
        f"#{table} tbody tr",
        "rows => rows.map(row => [...row.cells].map(c => [whole(c), c.textContent]))",
    )


def test_the_tables_show_the_numbers_of_the_json(open_page, document):
    page = open_page()
    for table, columns in (("totals", TOTAL_COLUMNS), ("layers", LAYER_COLUMNS)):
        rows = document[table]
        shown = columns_of(columns, rows)
        heads = page.eval_on_selector_all(
            f"#{table} th", "heads => heads.map(h => [h.dataset.key, h.textContent])"
        )
        assert heads == [[column.key, column.title] for column in shown]
        assert cells(page, table) == [
            [[str(row[c.key]), c.show(row)] for c in shown] for row in rows
        ]


def test_one_k_is_shown_at_a_time(open_page, document):
    page = open_page()
    count = document["workload"]["layers"]
    for k in (8, 1, 4):
        if k != 8:
            page.click(f'label[for="at-k{k}"] >> nth=0')
        visible = page.eval_on_selector_all(
            "#layers tbody tr",
            "rows => rows.filter(r => r.getClientRects().length).map(r => r.cells[0].textContent)",
        )
        assert visible == [str(k)] * count
        pictures = page.locator("figure:visible figcaption").all_inner_texts()
        assert [p for p in pictures if "at k =" in p] == [
            f"Cycles and DRAM traffic of each layer at k = {k}"
        ]


def test_columns_sort_by_number_both_ways(open_page, document):
    page = open_page()
    expected = sorted(row["cycles"] for row in document["layers"])
    for order in (expected, expected[::-1]):
        page.click('#layers th[data-key="cycles"] button')
        index = [column.key for column in LAYER_COLUMNS].index("cycles")
        assert [int(row[index][0]) for row in cells(page, "layers")] == order
    assert page.get_attribute('#layers th[data-key="cycles"]', "aria-sort") == "descending"


@pytest.mark.parametrize("allowed", [True, False])
def test_the_button_copies_what_is_shown_as_tab_separated_text(open_page, document, allowed):
    page = open_page(permissions=["clipboard-read", "clipboard-write"] if allowed else [])
    if not allowed:  # what a browser does with a page that may not use the clipboard
        page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(); }")
        page.evaluate(
            "document.addEventListener('copy', () => { window.copied = getSelection() + '' })"
        )
    page.click('label[for="at-k4"] >> nth=0')
    page.click('[data-copy="layers"]')
    page.wait_for_selector('[data-copy="layers"]:text-is("Copied")')
    read = "navigator.clipboard.readText()" if allowed else "window.copied"
    lines = [line.split("\t") for line in page.evaluate(read).strip("\n").split("\n")]
    shown = columns_of(LAYER_COLUMNS, document["layers"])
    assert lines[0] == [column.key for column in shown]
    expected = [row for row in document["layers"] if row["k"] == 4]
    assert lines[1:] == [[str(row[column.key]) for column in shown] for row in expected]


def luminance(colour):
    red, green, blue = (int(part) / 255 for part in re.findall(r"\d+", colour)[:3])
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize(("scheme", "dark"), [("light", False), ("dark", True)])
def test_light_and_dark_have_contrast_in_text_and_pictures(open_page, scheme, dark):
    page = open_page(color_scheme=scheme)
    style = "(e, name) => getComputedStyle(e)[name]"
    paper = luminance(page.eval_on_selector("body", style, "backgroundColor"))
    ink = luminance(page.eval_on_selector("body", style, "color"))
    assert (paper < 0.1 and ink > 0.8) if dark else (paper > 0.9 and ink < 0.2)
    texts = page.eval_on_selector_all(
        "figure svg text", "texts => texts.map(t => getComputedStyle(t).fill)"
    )
    assert len(texts) > 50
    assert {luminance(fill) for fill in texts} == {ink}
    # No stand-in is left, so all colours are the scheme's
    used = page.content()
    assert not re.search("#0f[0-9a-f]{2}f0", used)


@pytest.mark.parametrize("width", [1200, 390])
def test_nothing_is_wider_than_the_window_nor_do_labels_overlap(open_page, width):
    page = open_page(viewport={"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    overlaps = page.evaluate(
        """() => {
          const found = [];
          for (const svg of document.querySelectorAll("figure svg")) {
            const texts = [...svg.querySelectorAll("text")].filter(t => t.getClientRects().length);
            const boxes = texts.map(t => [t.textContent, t.getBoundingClientRect()]);
            boxes.forEach(([a, p], i) => boxes.slice(i + 1).forEach(([b, q]) => {
              const wide = Math.min(p.right, q.right) - Math.max(p.left, q.left);
              const high = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
              if (wide > 1 && high > 3) found.push([a, b, wide, high]);
            }));
          }
          return found;
        }"""
    )
    assert overlaps == []


def test_each_picture_is_drawn_and_named(open_page):
    page = open_page()
    names = page.eval_on_selector_all("figure", "all => all.map(f => f.getAttribute('aria-label'))")
    layers = [f"Cycles and DRAM traffic of each layer at k = {k}" for k in BITS]
    assert names == [
        *("Throughput", "Utilisation", "Speed-up", "Energy", "All layers"),
        *layers,
        "What each layer reaches",
    ]
    assert page.locator("figure svg").count() == len(names)


def test_the_page_stays_small(page_file):
    assert page_file.stat().st_size < 400_000
