#!/usr/bin/env python3
"""Drives a small simulated robot from goal to goal with `rfsn run --port zeromq`: python3 examples/zeromq/robot.py"""
import argparse
import sys
import time

from rfsn_link import ARRIVED, Refused, Robot
from room import Room

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument('--connect', default='tcp://127.0.0.1:7471', help='where the controller listens')
parser.add_argument('--mode', choices=['lockstep', 'free'], default='lockstep', help='one command for each reading, or when it likes')
parser.add_argument('--goals', type=int, default=0, help='end after so many; 0: never')
parser.add_argument('--name', default='room', help='the robot’s name')
parser.add_argument('--rate', type=float, default=50, help='readings a second: the controller_frequency')
parser.add_argument('--seed', type=int, default=1, help='which room')
parser.add_argument('--keys', nargs=2, metavar=('SECRET', 'SERVER'), help='CURVE: NAME.key_secret and server.key')
args = parser.parse_args()

room = Room(args.seed)
try:
    robot = Robot(args.connect, room.description(args.name, args.mode, args.rate), keys=args.keys)
except ValueError as error:  # the endpoint, or the keys
    sys.exit(str(error))
start = tick = time.monotonic()
goal, reached, told, since = room.goal(), 0, '', 0.0
try:
    while not args.goals or reached < args.goals:
        if args.mode == 'lockstep':
            robot.exchange(goal=goal, **room.readings())  # waits for the answer
        else:
            robot.sense(goal=goal, **room.readings())
        room.advance(time.monotonic() - start)
        room.drive(robot.command(), robot.good_for())
        tick = max(tick + 1 / args.rate, time.monotonic())
        robot.poll(tick - time.monotonic())
        room.advance(time.monotonic() - start)
        news = f'driven by {robot.welcome["policy"]}' if robot.connected else robot.error and '%s: %s; trying again' % robot.error
        if news != told:
            told = news
            print(news or 'waiting for the controller', flush=True)
        # The controller has to have seen it too; what it said last may still be about the goal before.
        if room.reached(goal) and robot.last and robot.last.why == ARRIVED:
            reached += 1
            print(f'goal {reached} ({goal[0]:.2f}, {goal[1]:.2f}) after {room.time - since:.1f} s, '
                  f'{room.driven:.1f} m driven, {room.collisions} collisions', flush=True)
            goal, since = room.goal(), room.time
except KeyboardInterrupt:
    print('stopped')
except Refused as refusal:
    sys.exit(str(refusal))
finally:
    robot.close()
