/**
 * What a test tells to a Robot of examples/zeromq/rfsn_link.hpp: one command a line on standard input, its answer on one
 * line of standard output. probe.py speaks the same language; client-suite.ts is the other side.
 */
#include <cinttypes>
#include <cstdio>
#include <iostream>
#include <memory>
#include <sstream>

#include "../../examples/zeromq/rfsn_link.hpp"

namespace {

std::string hex(const void* data, std::size_t size) {
  std::string out;
  char text[3];
  for (std::size_t i = 0; i < size; i++) {
    std::snprintf(text, sizeof text, "%02x", static_cast<const unsigned char*>(data)[i]);
    out += text;
  }
  return out;
}

std::string bytes(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    out += static_cast<char>(std::stoul(text.substr(i, 2), nullptr, 16));
  }
  return out;
}

std::string canonical_number(double value) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, 8);
  char text[18];
  std::snprintf(text, sizeof text, "d%016" PRIx64, bits);
  return text;
}

/** A value as text, the same from every language: numbers by the bits of their double. */
std::string canonical(const msgpack::object& value) {
  std::string out;
  switch (value.type) {
    case msgpack::type::NIL:
      return "n";
    case msgpack::type::BOOLEAN:
      return value.via.boolean ? "t" : "f";
    case msgpack::type::POSITIVE_INTEGER:
      return canonical_number(static_cast<double>(value.via.u64));
    case msgpack::type::NEGATIVE_INTEGER:
      return canonical_number(static_cast<double>(value.via.i64));
    case msgpack::type::FLOAT32:
    case msgpack::type::FLOAT64:
      return canonical_number(value.via.f64);
    case msgpack::type::STR:
      return "s" + hex(value.via.str.ptr, value.via.str.size);
    case msgpack::type::BIN:
      return "b" + hex(value.via.bin.ptr, value.via.bin.size);
    case msgpack::type::ARRAY:
      for (std::uint32_t i = 0; i < value.via.array.size; i++) {
        out += (i == 0 ? "" : ",") + canonical(value.via.array.ptr[i]);
      }
      return "[" + out + "]";
    case msgpack::type::MAP:
      for (std::uint32_t i = 0; i < value.via.map.size; i++) {
        const msgpack::object_kv& pair = value.via.map.ptr[i];
        out += (i == 0 ? "" : ",") + canonical(pair.key) + "=" + canonical(pair.val);
      }
      return "{" + out + "}";
    default:
      return "?";
  }
}

std::unique_ptr<rfsn::Robot> robot;
double scripted = 0;

rfsn::Description description(const std::string& mode, const std::string& clock) {
  rfsn::Description out;
  out.name = "probe";
  out.mode = mode;
  out.clock = clock == "real" ? "real" : "simulated";
  out.size = {0.5, 0.4};
  out.max = {2, 4, 20, 25};
  out.scan.n = 8;
  out.scan.a0 = -M_PI;
  out.scan.da = M_PI / 4;
  out.scan.rmin = 0.05;
  out.scan.rmax = 10;
  out.contacts = true;
  return out;
}

rfsn::Readings readings() {
  rfsn::Readings out;
  out.odom = {1, 2, 3, 0.5, 0, -0.25};
  out.ranges = {1, 2.5, NAN, INFINITY, 0.125, 4, 5, 6};
  out.contacts = {0, 0, 0, 1.5};
  out.goal = rfsn::Goal{3, 4, 0.25};
  out.frame = 2;
  return out;
}

std::string join(const std::vector<double>& values) {
  std::string out;
  char text[32];
  for (const double value : values) {
    std::snprintf(text, sizeof text, "%s%.6g", out.empty() ? "" : " ", value);
    out += text;
  }
  return out;
}

std::string act(std::istringstream& rest) {
  std::string word;
  rest >> word;
  if (word == "open") {
    std::string endpoint, mode, clock;
    rfsn::Keys keys;
    rest >> endpoint >> mode >> clock;
    const bool secure = static_cast<bool>(rest >> keys.secret >> keys.server);
    const std::function<double()> script = [] { return scripted; };
    robot = std::make_unique<rfsn::Robot>(endpoint, description(mode, clock),
                                          clock == "real" ? rfsn::steady_now : script,
                                          secure ? std::optional<rfsn::Keys>(keys) : std::nullopt);
  } else if (word == "clock") {
    rest >> scripted;
  } else if (word == "sense") {
    return std::to_string(robot->sense(readings()));
  } else if (word == "exchange") {
    double timeout = 0;
    rest >> timeout;
    const rfsn::Twist twist = robot->exchange(readings(), timeout);
    return join({twist[0], twist[1], twist[2]});
  } else if (word == "poll") {
    double seconds = 0;
    rest >> seconds;
    robot->poll(seconds);
  } else if (word == "state") {
    const rfsn::Twist twist = robot->command();
    return join({twist[0], twist[1], twist[2], robot->good_for()}) + " " + std::to_string(robot->connected()) + " " +
           std::to_string(robot->sessions) + " " + std::to_string(robot->answers) + " " + std::to_string(robot->resent);
  } else if (word == "ignored") {
    std::string out;
    for (const auto& [name, count] : robot->ignored) {
      out += (out.empty() ? "" : "|") + name + "=" + std::to_string(count);
    }
    return out;
  } else if (word == "stop") {
    robot->stop("test");
  } else if (word == "go") {
    robot->go();
  } else if (word == "goal") {
    rfsn::Goal goal{};
    const bool given = static_cast<bool>(rest >> goal.x >> goal.y >> goal.tolerance);
    robot->goal(given ? std::optional<rfsn::Goal>(goal) : std::nullopt);
  } else if (word == "feedback") {
    std::uint64_t n = 0;
    double reward = 0;
    rest >> n >> reward;
    robot->feedback(n, reward);
  } else if (word == "close") {
    robot->close();
  } else if (word == "decode") {
    std::string text;
    rest >> text;
    const std::string data = bytes(text);
    try {
      const msgpack::object_handle handle = rfsn::detail::decode(data.data(), data.size());
      msgpack::sbuffer buffer;
      msgpack::pack(buffer, handle.get());
      return canonical(handle.get()) + " " + hex(buffer.data(), buffer.size());
    } catch (const rfsn::detail::Invalid&) {
      return "invalid";
    }
  }
  return "ok";
}

}  // namespace

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream rest(line);
    std::string answer;
    try {
      answer = act(rest);
    } catch (const rfsn::Refused& refusal) {
      answer = "refused " + refusal.code;
    }
    std::cout << answer << std::endl;
  }
}
