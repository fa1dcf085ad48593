#!/usr/bin/env python3
"""Sends a robot to goals, one after the other, and counts arrivals, collisions and time.

    ros2 launch rfsn_controller sim.launch.py
    python3 "$(ros2 pkg prefix --share rfsn_controller)/sim/gazebo/goals.py"

It speaks to the controller as anybody would: a PoseStamped on goal_pose, and the controller's own word for an arrival,
~/goal_reached. A collision is a contact sensor that reports after a second in which none did. Times are of the clock that
the simulation runs by. Exits with 1 where a goal was not reached, with 2 where there is nothing to drive.
"""

import argparse
from functools import partial
import json
import math
import os
import sys
import time

import rclpy
from geometry_msgs.msg import PoseStamped
from nav_msgs.msg import Odometry
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import qos_profile_sensor_data
from ros_gz_interfaces.msg import Contacts

SIDES = ('front', 'left', 'back', 'right')
# Contacts nearer together than this are one collision [s].
QUIET = 1.0


class Driver(Node):
    """Odometry and contacts of the robot, and its goals."""

    def __init__(self, controller):
        super().__init__('goals', parameter_overrides=[Parameter('use_sim_time', value=True)])
        self.pose = None
        self.speed = 0.0
        self.travelled = 0.0
        self.reached = False
        self.collisions = 0
        self.sides = dict.fromkeys(SIDES, 0)
        self.touched = -math.inf
        self.goals = self.create_publisher(PoseStamped, 'goal_pose', 1)
        self.create_subscription(Odometry, 'odom', self.on_odometry, qos_profile_sensor_data)
        self.create_subscription(PoseStamped, f'{controller}/goal_reached', self.on_reached, 10)
        for side in SIDES:
            self.create_subscription(Contacts, f'contact/{side}', partial(self.on_contact, side), qos_profile_sensor_data)

    def seconds(self):
        return self.get_clock().now().nanoseconds * 1e-9

    def on_odometry(self, message):
        position = message.pose.pose.position
        if self.pose is not None:
            self.travelled += math.dist(self.pose, (position.x, position.y))
        self.pose = (position.x, position.y)
        self.speed = math.hypot(message.twist.twist.linear.x, message.twist.twist.linear.y)

    def on_reached(self, _message):
        self.reached = True

    def on_contact(self, side, message):
        if not message.contacts:
            return
        now = self.seconds()
        if now - self.touched > QUIET:
            self.collisions += 1
            self.sides[side] += 1
        self.touched = now

    def wait(self, condition, wall_seconds):
        """Whether it came true in that much real time."""
        until = time.monotonic() + wall_seconds
        while not condition():
            if time.monotonic() > until:
                return False
            rclpy.spin_once(self, timeout_sec=0.1)
        return True

    def send(self, goal):
        message = PoseStamped()
        message.header.frame_id = 'odom'
        message.header.stamp = self.get_clock().now().to_msg()
        message.pose.position.x, message.pose.position.y = goal
        message.pose.orientation.w = 1.0
        self.reached = False
        self.goals.publish(message)

    def drive(self, goal, limit):
        """One goal. @return what became of it"""
        collisions, travelled, began, wall = self.collisions, self.travelled, self.seconds(), time.monotonic()
        start = self.pose
        self.send(goal)
        # A simulation that stands still would never reach its limit.
        while not self.reached and self.seconds() - began < limit and time.monotonic() - wall < 20 * limit:
            rclpy.spin_once(self, timeout_sec=0.1)
        return {
            'goal': list(goal),
            'reached': self.reached,
            'seconds': round(self.seconds() - began, 2),
            'wall_seconds': round(time.monotonic() - wall, 2),
            'metres': round(self.travelled - travelled, 2),
            'straight_metres': round(math.dist(start, goal), 2),
            'off_by': round(math.dist(self.pose, goal), 3),
            'collisions': self.collisions - collisions,
        }


def goals_of(arguments):
    if arguments.goal:
        return [tuple(goal) for goal in arguments.goal]
    goals = []
    with open(arguments.file, encoding='utf8') as lines:
        for number, line in enumerate(lines, 1):
            words = line.split('#')[0].split()
            if not words:
                continue
            try:
                x, y = map(float, words)
            except ValueError:
                raise SystemExit(f'{arguments.file}, line {number}: "{line.strip()}" is not x and y') from None
            goals.append((x, y))
    return goals


def parsed(arguments):
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description='Sends a robot to goals and counts what comes of it.')
    parser.add_argument('--file', default=os.path.join(here, 'worlds', 'course.goals'),
                        help='goals, one a line: x y [m] in odom (default: those of the course)')
    parser.add_argument('--goal', nargs=2, type=float, action='append', metavar=('X', 'Y'),
                        help='a goal [m] instead of the file\'s; may be given again')
    parser.add_argument('--limit', type=float, default=60.0, help='time for a goal [s] (default: 60)')
    parser.add_argument('--wait', type=float, default=60.0, help='real time until all is there [s] (default: 60)')
    parser.add_argument('--controller', default='rfsn_controller', help='name of the controller\'s node')
    parser.add_argument('--json', metavar='FILE', help='write the results there as well')
    return parser.parse_args(arguments)


def main():
    arguments = parsed(rclpy.utilities.remove_ros_args(sys.argv)[1:])
    goals = goals_of(arguments)
    rclpy.init()
    driver = Driver(arguments.controller)
    try:
        if not driver.wait(lambda: driver.pose is not None and driver.seconds() > 0, arguments.wait):
            print('no odometry, or no /clock: is the simulation running?', file=sys.stderr)
            return 2
        if not driver.wait(lambda: driver.goals.get_subscription_count() > 0, arguments.wait):
            print('nobody subscribes goal_pose: is the controller running?', file=sys.stderr)
            return 2
        results = []
        for goal in goals:
            results.append(driver.drive(goal, arguments.limit))
            one = results[-1]
            print(f'{len(results):3d}  ({goal[0]:6.2f}, {goal[1]:6.2f})  '
                  f'{"reached" if one["reached"] else "NOT reached":11s}  {one["seconds"]:6.2f} s  '
                  f'{one["metres"]:6.2f} m of {one["straight_metres"]:5.2f}  {one["collisions"]} collisions', flush=True)
    finally:
        driver.destroy_node()
        rclpy.try_shutdown()
    reached = sum(result['reached'] for result in results)
    simulated = sum(result['seconds'] for result in results)
    wall = sum(result['wall_seconds'] for result in results)
    summary = {
        'goals': len(results),
        'reached': reached,
        'collisions': driver.collisions,
        'collisions_by_side': driver.sides,
        'seconds': round(simulated, 2),
        'metres': round(sum(result['metres'] for result in results), 2),
        'real_time_factor': round(simulated / wall, 3) if wall > 0 else None,
    }
    print(f'{reached} of {len(results)} goals, {driver.collisions} collisions, {simulated:.1f} s for '
          f'{summary["metres"]:.1f} m, real-time factor {summary["real_time_factor"]}')
    if arguments.json:
        with open(arguments.json, 'w', encoding='utf8') as file:
            json.dump({**summary, 'each': results}, file, indent=1)
    return 0 if reached == len(results) else 1


if __name__ == '__main__':
    sys.exit(main())
