"""One side of a comparison, in a process of its own.

Reads one JSON object a line from standard input and answers each with one on standard output:

    {"do": "step", "algorithm": A, "examples": n}             choose and learn n examples, one at a time -> {"ns": time}
    {"do": "select", ...}                                     choose only
    {"do": "learn", ...}                                      learn only, what the stream says was done
    {"do": "scores", "algorithm": A, "examples": n, "out": F} scores of every action before each of n logged updates

An algorithm keeps what it has learned and its place in the stream from one request to the next; "scores" takes a new
one. What a row must look like for a library is made beforehand and not timed. The stream is a file of 64-bit
little-endian floats: rows, features, actions, 0; then contexts row by row, then the reward of every action in every row,
then the action that was logged for each row.
"""

import json
import os
import sys
import time

# Before NumPy is loaded. One thread on this side as on the other.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "NUMEXPR_NUM_THREADS"):
    os.environ[_name] = "1"


class Stream:
    """Contexts, rewards and logged actions."""

    def __init__(self, path):
        import numpy as np

        numbers = np.fromfile(path, dtype="<f8")
        self.rows, self.features, self.actions = (int(n) for n in numbers[:3])
        at = 4
        self.contexts = numbers[at : at + self.rows * self.features].reshape(self.rows, self.features)
        at += self.rows * self.features
        rewards = numbers[at : at + self.rows * self.actions].reshape(self.rows, self.actions)
        at += self.rows * self.actions
        # Lists: reading a number from an array one at a time would be charged to the library.
        self.rewards = rewards.tolist()
        self.logged = [int(a) for a in numbers[at : at + self.rows]]


class Algorithm:
    """What the libraries are wrapped in. A subclass chooses and learns; `at` is the place in the stream."""

    def __init__(self, stream):
        self.stream = stream
        self.at = 0

    def run(self, do, examples):
        rows = self.stream.rows
        call = getattr(self, do)
        places = [(self.at + i) % rows for i in range(examples)]
        start = time.perf_counter_ns()
        for row in places:
            call(row)
        spent = time.perf_counter_ns() - start
        self.at = (self.at + examples) % rows
        return spent


def serve(name, load):
    """Answers requests until standard input ends. `load` imports the library: returns (versions, {name: class})."""
    # Libraries print; the answers have standard output for themselves.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(**fields):
        answers.write(json.dumps(fields) + "\n")
        answers.flush()

    try:
        versions, algorithms = load()
    except ImportError as error:
        answer(missing=f"{name}: {error}")
        return
    stream = Stream(sys.argv[1])
    answer(versions={"Python": sys.version.split()[0], **versions})
    running = {}
    for line in sys.stdin:
        request = json.loads(line)
        try:
            algorithm, examples = request["algorithm"], request["examples"]
            if request["do"] == "scores":
                import numpy as np

                one = algorithms[algorithm](stream)
                scores = np.empty((examples, stream.actions))
                for row in range(examples):
                    scores[row] = one.scores(row)
                    one.learn(row)
                scores.astype("<f8").tofile(request["out"])
                answer(ns=0)
                continue
            if algorithm not in running:
                running[algorithm] = algorithms[algorithm](stream)
            answer(ns=running[algorithm].run(request["do"], examples))
        except Exception as error:  # the other side reports it and goes on with another peer
            answer(error=f"{type(error).__name__}: {error}")
