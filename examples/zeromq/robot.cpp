/**
 * Drives a small simulated robot from goal to goal with `rfsn run --port zeromq`.
 *
 *   g++ -O2 -std=c++17 robot.cpp -lzmq -o robot
 *   ./robot [--connect tcp://127.0.0.1:7471] [--mode lockstep|free] [--goals N] [--name NAME] [--rate HZ] [--seed N]
 *           [--keys NAME.key_secret server.key]
 */
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

#include "rfsn_link.hpp"
#include "room.hpp"

constexpr const char* usage =
    "usage: robot [--connect tcp://127.0.0.1:7471] [--mode lockstep|free] [--goals N] [--name NAME] [--rate HZ]\n"
    "             [--seed N] [--keys NAME.key_secret server.key]\n";

/** The number that an option says, all of its text. */
double number(const std::string& option, const std::string& text, double least) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != 0 || !(value >= least)) {
    throw std::invalid_argument(option + " " + text + ": a number from " + std::to_string(static_cast<int>(least)) + " is needed");
  }
  return value;
}

int drive(const std::map<std::string, std::string>& options, const std::optional<rfsn::Keys>& keys) {
  Room room(static_cast<unsigned>(number("--seed", options.at("--seed"), 0)));
  const std::string& mode = options.at("--mode");
  if (mode != "lockstep" && mode != "free") throw std::invalid_argument("--mode " + mode + ": lockstep or free");
  const double rate = number("--rate", options.at("--rate"), 1);
  const int goals = static_cast<int>(number("--goals", options.at("--goals"), 0));
  rfsn::Robot robot(options.at("--connect"), room.description(options.at("--name"), mode, rate), rfsn::steady_now, keys);
  rfsn::Goal goal = room.goal();
  const double start = rfsn::steady_now();
  double since = 0, tick = start;
  std::string told = "nothing";
  for (int reached = 0; goals == 0 || reached < goals;) {
    if (mode == "lockstep") {
      robot.exchange(room.readings(goal));  // waits for the answer
    } else {
      robot.sense(room.readings(goal));
    }
    room.advance(rfsn::steady_now() - start);
    room.drive(robot.command(), robot.good_for());
    tick = std::max(tick + 1 / rate, rfsn::steady_now());
    robot.poll(tick - rfsn::steady_now());
    room.advance(rfsn::steady_now() - start);
    const std::string news = robot.connected() ? "driven by " + robot.welcome()->policy : robot.error;
    if (news != told) {
      told = news;
      std::printf("%s\n", news.empty() ? "waiting for the controller" : news.c_str());
    }
    // The controller has to have seen it too; what it said last may still be about the goal before.
    if (room.reached(goal) && robot.last() && robot.last()->why == rfsn::kArrived) {
      std::printf("goal %d (%.2f, %.2f) after %.1f s, %.1f m driven, %d collisions\n", ++reached, goal.x, goal.y,
                  room.time - since, room.driven, room.collisions);
      goal = room.goal();
      since = room.time;
    }
    std::fflush(stdout);
  }
  return 0;
}

int main(int count, char** arguments) {
  std::map<std::string, std::string> options{{"--connect", "tcp://127.0.0.1:7471"}, {"--mode", "lockstep"},
                                             {"--goals", "0"}, {"--name", "room"}, {"--rate", "50"}, {"--seed", "1"}};
  std::optional<rfsn::Keys> keys;
  for (int i = 1; i < count; i++) {
    const std::string option = arguments[i];
    if (option == "--help" || option == "-h") {
      std::fputs(usage, stdout);
      return 0;
    }
    if (option == "--keys" && i + 2 < count) {
      keys = rfsn::Keys{arguments[i + 1], arguments[i + 2]};
      i += 2;
    } else if (options.count(option) != 0 && i + 1 < count) {
      options[option] = arguments[++i];
    } else {
      const bool known = option == "--keys" || options.count(option) != 0;
      std::fprintf(stderr, "%s: %s\n%s", option.c_str(), known ? "its value is missing" : "no such option", usage);
      return 2;
    }
  }
  try {
    return drive(options, keys);
  } catch (const std::invalid_argument& error) {
    std::fprintf(stderr, "%s\n%s", error.what(), usage);
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
