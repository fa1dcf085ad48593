/**
 * A robot in a room with round obstacles, on a clock of its own: a differential base 0.508 m by 0.43 m, a laser and
 * contact sensors on its sides.
 */
#pragma once

#include <array>
#include <cmath>
#include <random>
#include <utility>
#include <vector>

#include "rfsn_link.hpp"

class Room {
 public:
  static constexpr double kSide = 8, kLength = 0.508, kWidth = 0.43, kRange = 10, kMass = 16, kStep = 0.005;
  static constexpr int kBeams = 240;
  /** m/s, rad/s, m/s², rad/s²: what the base can do. */
  static constexpr std::array<double, 4> kLimits{2.0, 4.0, 20.0, 25.0};

  double time = 0, driven = 0;
  int collisions = 0;

  explicit Room(unsigned seed) : random_(seed) {
    while (obstacles_.size() < 5) {
      const double x = place(), y = place(), radius = 0.15 + 0.2 * uniform_(random_);
      if (clearance(x, y) > radius + 0.9 && std::hypot(x, y) > radius + 0.9) obstacles_.push_back({x, y, radius});
    }
  }

  /** The robot as a hello describes it. */
  rfsn::Description description(const std::string& name, const std::string& mode, double rate) const {
    rfsn::Description robot;
    robot.name = name;
    robot.mode = mode;
    robot.size = {kLength, kWidth};
    robot.max = kLimits;
    robot.rate = rate;
    robot.contacts = true;
    robot.scan.n = kBeams;
    robot.scan.a0 = -M_PI;
    robot.scan.da = 2 * M_PI / kBeams;
    robot.scan.rmin = 0.05;
    robot.scan.rmax = kRange;
    return robot;
  }

  /** A place with room around it, some way off. */
  rfsn::Goal goal() {
    for (;;) {
      const double x = place(), y = place();
      if (clearance(x, y) > 0.6 && std::hypot(x - x_, y - y_) > 2) return {x, y, 0.3};
    }
  }

  bool reached(const rfsn::Goal& goal) const { return std::hypot(goal.x - x_, goal.y - y_) < goal.tolerance; }

  /** What the robot senses, the hardest contact on each side since it last said so among it. */
  rfsn::Readings readings(const rfsn::Goal& goal) {
    rfsn::Readings out;
    out.contacts = std::exchange(contacts_, {});
    out.odom = {x_, y_, yaw_, speed_, 0, turning_};
    out.goal = goal;
    for (int beam = 0; beam < kBeams; beam++) out.ranges.push_back(cast(yaw_ - M_PI + beam * 2 * M_PI / kBeams));
    return out;
  }

  /** Holds `twist`, like a base that brakes by itself once `good_for` seconds are over and nothing new has come. */
  void drive(const rfsn::Twist& twist, double good_for) {
    twist_ = twist;
    expiry_ = time + good_for;
  }

  /** Lets the room's time pass. */
  void advance(double until) {
    while (time < until - 1e-9) {
      const double dt = std::min(kStep, until - time);
      const rfsn::Twist& wanted = time < expiry_ ? twist_ : rfsn::kZero;
      speed_ += std::clamp(wanted[0] - speed_, -kLimits[2] * dt, kLimits[2] * dt);
      turning_ += std::clamp(wanted[2] - turning_, -kLimits[3] * dt, kLimits[3] * dt);
      time += dt;
      const double x = x_, y = y_, yaw = yaw_;
      yaw_ = std::remainder(yaw_ + turning_ * dt, 2 * M_PI);
      x_ += speed_ * std::cos(yaw_) * dt;
      y_ += speed_ * std::sin(yaw_) * dt;
      const std::array<bool, 4> touched = sides();
      if (touched != std::array<bool, 4>{}) {
        // What stops it within one step. A corner that turns into something moves at that speed too.
        const double speed = std::abs(speed_) + std::abs(turning_) * std::hypot(kLength, kWidth) / 2;
        for (int side = 0; side < 4; side++) {
          if (touched[side]) contacts_[side] = std::max(contacts_[side], kMass * speed / kStep);
        }
        x_ = x, y_ = y, yaw_ = yaw;
        speed_ = turning_ = 0;
        collisions += !hit_;
        hit_ = true;
      } else {
        hit_ = false;
        driven += std::abs(speed_) * dt;
      }
    }
  }

 private:
  struct Round {
    double x, y, radius;
  };

  double place() { return kSide * 0.4 * (2 * uniform_(random_) - 1); }

  double clearance(double x, double y) const {
    double nearest = kSide / 2 - std::max(std::abs(x), std::abs(y));
    for (const Round& o : obstacles_) nearest = std::min(nearest, std::hypot(o.x - x, o.y - y) - o.radius);
    return nearest;
  }

  float cast(double angle) const {
    const double c = std::cos(angle), s = std::sin(angle);
    double distance = rfsn::kInfinity;
    if (std::abs(c) > 1e-9) distance = (std::copysign(kSide / 2, c) - x_) / c;
    if (std::abs(s) > 1e-9) distance = std::min(distance, (std::copysign(kSide / 2, s) - y_) / s);
    for (const Round& o : obstacles_) {
      const double ahead = (o.x - x_) * c + (o.y - y_) * s, aside = (o.y - y_) * c - (o.x - x_) * s;
      if (ahead <= 0 || std::abs(aside) >= o.radius) continue;
      distance = std::min(distance, ahead - std::sqrt(o.radius * o.radius - aside * aside));
    }
    return static_cast<float>(distance < kRange ? distance : rfsn::kInfinity);
  }

  /** The sides that stand in something: front, left, back, right. */
  std::array<bool, 4> sides() const {
    const double c = std::cos(yaw_), s = std::sin(yaw_);
    const double reach_x = (std::abs(c) * kLength + std::abs(s) * kWidth) / 2;
    const double reach_y = (std::abs(s) * kLength + std::abs(c) * kWidth) / 2;
    std::array<bool, 4> found{};
    if (std::abs(x_) + reach_x > kSide / 2) found[side(x_ * c, -x_ * s)] = true;
    if (std::abs(y_) + reach_y > kSide / 2) found[side(y_ * s, y_ * c)] = true;
    for (const Round& o : obstacles_) {
      const double ahead = (o.x - x_) * c + (o.y - y_) * s, left = (o.y - y_) * c - (o.x - x_) * s;
      const double beyond_x = std::max(std::abs(ahead) - kLength / 2, 0.0);
      const double beyond_y = std::max(std::abs(left) - kWidth / 2, 0.0);
      if (std::hypot(beyond_x, beyond_y) < o.radius) found[side(ahead / kLength, left / kWidth)] = true;
    }
    return found;
  }

  /** The side that something is on which lies that way. */
  static int side(double ahead, double left) {
    if (std::abs(ahead) >= std::abs(left)) return ahead > 0 ? 0 : 2;
    return left > 0 ? 1 : 3;
  }

  std::mt19937 random_;
  std::uniform_real_distribution<double> uniform_{0, 1};
  std::vector<Round> obstacles_;
  double x_ = 0, y_ = 0, yaw_ = 0, speed_ = 0, turning_ = 0;
  rfsn::Twist twist_ = rfsn::kZero;
  double expiry_ = 0;
  bool hit_ = false;
  std::array<double, 4> contacts_{};
};
