#!/usr/bin/env python3
"""Prints the telemetry of `rfsn run --port zeromq`, one JSON object a line: python3 examples/zeromq/watch.py state"""
import argparse
import json
import os
import sys

from rfsn_link import TOPICS, Watcher

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument('topics', nargs='*', default=['state', 'checkpoint'], help=f'of: {", ".join(TOPICS)}')
parser.add_argument('--connect', default='tcp://127.0.0.1:7472')
parser.add_argument('--robot', help='one robot alone')
parser.add_argument('--count', type=int, default=0, help='end after so many messages; 0: never')
parser.add_argument('--keys', nargs=2, metavar=('SECRET', 'SERVER'), help='CURVE: NAME.key_secret and server.key')
args = parser.parse_args()

for topic in args.topics:
    if topic not in TOPICS:
        parser.error(f'no topic {topic!r}: there are {", ".join(TOPICS)}')
try:
    watcher = Watcher(args.connect, args.topics, args.robot, args.keys)
except ValueError as error:  # the endpoint, or the keys
    sys.exit(str(error))
seen = silent = 0
try:
    while not args.count or seen < args.count:
        message = watcher.next()
        silent = 0 if message else silent + 1
        if silent == 3 and not seen:
            print(f'nothing from {args.connect} yet: no controller, no robot, or no key for it', file=sys.stderr)
        if message:
            seen += 1
            topic, robot, fields = message
            print(json.dumps({'topic': topic, 'robot': robot, **fields}, default=lambda data: f'{len(data)} bytes'), flush=True)
except KeyboardInterrupt:
    pass
except BrokenPipeError:  # whoever read has read enough; the interpreter would complain again when it ends
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
for name, count in watcher.lost.items():
    print(f'{name}: {count} lost')
