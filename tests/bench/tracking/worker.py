"""One tracker of others, in a process of its own: pictures in, what it found out.

Stand-alone, so that any interpreter can run it: `python worker.py PEER`. Messages are lines of JSON
on standard input and output; a picture's bytes follow the line that announces it.

    {"do": "setup", "dictionary": name, "cameras": [{"matrix", "distortion"}],
     "tools": [{"name", "ids", "corners"}]}                      -> {"done": true}
    {"do": "look", "shapes": [[height, width], ...]} + bytes     -> {"seconds", "memory_mb",
                                                                     "views"}

`views` has for each picture its ids and corners, as the tracker itself gives them, and `poses` by
tool where it gives any: camera_from_tool, row by row.
"""

import contextlib
import json
import os
import resource
import sys
import tempfile
import time

import numpy as np


class OpenCV:
    """cv2.aruco.ArucoDetector, its defaults but for the refinement."""

    def __init__(self, refinement):
        import cv2

        self.cv2, self.refinement = cv2, refinement
        self.version = cv2.__version__

    def setup(self, dictionary, cameras, tools):
        aruco = self.cv2.aruco
        parameters = aruco.DetectorParameters()
        parameters.cornerRefinementMethod = getattr(aruco, f"CORNER_REFINE_{self.refinement}")
        words = aruco.getPredefinedDictionary(getattr(aruco, dictionary))
        self.detector = aruco.ArucoDetector(words, parameters)

    def look(self, index, picture):
        corners, ids, _ = self.detector.detectMarkers(picture)
        ids = [] if ids is None else np.ravel(ids).tolist()
        return {"ids": ids, "corners": [np.reshape(quad, (4, 2)).tolist() for quad in corners]}


class Pupil:
    """pupil-apriltags, all cores; `decimate` 2 is its default, 1 its most careful."""

    def __init__(self, decimate):
        from importlib.metadata import version

        import pupil_apriltags  # type: ignore[import-not-found]

        self.library, self.decimate = pupil_apriltags, decimate
        self.version = version("pupil-apriltags")

    def setup(self, dictionary, cameras, tools):
        families = {
            "DICT_APRILTAG_16h5": "tag16h5",
            "DICT_APRILTAG_25h9": "tag25h9",
            "DICT_APRILTAG_36h11": "tag36h11",
        }
        if dictionary not in families:
            raise ValueError(f"does not know {dictionary}")
        threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2
        self.detector = self.library.Detector(
            families[dictionary], nthreads=threads, quad_decimate=self.decimate
        )

    def look(self, index, picture):
        found = self.detector.detect(picture)
        return {"ids": [f.tag_id for f in found], "corners": [f.corners.tolist() for f in found]}


class Surgery:
    """scikit-surgeryarucotracker: one for each camera, with its own poses."""

    def __init__(self):
        from importlib.metadata import version

        from sksurgeryarucotracker.arucotracker import (  # type: ignore[import-not-found]
            ArUcoTracker,
        )

        self.tracker, self.version = ArUcoTracker, version("scikit-surgeryarucotracker")

    def setup(self, dictionary, cameras, tools):
        self.tools = {tool["name"]: len(tool["ids"]) for tool in tools}
        with tempfile.TemporaryDirectory() as folder:
            bodies = []
            for number, tool in enumerate(tools):
                corners = np.reshape(tool["corners"], (-1, 12))
                path = os.path.join(folder, f"{number}.txt")
                np.savetxt(path, np.column_stack([tool["ids"], corners]), fmt="%.9g")
                bodies.append(
                    {"name": tool["name"], "filename": path, "aruco dictionary": dictionary}
                )
            self.trackers = [
                self.tracker(
                    {
                        "video source": "none",
                        "aruco dictionary": dictionary,
                        "rigid bodies": bodies,
                        "camera projection": np.array(camera["matrix"]),
                        "camera distortion": np.array(camera["distortion"]),
                    }
                )
                for camera in cameras
            ]
        for tracker in self.trackers:
            tracker.start_tracking()

    def look(self, index, picture):
        poses = {}
        names, _, _, matrices, qualities = self.trackers[index].get_frame(picture)
        for name, matrix, quality in zip(names, matrices, qualities, strict=True):
            # from one marker alone it gives that marker's pose, not the tool's
            several = name in self.tools and quality * self.tools[name] > 1.5
            if several and np.all(np.isfinite(matrix)):
                poses[name] = np.asarray(matrix, float).ravel().tolist()
        return {"ids": [], "corners": [], "poses": poses}


PEERS = {
    "opencv-none": lambda: OpenCV("NONE"),
    "opencv-subpix": lambda: OpenCV("SUBPIX"),
    "opencv-contour": lambda: OpenCV("CONTOUR"),
    "opencv-apriltag": lambda: OpenCV("APRILTAG"),
    "pupil-apriltags": lambda: Pupil(1.0),
    "pupil-apriltags-decimated": lambda: Pupil(2.0),
    "scikit-surgeryarucotracker": Surgery,
}


def memory_mb():
    """Most memory that this process has had, MB."""
    with contextlib.suppress(OSError), open("/proc/self/status") as status:
        # unlike what getrusage says, not the parent's at the start
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def looked(peer, pictures):
    """What a tracker found in the pictures of one instant; one that breaks found nothing."""
    views, began = [], time.perf_counter()
    for index, picture in enumerate(pictures):
        try:
            views.append(peer.look(index, picture))
        except Exception as error:
            views.append({"ids": [], "corners": [], "error": f"{type(error).__name__}: {error}"})
    return {
        "seconds": time.perf_counter() - began,
        "memory_mb": memory_mb(),
        "views": views,
    }


def serve(name, commands, answers):
    """Answer messages until they end."""

    def answer(message):
        answers.write(json.dumps(message).encode() + b"\n")
        answers.flush()

    try:
        peer = PEERS[name]()
    except ImportError as error:
        answer({"missing": str(error)})
        return
    answer({"version": peer.version})
    for line in commands:
        message = json.loads(line)
        if message["do"] == "setup":
            try:
                peer.setup(message["dictionary"], message["cameras"], message["tools"])
                answer({"done": True})
            except Exception as error:
                answer({"done": False, "error": str(error)})
            continue
        pictures = [
            np.frombuffer(commands.read(height * width), np.uint8).reshape(height, width)
            for height, width in message["shapes"]
        ]
        answer(looked(peer, pictures))


if __name__ == "__main__":
    # what a library prints must not come between the answers
    with os.fdopen(os.dup(1), "wb") as out, contextlib.suppress(BrokenPipeError):
        os.dup2(2, 1)
        serve(sys.argv[1], sys.stdin.buffer, out)
