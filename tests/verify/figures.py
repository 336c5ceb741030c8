"""Pytest plugin: writes what a run of tests did to the file that VERIFY_JSON names."""

import json
import os
from pathlib import Path


def pytest_terminal_summary(terminalreporter):
    """Count outcomes, and name the tests that failed or did not run."""
    place = os.environ.get("VERIFY_JSON")
    if place is None:
        return

    def names(outcome):
        return sorted({report.nodeid for report in terminalreporter.stats.get(outcome, [])})

    skipped = [
        f"{report.nodeid}: {report.longrepr[2]}"
        for report in terminalreporter.stats.get("skipped", [])
    ]
    found = {
        "passed": len(terminalreporter.stats.get("passed", [])),
        "failed": sorted({*names("failed"), *names("error")}),
        "skipped": sorted(skipped),
    }
    Path(place).write_text(json.dumps(found, indent=1))
