from raftlock.trace.story import KEPT_LINES
from raftlock.trace.told import Line
from tests.trace.telling import Teller


def test_a_line_says_what_when_and_where():
    teller = Teller().start()
    teller.at(40).freeze("n2")
    assert teller.recorder.story.lines[-1] == Line(
        seq=7,
        t=40_000,
        node="n2",
        kind="node",
        text="n2 is frozen: it handles nothing and sends nothing, but its clock runs on.",
        level="fault",
    )


def test_only_the_last_lines_are_kept():
    teller = Teller()
    for number in range(1, KEPT_LINES + 3):
        teller.emit("", "note", text=f"note {number}")
    story = teller.recorder.story
    assert len(story.lines) == KEPT_LINES
    assert story.lines[0].text == "note 3"
    assert story.forgotten == 2
