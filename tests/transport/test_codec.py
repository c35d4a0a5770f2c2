import copy
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raftlock.errors import ErrorCode, InvalidArgument, NotLeader, RemoteProtocolError
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
from raftlock.transport.limits import CLIENT_FRAME_BYTES_MAX, INTEGER_MAX, PEER_FRAME_BYTES_MAX
from raftlock.types import (
    AppendEntriesArgs,
    AppendEntriesReply,
    ClientID,
    Command,
    Configuration,
    Index,
    InstallSnapshotArgs,
    InstallSnapshotReply,
    LockID,
    LockOperation,
    LogEntry,
    Micros,
    Millis,
    NodeID,
    RequestVoteArgs,
    RequestVoteReply,
    SessionID,
    Term,
    TimeoutNow,
)

COUNTS = st.integers(0, INTEGER_MAX)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
COMMANDS = st.binary(max_size=40) | st.sampled_from(
    [b'{"op":"release","lock_id":"p"}', b"{}", '{"op":"größe"}'.encode()]
)


MEMBERS = st.builds(Configuration, *[st.lists(NAMES, max_size=3).map(tuple)] * 3)


@st.composite
def append_entries(draw):
    prev = draw(st.integers(0, 1_000))
    entries = tuple(
        LogEntry(
            draw(COUNTS),
            prev + 1 + place,
            draw(COMMANDS),
            draw(COUNTS),
            draw(st.none() | MEMBERS),
        )
        for place in range(draw(st.integers(0, 3)))
    )
    return AppendEntriesArgs(
        *(draw(COUNTS), draw(NAMES), prev, draw(COUNTS), entries),
        *(draw(COUNTS), draw(COUNTS), draw(COUNTS)),
    )


MESSAGES = st.one_of(
    st.builds(RequestVoteArgs, COUNTS, NAMES, COUNTS, COUNTS, st.booleans(), st.booleans()),
    st.builds(RequestVoteReply, COUNTS, st.booleans(), st.booleans(), COUNTS),
    append_entries(),
    st.builds(AppendEntriesReply, COUNTS, st.booleans(), *[COUNTS] * 6),
    st.builds(
        InstallSnapshotArgs,
        *(
            COUNTS,
            NAMES,
            COUNTS,
            COUNTS,
            st.binary(max_size=50),
            COUNTS,
            st.booleans(),
            *[COUNTS] * 3,
            st.none() | MEMBERS,
        ),
    ),
    st.builds(InstallSnapshotReply, *[COUNTS] * 6),
    st.builds(TimeoutNow, COUNTS, NAMES),
)
FRAMES = st.builds(PeerFrame, COUNTS, MESSAGES, st.none() | COUNTS)

VOTE = RequestVoteArgs(Term(2), NodeID("n1"), Index(5), Term(1))
APPEND = AppendEntriesArgs(
    Term(3),
    NodeID("n1"),
    Index(4),
    Term(2),
    (
        LogEntry(Term(3), Index(5), b"", Millis(900)),
        LogEntry(Term(3), Index(6), b'{"op":"acquire","lock_id":"p"}', Millis(950)),
    ),
    Index(4),
    Millis(960),
)


class TestPeerFrames:
    def test_a_student_can_read_it(self):
        assert encode_peer(PeerFrame(17, VOTE, Micros(2_500_000))) == (
            '{"id":17,"at":2500000,"type":"request_vote","message":{"term":2,"candidate_id":"n1",'
            '"last_log_index":5,"last_log_term":1,"is_pre_vote":false}}'
        )
        assert encode_peer(PeerFrame(0, APPEND)) == (
            '{"id":0,"type":"append_entries","message":{"term":3,"leader_id":"n1",'
            '"prev_log_index":4,"prev_log_term":2,"entries":[{"term":3,"index":5,"stamp":900},'
            '{"term":3,"index":6,"command":{"op":"acquire","lock_id":"p"},"stamp":950}],'
            '"leader_commit":4,"cluster_time":960}}'
        )

    @given(FRAMES)
    def test_there_and_back(self, frame):
        text = encode_peer(frame)
        assert decode_peer(text) == frame
        assert encode_peer(decode_peer(text)) == text

    @pytest.mark.parametrize("kind", MESSAGE_TYPES)
    def test_messages_alone(self, kind):
        assert MESSAGE_TYPES["append_entries"] is AppendEntriesArgs
        with pytest.raises(RemoteProtocolError):
            decode_message(kind, {})
        assert decode_message("append_entries", encode_message(APPEND)) == APPEND

    @pytest.mark.parametrize(
        ("change", "why"),
        [
            ({"id": -1}, "id must be"),
            ({"id": True}, "id must be"),
            ({"id": None}, "id must be"),
            ({"id": 1.0}, "id must be"),
            ({"at": None}, "at must be"),
            ({"at": -5}, "at must be"),
            ({"type": None}, "type must be a text"),
            ({"type": "gossip"}, "No such type"),
            ({"type": "request_vote_reply"}, "RequestVoteReply"),
            ({"message": None}, "must be an object"),
            ({"x" * 99: 1}, "no field 'x"),
            ({"message": {**encode_message(VOTE), "term": -1}}, "term is out of bounds"),
            ({"message": {**encode_message(VOTE), "term": "2"}}, "term"),
            ({"message": {**encode_message(VOTE), "term": 2.0}}, "term"),
            ({"message": {**encode_message(VOTE), "term": True}}, "term"),
            ({"message": {**encode_message(VOTE), "more": 1}}, "more"),
            ({"message": {**encode_message(VOTE), "candidate_id": "n" * 257}}, "too long"),
            ({"message": {**encode_message(VOTE), "candidate_id": None}}, "candidate_id"),
        ],
    )
    def test_refused(self, change, why):
        data = json.loads(encode_peer(PeerFrame(1, VOTE)))
        with pytest.raises(RemoteProtocolError, match=why):
            decode_peer(json.dumps({**data, **change}))

    def test_entries_stand_in_a_row(self):
        data = json.loads(encode_peer(PeerFrame(1, APPEND)))
        data["message"]["entries"][1]["index"] = 7
        with pytest.raises(RemoteProtocolError, match="entry 7 stands where 6 belongs"):
            decode_peer(json.dumps(data))
        data["message"]["entries"] = [{"term": -3, "index": 5}]
        with pytest.raises(RemoteProtocolError, match="term is out of bounds"):
            decode_peer(json.dumps(data))
        data["message"]["entries"] = {"0": 1}
        with pytest.raises(RemoteProtocolError, match="entries"):
            decode_peer(json.dumps(data))

    @pytest.mark.parametrize(
        "voters", [["n" * 257], [f"n{number}" for number in range(101)]], ids=["name", "number"]
    )
    def test_members_have_bounds(self, voters):
        members = {"voters": voters, "learners": [], "outgoing": []}
        data = encode_message(APPEND)
        data["entries"] = [{"term": 3, "index": 5, "stamp": 0, "configuration": members}]
        with pytest.raises(RemoteProtocolError, match="configuration is too long"):
            decode_message("append_entries", data)

    @pytest.mark.parametrize(
        "text",
        ["", "null", "[]", '"x"', "{}", '{"id":1,"id":1}', " " * (PEER_FRAME_BYTES_MAX + 1)],
    )
    def test_no_frame_at_all(self, text):
        with pytest.raises(RemoteProtocolError):
            decode_peer(text)

    def test_a_full_batch_fits_into_a_frame(self):
        command = Command(
            LockOperation.ACQUIRE,
            LockID("😀" * 256),
            ClientID("😀" * 256),
            request_id="r" * 128,
            metadata={"k" * 60 + f"{n:04}": "😀" * 256 for n in range(32)},
        )
        params = {"op": "acquire", **command_to_params(command)}
        text = json.dumps(params, ensure_ascii=False, separators=(",", ":"))
        entries = tuple(LogEntry(Term(1), Index(n), text.encode()) for n in range(1, 65))
        frame = PeerFrame(1, AppendEntriesArgs(Term(1), NodeID("n"), Index(0), Term(0), entries))
        assert decode_peer(encode_peer(frame)) == frame


class TestClientFrames:
    def test_a_request(self):
        request = Request(1, "acquire", {"lock_id": "printer", "ttl": 10_000})
        text = '{"id":1,"call":"acquire","params":{"lock_id":"printer","ttl":10000}}'
        assert encode_request(request) == text
        assert decode_request(text) == request
        assert decode_request('{"id":1,"call":"get_status"}') == Request(1, "get_status")

    def test_responses(self):
        for response, text in (
            (
                Response(1, {"status": "queued", "position": 0}, event="queued"),
                '{"id":1,"event":"queued","result":{"status":"queued","position":0}}',
            ),
            (Response(1, {}), '{"id":1,"result":{}}'),
            (
                Response(
                    1,
                    error=ErrorInfo.of(
                        NotLeader("Ask n2.", {"leader": "n2", "address": "127.0.0.1:4711"})
                    ),
                ),
                (
                    '{"id":1,"error":{"code":201,"name":"NOT_LEADER","message":"Ask n2.",'
                    '"details":{"leader":"n2","address":"127.0.0.1:4711"}}}'
                ),
            ),
        ):
            assert encode_response(response) == text
            assert decode_response(text) == response

    def test_an_error_arrives_as_what_it_was(self):
        error = ErrorInfo.of(NotLeader("Ask n2.", {"leader": "n2"})).to_error()
        assert type(error) is NotLeader
        assert (error.code, error.message) == (ErrorCode.NOT_LEADER, "Ask n2.")
        assert error.details == {"leader": "n2"}

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "[]",
            "{}",
            '{"id":1}',
            '{"call":"acquire"}',
            '{"id":"1","call":"acquire"}',
            '{"id":-1,"call":"acquire"}',
            '{"id":1,"call":5}',
            '{"id":1,"call":"acquire","params":[]}',
            '{"id":1,"call":"acquire","params":null}',
            '{"id":1,"call":"acquire","token":"x"}',
            '{"id":1,"id":1,"call":"acquire"}',
            '{"id":1,"call":"acquire","params":{"a":1,"a":1}}',
            '{"id":1,"call":"' + "x" * CLIENT_FRAME_BYTES_MAX + '"}',
        ],
    )
    def test_no_request(self, text):
        with pytest.raises(RemoteProtocolError):
            decode_request(text)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "[]",
            '{"id":1}',
            '{"id":1,"result":null}',
            '{"id":1,"result":{},"error":null}',
            '{"id":1,"event":null,"result":{}}',
            '{"result":{}}',
            '{"id":1,"result":{},"more":1}',
            '{"id":1,"error":{}}',
            '{"id":1,"error":{"code":"201","name":"A","message":"b"}}',
            '{"id":1,"error":{"code":201,"name":5,"message":"b"}}',
            '{"id":1,"error":{"code":201,"name":"A","message":"b","details":[]}}',
            '{"id":1,"error":{"code":201,"name":"A","message":"b","details":{"a":1}}}',
        ],
    )
    def test_no_response(self, text):
        with pytest.raises(RemoteProtocolError):
            decode_response(text)

    def test_an_error_needs_no_details(self):
        response = decode_response('{"id":1,"error":{"code":303,"name":"X","message":"b"}}')
        assert response.error == ErrorInfo(303, "X", "b")

    COMMAND = Command(
        op=LockOperation.ACQUIRE,
        lock_id=LockID("printer"),
        client_id=ClientID("alice"),
        ttl=Millis(10_000),
        wait=True,
        metadata={"job": "7"},
        session_id=SessionID(3),
    )
    PARAMS = {  # noqa: RUF012 - read only
        "lock_id": "printer",
        "client_id": "alice",
        "ttl": 10_000,
        "wait": True,
        "metadata": {"job": "7"},
        "session_id": 3,
    }

    def test_a_command_is_its_call_and_params(self):
        assert command_to_params(self.COMMAND) == self.PARAMS
        assert command_from_params("acquire", self.PARAMS) == self.COMMAND

    @pytest.mark.parametrize(
        ("call", "change"),
        [
            ("steal", {}),
            ("acquire", {"ttl": "10"}),
            ("acquire", {"ttl": 10.5}),
            ("acquire", {"wait": 1}),
            ("acquire", {"lock": "printer"}),
            ("acquire", {"metadata": {"a": 1}}),
            ("acquire", {"lock_id": None}),
        ],
    )
    def test_params_that_do_not_fit_are_answered(self, call, change):
        with pytest.raises(InvalidArgument, match="The params do not fit the call: Command"):
            command_from_params(call, {**self.PARAMS, **change})


# ---- whatever comes in either decodes or is refused ----

LEAVES = st.sampled_from(
    [None, True, 0, -1, 1, 2**53, -(2**53), 1.5, "", "x", "e30=", "ÿ" * 300, [], {}, [[]], {"a": 1}]
)


def places(value, path=()):
    yield path
    if isinstance(value, dict):
        for key in value:
            yield from places(value[key], (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from places(item, (*path, index))


@st.composite
def mutated(draw, texts):
    """A right frame with one place replaced, removed, doubled or renamed, or its text damaged."""
    text = draw(texts)
    if draw(st.booleans()):
        start, end = sorted(draw(st.tuples(*[st.integers(0, len(text))] * 2)))
        return text[:start] + draw(st.text(max_size=3)) + text[end:]
    data = json.loads(text)
    path = draw(st.sampled_from(list(places(data))))
    if not path:
        return json.dumps(draw(LEAVES))
    parent = data
    for step in path[:-1]:
        parent = parent[step]
    match draw(st.sampled_from(["replace", "remove", "add"])):
        case "replace":
            parent[path[-1]] = draw(LEAVES)
        case "remove":
            del parent[path[-1]]
        case _ if isinstance(parent, dict):
            parent[draw(st.text(max_size=5))] = copy.deepcopy(parent[path[-1]])
        case _:
            parent.append(draw(LEAVES))
    return json.dumps(data, ensure_ascii=draw(st.booleans()))


REQUESTS = st.just(encode_request(Request(1, "acquire", TestClientFrames.PARAMS)))
RESPONSES = st.just(
    encode_response(Response(1, error=ErrorInfo.of(NotLeader("Ask n2.", {"leader": "n2"}))))
)


@settings(max_examples=400)
@given(mutated(FRAMES.map(encode_peer)))
def test_a_damaged_peer_frame_is_read_or_refused(text):
    try:
        frame = decode_peer(text)
    except RemoteProtocolError as error:
        assert len(error.message) < 300  # noqa: PT017 - a refusal is one of two right answers
    else:
        assert decode_peer(encode_peer(frame)) == frame


@settings(max_examples=200)
@given(mutated(REQUESTS))
def test_a_damaged_request_is_read_or_refused(text):
    try:
        request = decode_request(text)
        command_from_params(request.call, request.params)
    except (RemoteProtocolError, InvalidArgument) as error:
        assert len(error.message) < 300  # noqa: PT017 - a refusal is one of two right answers


@settings(max_examples=200)
@given(mutated(RESPONSES))
def test_a_damaged_response_is_read_or_refused(text):
    try:
        decode_response(text)
    except RemoteProtocolError as error:
        assert len(error.message) < 300  # noqa: PT017 - a refusal is one of two right answers
