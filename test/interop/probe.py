"""
What a test tells to a Robot of examples/zeromq/rfsn_link.py: one command a line on standard input, its answer on one
line of standard output. probe.cpp speaks the same language; client-suite.ts is the other side.
"""
import math
import struct
import sys
import time
from os.path import abspath, dirname, join

sys.path.insert(0, join(dirname(abspath(__file__)), '../../examples/zeromq'))
import rfsn_link  # noqa: E402

robot = None
scripted = {'t': 0.0}


def canonical(value):
    """A value as text, the same from every language: numbers by the bits of their double."""
    if value is None:
        return 'n'
    if isinstance(value, bool):
        return 't' if value else 'f'
    if isinstance(value, (int, float)):
        return 'd' + struct.pack('>d', float(value)).hex()
    if isinstance(value, str):
        return 's' + value.encode().hex()
    if isinstance(value, bytes):
        return 'b' + value.hex()
    if isinstance(value, list):
        return '[' + ','.join(map(canonical, value)) + ']'
    return '{' + ','.join(f'{canonical(key)}={canonical(item)}' for key, item in value.items()) + '}'


def description(mode, clock):
    scan = {'n': 8, 'a0': -math.pi, 'da': math.pi / 4, 'rmin': 0.05, 'rmax': 10.0}
    return {'name': 'probe', 'mode': mode, 'clock': clock, 'drive': 'differential', 'size': [0.5, 0.4],
            'max': [2.0, 4.0, 20.0, 25.0], 'rate': 50.0, 'scan': scan, 'contacts': True}


def open_robot(endpoint, mode, clock, *keys):
    global robot
    now = time.monotonic if clock == 'real' else lambda: scripted['t']
    robot = rfsn_link.Robot(endpoint, description(mode, clock if clock == 'real' else 'simulated'), now, keys or None)
    return 'ok'


def readings():
    return {'odom': (1, 2, 3, 0.5, 0, -0.25), 'ranges': [1, 2.5, math.nan, math.inf, 0.125, 4, 5, 6],
            'contacts': (0, 0, 0, 1.5), 'goal': (3, 4, 0.25), 'frame': 2}


def do(word, *rest):
    if word == 'open':
        return open_robot(*rest)
    if word == 'clock':
        scripted['t'] = float(rest[0])
    elif word == 'sense':
        return str(robot.sense(**readings()))
    elif word == 'exchange':
        return ' '.join(f'{value:.6g}' for value in robot.exchange(float(rest[0]), **readings()))
    elif word == 'poll':
        robot.poll(float(rest[0]))
    elif word == 'state':
        numbers = [*robot.command(), robot.good_for()]
        counts = [int(robot.connected), robot.sessions, robot.answers, robot.resent]
        return ' '.join([f'{value:.6g}' for value in numbers] + [str(count) for count in counts])
    elif word == 'ignored':
        return '|'.join(f'{name}={count}' for name, count in sorted(robot.ignored.items()))
    elif word == 'stop':
        robot.stop('test')
    elif word == 'go':
        robot.go()
    elif word == 'goal':
        robot.goal([float(value) for value in rest] or None)
    elif word == 'feedback':
        robot.feedback(int(rest[0]), float(rest[1]))
    elif word == 'close':
        robot.close()
    elif word == 'decode':
        try:
            message = rfsn_link.decode(bytes.fromhex(rest[0]))
        except ValueError:
            return 'invalid'
        return f'{canonical(message)} {rfsn_link.encode(message).hex()}'
    return 'ok'


for line in sys.stdin:
    try:
        answer = do(*line.split())
    except rfsn_link.Refused as refusal:
        answer = f'refused {refusal.code}'
    print(answer, flush=True)
