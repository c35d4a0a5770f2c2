"""Hostile strangers: what they say goes through a node's real door, and must not get in.

The door is what a served node has: the handshake, the book of who is connected, the decoder of
frames between nodes. Each sort of stranger says its frames; every one must be refused with an error
that closes that connection, and nothing may come as far as the core. Raft itself trusts its peers:
who knows the cluster's token is believed.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import suppress

from raftlock.errors import InvalidArgument, PermissionDenied, RemoteProtocolError
from raftlock.raft.random64 import Random64
from raftlock.sim.chance import keyed
from raftlock.sim.world import World
from raftlock.transport import json_text
from raftlock.transport.codec import PeerFrame, decode_peer, encode_peer
from raftlock.transport.door import ConnectionLimits, Door
from raftlock.transport.handshake import NONCE_BYTES, ClientHandshake, Role, ServerHandshake
from raftlock.transport.limits import HANDSHAKE_FRAME_BYTES_MAX, PEER_FRAME_BYTES_MAX
from raftlock.types.events import Json
from raftlock.types.ids import Index, Millis, NodeID, Term
from raftlock.types.log import LogEntry
from raftlock.types.rpc import AppendEntriesArgs, RequestVoteArgs

__all__ = ["SORTS", "knock"]

CLUSTER = "simulated"
TOKEN = "the token that all nodes of this cluster know"
_OTHER = "the token of quite another cluster, also long"

_FAR_TERM = 1 << 60
_FAR_INDEX = 1 << 63

Talk = Generator[str, str, None]
"""What a stranger says, frame by frame; it is handed what the node answered to each."""


class _Stranger:
    """One connection, from both ends: `say` is what it dials with, `hear` the node's own side."""

    def __init__(self, node: NodeID, random: Random64) -> None:
        self.node = node
        self.random = random
        self.door: Door[str] = Door(node, ConnectionLimits())
        self.server = ServerHandshake(
            TOKEN, cluster=CLUSTER, role=Role.PEER, name=node, nonce=self.nonce()
        )

    def nonce(self) -> bytes:
        """Bytes that were never used before."""
        return b"".join(self.random.next().to_bytes(8, "big") for _ in range(NONCE_BYTES // 8))

    def dialler(self, token: str = TOKEN, cluster: str = CLUSTER) -> ClientHandshake:
        """The other end of a handshake, by the protocol's own code."""
        return ClientHandshake(
            token, cluster=cluster, role=Role.PEER, name="intruder", nonce=self.nonce()
        )

    def hear(self, talk: Talk) -> None:
        """Let the node hear what is said until it closes the connection; assert that it does.

        A frame that is said after the handshake would be decoded and handed to the core.
        """
        self.door.arrived("stranger", 0.0)
        try:
            frame = next(talk)
            while True:
                answer = self.server.next(frame)
                assert not self.server.done, f"a stranger got in at {self.node}"
                frame = talk.send(answer)
        except (RemoteProtocolError, PermissionDenied):
            self.door.left("stranger")
        except StopIteration:
            pass
        assert not self.door.all, f"{self.node} keeps a stranger's connection"
        assert not self.door.peers

    def says(self, *frames: str) -> None:
        """Say these frames, whatever is answered."""
        self.hear(_one_by_one(frames))


def _one_by_one(frames: Iterable[str]) -> Talk:
    for frame in frames:  # noqa: UP028 - tuples take no answers
        yield frame


def knock(world: World, node: NodeID, sort: str) -> None:
    """Let a stranger of that sort come to a node's door. Raises `InvalidArgument` if unknown."""
    talk = SORTS.get(sort)
    if talk is None:
        known = ", ".join(SORTS)
        raise InvalidArgument(f"There is no stranger {sort[:24]!r}: choose one of {known}.")
    random = keyed(world.settings.seed, "stranger", node, sort, world.recorder.last_seq)
    talk(_Stranger(node, random))


# ---- those who do not get through the handshake ----


def _malformed(stranger: _Stranger) -> None:
    """No JSON, or JSON that is no frame."""
    texts = ("", "{", "\x00\x01\x02", "null", "[]", '{"type":"hello"}', '{"type":NaN}', "\ud800")
    stranger.says(texts[stranger.random.below(len(texts))])


def _oversized(stranger: _Stranger) -> None:
    hello = _hello(stranger)
    hello["name"] = "x" * (HANDSHAKE_FRAME_BYTES_MAX + 1)
    stranger.says(json_text.write(hello))


def _deep(stranger: _Stranger) -> None:
    """So deep that a reader without a bound would run out of stack."""
    depth = (2, 100, 1_500)[stranger.random.below(3)]
    stranger.says("[" * depth + "]" * depth)


def _twice(stranger: _Stranger) -> None:
    """The same key twice: two readers would see two different frames."""
    hello = json_text.write(_hello(stranger))
    stranger.says(f'{hello[:-1]},"name":"n1"}}')


def _replayed(stranger: _Stranger) -> None:
    """What a real peer once said, word for word, on a new connection."""
    earlier = _Stranger(stranger.node, stranger.random)
    dialler = earlier.dialler()
    hello = dialler.next(None)
    assert hello is not None
    proof = dialler.next(earlier.server.next(hello))
    assert proof is not None
    stranger.says(hello, proof)


def _reflected(stranger: _Stranger) -> None:
    """The node's own proof, sent back to it."""

    def talk() -> Talk:
        answer = yield json_text.write(_hello(stranger))
        told = json_text.read(answer, size_max=HANDSHAKE_FRAME_BYTES_MAX)
        assert isinstance(told, dict)
        yield json_text.write({"type": "proof", "proof": told["proof"]})

    stranger.hear(talk())


def _wrong_cluster(stranger: _Stranger) -> None:
    hello = stranger.dialler(cluster="elsewhere").next(None)
    assert hello is not None
    stranger.says(hello)


def _wrong_token(stranger: _Stranger) -> None:
    """Everything right but the token, which it does not know."""
    hello = _hello(stranger)
    proof = json_text.write({"type": "proof", "proof": stranger.nonce().hex()})
    stranger.says(json_text.write(hello), proof)


def _newer(stranger: _Stranger) -> None:
    """A version of the wire that is not there yet."""
    hello = _hello(stranger) | {"version": 2 + stranger.random.below(5)}
    stranger.says(json_text.write(hello))


def _unannounced(stranger: _Stranger) -> None:
    """A message of Raft without any handshake."""
    stranger.says(encode_peer(PeerFrame(1, _vote_of(7))))


# ---- frames that the decoder must refuse, whoever sends them ----


def _future_term(stranger: _Stranger) -> None:
    """A term that no integer of the wire holds: taken over, no election would end it."""
    _refused(json_text.write(_frame_of(term=_FAR_TERM)))
    stranger.says(json_text.write(_frame_of(term=_FAR_TERM)))


def _far_index(stranger: _Stranger) -> None:
    _refused(json_text.write(_frame_of(last_log_index=_FAR_INDEX)))
    stranger.says(json_text.write(_frame_of(last_log_index=_FAR_INDEX)))


def _negative(stranger: _Stranger) -> None:
    _refused(json_text.write(_frame_of(last_log_index=-1 - stranger.random.below(9))))


def _huge(stranger: _Stranger) -> None:
    _refused(" " * (PEER_FRAME_BYTES_MAX + 1 + stranger.random.below(100)))


def _with_a_hole(stranger: _Stranger) -> None:
    """Entries that do not stand one behind the other."""
    entries = tuple(
        LogEntry(Term(1), Index(index), b"", Millis(0))
        for index in (1, 3 + stranger.random.below(5))
    )
    args = AppendEntriesArgs(Term(1), NodeID("n2"), Index(0), Term(0), entries, Index(0))
    _refused(encode_peer(PeerFrame(1, args)))


def _garbled(stranger: _Stranger) -> None:
    """A frame with some of its characters changed: refused, or read as what it says now."""
    text = list(encode_peer(PeerFrame(1, _vote_of(3))))
    for _ in range(1 + stranger.random.below(4)):
        text[stranger.random.below(len(text))] = chr(32 + stranger.random.below(95))
    with suppress(RemoteProtocolError):
        decode_peer("".join(text))
    stranger.says("".join(text))


def _refused(text: str) -> None:
    try:
        decode_peer(text)
    except RemoteProtocolError:
        return
    raise AssertionError(f"a frame that nobody may send was read: {text[:60]}")


def _hello(stranger: _Stranger) -> dict[str, Json]:
    frame = stranger.dialler(_OTHER).next(None)
    assert frame is not None
    hello = json_text.read(frame, size_max=HANDSHAKE_FRAME_BYTES_MAX)
    assert isinstance(hello, dict)
    return hello


def _vote_of(term: int) -> RequestVoteArgs:
    return RequestVoteArgs(Term(term), NodeID("n2"), Index(1), Term(1))


def _frame_of(**fields: int) -> Json:
    frame = json_text.read(encode_peer(PeerFrame(1, _vote_of(3))), size_max=PEER_FRAME_BYTES_MAX)
    assert isinstance(frame, dict)
    message = frame["message"]
    assert isinstance(message, dict)
    return frame | {"message": message | fields}


SORTS: Mapping[str, Callable[[_Stranger], None]] = {
    "malformed": _malformed,
    "oversized": _oversized,
    "deep": _deep,
    "twice": _twice,
    "replayed": _replayed,
    "reflected": _reflected,
    "wrong_cluster": _wrong_cluster,
    "wrong_token": _wrong_token,
    "newer": _newer,
    "unannounced": _unannounced,
    "future_term": _future_term,
    "far_index": _far_index,
    "negative": _negative,
    "huge": _huge,
    "with_a_hole": _with_a_hole,
    "garbled": _garbled,
}
"""The sorts of strangers there are."""
