"""
The ZeroMQ link of rfsn-controller for Python: the robot's side, the watcher's and the administrator's. What goes over
the wire is described in docs/zeromq-protocol.md. Needs pyzmq and msgpack (README.md beside this file).

A robot is moved by `Robot.command()` alone, and that is zero unless a command stands that belongs to this session and to
a reading which this robot has sent, keeps to both sides' limits, and has not expired on the robot's clock. Whatever else
comes in is counted in `Robot.ignored` and moves nothing.

One thread uses one object. Units are SI, axes as in REP-103, times seconds.
"""
import collections
import math
import random
import struct
import time

try:
    import msgpack
    import zmq
    import zmq.auth
except ImportError as missing:
    raise ImportError(f'{missing}: `apt install python3-zmq python3-msgpack`, and run /usr/bin/python3, or '
                      '`pip install pyzmq msgpack`') from None

VERSIONS = [1]
TOPICS = 'decision', 'state', 'checkpoint'
ZERO = (0.0, 0.0, 0.0)
KEEP = object()  # a goal that stays what it is

# Reason codes of a command that a robot may want to tell apart.
NO_GOAL, ARRIVED, DISARMED = 10, 11, 12

_HELLO_S, _HELLO_MAX_S = 0.1, 1.0  # after a hello that nobody answers: twice as long each time
_UNCONNECTED_S = 0.02  # until the next look for a connection that is not there yet
_RESEND_S = 0.25  # lockstep: an answer that is not there by then is asked for again
_MUTED_S = 11.0  # a peer that sent too much is not listened to for so long
_REMEMBERED = 256  # senses whose command may still come
_MAX_BYTES = 65536

Command = collections.namedtuple('Command', 'q t n twist until why')


class Refused(Exception):
    """The controller does not want this robot as it is: `code`, and `str(error)` says what would be right."""

    def __init__(self, code, reason, versions):
        super().__init__(f'refused ({code}): {reason}')
        self.code, self.versions = code, versions


class RequestFailed(Exception):
    """An administrator's request that the controller would not or could not do."""

    def __init__(self, code, reason):
        super().__init__(f'{code}: {reason}')
        self.code = code


def secure(socket, keys):
    """
    CURVE: `keys` are the path of this peer's secret certificate and of the controller's public one; None: no keys.
    Raises ValueError where a file is no certificate or cannot be read.
    """
    if keys is None:
        return socket
    pair, server = _certificate(keys[0]), _certificate(keys[1])
    if pair[1] is None:
        raise ValueError(f'{keys[0]} holds no secret key: give the file that ends in .key_secret')
    try:
        socket.curve_publickey, socket.curve_secretkey = pair
        socket.curve_serverkey = server[0]
    except (zmq.ZMQError, ValueError, TypeError) as error:
        raise ValueError(f'{keys[0]}, {keys[1]}: no keys of CURVE: {error}') from None
    return socket


def _certificate(path):
    try:
        return zmq.auth.load_certificate(path)
    except (OSError, ValueError) as error:
        raise ValueError(f'{path}: no certificate that can be read: {error}') from None


def _connect(socket, endpoint):
    try:
        socket.connect(endpoint)
    except zmq.ZMQError as error:
        socket.close()
        raise ValueError(f'{endpoint!r} is no endpoint, such as tcp://127.0.0.1:7471: {error.strerror}') from None


def decode(data):
    """The map in `data`. Raises ValueError for anything else, whatever bytes they are."""
    try:
        message = msgpack.unpackb(data, raw=False, ext_hook=_no_extension)
    except Exception as error:  # msgpack has half a dozen kinds, not all of them a ValueError
        raise ValueError(f'no MessagePack: {error!r}') from None
    if not isinstance(message, dict):
        raise ValueError('no map')
    return message


def encode(message):
    return msgpack.packb(message, use_bin_type=True)


def _no_extension(code, _data):
    raise ValueError(f'extension type {code}')


def _number(value, low=-math.inf, high=math.inf):
    """`value` as a float. Raises ValueError unless it is a finite number within the bounds."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError('no number')
    if not (math.isfinite(value) and low <= value <= high):
        raise ValueError(f'{value} out of bounds')
    return float(value)


def _integer(value, low, high):
    """A whole number in whatever form it came: the controller writes large ones as floats."""
    if not _number(value, low, high).is_integer():
        raise ValueError('no integer')
    return int(value)


def _numbers(value, count, low=-math.inf):
    if not isinstance(value, list) or len(value) != count:
        raise ValueError(f'not {count} numbers')
    return tuple(_number(item, low) for item in value)


class Robot:
    """
    A robot's link. `description` is the hello without its `m`, `v`, `s` and `t`: name, mode, clock, drive, size, max,
    rate, scan, contacts. `now` is the robot's clock [s]: monotonic, and the one that stamps its readings.
    """

    def __init__(self, endpoint, description, now=time.monotonic, keys=None, context=None):
        self.description = dict(description)
        self.welcome = None  # the newest welcome, while the session lasts
        self.error = None  # the newest error the controller told of: (code, reason)
        self.senses = self.answers = self.sessions = self.resent = self.unsent = 0
        self.ignored = collections.Counter()  # what came in and was not used, by why
        self._now = now
        self._session = self._old_session = None
        self._command = None
        self._sent = collections.OrderedDict()  # q → stamp
        self._q = 0
        self._first_q = 1  # of this session
        self._failed_q = 0
        self._newest = None  # the newest sense, to send it again
        self._stopped = None
        self._next_hello = self._next_heartbeat = self._heard = 0.0  # on time.monotonic()
        self._awaiting_welcome = False
        self._hello_t = None  # of the hello that is being said
        self._hello_wait = _HELLO_S
        self._theirs = None  # t of the controller's newest heartbeat, when it came by `now`
        self._socket = secure((context or zmq.Context.instance()).socket(zmq.DEALER), keys)
        self._socket.linger = 200
        self._socket.maxmsgsize = _MAX_BYTES
        # Readings are worth nothing later: they wait for no connection, and not behind one another.
        self._socket.immediate = True
        self._socket.sndhwm = self._socket.rcvhwm = 64
        self._socket.reconnect_ivl, self._socket.reconnect_ivl_max = 50, 500
        _connect(self._socket, endpoint)

    @property
    def connected(self):
        return self._session is not None

    @property
    def last(self):
        """The newest command that was accepted in this session, expired or not; None before the first."""
        return self._command

    def command(self):
        """(vx, vy, yaw rate) to drive by right now; zero without a command that is good."""
        return self._command.twist if self.good_for() > 0 and self._command else ZERO

    def good_for(self):
        """How long `command()` may be held [s], for a base that stops by itself: 0 where there is none, inf for zero."""
        command, now = self._command, self._now()
        if command is None or self._stopped is not None or self._silent():
            return 0.0
        if command.twist == ZERO:
            return math.inf
        # A clock that went back says nothing about the age of a command.
        return max(0.0, command.until - now) if now >= command.t else 0.0

    def sense(self, odom=None, ranges=None, contacts=None, goal=KEEP, frame=None, t=None):
        """Sends readings, as the protocol's `sense` names them (`ranges`: any numbers, NaN and inf among them)."""
        self._q += 1
        message = {'m': 'sense', 's': self._session, 'q': self._q, 't': float(self._now() if t is None else t)}
        if odom is not None:
            message['odom'] = [float(value) for value in odom]
        if ranges is not None:
            message['ranges'] = struct.pack(f'<{len(ranges)}f', *ranges)
        if contacts is not None:
            message['contacts'] = [float(value) for value in contacts]
        if goal is not KEEP:
            message['goal'] = None if goal is None else [float(value) for value in goal]
        if frame is not None:
            message['frame'] = frame
        self._newest = message
        self._sent[self._q] = message['t']
        while len(self._sent) > _REMEMBERED:
            self._sent.popitem(last=False)
        self.senses += 1
        if self._session is not None:
            self._send(message)
        return self._q

    def exchange(self, timeout=1.0, **readings):
        """
        Lockstep: sends readings and waits for their command, asking again for what may have been lost.
        Returns `command()`: zero where no answer came within `timeout` seconds.
        """
        asked = self._session
        q = self.sense(**readings)
        deadline = time.monotonic() + timeout
        resend = time.monotonic() + _RESEND_S
        while self._command is None or self._command.q != q:
            now = time.monotonic()
            if now >= deadline or self._failed_q == q:
                return ZERO
            if self._session is not None and (now >= resend or asked != self._session):
                self.resent += asked == self._session
                asked, resend = self._session, now + _RESEND_S
                self._newest['s'] = self._session
                self._send(self._newest)
            self.poll((deadline if self._session is None else min(resend, deadline)) - now, until_q=q)
        return self.command()

    def poll(self, seconds=0.0, until_q=None):
        """
        Sends what is due and takes what comes, for so long, or until the command for `until_q` or a new session is there.
        Raises Refused where saying hello again would change nothing.
        """
        deadline = time.monotonic() + seconds
        while True:
            self._send_what_is_due()
            wait = deadline - time.monotonic()
            due = (self._next_hello if self._session is None else self._next_heartbeat) - time.monotonic()
            ready = self._socket.poll(max(0, math.ceil(1000 * min(wait, max(due, 0.001)))))
            session = self._session
            for _ in range(1000 if ready else 0):  # bounded, so that a flood cannot hold the robot's loop
                try:
                    self._receive(self._socket.recv_multipart(zmq.NOBLOCK))
                except zmq.Again:
                    break
            answered = self._command is not None and self._command.q == until_q or self._failed_q == until_q
            if until_q is not None and (answered or self._session != session):
                return
            if time.monotonic() >= deadline:
                return

    def goal(self, goal):
        """Sets the goal (x, y, tolerance), or cancels it (None), between two senses."""
        value = None if goal is None else [float(item) for item in goal]
        self._say({'m': 'goal', 't': float(self._now()), 'goal': value})

    def feedback(self, n, reward):
        """What decision `n` earned, where the controller's `reward.source` is `feedback`."""
        self._say({'m': 'feedback', 't': float(self._now()), 'n': n, 'reward': float(reward)})

    def stop(self, reason=''):
        """Stands still until `go()`, here at once and through every later session."""
        self._stopped = reason
        self._say({'m': 'stop', 'reason': reason})

    def go(self):
        self._stopped = None
        self._command = None  # what was commanded before is not taken up again
        self._say({'m': 'go'})

    def close(self, reason='done'):
        """Says bye. Zero from here on."""
        self._say({'m': 'bye', 'reason': reason})
        self._end_session()
        self._socket.close()

    # What follows is the protocol's inside.

    def _say(self, message):
        if self._session is not None and not self._socket.closed:
            self._send({'m': message['m'], 's': self._session, **message})

    def _send(self, message):
        try:
            self._socket.send(encode(message), zmq.NOBLOCK)
            return True
        except zmq.Again:
            self.unsent += 1
            return False

    def _silent(self):
        return self.welcome is None or time.monotonic() - self._heard > self.welcome['timeout']

    def _send_what_is_due(self):
        now = time.monotonic()
        if self._session is not None and self._silent():
            self._end_session()
        if self._session is None and now >= self._next_hello:
            hello = {'m': 'hello', 'v': VERSIONS, **self.description}
            if self._old_session is not None:
                hello['s'] = self._old_session
            # The same hello again, `t` and all, is answered with the same welcome again.
            if self._hello_t is None:
                self._hello_t = float(self._now())
            self._awaiting_welcome = self._send({**hello, 't': self._hello_t})
            self._next_hello = now + (self._hello_wait if self._awaiting_welcome else _UNCONNECTED_S)
            if self._awaiting_welcome:
                self._hello_wait = min(2 * self._hello_wait, _HELLO_MAX_S)
        if self._session is not None and now >= self._next_heartbeat:
            self._next_heartbeat = now + self.welcome['heartbeat']
            beat = {'m': 'heartbeat', 't': float(self._now())}
            if self._theirs is not None:
                beat['e'], beat['d'] = self._theirs[0], beat['t'] - self._theirs[1]
            self._say(beat)

    def _end_session(self, hello_in=0.0):
        self._old_session, self._session = self._session or self._old_session, None
        self.welcome = self._command = self._hello_t = None
        self._next_hello = max(self._next_hello, time.monotonic() + hello_in)

    def _receive(self, frames):
        handlers = {'command': self._on_command, 'welcome': self._on_welcome, 'refused': self._on_refused,
                    'error': self._on_error, 'heartbeat': self._on_heartbeat, 'bye': self._on_bye}
        try:
            if len(frames) != 1:
                raise ValueError(f'{len(frames)} frames')
            message = decode(frames[0])
            handler = handlers.get(message.get('m')) if isinstance(message.get('m'), str) else None
            if handler is None:
                raise ValueError('no message of a controller')
            handler(message)
        except (ValueError, KeyError, OverflowError) as error:
            self.ignored[f'invalid: {error}' if len(self.ignored) < 100 else 'invalid'] += 1

    def _of_this_session(self, message):
        if self._session is None or _integer(message['s'], 1, 2**32 - 1) != self._session:
            self.ignored['other session'] += 1
            return False
        return True

    def _on_command(self, message):
        if not self._of_this_session(message):
            return
        command = Command(
            q=_integer(message['q'], 0, 2**53 - 1),
            t=_number(message['t']),
            n=_integer(message['n'], 0, 2**53 - 1),
            twist=_numbers(message['twist'], 3),
            until=_number(message['until']),
            why=_integer(message['why'], 0, 2**31),
        )
        if self._sent.get(command.q) != command.t or command.q < self._first_q:
            raise ValueError('command for a sense that was never sent')
        if self._command is not None and (command.q, command.n) < (self._command.q, self._command.n):
            self.ignored['older command'] += 1
            return
        speed, turn = math.hypot(command.twist[0], command.twist[1]), abs(command.twist[2])
        for limits in (self.description['max'], self.welcome['max']):
            if speed > limits[0] * (1 + 1e-6) or turn > limits[1] * (1 + 1e-6):
                raise ValueError('command beyond the limits')
        if command.twist != ZERO and command.until > command.t + self.welcome['expiry'] + 1e-6:
            raise ValueError('command that expires too late')
        self._heard = time.monotonic()
        self._command = command
        self.answers += 1

    def _on_welcome(self, message):
        if self._session is not None or not self._awaiting_welcome:
            self.ignored['unexpected welcome'] += 1
            return
        version = _integer(message['v'], 0, 2**31)
        if version not in VERSIONS:
            raise Refused('version', f'the controller speaks version {version}, this client {VERSIONS}', [version])
        session = _integer(message['s'], 1, 2**32 - 1)
        welcome = dict(message)
        for key in ('period', 'expiry', 'timeout', 'heartbeat'):
            welcome[key] = _number(message[key], 1e-6, 1e6)
        welcome['max'] = _numbers(message['max'], 4, 0.0)
        self.welcome, self._session, self._awaiting_welcome = welcome, session, False
        self._hello_wait = _HELLO_S
        self._command = self._theirs = None
        if self._newest is not None and message.get('resumed') is not True:
            self._first_q = self._q
        self._heard = time.monotonic()
        self._next_heartbeat = 0.0
        self.sessions += 1
        if self._stopped is not None:
            self._say({'m': 'stop', 'reason': self._stopped})

    def _on_refused(self, message):
        if self._session is not None or not self._awaiting_welcome:
            self.ignored['unexpected refusal'] += 1
            return
        code, reason = str(message['code']), str(message['reason'])
        retry = _number(message['retry'], 0.0, 3600.0)
        self.error = (code, reason)
        self._hello_t = None
        self._next_hello = time.monotonic() + retry
        if retry == 0:
            self._next_hello += 1
            raise Refused(code, reason, message.get('v'))

    def _on_error(self, message):
        if message.get('s') is not None and not self._of_this_session(message):
            return
        code = str(message['code'])
        q = message.get('q')
        self.error = (code, str(message.get('reason', '')))
        self.ignored[f'error {code}'] += 1
        if code == 'session' and (q is None or _integer(q, 0, 2**53 - 1) >= self._first_q):
            self._end_session()
        elif code == 'rate':
            self._end_session(_MUTED_S)
        elif q is not None:
            self._failed_q = _integer(q, 0, 2**53 - 1)

    def _on_heartbeat(self, message):
        if self._of_this_session(message):
            if self._theirs is None:
                self._next_heartbeat = 0.0  # the first is answered at once: the clocks' offset is known that much sooner
            self._theirs = (_number(message['t']), float(self._now()))
            self._heard = time.monotonic()

    def _on_bye(self, message):
        if self._of_this_session(message):
            self._end_session(_HELLO_S)
            self._old_session = None


class Watcher:
    """Telemetry: some of `TOPICS`, of one robot or of all. `lost` counts gaps by topic."""

    def __init__(self, endpoint, topics=TOPICS, robot=None, keys=None, context=None):
        self.lost = collections.Counter()
        self.invalid = 0
        self._names = {f'{topic}/{robot}' for topic in topics} if robot else None
        self._q = {}
        self._socket = secure((context or zmq.Context.instance()).socket(zmq.SUB), keys)
        self._socket.linger = 0
        self._socket.maxmsgsize = 16 * _MAX_BYTES
        for topic in topics:
            self._socket.subscribe(f'{topic}/{robot or ""}')
        _connect(self._socket, endpoint)

    def next(self, timeout=1.0):
        """The next (topic, robot, map), or None where nothing came within `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while self._socket.poll(max(0, math.ceil(1000 * (deadline - time.monotonic())))):
            frames = self._socket.recv_multipart()
            try:
                name, message = frames[0].decode(), decode(frames[1])
                topic, robot = name.split('/')
                q = _integer(message['q'], 0, 2**53 - 1)
            except (ValueError, KeyError, IndexError):
                self.invalid += 1
                continue
            if self._names is not None and name not in self._names:
                continue  # a subscription is a prefix: `state/a` is also one of `state/ab`
            # A number that falls is a publisher that began anew.
            if name in self._q and q > self._q[name] + 1:
                self.lost[name] += q - self._q[name] - 1
            self._q[name] = q
            return topic, robot, message
        return None

    def close(self):
        self._socket.close()


def request(endpoint, message, timeout=5.0, keys=None, context=None):
    """
    Sends an administrator's request, such as {'m': 'set', 'name': 'robot.max_speed', 'value': 1.0}, and returns its
    result, a dict. Raises RequestFailed with the controller's reason, or TimeoutError.
    """
    message = {**message, 'id': random.getrandbits(32)}
    with secure((context or zmq.Context.instance()).socket(zmq.REQ), keys) as socket:
        socket.linger = 0
        socket.maxmsgsize = 16 * _MAX_BYTES
        _connect(socket, endpoint)
        socket.send(encode(message))
        if not socket.poll(math.ceil(1000 * timeout)):
            raise TimeoutError(f'{endpoint} did not answer within {timeout} s')
        answer = decode(socket.recv())
    if answer.get('m') == 'error':
        raise RequestFailed(answer.get('code'), answer.get('reason'))
    if answer.get('m') != 'ok' or answer.get('id') != message['id'] or not isinstance(answer.get('result'), dict):
        raise RequestFailed('message', f'an answer to something else: {answer}')
    return answer['result']
