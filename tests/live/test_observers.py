"""Observers are shown every result and every command, in order."""

import numpy as np

from nav.live.worker import run
from tests.live.test_other_tracker import Moment, Work


class Watcher:
    notices = ()

    def __init__(self):
        self.seen = []

    def frame(self, tracked, state):
        self.seen.append((tracked.number, state.stage.value))

    def command(self, command, session):
        self.seen.append((command.kind, len(session.touches)))

    def close(self):
        self.seen.append("closed")


def test_every_result_and_every_command_is_shown_in_order():
    work, watcher = Work([Moment(np.array([20.0, 0.0, 0.0]))]), Watcher()
    work.observers = (watcher,)
    run(work, lambda tracked, state: ())
    frames = [entry for entry in watcher.seen if isinstance(entry[0], int)]
    assert [number for number, _ in frames] == list(range(len(work.states)))
    assert [stage for _, stage in frames] == [state.stage.value for state in work.states]
    commands = [entry for entry in watcher.seen if entry[0] == "capture"]
    assert commands == [("capture", number) for number in [0, 1, 2, 3, 4, 5]][: len(commands)]
    assert watcher.seen[1] == ("capture", 0)  # after the frame that it answers
