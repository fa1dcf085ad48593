#!/usr/bin/env python3
"""Drives a small simulated robot from goal to goal with `rfsn run --port zeromq`: python3 examples/zeromq/robot.py"""
import argparse
import sys
import time

from rfsn_link import Refused, Robot
from room import Room

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument('--connect', default='tcp://127.0.0.1:7471', help='where the controller listens')
parser.add_argument('--mode', choices=['lockstep', 'free'], default='lockstep', help='in simulated time, or in real time')
parser.add_argument('--goals', type=int, default=0, help='end after so many; 0: never')
parser.add_argument('--name', default='room', help='the robot’s name')
parser.add_argument('--rate', type=float, default=50, help='readings a second; in lockstep the controller_frequency')
parser.add_argument('--seed', type=int, default=1, help='which room')
parser.add_argument('--keys', nargs=2, metavar=('SECRET', 'SERVER'), help='CURVE: NAME.key_secret and server.key')
args = parser.parse_args()

room = Room(args.seed)
lockstep = args.mode == 'lockstep'
clock = (lambda: room.time) if lockstep else time.monotonic
description = room.description(args.name, args.mode, 'simulated' if lockstep else 'real', args.rate)
robot = Robot(args.connect, description, clock, args.keys)
goal, reached, sessions, since, then = room.goal(), 0, 0, 0.0, time.monotonic()
try:
    while not args.goals or reached < args.goals:
        readings = {'odom': room.odometry(), 'ranges': room.ranges(), 'goal': goal}
        if lockstep:
            twist = robot.exchange(**readings)  # waits for the answer; no answer is zero
            room.move(1 / args.rate, twist, robot.good_for())
        else:
            robot.sense(**readings)
            twist, good_for = robot.command(), robot.good_for()
            robot.poll(then + 1 / args.rate - time.monotonic())
            now = time.monotonic()
            room.move(now - then, twist, good_for)
            then = now
        if robot.connected and robot.sessions > sessions:
            sessions = robot.sessions
            print(f'{robot.welcome["policy"]}, {robot.welcome["updates"]} updates learned so far', flush=True)
        if room.reached(goal):
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
