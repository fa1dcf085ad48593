"""A simulation in rclpy: /clock, and a robot in a wide room that goes as cmd_vel says, at whatever pace it is told.

Its standard input says what becomes of its time, one JSON object a line: {"pace": 2}, {"pause": true} with {"clock": true}
where the standing time is still told, {"resume": true}, {"reset": true}, {"jump": 5}. Each is answered with a line
{"done": …, "at": simulated time}. It begins paused, and silent.
"""
import json
import math
import queue
import sys
import threading

import rclpy
from geometry_msgs.msg import TwistStamped
from nav_msgs.msg import Odometry
from rclpy.clock import Clock, ClockType
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock as ClockMessage
from sensor_msgs.msg import LaserScan

# Simulated time goes on by so much [ns]: one period of a controller at 100 Hz.
STEP_NS = 10_000_000
# Steps between two of each.
ODOMETRY_STEPS = 2
SCAN_STEPS = 5
# A robot that nobody commands any more stands after so many steps.
COMMAND_STEPS = 50
BEAMS = 90
RANGE = 8.0


class Simulation:
    def __init__(self):
        rclpy.init(args=sys.argv)
        self.node = rclpy.create_node('simulation')
        best_effort = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
        self.clock = self.node.create_publisher(ClockMessage, '/clock', best_effort)
        self.odometry = self.node.create_publisher(Odometry, 'odom', best_effort)
        self.scan = self.node.create_publisher(LaserScan, 'scan', best_effort)
        self.node.create_subscription(TwistStamped, 'cmd_vel', self.commanded, 10)
        self.orders = queue.Queue()
        self.wake = self.node.create_guard_condition(self.work)
        self.timer = None
        self.now_ns = 0
        self.pace = 1.0
        self.begin()
        self.laser = LaserScan(
            angle_min=-math.pi, angle_increment=2 * math.pi / BEAMS, range_min=0.05, range_max=10.0,
            ranges=[RANGE] * BEAMS)
        self.laser.header.frame_id = 'base_link'

    def begin(self):
        self.steps = 0
        self.x = self.y = self.yaw = 0.0
        self.speed = self.turn = 0.0
        self.heard = -COMMAND_STEPS

    def commanded(self, message):
        self.speed = message.twist.linear.x
        self.turn = message.twist.angular.z
        self.heard = self.steps

    def run(self, body, period_s):
        """In the time of the wall: this node's own would stand with what it publishes."""
        self.stand()
        self.timer = self.node.create_timer(period_s, body, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def stand(self):
        if self.timer is not None:
            self.node.destroy_timer(self.timer)
            self.timer = None

    def step(self):
        self.now_ns += STEP_NS
        self.steps += 1
        if self.steps - self.heard > COMMAND_STEPS:
            self.speed = self.turn = 0.0
        self.yaw += self.turn * STEP_NS * 1e-9
        self.x += self.speed * math.cos(self.yaw) * STEP_NS * 1e-9
        self.y += self.speed * math.sin(self.yaw) * STEP_NS * 1e-9
        if self.steps % ODOMETRY_STEPS == 0:
            self.tell_odometry()
        if self.steps % SCAN_STEPS == 0:
            self.stamp(self.laser.header.stamp)
            self.scan.publish(self.laser)
        self.tell_time()

    def stamp(self, stamp):
        stamp.sec = self.now_ns // 1_000_000_000
        stamp.nanosec = self.now_ns % 1_000_000_000

    def tell_time(self):
        message = ClockMessage()
        self.stamp(message.clock)
        self.clock.publish(message)

    def tell_odometry(self):
        message = Odometry()
        message.header.frame_id = 'odom'
        message.child_frame_id = 'base_link'
        self.stamp(message.header.stamp)
        pose = message.pose.pose
        pose.position.x = self.x
        pose.position.y = self.y
        pose.orientation.z = math.sin(self.yaw / 2)
        pose.orientation.w = math.cos(self.yaw / 2)
        message.twist.twist.linear.x = self.speed
        message.twist.twist.angular.z = self.turn
        self.odometry.publish(message)

    def go_on(self):
        self.run(self.step, STEP_NS * 1e-9 / self.pace)

    def work(self):
        while not self.orders.empty():
            order = self.orders.get()
            if order is None:
                rclpy.try_shutdown()
                return
            if 'pause' in order:
                self.stand()
                if order.get('clock'):
                    self.run(self.tell_time, 0.05)
            elif 'resume' in order:
                self.go_on()
            elif 'pace' in order:
                self.pace = order['pace']
                self.go_on()
            elif 'reset' in order:
                self.now_ns = 0
                self.begin()
            elif 'jump' in order:
                self.now_ns += round(order['jump'] * 1e9)
            sys.stdout.write(json.dumps({'done': order, 'at': self.now_ns * 1e-9}) + '\n')
            sys.stdout.flush()

    def read(self):
        for line in sys.stdin:
            self.orders.put(json.loads(line))
            self.wake.trigger()
        # Whoever started it is gone.
        self.orders.put(None)
        self.wake.trigger()

    def spin(self):
        threading.Thread(target=self.read, daemon=True).start()
        executor = SingleThreadedExecutor()
        executor.add_node(self.node)
        while rclpy.ok():
            executor.spin_once()


if __name__ == '__main__':
    try:
        Simulation().spin()
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        rclpy.try_shutdown()
