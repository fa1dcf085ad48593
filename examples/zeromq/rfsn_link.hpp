/**
 * The robot's side of rfsn-controller's ZeroMQ link for C++17, in one header. What goes over the wire is described in
 * docs/zeromq-protocol.md. Needs libzmq and msgpack-c for C++ (README.md beside this file); link with -lzmq.
 *
 * A robot is moved by Robot::command() alone, and that is zero unless a command stands that belongs to this session and
 * to a reading which this robot has sent, keeps to both sides' limits, and has not expired on the robot's clock. Whatever
 * else comes in is counted in Robot::ignored and moves nothing.
 *
 * One thread uses one object. Units are SI, axes as in REP-103, times seconds.
 */
#pragma once

#define MSGPACK_NO_BOOST
#include <msgpack.hpp>
#include <zmq.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace rfsn {

constexpr int kVersion = 1;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

/** vx, vy [m/s], yaw rate [rad/s] in base_link. */
using Twist = std::array<double, 3>;
constexpr Twist kZero{0.0, 0.0, 0.0};

/** The steady clock [s]: goes on while the process is stopped. */
inline double steady_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/** The controller does not want this robot as it is; what() says what would be right. */
struct Refused : std::runtime_error {
  Refused(std::string refusal, const std::string& reason)
      : std::runtime_error("refused (" + refusal + "): " + reason), code(std::move(refusal)) {}
  std::string code;
};

/** The link itself does not work: a socket or a key that cannot be used. */
struct LinkFailure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Scan {
  int n = 0;
  double a0 = 0, da = 0, rmin = 0, rmax = 0;
  double x = 0, y = 0, yaw = 0;
};

/** The robot as a hello describes it. */
struct Description {
  std::string name = "robot";
  std::string mode = "free";    // or lockstep
  std::string clock = "real";   // or simulated
  std::string drive = "differential";  // or omnidirectional
  std::array<double, 2> size{};
  std::array<double, 4> max{};
  double rate = 50;
  Scan scan;
  bool contacts = false;
};

struct Goal {
  double x, y, tolerance;
};

/** What one sense carries; what is left out is not sent. */
struct Readings {
  std::optional<std::array<double, 6>> odom;
  std::vector<float> ranges;
  std::optional<std::array<double, 4>> contacts;
  std::optional<Goal> goal;
  bool cancel_goal = false;
  std::optional<std::int64_t> frame;
};

struct Command {
  std::uint64_t q;
  double t;
  std::uint64_t n;
  Twist twist;
  double until;
  std::uint64_t why;
};

/** Reason codes of a command that a robot may want to tell apart. */
enum Why : std::uint64_t { kNoGoal = 10, kArrived = 11, kDisarmed = 12 };

struct Welcome {
  std::uint64_t s;
  bool resumed;
  double period, expiry, timeout, heartbeat;
  std::array<double, 4> max;
  std::string policy;
  std::uint64_t updates;
};

/** Paths of this robot's secret certificate and of the controller's public one. */
struct Keys {
  std::string secret, server;
};

namespace detail {

constexpr double kHello = 0.1, kHelloMax = 1.0;  // after a hello that nobody answers: twice as long each time
constexpr double kUnconnected = 0.02;  // until the next look for a connection that is not there yet
constexpr double kResend = 0.25;  // lockstep: an answer that is not there by then is asked for again
constexpr double kMuted = 11.0;  // a peer that sent too much is not listened to for so long
constexpr std::size_t kRemembered = 256;  // senses whose command may still come
constexpr std::int64_t kMaxBytes = 65536;
constexpr double kMaxInteger = 9007199254740991.0;

/** A message that is not what the protocol says. */
struct Invalid : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/** A message read: the object lives as long as its zone. */
inline msgpack::object_handle decode(const char* data, std::size_t size) {
  msgpack::object_handle handle;
  try {
    std::size_t offset = 0;
    bool referenced = false;
    msgpack::unpack(handle, data, size, offset, referenced, nullptr, nullptr,
                    msgpack::unpack_limit(4096, 256, kMaxBytes, kMaxBytes, 0, 16));
    if (offset != size) throw Invalid("bytes after the message");
  } catch (const msgpack::unpack_error& error) {
    throw Invalid(std::string("no MessagePack: ") + error.what());
  }
  if (handle.get().type != msgpack::type::MAP) throw Invalid("no map");
  return handle;
}

inline const msgpack::object* find(const msgpack::object& map, const char* key) {
  const std::size_t length = std::strlen(key);
  const msgpack::object* found = nullptr;
  for (std::uint32_t i = 0; i < map.via.map.size; i++) {
    const msgpack::object_kv& pair = map.via.map.ptr[i];
    const bool same = pair.key.type == msgpack::type::STR && pair.key.via.str.size == length &&
                      std::memcmp(pair.key.via.str.ptr, key, length) == 0;
    if (same) found = pair.val.type == msgpack::type::NIL ? nullptr : &pair.val;
  }
  return found;
}

inline const msgpack::object& get(const msgpack::object& map, const char* key) {
  const msgpack::object* value = find(map, key);
  if (value == nullptr) throw Invalid(std::string("no ") + key);
  return *value;
}

inline double number(const msgpack::object& value, double low = -kInfinity, double high = kInfinity) {
  double result = 0;
  if (value.type == msgpack::type::POSITIVE_INTEGER) {
    result = static_cast<double>(value.via.u64);
  } else if (value.type == msgpack::type::NEGATIVE_INTEGER) {
    result = static_cast<double>(value.via.i64);
  } else if (value.type == msgpack::type::FLOAT32 || value.type == msgpack::type::FLOAT64) {
    result = value.via.f64;
  } else {
    throw Invalid("no number");
  }
  if (!std::isfinite(result) || result < low || result > high) throw Invalid("number out of bounds");
  return result;
}

/** A whole number in whatever form it came: the controller writes large ones as floats. */
inline std::uint64_t integer(const msgpack::object& value, double low = 0, double high = kMaxInteger) {
  const double whole = number(value, low, high);
  if (whole != std::floor(whole)) throw Invalid("no integer");
  return static_cast<std::uint64_t>(whole);
}

template <std::size_t N>
std::array<double, N> numbers(const msgpack::object& value, double low = -kInfinity) {
  if (value.type != msgpack::type::ARRAY || value.via.array.size != N) throw Invalid("not so many numbers");
  std::array<double, N> result{};
  for (std::size_t i = 0; i < N; i++) result[i] = number(value.via.array.ptr[i], low);
  return result;
}

inline std::string text(const msgpack::object& value) {
  if (value.type != msgpack::type::STR) throw Invalid("no text");
  return std::string(value.via.str.ptr, value.via.str.size);
}

using Packer = msgpack::packer<msgpack::sbuffer>;

/** A message being written. */
struct Outgoing {
  msgpack::sbuffer buffer;
  Packer packer{buffer};
};

template <typename Numbers>
void pack_numbers(Packer& packer, const Numbers& values) {
  packer.pack_array(static_cast<std::uint32_t>(values.size()));
  for (const double value : values) packer.pack_double(value);
}

/** The value of `name = "…"` in a ZPL certificate; empty where there is none. */
inline std::string certificate_key(const std::string& path, const std::string& name) {
  std::ifstream file(path);
  if (!file) throw LinkFailure("cannot read " + path);
  for (std::string line; std::getline(file, line);) {
    const std::size_t start = line.find_first_not_of(" \t");
    if (start == std::string::npos || line.compare(start, name.size(), name) != 0) continue;
    const std::size_t open = line.find('"', start), close = line.find('"', open + 1);
    if (open != std::string::npos && close == open + 41) return line.substr(open + 1, 40);
  }
  return "";
}

}  // namespace detail

class Robot {
 public:
  /** @param now the robot's clock [s]: monotonic, and the one that stamps its readings */
  Robot(const std::string& endpoint, Description description, std::function<double()> now = steady_now,
        const std::optional<Keys>& keys = std::nullopt)
      : description_(std::move(description)), now_(std::move(now)) {
    context_ = zmq_ctx_new();
    socket_ = context_ == nullptr ? nullptr : zmq_socket(context_, ZMQ_DEALER);
    if (socket_ == nullptr) fail("no socket");
    try {
      set(ZMQ_LINGER, 200);
      const std::int64_t most = detail::kMaxBytes;
      check(zmq_setsockopt(socket_, ZMQ_MAXMSGSIZE, &most, sizeof most));
      // Readings are worth nothing later: they wait for no connection, and not behind one another.
      set(ZMQ_IMMEDIATE, 1);
      set(ZMQ_SNDHWM, 64);
      set(ZMQ_RCVHWM, 64);
      set(ZMQ_RECONNECT_IVL, 50);
      set(ZMQ_RECONNECT_IVL_MAX, 500);
      if (keys) {
        set(ZMQ_CURVE_PUBLICKEY, detail::certificate_key(keys->secret, "public-key"));
        set(ZMQ_CURVE_SECRETKEY, detail::certificate_key(keys->secret, "secret-key"));
        set(ZMQ_CURVE_SERVERKEY, detail::certificate_key(keys->server, "public-key"));
      }
      check(zmq_connect(socket_, endpoint.c_str()));
    } catch (...) {
      close_socket();
      throw;
    }
  }
  Robot(const Robot&) = delete;
  Robot& operator=(const Robot&) = delete;
  ~Robot() { close(); }

  /** What came in and was not used, by why. */
  std::map<std::string, std::uint64_t> ignored;
  std::uint64_t senses = 0, answers = 0, sessions = 0, resent = 0, unsent = 0;
  /** The newest error or refusal that the controller told of, as `code: reason`. */
  std::string error;

  bool connected() const { return welcome_.has_value(); }
  const std::optional<Welcome>& welcome() const { return welcome_; }
  /** The newest command that was accepted in this session, expired or not. */
  const std::optional<Command>& last() const { return command_; }

  /** What to drive by right now; zero without a command that is good. */
  Twist command() const { return good_for() > 0 && command_ ? command_->twist : kZero; }

  /** How long command() may be held [s], for a base that stops by itself: 0 where there is none, infinity for zero. */
  double good_for() const {
    if (!command_ || stopped_ || silent()) return 0;
    if (command_->twist == kZero) return kInfinity;
    const double now = now_();
    // A clock that went back says nothing about the age of a command.
    return now >= command_->t ? std::max(0.0, command_->until - now) : 0;
  }

  /** Sends readings, stamped with now. @returns their sequence number */
  std::uint64_t sense(Readings readings) { return sense(std::move(readings), now_()); }
  std::uint64_t sense(Readings readings, double t) {
    newest_ = std::move(readings);
    newest_t_ = t;
    sent_[++q_] = t;
    if (sent_.size() > detail::kRemembered) sent_.erase(sent_.begin());
    senses++;
    if (welcome_) send_sense();
    return q_;
  }

  /**
   * Lockstep: sends readings and waits for their command, asking again for what may have been lost.
   * @returns command(): zero where no answer came in time
   */
  Twist exchange(Readings readings, double timeout = 1.0) {
    std::uint64_t asked = welcome_ ? welcome_->s : 0;
    const std::uint64_t q = sense(std::move(readings));
    const double deadline = steady_now() + timeout;
    double resend = steady_now() + detail::kResend;
    while (!answered(q)) {
      const double now = steady_now();
      if (now >= deadline || failed_q_ == q) return kZero;
      if (welcome_ && (now >= resend || asked != welcome_->s)) {
        resent += asked == welcome_->s;
        asked = welcome_->s;
        resend = now + detail::kResend;
        send_sense();
      }
      poll((welcome_ ? std::min(resend, deadline) : deadline) - now, q);
    }
    return command();
  }

  /**
   * Sends what is due and takes what comes, for so long, or until the command for `until_q` or a new session is there.
   * @throws Refused where saying hello again would change nothing
   */
  void poll(double seconds = 0, std::uint64_t until_q = 0) {
    const double deadline = steady_now() + seconds;
    for (;;) {
      send_what_is_due();
      const double now = steady_now();
      const double due = std::max(0.001, (welcome_ ? next_heartbeat_ : next_hello_) - now);
      const double wait = std::max(0.0, std::min(deadline - now, due));
      zmq_pollitem_t item{socket_, 0, ZMQ_POLLIN, 0};
      const int ready = zmq_poll(&item, 1, static_cast<long>(std::ceil(1000 * wait)));
      const std::uint64_t session = welcome_ ? welcome_->s : 0;
      // Bounded, so that a flood cannot hold the robot's loop.
      for (int i = 0; ready > 0 && i < 1000 && receive(); i++) {
      }
      if (until_q != 0 && (answered(until_q) || failed_q_ == until_q)) return;
      if (until_q != 0 && session != (welcome_ ? welcome_->s : 0)) return;
      if (steady_now() >= deadline) return;
    }
  }

  /** Sets the goal between two senses, or cancels it. */
  void goal(const std::optional<Goal>& goal) {
    if (!welcome_) return;
    detail::Outgoing message;
    detail::Packer& packer = begin(message, "goal", 4);
    pack_stamp(packer, now_());
    packer.pack("goal");
    pack_goal(packer, goal);
    send(message);
  }

  /** What decision `n` earned, where the controller's `reward.source` is `feedback`. */
  void feedback(std::uint64_t n, double reward) {
    if (!welcome_) return;
    detail::Outgoing message;
    detail::Packer& packer = begin(message, "feedback", 5);
    pack_stamp(packer, now_());
    packer.pack("n").pack(n).pack("reward").pack_double(reward);
    send(message);
  }

  /** Stands still until go(), here at once and through every later session. */
  void stop(const std::string& reason = "") {
    stopped_ = reason;
    say("stop", &reason);
  }

  void go() {
    stopped_.reset();
    command_.reset();  // what was commanded before is not taken up again
    say("go", nullptr);
  }

  /** Says bye. Zero from here on. */
  void close(const std::string& reason = "done") {
    if (socket_ == nullptr) return;
    say("bye", &reason);
    end_session();
    close_socket();
  }

 private:
  void fail(const std::string& what) { throw LinkFailure(what + ": " + zmq_strerror(zmq_errno())); }
  void check(int result) {
    if (result != 0) fail("ZeroMQ");
  }
  void set(int option, int value) { check(zmq_setsockopt(socket_, option, &value, sizeof value)); }
  void set(int option, const std::string& key) {
    if (key.size() != 40) throw LinkFailure("a certificate lacks its key: give NAME.key_secret and server.key");
    check(zmq_setsockopt(socket_, option, key.c_str(), 41));
  }
  void close_socket() {
    zmq_close(socket_);
    zmq_ctx_term(context_);
    socket_ = context_ = nullptr;
  }

  bool answered(std::uint64_t q) const { return command_ && command_->q == q; }
  bool silent() const { return !welcome_ || steady_now() - heard_ > welcome_->timeout; }

  detail::Packer& begin(detail::Outgoing& message, const char* m, std::uint32_t keys) {
    detail::Packer& packer = message.packer;
    packer.pack_map(keys);
    packer.pack("m").pack(m);
    packer.pack("s").pack(welcome_->s);
    return packer;
  }
  static void pack_stamp(detail::Packer& packer, double t) { packer.pack("t").pack_double(t); }
  static void pack_goal(detail::Packer& packer, const std::optional<Goal>& goal) {
    if (goal) {
      detail::pack_numbers(packer, std::array<double, 3>{goal->x, goal->y, goal->tolerance});
    } else {
      packer.pack_nil();
    }
  }

  void say(const char* m, const std::string* reason) {
    if (!welcome_) return;
    detail::Outgoing message;
    detail::Packer& packer = begin(message, m, reason == nullptr ? 2 : 3);
    if (reason != nullptr) packer.pack("reason").pack(*reason);
    send(message);
  }

  bool send(const detail::Outgoing& message) {
    if (zmq_send(socket_, message.buffer.data(), message.buffer.size(), ZMQ_DONTWAIT) >= 0) return true;
    if (zmq_errno() != EAGAIN && zmq_errno() != EINTR) fail("cannot send");
    unsent++;
    return false;
  }

  void send_sense() {
    const Readings& readings = newest_;
    const bool goal = readings.goal || readings.cancel_goal;
    const bool ranges = !readings.ranges.empty();
    detail::Outgoing message;
    detail::Packer& packer = begin(message, "sense",
                                  4U + (readings.odom ? 1 : 0) + (ranges ? 1 : 0) + (readings.contacts ? 1 : 0) +
                                      (goal ? 1 : 0) + (readings.frame ? 1 : 0));
    packer.pack("q").pack(q_);
    pack_stamp(packer, newest_t_);
    if (readings.odom) {
      packer.pack("odom");
      detail::pack_numbers(packer, *readings.odom);
    }
    if (ranges) {
      // The protocol's floats are little-endian, whatever this machine's are.
      std::vector<char> bytes(4 * readings.ranges.size());
      for (std::size_t i = 0; i < readings.ranges.size(); i++) {
        std::uint32_t bits = 0;
        std::memcpy(&bits, &readings.ranges[i], 4);
        for (std::size_t k = 0; k < 4; k++) bytes[4 * i + k] = static_cast<char>((bits >> (8 * k)) & 0xff);
      }
      packer.pack("ranges");
      packer.pack_bin(static_cast<std::uint32_t>(bytes.size()));
      packer.pack_bin_body(bytes.data(), static_cast<std::uint32_t>(bytes.size()));
    }
    if (readings.contacts) {
      packer.pack("contacts");
      detail::pack_numbers(packer, *readings.contacts);
    }
    if (goal) {
      packer.pack("goal");
      pack_goal(packer, readings.goal);
    }
    if (readings.frame) packer.pack("frame").pack(*readings.frame);
    send(message);
  }

  bool send_hello() {
    const Description& robot = description_;
    detail::Outgoing message;
    detail::Packer& packer = message.packer;
    packer.pack_map(old_session_ != 0 ? 13U : 12U);
    packer.pack("m").pack("hello");
    packer.pack("v").pack(std::array<int, 1>{kVersion});
    packer.pack("name").pack(robot.name);
    packer.pack("mode").pack(robot.mode);
    packer.pack("clock").pack(robot.clock);
    packer.pack("drive").pack(robot.drive);
    packer.pack("size");
    detail::pack_numbers(packer, robot.size);
    packer.pack("max");
    detail::pack_numbers(packer, robot.max);
    packer.pack("rate").pack_double(robot.rate);
    packer.pack("scan").pack_map(8);
    packer.pack("n").pack(robot.scan.n);
    packer.pack("a0").pack_double(robot.scan.a0).pack("da").pack_double(robot.scan.da);
    packer.pack("rmin").pack_double(robot.scan.rmin).pack("rmax").pack_double(robot.scan.rmax);
    packer.pack("x").pack_double(robot.scan.x).pack("y").pack_double(robot.scan.y);
    packer.pack("yaw").pack_double(robot.scan.yaw);
    packer.pack("contacts").pack(robot.contacts);
    if (old_session_ != 0) packer.pack("s").pack(old_session_);
    // The same hello again, `t` and all, is answered with the same welcome again.
    if (!hello_t_) hello_t_ = now_();
    pack_stamp(packer, *hello_t_);
    return send(message);
  }

  void send_what_is_due() {
    const double now = steady_now();
    if (welcome_ && silent()) end_session();
    if (!welcome_ && now >= next_hello_) {
      awaiting_welcome_ = send_hello();
      next_hello_ = now + (awaiting_welcome_ ? hello_wait_ : detail::kUnconnected);
      if (awaiting_welcome_) hello_wait_ = std::min(2 * hello_wait_, detail::kHelloMax);
    }
    if (welcome_ && now >= next_heartbeat_) {
      next_heartbeat_ = now + welcome_->heartbeat;
      const double t = now_();
      detail::Outgoing message;
      detail::Packer& packer = begin(message, "heartbeat", theirs_ ? 5 : 3);
      pack_stamp(packer, t);
      if (theirs_) packer.pack("e").pack_double(theirs_->first).pack("d").pack_double(t - theirs_->second);
      send(message);
    }
  }

  void end_session(double hello_in = 0) {
    if (welcome_) old_session_ = welcome_->s;
    hello_t_.reset();
    welcome_.reset();
    command_.reset();
    next_hello_ = std::max(next_hello_, steady_now() + hello_in);
  }

  /** Takes one message off the socket, of however many frames. @returns whether there was one */
  bool receive() {
    zmq_msg_t first, more;
    zmq_msg_init(&first);
    if (zmq_msg_recv(&first, socket_, ZMQ_DONTWAIT) < 0) {
      zmq_msg_close(&first);
      return false;
    }
    int frames = 1;
    for (bool rest = zmq_msg_more(&first) != 0; rest; frames++) {
      zmq_msg_init(&more);
      if (zmq_msg_recv(&more, socket_, ZMQ_DONTWAIT) < 0) break;
      rest = zmq_msg_more(&more) != 0;
      zmq_msg_close(&more);
    }
    try {
      if (frames != 1) throw detail::Invalid("more than one frame");
      handle(static_cast<const char*>(zmq_msg_data(&first)), zmq_msg_size(&first));
    } catch (const detail::Invalid& invalid) {
      ignored[std::string("invalid: ") + invalid.what()]++;
    } catch (...) {
      zmq_msg_close(&first);
      throw;
    }
    zmq_msg_close(&first);
    return true;
  }

  void handle(const char* data, std::size_t size) {
    const msgpack::object_handle handle = detail::decode(data, size);
    const msgpack::object& message = handle.get();
    const std::string m = detail::text(detail::get(message, "m"));
    if (m == "command") {
      on_command(message);
    } else if (m == "welcome") {
      on_welcome(message);
    } else if (m == "refused") {
      on_refused(message);
    } else if (m == "error") {
      on_error(message);
    } else if (m == "heartbeat") {
      if (!of_this_session(message)) return;
      if (!theirs_) next_heartbeat_ = 0;  // the first is answered at once: the clocks' offset is known that much sooner
      theirs_ = {detail::number(detail::get(message, "t")), now_()};
      heard_ = steady_now();
    } else if (m == "bye") {
      if (!of_this_session(message)) return;
      end_session(detail::kHello);
      old_session_ = 0;
    } else {
      throw detail::Invalid("no message of a controller");
    }
  }

  bool of_this_session(const msgpack::object& message) {
    const std::uint64_t s = detail::integer(detail::get(message, "s"), 1, 4294967295.0);
    if (welcome_ && welcome_->s == s) return true;
    ignored["other session"]++;
    return false;
  }

  void on_command(const msgpack::object& message) {
    if (!of_this_session(message)) return;
    Command command{};
    command.q = detail::integer(detail::get(message, "q"));
    command.t = detail::number(detail::get(message, "t"));
    command.n = detail::integer(detail::get(message, "n"));
    command.twist = detail::numbers<3>(detail::get(message, "twist"));
    command.until = detail::number(detail::get(message, "until"));
    command.why = detail::integer(detail::get(message, "why"));
    const auto sent = sent_.find(command.q);
    if (sent == sent_.end() || sent->second != command.t || command.q < first_q_) {
      throw detail::Invalid("command for a sense that was never sent");
    }
    if (command_ && (command.q < command_->q || (command.q == command_->q && command.n < command_->n))) {
      ignored["older command"]++;
      return;
    }
    const double speed = std::hypot(command.twist[0], command.twist[1]), turn = std::abs(command.twist[2]);
    for (const auto* limits : {&description_.max, &welcome_->max}) {
      if (speed > (*limits)[0] * (1 + 1e-6) || turn > (*limits)[1] * (1 + 1e-6)) {
        throw detail::Invalid("command beyond the limits");
      }
    }
    if (command.twist != kZero && command.until > command.t + welcome_->expiry + 1e-6) {
      throw detail::Invalid("command that expires too late");
    }
    heard_ = steady_now();
    command_ = command;
    answers++;
  }

  void on_welcome(const msgpack::object& message) {
    if (welcome_ || !awaiting_welcome_) {
      ignored["unexpected welcome"]++;
      return;
    }
    const std::uint64_t version = detail::integer(detail::get(message, "v"));
    if (version != kVersion) {
      throw Refused("version", "the controller speaks version " + std::to_string(version) + ", this client " +
                                   std::to_string(kVersion));
    }
    Welcome welcome{};
    welcome.s = detail::integer(detail::get(message, "s"), 1, 4294967295.0);
    const msgpack::object* resumed = detail::find(message, "resumed");
    welcome.resumed = resumed != nullptr && resumed->type == msgpack::type::BOOLEAN && resumed->via.boolean;
    welcome.period = detail::number(detail::get(message, "period"), 1e-6, 1e6);
    welcome.expiry = detail::number(detail::get(message, "expiry"), 1e-6, 1e6);
    welcome.timeout = detail::number(detail::get(message, "timeout"), 1e-6, 1e6);
    welcome.heartbeat = detail::number(detail::get(message, "heartbeat"), 1e-6, 1e6);
    welcome.max = detail::numbers<4>(detail::get(message, "max"), 0);
    if (const msgpack::object* policy = detail::find(message, "policy")) welcome.policy = detail::text(*policy);
    if (const msgpack::object* updates = detail::find(message, "updates")) welcome.updates = detail::integer(*updates);
    awaiting_welcome_ = false;
    hello_wait_ = detail::kHello;
    command_.reset();
    theirs_.reset();
    if (q_ > 0 && !welcome.resumed) first_q_ = q_;
    welcome_ = welcome;
    heard_ = steady_now();
    next_heartbeat_ = 0;
    sessions++;
    if (stopped_) say("stop", &*stopped_);
  }

  void on_refused(const msgpack::object& message) {
    if (welcome_ || !awaiting_welcome_) {
      ignored["unexpected refusal"]++;
      return;
    }
    const std::string code = detail::text(detail::get(message, "code"));
    const std::string reason = detail::text(detail::get(message, "reason"));
    const double retry = detail::number(detail::get(message, "retry"), 0, 3600);
    error = code + ": " + reason;
    hello_t_.reset();
    next_hello_ = steady_now() + (retry > 0 ? retry : 1);
    if (retry == 0) throw Refused(code, reason);
  }

  void on_error(const msgpack::object& message) {
    if (detail::find(message, "s") != nullptr && !of_this_session(message)) return;
    const std::string code = detail::text(detail::get(message, "code"));
    const msgpack::object* q = detail::find(message, "q");
    const std::uint64_t about = q == nullptr ? 0 : detail::integer(*q);
    const msgpack::object* reason = detail::find(message, "reason");
    error = code + (reason == nullptr ? "" : ": " + detail::text(*reason));
    ignored[ignored.size() < 100 ? "error " + code : "error"]++;
    if (code == "session" && (q == nullptr || about >= first_q_)) {
      end_session();
    } else if (code == "rate") {
      end_session(detail::kMuted);
    } else if (q != nullptr) {
      failed_q_ = about;
    }
  }

  Description description_;
  std::function<double()> now_;
  void* context_ = nullptr;
  void* socket_ = nullptr;
  std::optional<Welcome> welcome_;
  std::uint64_t old_session_ = 0;
  bool awaiting_welcome_ = false;
  std::optional<double> hello_t_;  // of the hello that is being said
  double hello_wait_ = detail::kHello;
  std::optional<Command> command_;
  std::optional<std::string> stopped_;
  std::map<std::uint64_t, double> sent_;  // q → stamp
  std::uint64_t q_ = 0, first_q_ = 1, failed_q_ = 0;
  Readings newest_;
  double newest_t_ = 0;
  /** t of the controller's newest heartbeat, and when it came on this robot's clock. */
  std::optional<std::pair<double, double>> theirs_;
  double next_hello_ = 0, next_heartbeat_ = 0, heard_ = 0;  // on steady_now()
};

}  // namespace rfsn
