"""
examples/zeromq/robot.py under watch: drives to goals, and holds every motion against what came over the wire, by means of
its own. Prints one line of JSON at the end.
"""
import argparse
import json
import sys
import time
from os.path import abspath, dirname, join

sys.path.insert(0, join(dirname(abspath(__file__)), '../../examples/zeromq'))
from rfsn_link import ZERO, Refused, Robot, decode  # noqa: E402
from room import Room  # noqa: E402


class CheckedRobot(Robot):
    """Notes what is sent and what comes, before the library looks at it."""

    def __init__(self, *args):
        self.stamps = {}  # q → stamp
        self.came = []  # (session, q, twist)
        self.told = []  # (session, expiry)
        super().__init__(*args)

    def sense(self, **readings):
        q = super().sense(**readings)
        self.stamps[q] = self._sent[q]
        return q

    def _receive(self, frames):
        message = decode(frames[0])
        if message['m'] == 'command':
            self.came.append((message['s'], message['q'], tuple(map(float, message['twist']))))
            del self.came[:-300]
        elif message['m'] == 'welcome':
            self.told.append((message['s'], message['expiry']))
        super()._receive(frames)

    def fault(self, twist, now):
        """What is wrong with driving so at this time; None where nothing is."""
        if twist == ZERO:
            return None
        if not self.told:
            return 'moves without a welcome'
        fresh = [q for session, q, came in self.came
                 if came == twist and (session, self.told[-1][1]) in self.told and q in self.stamps]
        if not fresh:
            return f'{twist} was never commanded'
        if all(now >= self.stamps[q] + self.told[-1][1] for q in fresh):
            return f'{twist} has expired'
        return None


parser = argparse.ArgumentParser()
parser.add_argument('connect')
parser.add_argument('mode', choices=['lockstep', 'free'])
parser.add_argument('goals', type=int)
parser.add_argument('--name', default='checked')
parser.add_argument('--seed', type=int, default=1)
parser.add_argument('--seconds', type=float, default=120.0)
parser.add_argument('--steps', type=int, default=0, help='end after so many; 0: with the goals')
args = parser.parse_args()

room = Room(args.seed)
lockstep = args.mode == 'lockstep'
# Lockstep is driven in simulated time here, as fast as it goes; the room's time is the wall's in free mode.
began = tick = time.monotonic()
clock = (lambda: room.time) if lockstep else time.monotonic
description = room.description(args.name, args.mode, 50, 'simulated' if lockstep else 'real')
robot = CheckedRobot(args.connect, description, clock)
goal, reached, steps, moving, faults, refused = room.goal(), 0, 0, 0, [], None
try:
    while reached < args.goals and time.monotonic() - began < args.seconds and steps != (args.steps or -1):
        if lockstep:
            twist = robot.exchange(0.5, goal=goal, **room.readings())
            fault = robot.fault(twist, clock())
            room.drive(twist, robot.good_for())
            room.advance(room.time + 0.02)
        else:
            robot.sense(goal=goal, **room.readings())
            tick = max(tick + 0.02, time.monotonic())
            robot.poll(tick - time.monotonic())
            room.advance(time.monotonic() - began)
            now, twist = clock(), robot.command()
            fault = robot.fault(twist, now)
            room.drive(twist, robot.good_for())
        steps += 1
        moving += twist != ZERO
        if fault:
            faults.append(fault)
        if room.reached(goal):
            reached, goal = reached + 1, room.goal()
            print(f'goal {reached}', flush=True)
except Refused as refusal:
    refused = refusal.code
print(json.dumps({
    'goals': reached, 'steps': steps, 'moving': moving, 'faults': faults[:5], 'collisions': room.collisions,
    'sessions': robot.sessions, 'resent': robot.resent, 'answers': robot.answers, 'ignored': robot.ignored,
    'different': len({session for session, _ in robot.told}), 'refused': refused, 'error': robot.error,
}), flush=True)
robot.close()
