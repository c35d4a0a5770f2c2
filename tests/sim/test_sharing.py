"""A run as a short text: read, written, and run again to the last event."""

import json
import re
from contextlib import suppress
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raftlock import Scenario, Simulation, broken, scene
from raftlock.errors import InvalidArgument
from raftlock.sim import ClientRules, Weather
from raftlock.sim.acts import FIELDS, act_of
from raftlock.sim.mutants import MUTANTS
from raftlock.sim.sharing import _SETTINGS
from tests.house import ROOT

NAMES = st.text(min_size=1, max_size=12)
TIMES = st.integers(0, 10**12)


def acts_of(draw_time, name):
    """What may be done, as lines of a script."""
    place = {"t": draw_time, "after": st.just(0)}
    node = st.fixed_dictionaries(place | {"do": st.sampled_from(["kill", "thaw"]), "node": name})
    link = st.fixed_dictionaries(
        place | {"do": st.just("cut"), "src": name, "dst": name, "one_way": st.booleans()}
    )
    ask = st.fixed_dictionaries(
        place
        | {
            "do": st.just("ask"),
            "client": name,
            "op": st.just("wait"),
            "lock": name,
            "ttl_ms": st.integers(1, 10**9),
            "metadata": st.dictionaries(name, name, max_size=2),
        }
    )
    groups = st.lists(st.lists(name, min_size=1, max_size=3), min_size=1, max_size=3)
    split = st.fixed_dictionaries(place | {"do": st.just("partition"), "groups": groups})
    note = st.fixed_dictionaries(place | {"do": st.just("note"), "text": name})
    heal = st.fixed_dictionaries(place | {"do": st.just("heal")})
    return st.one_of(node, link, ask, split, note, heal)


@st.composite
def scenarios(draw):
    lines = draw(st.lists(acts_of(TIMES, NAMES), max_size=4))
    acts = tuple(map(act_of, lines))
    to_us = draw(st.none() | TIMES)
    raft = [mutant.name for mutant in MUTANTS if mutant.rules.raft.__class__.__name__ != "Rules"]
    off = tuple(draw(st.sampled_from([[], ["pre-vote"], [raft[0]], [raft[3], "check-quorum"]])))
    kind = draw(st.sampled_from(["scene", "witness", "plain"]))
    if kind == "witness":
        keep = draw(st.none() | st.integers(0, 50))
        return Scenario(witness="VoteAgain", off=off, keep=keep, acts=acts, to_us=to_us)
    chosen = draw(st.sets(st.sampled_from(sorted(_SETTINGS)), max_size=3))
    told = tuple((key, draw(st.integers(*_SETTINGS[key][1:]))) for key in chosen)
    return Scenario(
        scene="figure-8" if kind == "scene" else "",
        nodes=draw(st.none() | st.integers(1, 9)),
        seed=draw(st.none() | st.integers(0, 2**63 - 1)),
        timing=draw(st.sampled_from([None, "lan", "lesson"])),
        off=off,
        settings=told,
        keep=draw(st.none() | st.integers(0, 50)) if kind == "scene" else None,
        acts=acts,
        to_us=to_us,
    )


@settings(max_examples=150, deadline=None)
@given(scenarios())
def test_text_file_and_address_all_give_it_back(scenario):
    text = str(scenario)
    if text:
        assert Scenario.parse(text) == scenario
        for address in ("http://hub/user/me/lab?x=1&", "http://hub/lab/tree/a.ipynb#"):
            assert Scenario.from_address(address + scenario.parameter) == scenario
    assert Scenario.from_json(json.loads(json.dumps(scenario.to_json()))) == scenario


def test_a_file_gives_it_back(tmp_path):
    scenario = Scenario.parse("s=figure-8&off=CommitOldTerms&a=12.1:kill:n1")
    scenario.write(tmp_path / "run.json")
    assert Scenario.read(tmp_path / "run.json") == scenario
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(InvalidArgument, match=r"bad.json is not JSON"):
        Scenario.read(tmp_path / "bad.json")


def test_an_address_without_one_has_none():
    assert Scenario.from_address("http://localhost:8888/lab?token=1") is None


def test_every_field_of_an_action_can_be_told():
    read = re.compile(r"""(?:number|text|flag|names)\(action, "(\w+)"\)|action\.get\("(\w+)"\)""")
    sources = ("actions", "members", "machines", "messages", "meant")
    found = {
        name
        for source in sources
        for pair in read.findall((ROOT / "raftlock" / "sim" / f"{source}.py").read_text())
        for name in pair
        if name
    }
    assert len(found) > 20
    assert found - FIELDS == {"do"}


def story(simulation):
    """Something of everything, also in the middle of a moment."""
    simulation.wait_for_leader()
    leader = simulation.leader
    simulation.client("älice & co").acquire("a/b,c:d=e", ttl=30)
    simulation.partition([leader], [name for name in simulation.nodes if name != leader])
    for _ in range(9):
        simulation.step()
    simulation.cut("n1", "n2", one_way=True)
    simulation.step()
    simulation.client("bob").submit("wait", "x", ttl=5)
    simulation.run(3)
    simulation.heal()
    simulation.note("50 % done, a=b & more?")
    simulation.add_node("n9")
    simulation.drop("n1", "n2", 3)
    simulation.drift("n2", -1.5)
    simulation.run(1.2345)


@pytest.mark.parametrize(
    "made",
    [
        lambda: Simulation(3, seed=11),
        lambda: Simulation(5, seed=4, timing="lan", lease_reads=True, session_ttl=4),
        lambda: Simulation(3, seed=2, weather=Weather(loss_ppm=20_000, delay_us=5_000)),
        lambda: Simulation(3, seed=2, snapshot_entries=5, snapshot_tail=1, batch=2),
    ],
)
def test_a_run_is_shared_by_its_text(made):
    one = made()
    story(one)
    text = str(one.scenario)
    other = Scenario.parse(text).run()
    assert other.recorder.to_lines()[1:] == one.recorder.to_lines()[1:]
    assert other.now == one.now
    assert str(other.scenario) == text


def test_of_a_run_that_stands_in_its_past_all_is_shared():
    one = Simulation(3, seed=11)
    story(one)
    whole = str(one.scenario)
    one.goto(20)
    assert str(one.scenario) == whole


def test_a_scene_s_text_is_its_name_and_a_branch_says_where_it_leaves_it():
    played = scene("figure-8", without_rule=True)
    assert str(played.scenario) == "s=figure-8&off=CommitOldTerms"
    played.run(4)
    branch = played.branch()
    branch.heal()
    branch.run(2)
    text = str(branch.scenario)
    assert text.startswith("s=figure-8&off=CommitOldTerms&keep=")
    assert text.endswith(":heal&to=6")
    again = Scenario.parse(text).run()
    assert again.recorder.to_lines()[1:] == branch.recorder.to_lines()[1:]


def test_a_recorded_run_s_text_is_its_name():
    run = broken("VoteAgain")
    assert str(run.scenario) == "w=VoteAgain&off=VoteAgain"
    again = Scenario.parse(str(run.scenario)).run()
    assert again.recorder.to_lines()[1:] == run.recorder.to_lines()[1:]


def test_own_rules_have_no_text():
    class MyRules(ClientRules):
        pass

    scenario = Simulation(3, client_rules=MyRules()).scenario
    assert scenario.off == ("MyRules",)
    with pytest.raises(InvalidArgument, match="no rule 'MyRules'"):
        Scenario.parse(str(scenario))


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("", "A scenario is a text like s=figure-8"),
        ("figure-8", "'figure-8' is no piece of a scenario: key=value is"),
        ("s=tea", "There is no scene 'tea'"),
        ("w=Tea", "There is no rule 'Tea'"),
        ("s=figure-8&off=CountOldTerms", "There is no rule 'CountOldTerms'.*'CommitOldTerms'"),
        ("off=VoteAgain,ForgetVote", "VoteAgain and ForgetVote change the same policy"),
        ("s=figure-8&w=VoteAgain", "from a scene or from a recorded run, not both"),
        ("w=VoteAgain&seed=1", "A recorded run .* has its own seed"),
        ("w=VoteAgain&nodes=4", "A recorded run .* has its own nodes"),
        ("keep=3", "keep= goes with a scene"),
        ("seed=x", "seed='x': a whole number from 0"),
        ("seed=1&seed=2", "seed= stands twice"),
        ("nodes=12", "nodes='12': a whole number from 1 to 9"),
        ("timing=slow", "There is no timing 'slow'"),
        ("tea=1", "A scenario has no 'tea': it may have s, w, nodes"),
        ("a=kill:n1", "The act 'kill:n1' cannot be read: it begins with a number of seconds"),
        ("a=1:kil:n1", "The act '1:kil:n1' cannot be read: there is no verb 'kil'"),
        ("a=1:kill:n1,n2", "'n2' should be field=value"),
        ("a=1:kill:n1,tea=2", "there is no field 'tea'"),
        ("a=1:ask:a,wait,b,ttl_ms=long", "ttl_ms cannot be 'long'"),
        ("a=1:ask:a,wait,b,ttl_ms=1.5", "ttl_ms must be a whole number"),
        ("a=1:cut:n1,n2,one_way=1", "one_way must be true or false"),
        ("to=later", "to='later': a number of seconds, please"),
        ("snapshots=0", "snapshots='0': a whole number from 1"),
    ],
)
def test_what_is_wrong_with_a_text_is_named(text, mistake):
    with pytest.raises(InvalidArgument, match=mistake):
        Scenario.parse(text)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80) | st.text(alphabet="swa=&:,.~0123kilnofscheduld-8%", max_size=60))
def test_no_text_does_worse_than_a_sentence(text):
    for given_text in (text, quote(text)):
        with suppress(InvalidArgument):
            Scenario.parse(given_text)
