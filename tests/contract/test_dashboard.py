"""The Grafana dashboard and the guide ask only for metrics that exist."""

import json
import re
from pathlib import Path

from trivet.observe.metrics import METRICS

GUIDES = Path(__file__).parents[2] / "docs" / "guides"
#: What is told once, and is no curve.
NOT_DRAWN = {"trivet_build_info", "trivet_start_time_seconds", "trivet_worker_resident_bytes"}
PARTS_OF_HISTOGRAMS = ("_bucket", "_sum", "_count")


def known_names() -> set[str]:
    names = {metric.full_name for metric in METRICS}
    histograms = {metric.name for metric in METRICS if metric.kind == "histogram"}
    return names | {name + part for name in histograms for part in PARTS_OF_HISTOGRAMS}


def names_in(text: str) -> set[str]:
    return set(re.findall(r"\btrivet_[a-z_]+", text))


def dashboard_names() -> set[str]:
    dashboard = json.loads((GUIDES / "grafana-dashboard.json").read_text())
    return names_in(
        " ".join(target["expr"] for panel in dashboard["panels"] for target in panel["targets"])
    )


def test_dashboard_and_guide_name_only_metrics_that_exist() -> None:
    asked = dashboard_names() | names_in((GUIDES / "monitoring.md").read_text())
    assert asked <= known_names(), f"no such metrics: {sorted(asked - known_names())}"


def test_the_dashboard_shows_every_metric() -> None:
    shown = {name.removesuffix("_bucket") for name in dashboard_names()}
    missing = {metric.full_name for metric in METRICS} - NOT_DRAWN - shown
    assert not missing, f"give them a panel in docs/guides/grafana-dashboard.json: {missing}"
