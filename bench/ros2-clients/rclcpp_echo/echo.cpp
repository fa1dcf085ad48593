// A node with rclcpp that answers each odometry with the velocity in it, and takes scans as a controller would.
#include <cstddef>
#include <memory>

#include "geometry_msgs/msg/twist_stamped.hpp"
#include "nav_msgs/msg/odometry.hpp"
#include "rclcpp/rclcpp.hpp"
#include "sensor_msgs/msg/laser_scan.hpp"

class Echo : public rclcpp::Node {
public:
  Echo() : Node("rclcpp_echo") {
    const auto sensors = rclcpp::QoS(1).best_effort();
    command_ = create_publisher<geometry_msgs::msg::TwistStamped>("cmd_vel", rclcpp::QoS(1));
    odometry_ = create_subscription<nav_msgs::msg::Odometry>(
        "odom", sensors, [this](const nav_msgs::msg::Odometry& odometry) {
          geometry_msgs::msg::TwistStamped command;
          command.header.stamp = odometry.header.stamp;
          command.header.frame_id = odometry.child_frame_id;
          command.twist = odometry.twist.twist;
          command_->publish(command);
        });
    scan_ = create_subscription<sensor_msgs::msg::LaserScan>(
        "scan", sensors, [this](const sensor_msgs::msg::LaserScan&) { scans_++; });
  }

private:
  rclcpp::Publisher<geometry_msgs::msg::TwistStamped>::SharedPtr command_;
  rclcpp::Subscription<nav_msgs::msg::Odometry>::SharedPtr odometry_;
  rclcpp::Subscription<sensor_msgs::msg::LaserScan>::SharedPtr scan_;
  std::size_t scans_ = 0;
};

int main(int argc, char** argv) {
  rclcpp::init(argc, argv);
  rclcpp::spin(std::make_shared<Echo>());
  rclcpp::shutdown();
}
