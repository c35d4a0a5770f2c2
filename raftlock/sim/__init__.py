"""Clusters in virtual time: the same core and driver as live, one schedule for a world.

::

    simulation.py faces.py   `Simulation` and its clients, as people use them
    timeline.py clone.py     the way back: a script, and copies of the world
    actions.py               what can be done to a world, as JSON
    world.py                 nodes, disks, a network and clients around one schedule
    node.py client.py network.py disk.py resource.py   what it is made of
    queue.py chance.py header.py                       time, chance, what a trace begins with
    gallery.py sharing.py    scenes to be played, and runs as short texts
"""

from raftlock.sim.client import ClientRules
from raftlock.sim.gallery import Scene, add_scene, scene, scenes
from raftlock.sim.network import Weather
from raftlock.sim.resource import ResourceRules
from raftlock.sim.sharing import Scenario
from raftlock.sim.simulation import Simulation

__all__ = [
    "ClientRules",
    "ResourceRules",
    "Scenario",
    "Scene",
    "Simulation",
    "Weather",
    "add_scene",
    "scene",
    "scenes",
]
