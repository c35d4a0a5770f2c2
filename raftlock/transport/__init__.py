"""The wire: text frames and their bounds, the handshake, the links of a laboratory.

`websocket` is not imported here: only what opens sockets loads the library for them.
"""

from raftlock.transport.codec import (
    MESSAGE_TYPES,
    ErrorInfo,
    PeerFrame,
    Request,
    Response,
    command_from_params,
    command_to_params,
    decode_message,
    decode_peer,
    decode_request,
    decode_response,
    encode_message,
    encode_peer,
    encode_request,
    encode_response,
)
from raftlock.transport.handshake import ClientHandshake, Party, Role, ServerHandshake
from raftlock.transport.limits import (
    TokenBucket,
    check_client_id,
    check_command,
    check_lock_id,
    check_metadata,
    check_node_id,
    check_priority,
    check_request_id,
    check_token,
    check_ttl,
    check_wait,
    millis_from_seconds,
)
from raftlock.transport.links import Links, LinkState, Plan
from raftlock.transport.original import from_original, to_original
from raftlock.transport.values import decode, encode

__all__ = [
    "MESSAGE_TYPES",
    "ClientHandshake",
    "ErrorInfo",
    "LinkState",
    "Links",
    "Party",
    "PeerFrame",
    "Plan",
    "Request",
    "Response",
    "Role",
    "ServerHandshake",
    "TokenBucket",
    "check_client_id",
    "check_command",
    "check_lock_id",
    "check_metadata",
    "check_node_id",
    "check_priority",
    "check_request_id",
    "check_token",
    "check_ttl",
    "check_wait",
    "command_from_params",
    "command_to_params",
    "decode",
    "decode_message",
    "decode_peer",
    "decode_request",
    "decode_response",
    "encode",
    "encode_message",
    "encode_peer",
    "encode_request",
    "encode_response",
    "from_original",
    "millis_from_seconds",
    "to_original",
]
