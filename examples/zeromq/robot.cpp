/**
 * Drives a small simulated robot from goal to goal with `rfsn run --port zeromq`.
 *
 *   g++ -O2 -std=c++17 robot.cpp -lzmq -o robot
 *   ./robot [--connect tcp://127.0.0.1:7471] [--mode lockstep|free] [--goals N] [--name NAME] [--rate HZ] [--seed N]
 *           [--keys NAME.key_secret server.key]
 */
#include <cstdio>
#include <cstdlib>

#include "rfsn_link.hpp"
#include "room.hpp"

int drive(const std::map<std::string, std::string>& options, const std::optional<rfsn::Keys>& keys) {
  Room room(static_cast<unsigned>(std::stoul(options.at("--seed"))));
  const std::string& mode = options.at("--mode");
  const double rate = std::stod(options.at("--rate"));
  const int goals = std::stoi(options.at("--goals"));
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
    if (room.reached(goal)) {
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
    if (option == "--keys" && i + 2 < count) {
      keys = rfsn::Keys{arguments[i + 1], arguments[i + 2]};
      i += 2;
    } else if (options.count(option) != 0 && i + 1 < count) {
      options[option] = arguments[++i];
    } else {
      std::fprintf(stderr, "usage: the head of robot.cpp says which options there are; this is none: %s\n", option.c_str());
      return 2;
    }
  }
  try {
    return drive(options, keys);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
