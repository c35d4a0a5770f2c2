"""The store: one widget a cluster, without a picture, that all its panels draw from.

Three threads meet here. The cell's thread makes the widget. A thread of the kernel's choosing calls
`_receive` when the browser says something; it only hands it over to the cluster's loop. Everything
else happens on that loop: it alone sends, and it alone reads the trace.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from contextlib import nullcontext, suppress
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

import anywidget
import traitlets

from raftlock.errors import Busy, RaftLockError
from raftlock.sim.gallery import scenes
from raftlock.sim.simulation import Simulation
from raftlock.sim.stories import broken_rules
from raftlock.trace.frame import FrameSource
from raftlock_widgets.chart import Chart, make_chart
from raftlock_widgets.cluster import Showable
from raftlock_widgets.figures import make_figures
from raftlock_widgets.frontend import LOADER, modules
from raftlock_widgets.lane import Answer, Lane, proxied
from raftlock_widgets.playback import PREPARED, Playback, playback_of, prepared
from raftlock_widgets.still import Stills, renew_after_cells
from raftlock_widgets.stream import Frame, Stream, snapshot_of
from raftlock_widgets.travel import ALWAYS, VERBS, move
from raftlock_widgets.until import run_until
from raftlock_widgets.why import why

__all__ = ["Store", "store_of"]

logger = logging.getLogger(__name__)

COMMANDS_MAX = 64
"""How many commands may be under way at once; a wait for a lock can take a minute."""

ASKED_MAX = 256
"""Of how many commands the answer is kept, for a page that asks again another way."""

STOPPED = "This cluster was stopped or replaced: run its cell again."
BROKEN = "The panels stopped because of an error; the cluster goes on. Show them again."
FIRST_PICTURE_SECONDS = 2.0
STILL_SECONDS = 2.0


class Asked:
    """A command, and whoever wants to know what comes of it."""

    def __init__(self, answer: Answer) -> None:
        self._answers = [answer]
        self._result: Frame | None = None

    def tell(self, answer: Answer) -> None:
        """Tell one more of it, now or when it is done."""
        if self._result is not None:
            answer(self._result)
        else:
            self._answers.append(answer)

    def done(self, result: Frame) -> None:
        """It is done."""
        self._result = result
        for answer in self._answers:
            answer(result)
        self._answers.clear()


class Store(anywidget.AnyWidget):
    """The stream of frames to the browser, and the commands from it."""

    _esm = LOADER
    modules = traitlets.Dict().tag(sync=True)
    snapshot = traitlets.Dict().tag(sync=True)

    by_cluster: ClassVar[WeakKeyDictionary[Showable, Store]] = WeakKeyDictionary()

    def __init__(self, cluster: Showable) -> None:
        super().__init__(modules=modules(), snapshot={})
        self._cluster: Showable | None = cluster
        self._runner = cluster.runner
        self._stream = Stream(
            lambda: cluster.recorder,
            self._tell,
            self._keep,
            lambda: cluster.pace,
            cluster.branches,
        )
        self._wanted = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._commands = 0
        self._asked: dict[str, Asked] = {}  # the last commands, by id: each is done once
        self._lane: Lane | None = None
        self._charts: dict[str, Chart] = {}
        self._apart: Playback | None = None  # a run that is shown in the place of a live cluster
        self._stills = Stills(str(self.model_id))
        self.on_msg(self._receive)
        with suppress(Exception):  # a picture before the first frame is a courtesy
            future = self._runner.submit(self._first_picture(cluster))
            self.snapshot = future.result(FIRST_PICTURE_SECONDS)
        self._runner.call_soon(lambda: self._spawn(self._publish()))

    # ---- on the kernel's thread ----

    def leave_still(self) -> None:
        """Leave the picture as it is now in the running cell, for where no kernel runs."""
        self._stills.add(self.snapshot)
        renew_after_cells(self)

    def renew_still(self) -> None:
        """A cell has ended: so does its picture. A cluster that is busy keeps the last one."""
        if self._runner.alive and self._cluster is not None:
            with suppress(Exception):
                self._runner.submit(self._renew_still()).result(STILL_SECONDS)

    def _receive(self, _widget: object, content: object, _buffers: object) -> None:
        if not isinstance(content, dict):
            return
        if self._runner.alive:
            self._runner.call_soon(lambda: self._heard(content))
        elif content.get("type") == "do":
            self._tell({"type": "done", "id": content.get("id"), "ok": False, "text": STOPPED})
        elif content.get("type") == "hello":
            self._tell({"type": "stopped", "text": STOPPED})

    # ---- on the cluster's loop ----

    def _heard(self, content: Mapping[str, Any], answer: Answer | None = None) -> None:
        now = asyncio.get_running_loop().time()
        page = str(content.get("page", ""))[:40]
        match content.get("type"):
            case "hello":
                self._stream.hello(page, now)
                self._wanted.set()
                self._spawn(self._offer_lane())
            case "away":
                self._stream.viewers.away(page, now)
            case "ack":
                seq = content.get("seq")
                hand = content.get("hand") is True
                self._stream.viewers.ack(page, seq if isinstance(seq, int) else -1, now, hand=hand)
            case "do":
                self._stream.viewers.touched(now)
                self._spawn(self._do(content, answer or self._tell))
            case "ask":
                self._answer(content)
            case "chart":
                which = "metrics" if content.get("which") == "metrics" else "terms"
                self._spawn(self._send_chart(which, library=content.get("library") is True))

    def _answer(self, content: Mapping[str, Any]) -> None:
        """Tell a page what does not change, and so is in no frame."""
        what = content.get("what")
        if what == "rules":
            value: object = [rule.to_json() for rule in broken_rules()]
        elif what == "scenes":
            value = [each.summary() for each in scenes()]
        elif what == "scene":
            value = next((x.to_json() for x in scenes() if x.name == content.get("name")), None)
        elif what == "why":
            rule, kind = str(content.get("rule", "")), str(content.get("kind", ""))
            value = {"rule": rule, "kind": kind, "why": why(rule, kind)}
        else:
            return
        self._tell({"type": "answer", "what": what, "value": value})

    async def _do(self, content: Mapping[str, Any], answer: Answer) -> None:
        number, verb, arguments = content.get("id"), content.get("verb"), content.get("args")
        answer({"type": "taken", "id": number})
        known = self._asked.get(str(number))
        if known is not None:  # asked again another way, since no answer had come
            known.tell(answer)
            return
        asked = self._asked[str(number)] = Asked(answer)
        while len(self._asked) > ASKED_MAX:
            del self._asked[next(iter(self._asked))]
        ok, text = False, STOPPED
        try:
            ok, text = await self._perform(number, verb, arguments)
        finally:  # also if the cluster ends meanwhile
            asked.done({"type": "done", "id": number, "ok": ok, "text": text})

    async def _offer_lane(self) -> None:
        """Tell the pages where else the cluster listens, and the secret for it."""
        if self._lane is None:
            self._lane = Lane(self._heard)
            if not await self._lane.start():
                return
        if self._lane.port:
            offer = {"port": self._lane.port, "token": self._lane.token, "proxied": proxied()}
            self._tell({"type": "lane"} | offer)

    async def _perform(self, number: object, verb: object, arguments: object) -> tuple[bool, str]:
        if not isinstance(verb, str) or not isinstance(arguments, dict) or self._cluster is None:
            return False, "The panel sent something that is not a command."
        if self._commands >= COMMANDS_MAX:
            return False, "Too many commands are under way: wait for one to end."
        self._commands += 1
        try:
            return True, await self._act(self._cluster, number, verb, arguments) or ""
        except RaftLockError as error:
            return False, str(error)
        except Exception as error:
            logger.exception("a command from the panel failed: %s", verb)
            return False, f"That went wrong inside ({type(error).__name__}: {error})."
        finally:
            self._commands -= 1

    async def _act(
        self, cluster: Showable, number: object, verb: str, arguments: Mapping[str, Any]
    ) -> str | None:
        """A verb of the cursor is ours, any other the cluster's."""
        if verb == "until":  # it takes its turns with the cells
            self._stream.travel.live()
            return await run_until(cluster, arguments)
        with cluster.still() as still:
            if not still:
                raise Busy("A cell is at work with this cluster: try again when it is done.")
            if verb in VERBS:
                return move(self._stream.travel, cluster, verb, arguments)
            past = self._stream.travel.past
            if past is not None and verb not in ALWAYS:
                cluster.act_in_the_past(past.seq)
                self._stream.travel.live()
        if verb in {"step", "stop_at"}:
            self._stream.travel.live()
        if verb in PREPARED and not isinstance(cluster, Playback):
            made = prepared(verb, arguments)
            played = self._show_apart(made.simulation, number)
            played.speed = made.speed or played.speed
            return made.words
        if verb == "simulate":
            self._show_apart(await cluster.simulate_here(), number)
            return "From here on it is simulated: play it, go back in it, try another way."
        return await cluster.do(verb, **arguments)

    def _show_apart(self, simulation: Simulation, number: object) -> Playback:
        """Let whoever asked, by command `number`, show a run in the place of a live cluster."""
        if self._apart is not None:
            self._apart.stop()
        self._apart = played = playback_of(simulation)
        self._tell({"type": "apart", "store": store_of(played).model_id, "id": number})
        return played

    async def _renew_still(self) -> None:
        cluster = self._cluster
        with nullcontext() if cluster is None else cluster.still() as still:
            if still:
                self._stills.renew(self._whole)

    def _whole(self) -> Frame:
        assert self._cluster is not None, "it is let go at the end only"
        return dict(FrameSource(self._cluster.recorder).full())

    async def _publish(self) -> None:
        loop = asyncio.get_running_loop()
        text = STOPPED
        try:
            due = loop.time()
            while True:
                if not self._stream.viewers.streaming:
                    self._wanted.clear()
                    await self._wanted.wait()
                assert self._cluster is not None, "it is let go at the end only"
                with self._cluster.still() as still:
                    if still:
                        self._stream.turn(loop.time())
                        self._stills.renew(self._whole, loop.time())
                # A deadline, not a pause: no drift, and no burst after a busy moment.
                due = max(due + self._stream.viewers.pause(loop.time()), loop.time())
                await asyncio.sleep(due - loop.time())
        except Exception:
            logger.exception("the stream to the panels failed")
            text = BROKEN
        finally:
            self._tell({"type": "stopped", "text": text})
            if self._lane is not None:
                self._lane.stop()
            with suppress(Exception):
                self._stills.renew(self._whole)
            if self._apart is not None:
                self._apart.stop()
            self._cluster = None  # a stopped cluster is not kept alive by its panels

    async def _first_picture(self, cluster: Showable) -> Frame:
        return snapshot_of(cluster.recorder)

    async def _send_chart(self, which: str, *, library: bool) -> None:
        try:
            if which not in self._charts:
                # Loading bokeh takes a second: not on the loop that moves the cluster.
                make = make_figures if which == "metrics" else make_chart
                self._charts[which] = await asyncio.to_thread(make)
        except ImportError:
            text = "No chart: bokeh is not installed. pip install raftlock[notebook] brings it."
            self._tell({"type": "chart-missing", "text": text})
            return
        chart = self._charts[which]
        message = {"type": "chart", "which": which, "version": chart.version, "item": chart.item}
        self._tell(message, [chart.library()] if library else None)

    def _tell(self, message: Mapping[str, Any], buffers: list[bytes] | None = None) -> None:
        if self.comm is not None:
            self.send(message, buffers)

    def _keep(self, frame: Frame) -> None:
        self.snapshot = frame

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def store_of(cluster: Showable) -> Store:
    """The cluster's store, made when first asked for."""
    store = Store.by_cluster.get(cluster)
    if store is None or store.comm is None:
        store = Store.by_cluster[cluster] = Store(cluster)
    return store
