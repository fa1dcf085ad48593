"""A node with rclpy that answers each odometry with the velocity in it, and takes scans as a controller would."""

import rclpy
from geometry_msgs.msg import TwistStamped
from nav_msgs.msg import Odometry
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import LaserScan


class Echo(Node):
    def __init__(self):
        super().__init__('rclpy_echo')
        sensors = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
        self.command = self.create_publisher(TwistStamped, 'cmd_vel', QoSProfile(depth=1))
        self.create_subscription(Odometry, 'odom', self.answer, sensors)
        self.create_subscription(LaserScan, 'scan', self.take, sensors)
        self.scans = 0

    def answer(self, odometry):
        command = TwistStamped()
        command.header.stamp = odometry.header.stamp
        command.header.frame_id = odometry.child_frame_id
        command.twist = odometry.twist.twist
        self.command.publish(command)

    def take(self, _scan):
        self.scans += 1


def main():
    rclpy.init()
    try:
        rclpy.spin(Echo())
    except (KeyboardInterrupt, ExternalShutdownException):
        pass


if __name__ == '__main__':
    main()
