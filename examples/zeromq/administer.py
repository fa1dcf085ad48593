#!/usr/bin/env python3
"""
Asks `rfsn run --port zeromq` for something and prints the answer:
  python3 examples/zeromq/administer.py status
  python3 examples/zeromq/administer.py set name=robot.max_speed value=1.0
Requests: status save checkpoints restore reset freeze unfreeze stop go parameters set.
"""
import argparse
import json
import sys

from rfsn_link import RequestFailed, request


def field(text):
    name, _, value = text.partition('=')
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument('request')
parser.add_argument('fields', nargs='*', type=field, help='robot=NAME file=NAME name=PARAMETER value=VALUE')
parser.add_argument('--connect', default='tcp://127.0.0.1:7473')
parser.add_argument('--keys', nargs=2, metavar=('SECRET', 'SERVER'), help='CURVE: NAME.key_secret and server.key')
args = parser.parse_args()
try:
    print(json.dumps(request(args.connect, {'m': args.request, **dict(args.fields)}, keys=args.keys), indent=2))
except (RequestFailed, TimeoutError, ValueError) as error:
    sys.exit(str(error))
