import unittest

from firmware import metrics
from firmware.status import _NAMES


class TestMetrics(unittest.TestCase):
    def tell(self, **values):
        names = _NAMES.split()
        told = [values.get(name.replace(".", "_")) for name in names]
        told[:3] = ["1.0", "/app", "reset"]
        return "".join(metrics.tell(names, told)).split("\n")

    def test_each_value_has_a_type(self):
        self.assertEqual(len(metrics._ROWS.split("\n")), len(_NAMES.split()))

    def test_what_runs_is_one_of_its_own(self):
        info = 'httpd32_info{version="1.0",application="/app",reset_cause="reset"} 1'
        self.assertIn(info, self.tell())

    def test_a_name_has_its_section_and_a_counter_ends_in_total(self):
        lines = self.tell(uptime_seconds=5, heap_used_bytes=7, sockets_purged=3)
        for line in (
            "# TYPE httpd32_uptime_seconds gauge",
            "httpd32_uptime_seconds 5",
            "httpd32_heap_used_bytes 7",
            "# TYPE httpd32_sockets_purged_total counter",
            "httpd32_sockets_purged_total 3",
        ):
            self.assertIn(line, lines)

    def test_requests_are_one_metric_with_a_label(self):
        lines = self.tell(requests_2xx=4, requests_5xx=1)
        self.assertIn('httpd32_requests_total{class="2xx"} 4', lines)
        self.assertIn('httpd32_requests_total{class="5xx"} 1', lines)

    def test_what_there_is_not_is_left_out(self):
        self.assertFalse([line for line in self.tell() if "heap" in line])
