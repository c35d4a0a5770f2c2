import pytest

from raftlock.trace.clients import KEPT_CALLS, ClientView, doing


@pytest.mark.parametrize(
    ("op", "words"),
    [
        ("acquire", "asks for printer"),
        ("enqueue_waiter", "asks to wait for printer"),
        ("release", "asks to release printer"),
        ("renew", "asks to renew printer"),
        ("cancel_wait", "asks to stop waiting for printer"),
        ("open_session", "asks for a session"),
        ("end_session", "asks to end its session"),
        ("some_thing", "some thing printer"),
    ],
)
def test_a_request_in_words(op, words):
    assert doing(op, "printer") == words


def test_braces_in_a_name_are_only_braces():
    assert doing("acquire", "{0}{x}") == "asks for {0}{x}"


def test_a_client_does_what_it_asked_for_last():
    client = ClientView("alice")
    assert client.doing is None
    client.ask("r1", "asks for a")
    client.ask("r2", "asks for b")
    assert client.doing == "asks for b"


def test_requests_nobody_answers_do_not_pile_up():
    client = ClientView("alice")
    for number in range(KEPT_CALLS + 5):
        client.ask(f"r{number}", "asks for a")
    assert len(client.calls) == KEPT_CALLS
    assert "r4" not in client.calls
