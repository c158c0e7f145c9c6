"""A server's metrics page, read with the parser of prometheus_client."""

import urllib.request

from prometheus_client.parser import text_string_to_metric_families

from tests.serving.addresses import TcpAddress


class Page:
    """The page of one server, fetched anew for each question."""

    def __init__(self, address: TcpAddress) -> None:
        self.address = address
        self.url = f"http://{address.authority}/metrics"

    def text(self, accept: str = "text/plain") -> str:
        request = urllib.request.Request(self.url, headers={"Accept": accept})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return str(answer.read().decode())

    def samples(self, name: str) -> dict[tuple[str, ...], float]:
        """Values of the lines of that name, by their labels' values."""
        return {
            tuple(sample.labels.values()): sample.value
            for family in text_string_to_metric_families(self.text())
            for sample in family.samples
            if sample.name == name
        }
