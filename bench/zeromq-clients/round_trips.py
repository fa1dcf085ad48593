"""
Counts round trips in lockstep with the Python client of examples/zeromq: round_trips.py CLIENT_FOLDER ENDPOINT RATE SECONDS
Prints one line of JSON: {"round_trips": …, "seconds": …, "p50_ns": …, "p99_ns": …}.
"""
import json
import math
import sys
import time

folder, endpoint, rate, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3]), float(sys.argv[4])
sys.path.insert(0, folder)
from rfsn_link import Robot  # noqa: E402

BEAMS = 720
VIEW = math.radians(270)
DESCRIPTION = {
    'name': 'python', 'mode': 'lockstep', 'clock': 'simulated', 'drive': 'differential', 'size': [0.508, 0.43],
    'max': [2.0, 4.0, 20.0, 25.0], 'rate': rate, 'contacts': True,
    'scan': {'n': BEAMS, 'a0': -VIEW / 2, 'da': VIEW / (BEAMS - 1), 'rmin': 0.1, 'rmax': 30.0},
}
READINGS = {
    'odom': [0.0] * 6, 'ranges': [4 + math.sin(0.05 * i) for i in range(BEAMS)], 'contacts': [0.0] * 4,
    'goal': [3.0, 0.0, 0.3],
}


class Clock:
    """Simulated: a period for each sense."""
    now = 0.0


robot = Robot(endpoint, DESCRIPTION, lambda: Clock.now)


def exchange():
    Clock.now += 1 / rate
    began = time.perf_counter_ns()
    robot.exchange(**READINGS)
    if robot.last is None or robot.last.q != robot.senses:
        sys.exit(f'a sense was not answered: {robot.error}, {dict(robot.ignored)}')
    return time.perf_counter_ns() - began


for _ in range(20):
    exchange()
times = []
start = time.perf_counter()
while time.perf_counter() - start < seconds:
    times.append(exchange())
elapsed = time.perf_counter() - start
robot.close()
times.sort()
print(json.dumps({
    'round_trips': len(times), 'seconds': elapsed,
    'p50_ns': times[math.ceil(0.5 * len(times)) - 1], 'p99_ns': times[math.ceil(0.99 * len(times)) - 1],
}))
