"""The handshake: both ends prove that they know the cluster's token, and neither sends it.

Four small JSON frames. The one who dials begins; each proof is an HMAC-SHA256 with the token as key
over everything both have said and the direction it is said in::

    dialler -> server   {"type":"hello","version":1,"cluster":"..","role":"peer","name":"n1",
                         "address":"10.0.0.1:7101","key":"..","nonce":".."}
    server  -> dialler  {"type":"challenge","version":1,"name":"n2","nonce":"..","proof":".."}
    dialler -> server   {"type":"proof","proof":".."}
    server  -> dialler  {"type":"welcome"}

A node that dials says where it answers itself (`address`, empty in a laboratory), so that a node
that has moved is found again. `key` names the token that is meant, without telling it: while a
cluster goes over from one token to the next, its nodes know both. Clients prove with a key that is
derived from the token (`client_token`): who has only that can be no node and no administrator.

A proof cannot be sent back to its maker (the direction is in it), not be replayed (both nonces are)
and not be used in another cluster, role or name. Nothing here does I/O or draws a random number:
the caller hands in a fresh nonce of 32 bytes for every connection and carries the frames; when
either side raises, it closes the connection with the error's sentence as the reason.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from raftlock.errors import InvalidArgument, PermissionDenied, RemoteProtocolError
from raftlock.transport import json_text
from raftlock.transport.limits import HANDSHAKE_FRAME_BYTES_MAX, ID_CHARS_MAX
from raftlock.transport.values import as_object
from raftlock.types import Json

__all__ = [
    "NONCE_BYTES",
    "WIRE_VERSION",
    "ClientHandshake",
    "Party",
    "Role",
    "ServerHandshake",
    "check_cluster_token",
    "client_token",
]

WIRE_VERSION = 1
"""The version of the frames. A node refuses a newer one, which it may not understand."""

NONCE_BYTES = 32
_TOKEN_BYTES_MIN = 32
_DEPTH_MAX = 1


_CLIENT_PREFIX = "client."
_ADDRESS_CHARS_MAX = 300
_KEY_NAME_CHARS = 16


class Role(StrEnum):
    """Who dials: another node, somebody who wants locks, who looks after the nodes, or at them."""

    PEER = "peer"
    CLIENT = "client"
    ADMIN = "admin"
    OBSERVE = "observe"


@dataclass(frozen=True, slots=True)
class Party:
    """Who is at the other end. A server is a ``peer`` to a node and a node to a client alike."""

    name: str
    role: Role


def check_cluster_token(token: str) -> bytes:
    """The key that a cluster's token stands for; a token has at least 32 characters."""
    key = token.encode()
    if len(key) < _TOKEN_BYTES_MIN:
        raise InvalidArgument(
            f"A cluster's token must have at least {_TOKEN_BYTES_MIN} characters;"
            " secrets.token_urlsafe(32) makes one."
        )
    return key


def client_token(token: str) -> str:
    """The token that clients are given: it opens the lock service, and nothing else."""
    if token.startswith(_CLIENT_PREFIX):
        return token
    key = hmac.new(check_cluster_token(token), b"raftlock client", hashlib.sha256).digest()
    return _CLIENT_PREFIX + base64.urlsafe_b64encode(key).decode().rstrip("=")


def _key(token: str, role: Role) -> bytes:
    """What is proved with, in that role."""
    if role is Role.CLIENT:
        return check_cluster_token(client_token(token))
    if token.startswith(_CLIENT_PREFIX):
        raise PermissionDenied(f"A client's token does not open the role {role}.")
    return check_cluster_token(token)


def _key_name(key: bytes) -> str:
    return hmac.new(key, b"raftlock key name", hashlib.sha256).hexdigest()[:_KEY_NAME_CHARS]


@dataclass(frozen=True, slots=True)
class _Said:
    """All that both proofs cover."""

    cluster: str
    role: Role
    client: str
    server: str
    address: str
    client_nonce: bytes
    server_nonce: bytes

    def proof(self, key: bytes, direction: str) -> str:
        """What the side proves that speaks in this direction."""
        # JSON keeps the parts apart: no two different talks give the same text.
        text = json_text.write(
            [
                *(f"raftlock handshake {WIRE_VERSION}", direction),
                *(self.cluster, self.role.value, self.client, self.server, self.address),
                *(_to_base64(self.client_nonce), _to_base64(self.server_nonce)),
            ]
        )
        return _to_base64(hmac.new(key, text.encode(), hashlib.sha256).digest())


class ClientHandshake:
    """The dialling side. `next` takes the frame that came (None at first) and gives the answer.

    `peer` is who answered, from the moment in which it has proved itself; once `done`, it has
    accepted this side, too. `server`, if given, is who should answer; `address` is where a node
    that dials answers itself.
    """

    def __init__(
        self,
        token: str,
        *,
        cluster: str,
        role: Role,
        name: str,
        nonce: bytes,
        server: str = "",
        address: str = "",
    ) -> None:
        assert len(nonce) == NONCE_BYTES
        self._key = _key(token, role)
        self._cluster = cluster
        self._address = address
        self.role = role
        self._name = name
        self._nonce = nonce
        self._expected = server
        self._step = 0
        self.peer: Party | None = None

    @property
    def done(self) -> bool:
        """Whether the server said welcome."""
        return self._step == 3

    def next(self, frame: str | None) -> str | None:
        """What to send now; None when nothing is left to say."""
        assert not self.done
        self._step += 1
        if self._step == 1:
            assert frame is None
            return json_text.write(
                {
                    "type": "hello",
                    "version": WIRE_VERSION,
                    "cluster": self._cluster,
                    "role": self.role.value,
                    "name": self._name,
                    "address": self._address,
                    "key": _key_name(self._key),
                    "nonce": _to_base64(self._nonce),
                }
            )
        assert frame is not None
        if self._step == 2:
            return self._challenged(frame)
        _read(frame, "welcome", ())
        return None

    def _challenged(self, frame: str) -> str:
        data = _read(frame, "challenge", ("version", "name", "nonce", "proof"))
        server = _name(data["name"])
        if self._expected and server != self._expected:
            raise PermissionDenied(f"This address is {server}'s, not {self._expected}'s.")
        said = _Said(
            *(self._cluster, self.role, self._name, server, self._address),
            *(self._nonce, _nonce(data["nonce"])),
        )
        if not _equal(data["proof"], said.proof(self._key, "server to client")):
            raise PermissionDenied("The node that answers does not know this cluster's token.")
        self.peer = Party(server, Role.PEER)
        return json_text.write(
            {"type": "proof", "proof": said.proof(self._key, "client to server")}
        )


class ServerHandshake:
    """The side that was dialled. `next` takes each frame that comes and gives the answer.

    Once `done`, `peer` is who dialled and `address` where it answers, if it said so; the last
    answer is the welcome. `role` is the one for which the connection was opened: the hello must say
    the same. `also` are other tokens that are good for now.
    """

    def __init__(
        self,
        token: str,
        *,
        cluster: str,
        role: Role,
        name: str,
        nonce: bytes,
        also: Iterable[str] = (),
    ) -> None:
        assert len(nonce) == NONCE_BYTES
        self._key = _key(token, role)
        self._keys = {_key_name(key): key for key in (_key(each, role) for each in also)}
        self.address = ""
        self._cluster = cluster
        self._role = role
        self._name = name
        self._nonce = nonce
        self._said: _Said | None = None
        self.peer: Party | None = None

    @property
    def done(self) -> bool:
        """Whether the dialler has proved itself."""
        return self.peer is not None

    def next(self, frame: str) -> str:
        """What to send now."""
        assert not self.done
        if self._said is None:
            return self._hello(frame)
        data = _read(frame, "proof", ("proof",))
        if not _equal(data["proof"], self._said.proof(self._key, "client to server")):
            raise PermissionDenied("The proof is wrong: the token is not this cluster's.")
        self.peer = Party(self._said.client, self._role)
        return json_text.write({"type": "welcome"})

    def _hello(self, frame: str) -> str:
        fields = ("version", "cluster", "role", "name", "address", "key", "nonce")
        data = _read(frame, "hello", fields)
        if data["role"] != self._role.value:
            raise PermissionDenied(f"This connection was opened for the role {self._role}.")
        name = _name(data["name"])
        if self._role is Role.PEER and name == self._name:
            raise PermissionDenied(f"{name} is this node itself.")
        if data["cluster"] != self._cluster:
            raise PermissionDenied("This node belongs to another cluster.")
        key_name = _text(data["key"], "key", _KEY_NAME_CHARS)
        self._key = self._keys.get(key_name, self._key)
        self.address = _text(data["address"], "address", _ADDRESS_CHARS_MAX)
        said = _Said(
            *(self._cluster, self._role, name, self._name, self.address),
            *(_nonce(data["nonce"]), self._nonce),
        )
        self._said = said
        return json_text.write(
            {
                "type": "challenge",
                "version": WIRE_VERSION,
                "name": self._name,
                "nonce": _to_base64(self._nonce),
                "proof": said.proof(self._key, "server to client"),
            }
        )


def _read(frame: str, kind: str, fields: tuple[str, ...]) -> dict[str, Json]:
    text = json_text.read(frame, size_max=HANDSHAKE_FRAME_BYTES_MAX, depth_max=_DEPTH_MAX)
    data = as_object(text, "A frame")
    if data.get("type") != kind:
        raise RemoteProtocolError(f"The handshake expects a {kind} now.")
    # The version comes first: a newer wire may well have other fields.
    if "version" in fields:
        _check_version(data.get("version"))
    if data.keys() != {"type", *fields}:
        raise RemoteProtocolError(f"A {kind} has the fields {', '.join(('type', *fields))}.")
    return data


def _check_version(version: Json) -> None:
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise RemoteProtocolError("The version of the wire must be a number from 1 on.")
    if version > WIRE_VERSION:
        raise RemoteProtocolError(
            f"The other side speaks version {version} of the wire, this one {WIRE_VERSION}:"
            " update raftlock here."
        )


def _name(value: Json) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= ID_CHARS_MAX:
        raise RemoteProtocolError(f"A name must be a text of 1 to {ID_CHARS_MAX} characters.")
    if not value.isprintable():
        raise RemoteProtocolError("A name must be printable.")
    return value


def _text(value: Json, field: str, size_max: int) -> str:
    if not isinstance(value, str) or len(value) > size_max or (value and not value.isprintable()):
        raise RemoteProtocolError(
            f"A hello's {field} must be a text of up to {size_max} characters."
        )
    return value


def _nonce(value: Json) -> bytes:
    try:
        nonce = base64.b64decode(value.encode(), validate=True) if isinstance(value, str) else b""
    except binascii.Error:
        nonce = b""
    if len(nonce) != NONCE_BYTES:
        raise RemoteProtocolError(f"A nonce must be {NONCE_BYTES} bytes in base64.")
    return nonce


def _equal(given: Json, right: str) -> bool:
    # In constant time: how long it takes must not tell how much of it was right.
    return isinstance(given, str) and hmac.compare_digest(given.encode(), right.encode())


def _to_base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
