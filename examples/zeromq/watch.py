#!/usr/bin/env python3
"""Prints the telemetry of `rfsn run --port zeromq`, one JSON object a line: python3 examples/zeromq/watch.py state"""
import argparse
import json

from rfsn_link import Watcher

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument('topics', nargs='*', default=['state', 'checkpoint'], help='of: decision, state, checkpoint')
parser.add_argument('--connect', default='tcp://127.0.0.1:7472')
parser.add_argument('--robot', help='one robot alone')
parser.add_argument('--count', type=int, default=0, help='end after so many messages; 0: never')
parser.add_argument('--keys', nargs=2, metavar=('SECRET', 'SERVER'), help='CURVE: NAME.key_secret and server.key')
args = parser.parse_args()

watcher = Watcher(args.connect, args.topics, args.robot, args.keys)
seen = 0
try:
    while not args.count or seen < args.count:
        message = watcher.next()
        if message:
            seen += 1
            topic, robot, fields = message
            print(json.dumps({'topic': topic, 'robot': robot, **fields}, default=lambda data: f'{len(data)} bytes'), flush=True)
except KeyboardInterrupt:
    pass
for name, count in watcher.lost.items():
    print(f'{name}: {count} lost')
