"""The HTML report in a real browser: it shows, it works, and nothing from a packet is ever markup."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from html import unescape
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from pjsipdiag.diagnosis.diagnose import diagnose
from pjsipdiag.diagnosis.model import Report
from pjsipdiag.diagnosis.traffic import SourceRow
from pjsipdiag.report import render
from pjsipdiag.report.web.conversations import MOST_CALLS_SHOWN, MOST_SOURCES_SHOWN
from tests.report.browser import chromium
from tests.report.build import UNMATCHED, call, healthy, report
from tests.report.hostile import hostile

FIXTURES = Path(__file__).parents[3] / "fixtures"
SCRIPT = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
OpenedConnection = Callable[[Report], webdriver.Chrome]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    with chromium(tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture
def opened(browser: webdriver.Chrome, tmp_path: Path) -> OpenedConnection:
    """Shows a report; the console is empty after it."""

    def show(shown: Report) -> webdriver.Chrome:
        page = tmp_path / "report.html"
        page.write_text(render(shown, "html"), encoding="utf-8")
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        browser.get(page.as_uri())
        assert browser.get_log("browser") == []  # type: ignore[no-untyped-call]  # selenium has no type there
        return browser

    return show


def shown_sources(browser: webdriver.Chrome) -> list[str]:
    """The addresses of the rows that are to be seen."""
    found: list[str] = browser.execute_script(
        """return [...document.querySelectorAll('#table tbody tr')]
        .filter((row) => row.offsetHeight > 0).map((row) => row.cells[0].textContent);"""
    )
    return found


@cache
def diagnosed(name: str) -> Report:
    """What is found in a capture of fixtures/."""
    return diagnose([FIXTURES / name / "capture.pcap"], FIXTURES / name / "etc")


def many(count: int) -> Report:
    """A report with `count` sources, every tenth unmatched."""
    rows = tuple(
        SourceRow(f"198.18.{at // 250}.{at % 250}", 1, 1, "matched" if at % 10 else "unmatched", endpoint=f"e{at}")
        for at in range(count)
    )
    return replace(report(), sources=rows)


def test_the_verdict_is_the_heading(opened: OpenedConnection) -> None:
    browser = opened(report())
    assert browser.find_element(By.TAG_NAME, "h1").text == (
        "1 of 3 sources is not matched: 3 of 6 calls failed for that reason."
    )
    for part in ("causes", "changes", "pictures", "sources", "calls", "notes"):
        assert browser.find_element(By.ID, part).is_displayed()


def test_a_healthy_report_is_short(opened: OpenedConnection) -> None:
    browser = opened(healthy())
    assert not browser.find_elements(By.ID, "causes")
    assert browser.find_element(By.TAG_NAME, "header").get_attribute("class") == "good"


def test_filtering_the_sources(opened: OpenedConnection) -> None:
    browser = opened(many(60))
    assert len(shown_sources(browser)) == 60
    browser.find_element(By.ID, "filter").send_keys("e42")
    assert shown_sources(browser) == ["198.18.0.42"]
    browser.find_element(By.ID, "filter").clear()
    browser.find_element(By.ID, "filter").send_keys("198.18")
    browser.find_element(By.CSS_SELECTOR, "input[value=matched]").click()
    assert len(shown_sources(browser)) == 6
    assert browser.find_element(By.ID, "shown").text == "6 of 60 shown"


def test_sorting_the_sources_by_address(opened: OpenedConnection) -> None:
    browser = opened(many(30))
    browser.find_element(By.CSS_SELECTOR, "#table thead button").click()
    assert shown_sources(browser) == [f"198.18.0.{at}" for at in range(30)]
    header = browser.find_element(By.CSS_SELECTOR, "#table thead th")
    assert header.get_attribute("aria-sort") == "ascending"


def test_ten_thousand_sources_stay_usable(opened: OpenedConnection) -> None:
    browser = opened(many(10_000))
    assert browser.find_element(By.ID, "shown").text == "200 of 10,000 shown"
    browser.execute_script(
        """document.querySelectorAll('#table thead button')[2].click();
        const box = document.getElementById('filter');
        box.value = 'e99'; box.dispatchEvent(new Event('input', {bubbles: true}));"""
    )
    assert len(shown_sources(browser)) == 111


def test_copying_the_suggested_lines(opened: OpenedConnection) -> None:
    browser = opened(report())
    browser.execute_script("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
    browser.find_element(By.CSS_SELECTOR, "button.copy").click()
    assert browser.execute_script("return window.copied") == "match=203.0.113.13\n"
    assert browser.find_element(By.CSS_SELECTOR, "button.copy").text == "Copied"


def test_markup_from_packets_is_text(opened: OpenedConnection) -> None:
    browser = opened(hostile(SCRIPT))
    assert "owned" not in browser.title.replace(SCRIPT, "")
    assert SCRIPT in browser.find_element(By.TAG_NAME, "body").text
    assert len(browser.find_elements(By.TAG_NAME, "script")) == 1
    assert not browser.find_elements(By.TAG_NAME, "img")


@pytest.mark.parametrize("text", ["sip:100@192.0.2.1", "x" * 2000, SCRIPT, "\u202e" * 50])
def test_nothing_overflows_at_phone_width(opened: OpenedConnection, text: str) -> None:
    browser = opened(hostile(text))
    phone = {"width": 360, "height": 780, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 360


@pytest.mark.parametrize("name", ["demo", "incidents/scanner-and-provider"])
def test_everything_fits_a_telephone(opened: OpenedConnection, name: str) -> None:
    """Opened as far as it opens."""
    browser = opened(diagnosed(name))
    phone = {"width": 375, "height": 780, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    wide: list[str] = browser.execute_script(
        """document.querySelectorAll("details").forEach((one) => { one.open = true; });
        return [...document.querySelectorAll("*")]
        .filter((one) => one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).overflowX !== "visible")
        .map((one) => one.outerHTML.slice(0, 80));"""
    )
    assert wide == []


def test_a_call_opens_with_its_messages_and_these_with_their_text(opened: OpenedConnection) -> None:
    browser = opened(diagnosed("demo"))
    calls = browser.find_elements(By.CSS_SELECTOR, "details.call")
    assert len(calls) == 9
    calls[-1].find_element(By.TAG_NAME, "summary").click()
    rows = calls[-1].find_elements(By.CSS_SELECTOR, ".ladder summary")
    assert [row.text.split("\n")[-1].split(" ")[0] for row in rows] == ["INVITE", "200", "ACK"]
    rows[1].click()
    assert "Server: Asterisk PBX 22.10.1" in calls[-1].find_elements(By.CSS_SELECTOR, ".raw")[1].text


def test_a_failed_call_stands_beside_a_good_one(opened: OpenedConnection) -> None:
    browser = opened(diagnosed("demo"))
    rows = {
        row.find_element(By.TAG_NAME, "th").text: [cell.text for cell in row.find_elements(By.TAG_NAME, "td")]
        for row in browser.find_elements(By.CSS_SELECTOR, ".contrast tbody tr")
    }
    assert rows["From address"] == ["203.0.113.13:5060", "203.0.113.10:5060"]
    assert rows["Answered"] == ["401", "200"]


def test_attacks_stand_apart_from_failures(opened: OpenedConnection) -> None:
    browser = opened(diagnosed("demo"))
    parts = browser.find_elements(By.CSS_SELECTOR, "main > section")
    titles = [part.find_element(By.TAG_NAME, "h2").text for part in parts]
    assert titles[:3] == ["Causes", "Do this", "Refused, as it should be"]
    assert ["198.51.100.77" in part.text for part in parts[:3]] == [False, True, True]
    row = browser.find_element(By.XPATH, "//table[@id='table']//tr[contains(., '198.51.100.77')]")
    assert row.find_element(By.CSS_SELECTOR, ".badge").text == "refused"


def test_the_demo_is_printed_on_two_pages(opened: OpenedConnection) -> None:
    printed = opened(diagnosed("demo")).execute_cdp_cmd("Page.printToPDF", {"paperWidth": 8.27, "paperHeight": 11.69})
    assert len(re.findall(rb"/Type\s*/Page\b", base64.b64decode(printed["data"]))) <= 2


def test_a_flood_makes_no_large_page() -> None:
    """Each source has its share of the calls that are shown; how many are left out is said."""
    calls = tuple(call(number, f"203.0.113.{number % 60}:5060", UNMATCHED, 401) for number in range(3000))
    sources = tuple(SourceRow(f"203.0.113.{at}", 50, 50, "unmatched") for at in range(60))
    page = unescape(render(replace(report(), calls=calls, sources=sources), "html"))
    assert page.count('<details class="call') == MOST_CALLS_SHOWN
    assert page.count("40 more calls of this source not shown here") == MOST_SOURCES_SHOWN
    assert "10 more sources with calls only in the table" in page


def test_the_head_has_the_span_and_the_filter_and_no_folder() -> None:
    filtered = replace(report(), filter_text="--source 203.0.113.13")
    captures = tuple(replace(filtered.captures[0], file=f"/home/somebody/{name}") for name in ("a/x.pcap", "b/x.pcap"))
    notes = ("/home/somebody/a/x.pcap is not the file any more",)
    text = unescape(render(replace(filtered, captures=captures, notes=notes), "html"))
    assert "a/x.pcap is not the file" in text
    head = text[: text.index("<nav")]
    assert re.search(r"calls of \d{4}-\d\d-\d\d [\d:]+ to [\d :-]+ UTC", head)
    assert "only --source 203.0.113.13" in head
    assert "/home/somebody" not in text


def test_every_command_can_be_copied(opened: OpenedConnection) -> None:
    browser = opened(report())
    browser.execute_script("window.setTimeout = () => 0;")  # what a button says stays
    for command in browser.find_elements(By.CSS_SELECTOR, ".steps .copied"):
        command.find_element(By.XPATH, "following-sibling::button").click()
    copied = browser.find_elements(By.CSS_SELECTOR, ".steps .copy")
    assert copied
    assert {button.text for button in copied} == {"Copied"}


def test_the_page_asks_nothing_of_any_server() -> None:
    page = render(report(), "html")
    assert "default-src 'none'" in unescape(page)
    for attribute in ("src=", 'href="http', "url(", "@import", " style=", " onclick="):
        assert attribute not in page


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2) of `#rrggbb`."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("ink", "ground"),
    [
        ("ink", "card"),
        ("ink", "code"),
        ("ink", "mark"),
        ("ink", "matched-soft"),
        ("quiet", "ground"),
        ("quiet", "card"),
        ("quiet", "code"),
        ("link", "card"),
        ("matched", "code"),
        *((name, f"{name}-soft") for name in ("matched", "unmatched", "mixed", "unknown", "note")),
    ],
)
def test_text_has_contrast(theme: int, ink: str, ground: str) -> None:
    """At least 4.5 to 1 (WCAG 2.2, 1.4.3)."""
    style = render(report(), "html").partition("@media print")[0]
    colours = dict(re.findall(r"--([\w-]+): (#\w{6})", style.split("color-scheme: dark)")[theme]))
    light, dark = sorted((luminance(colours[ink]), luminance(colours[ground])), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_the_page_has_landmarks_and_table_headers(opened: OpenedConnection) -> None:
    browser = opened(report())
    for tag in ("header", "nav", "main", "footer"):
        assert len(browser.find_elements(By.TAG_NAME, tag)) == 1
    assert len(browser.find_elements(By.CSS_SELECTOR, "#table thead th[scope=col]")) == 9
    assert len(browser.find_elements(By.CSS_SELECTOR, "#table tbody th[scope=row]")) == 4
    assert all(svg.get_attribute("aria-label") for svg in browser.find_elements(By.TAG_NAME, "svg"))


def test_the_keyboard_reaches_everything(opened: OpenedConnection) -> None:
    browser = opened(many(30))
    reached = set()
    for _ in range(60):
        browser.switch_to.active_element.send_keys(Keys.TAB)
        reached.add(browser.switch_to.active_element.tag_name)
    assert {"a", "button", "input", "summary", "pre"} <= reached


@pytest.mark.parametrize(
    ("advice", "shown"),
    [
        (
            "then `pjsip reload`, or `core restart now`",
            "then <code>pjsip reload</code>, or <code>core restart now</code>",
        ),
        ("one ` alone", "one ` alone"),
        ("`<b>`", "<code>&lt;b&gt;</code>"),
    ],
)
def test_commands_in_a_fix_are_code(advice: str, shown: str) -> None:
    first, *others = report().findings
    page = render(replace(report(), findings=(replace(first, advice=advice), *others), suggestions=()), "html")
    assert f"<b>Fix</b> {shown}</p>" in page
