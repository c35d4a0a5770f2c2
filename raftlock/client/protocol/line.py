"""The one connection that a client has, or tries to get."""

from __future__ import annotations

from raftlock.client.protocol.effects import Endpoint
from raftlock.types.ids import Millis

__all__ = ["Line"]


class Line:
    """A connection's state: none (`endpoint` is ``None``), being made, or open.

    Connections are numbered, so that news of one that was given up cannot be taken for news of its
    successor.
    """

    def __init__(self) -> None:
        self.number = 0
        self.endpoint: Endpoint | None = None
        self.is_open = False
        self.connect_until = Millis(0)
        self.decided_at = Millis(0)
        """When this connection last told a decision of the log, or was opened."""
        self._frame_id = 0
        self._calls: dict[int, int] = {}

    def begin(self, endpoint: Endpoint, until: Millis) -> int:
        """Start a connection; it must stand before `until`. Returns its number."""
        assert self.endpoint is None
        self.number += 1
        self.endpoint = endpoint
        self.connect_until = until
        return self.number

    def opened(self, now: Millis) -> None:
        """The connection stands."""
        assert self.endpoint is not None
        self.is_open = True
        self.decided_at = now

    def end(self) -> Endpoint:
        """The connection is over; what was asked over it gets no answer. Returns where it went."""
        assert self.endpoint is not None
        endpoint, self.endpoint, self.is_open = self.endpoint, None, False
        self._calls.clear()
        return endpoint

    def is_present(self, number: int) -> bool:
        """Whether `number` is the connection there is."""
        return self.endpoint is not None and self.number == number

    def frame_for(self, call: int) -> int:
        """A number for a frame that asks for `call`."""
        self._frame_id += 1
        self._calls[self._frame_id] = call
        return self._frame_id

    def call_of(self, frame_id: int) -> int:
        """Which call the frame asked for; 0 if none did."""
        return self._calls.get(frame_id, 0)
