/**
 * Counts round trips in lockstep with the C++ client of examples/zeromq: round_trips ENDPOINT RATE SECONDS
 * Prints one line of JSON: {"round_trips": …, "seconds": …, "p50_ns": …, "p99_ns": …}.
 */
#include <cstdio>
#include <cstdlib>

#include "rfsn_link.hpp"

constexpr int kBeams = 720;
constexpr double kView = 270 * 3.14159265358979323846 / 180;

int main(int count, char** arguments) {
  if (count != 4) return 2;
  const double rate = std::stod(arguments[2]), seconds = std::stod(arguments[3]);
  rfsn::Description description;
  description.name = "cpp";
  description.mode = "lockstep";
  description.clock = "simulated";
  description.size = {0.508, 0.43};
  description.max = {2, 4, 20, 25};
  description.rate = rate;
  description.scan.n = kBeams;
  description.scan.a0 = -kView / 2;
  description.scan.da = kView / (kBeams - 1);
  description.scan.rmin = 0.1;
  description.scan.rmax = 30;
  description.contacts = true;
  rfsn::Readings readings;
  readings.odom = std::array<double, 6>{};
  readings.contacts = std::array<double, 4>{};
  readings.goal = rfsn::Goal{3, 0, 0.3};
  for (int i = 0; i < kBeams; i++) readings.ranges.push_back(static_cast<float>(4 + std::sin(0.05 * i)));

  double now = 0;  // simulated: a period for each sense
  try {
    rfsn::Robot robot(arguments[1], description, [&now] { return now; });
    const auto exchange = [&] {
      now += 1 / rate;
      const double began = rfsn::steady_now();
      robot.exchange(readings);
      if (!robot.last() || robot.last()->q != robot.senses) throw std::runtime_error("a sense was not answered");
      return rfsn::steady_now() - began;
    };
    for (int i = 0; i < 20; i++) exchange();
    std::vector<double> times;
    const double start = rfsn::steady_now();
    while (rfsn::steady_now() - start < seconds) times.push_back(exchange());
    const double elapsed = rfsn::steady_now() - start;
    std::sort(times.begin(), times.end());
    const auto quantile = [&times](double q) { return 1e9 * times[static_cast<std::size_t>(std::ceil(q * times.size())) - 1]; };
    std::printf("{\"round_trips\": %zu, \"seconds\": %.6f, \"p50_ns\": %.0f, \"p99_ns\": %.0f}\n", times.size(), elapsed,
                quantile(0.5), quantile(0.99));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
