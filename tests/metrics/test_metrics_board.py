"""Memory that workers share: what each counts is there for all, and survives it."""

import os
import time
from unittest.mock import patch

from engine.ruleset import Ruleset
from gateway.http.responses import JsonReply
from gateway.telemetry import measures, metrics_board
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.metrics_board import Board
from gateway.telemetry.metrics_text import BoardCollector
from persistence import measures as below
from persistence.meters import UNKNOWN
from tests.metrics.scraped import Scraped


def told(board: Board) -> Scraped:
    text, _ = BoardCollector(board).text("")
    return Scraped(text.decode())


def in_a_fork(board: Board, number: int, moves: int) -> None:
    """Be a worker that counts and ends."""
    pid = os.fork()
    if pid == 0:
        count = Metrics(board, number).of_operation("move")
        for _ in range(moves):
            count(JsonReply(b"{}"), time.perf_counter_ns())
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0


def test_the_counts_of_forks_add_up(ruleset: Ruleset) -> None:
    board = Board(ruleset, 2)
    in_a_fork(board, 1, 3)
    in_a_fork(board, 2, 4)
    scraped = told(board)
    assert scraped.of("haversack_requests_total", operation="move", code="OK") == 7
    assert scraped.of("haversack_request_seconds_count", operation="move") == 7
    assert scraped.of("haversack_answers_total", code="OK") == 7
    assert scraped.of("haversack_workers") == 2
    assert scraped.of("haversack_worker_replacements_total") == 0


def test_a_successor_goes_on_where_the_dead_one_stopped(ruleset: Ruleset) -> None:
    board = Board(ruleset, 2)
    in_a_fork(board, 1, 3)
    in_a_fork(board, 1, 5)
    scraped = told(board)
    assert scraped.of("haversack_requests_total", operation="move", code="OK") == 8
    assert scraped.of("haversack_worker_replacements_total") == 1


def test_who_has_not_been_seen_is_not_up(ruleset: Ruleset) -> None:
    """Nor are its gauges told; what it had counted is."""
    board = Board(ruleset, 3)
    Metrics(board, 1).of_operation("move")(JsonReply(b"{}"), 0)
    Metrics(board, 2)
    up = {labels["worker"]: value for labels, value in told(board).series("haversack_worker_up")}
    assert up == {"1": 1, "2": 1, "3": 0}
    with patch.object(metrics_board, "SEEN_S", 0.0):
        scraped = told(board)
    assert scraped.total("haversack_worker_up") == 0
    assert not list(scraped.series("haversack_connections"))
    assert not list(scraped.series("process_open_fds"))
    assert scraped.of("haversack_requests_total", operation="move", code="OK") == 1


def test_what_was_looked_up_last_counts_for_all(ruleset: Ruleset) -> None:
    """Whichever worker did; and what it could not find out is left out."""
    board = Board(ruleset, 2)
    first, second = Metrics(board, 1).meters, Metrics(board, 2).meters
    assert "haversack_sessions" in told(board).families
    assert not list(told(board).series("haversack_sessions"))
    for meters, sessions in ((first, 10), (second, 12)):
        for meter in below.SURVEYED:
            meters.set(meter, UNKNOWN)
        meters.set(below.SESSIONS, sessions)
        meters.set(below.OLDEST_UNFLUSHED, 1500)
        meters.set(measures.SURVEYED_NS, time.monotonic_ns())
    scraped = told(board)
    assert scraped.of("haversack_sessions") == 12
    assert scraped.of("haversack_oldest_unflushed_seconds") == 1.5
    assert not list(scraped.series("haversack_quarantined_characters"))
    for meters in (first, second):
        meters.set(measures.SURVEYED_NS, time.monotonic_ns() - 61 * 10**9)
    assert not list(told(board).series("haversack_sessions"))


def test_processes_are_told_apart(ruleset: Ruleset) -> None:
    board = Board(ruleset)
    Metrics(board)
    scraped = told(board)
    assert scraped.of("process_resident_memory_bytes", worker="1") > 1 << 20
    assert scraped.of("process_open_fds", worker="1") > 2


def test_a_scraper_may_ask_for_openmetrics(ruleset: Ruleset) -> None:
    from prometheus_client.openmetrics.parser import text_string_to_metric_families

    board = Board(ruleset)
    Metrics(board).of_operation("move")(JsonReply(b"{}"), 0)
    text, content_type = BoardCollector(board).text("application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text; version=1.0.0")
    families = {family.name: family for family in text_string_to_metric_families(text.decode())}
    assert {"haversack_requests", "haversack_build", "process_cpu_seconds"} <= families.keys()
