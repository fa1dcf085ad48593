"""A robot in a room with round obstacles, on a clock of its own: a differential base 0.508 m by 0.43 m with a laser and
contact sensors on its sides."""
import math
import random

LENGTH, WIDTH = 0.508, 0.43
SIDE = 8.0
BEAMS, RANGE = 240, 10.0
LIMITS = (2.0, 4.0, 20.0, 25.0)  # m/s, rad/s, m/s², rad/s²: what the base can do
STEP = 0.005
MASS = 16.0  # kg


class Room:
    def __init__(self, seed=1, obstacles=5):
        self.random = random.Random(seed)
        self.time = 0.0
        self.x = self.y = self.yaw = self.speed = self.turning = 0.0
        self.twist, self.expiry = (0.0, 0.0, 0.0), 0.0
        self.hit = False
        self.contacts = [0.0] * 4
        self.collisions = 0
        self.driven = 0.0
        self.obstacles = []
        while len(self.obstacles) < obstacles:
            x, y = (self.random.uniform(-0.4, 0.4) * SIDE for _ in range(2))
            radius = self.random.uniform(0.15, 0.35)
            if self.clearance(x, y) > radius + 0.9 and math.hypot(x, y) > radius + 0.9:
                self.obstacles.append((x, y, radius))

    def description(self, name, mode, rate, clock='real'):
        """The robot as a hello describes it."""
        scan = {'n': BEAMS, 'a0': -math.pi, 'da': 2 * math.pi / BEAMS, 'rmin': 0.05, 'rmax': RANGE}
        return {'name': name, 'mode': mode, 'clock': clock, 'drive': 'differential', 'size': [LENGTH, WIDTH],
                'max': list(LIMITS), 'rate': float(rate), 'scan': scan, 'contacts': True}

    def clearance(self, x, y):
        """From a point to the nearest wall or obstacle [m]."""
        nearest = SIDE / 2 - max(abs(x), abs(y))
        return min([nearest] + [math.hypot(ox - x, oy - y) - radius for ox, oy, radius in self.obstacles])

    def goal(self):
        """A place with room around it, some way off: x, y, tolerance."""
        while True:
            x, y = (self.random.uniform(-0.4, 0.4) * SIDE for _ in range(2))
            if self.clearance(x, y) > 0.6 and math.hypot(x - self.x, y - self.y) > 2:
                return x, y, 0.3

    def reached(self, goal):
        return math.hypot(goal[0] - self.x, goal[1] - self.y) < goal[2]

    def readings(self):
        """What the robot senses: odometry, one turn of the laser, and the hardest contact on each side since it last said so."""
        odometry = self.x, self.y, self.yaw, self.speed, 0.0, self.turning
        contacts, self.contacts = self.contacts, [0.0] * 4
        return {'odom': odometry, 'ranges': self.ranges(), 'contacts': contacts}

    def ranges(self):
        """One turn of the laser, which sits on the robot's centre [m]; inf where nothing is seen."""
        out = []
        near = [(ox - self.x, oy - self.y, radius) for ox, oy, radius in self.obstacles]
        for beam in range(BEAMS):
            angle = self.yaw - math.pi + beam * 2 * math.pi / BEAMS
            c, s = math.cos(angle), math.sin(angle)
            along_x = (math.copysign(SIDE / 2, c) - self.x) / c if abs(c) > 1e-9 else math.inf
            along_y = (math.copysign(SIDE / 2, s) - self.y) / s if abs(s) > 1e-9 else math.inf
            distance = min(along_x, along_y)
            for dx, dy, radius in near:
                ahead, aside = dx * c + dy * s, dy * c - dx * s
                if ahead > 0 and abs(aside) < radius:
                    distance = min(distance, ahead - math.sqrt(radius * radius - aside * aside))
            out.append(distance if distance < RANGE else math.inf)
        return out

    def drive(self, twist, good_for):
        """Holds `twist`, like a base that brakes by itself once `good_for` seconds are over and nothing new has come."""
        self.twist, self.expiry = twist, self.time + good_for

    def advance(self, until):
        """Lets the room's time pass."""
        while self.time < until - 1e-9:
            dt = min(STEP, until - self.time)
            vx, _, turn = self.twist if self.time < self.expiry else (0.0, 0.0, 0.0)
            self.speed += max(-LIMITS[2] * dt, min(LIMITS[2] * dt, vx - self.speed))
            self.turning += max(-LIMITS[3] * dt, min(LIMITS[3] * dt, turn - self.turning))
            self.time += dt
            before = self.x, self.y, self.yaw
            self.yaw = math.remainder(self.yaw + self.turning * dt, 2 * math.pi)
            self.x += self.speed * math.cos(self.yaw) * dt
            self.y += self.speed * math.sin(self.yaw) * dt
            touched = self._touched()
            if touched:
                # What stops it within one step. A corner that turns into something moves at that speed too.
                force = MASS * (abs(self.speed) + abs(self.turning) * math.hypot(LENGTH, WIDTH) / 2) / STEP
                for side in touched:
                    self.contacts[side] = max(self.contacts[side], force)
                self.x, self.y, self.yaw = before
                self.speed = self.turning = 0.0
                self.collisions += not self.hit
                self.hit = True
            else:
                self.hit = False
                self.driven += abs(self.speed) * dt

    def _touched(self):
        """The sides that stand in something: front, left, back, right by number."""
        c, s = math.cos(self.yaw), math.sin(self.yaw)
        reach_x, reach_y = (abs(c) * LENGTH + abs(s) * WIDTH) / 2, (abs(s) * LENGTH + abs(c) * WIDTH) / 2
        found = set()
        if abs(self.x) + reach_x > SIDE / 2:
            found.add(self._side(self.x * c, -self.x * s))
        if abs(self.y) + reach_y > SIDE / 2:
            found.add(self._side(self.y * s, self.y * c))
        for ox, oy, radius in self.obstacles:
            dx, dy = ox - self.x, oy - self.y
            ahead, left = dx * c + dy * s, dy * c - dx * s
            if math.hypot(max(abs(ahead) - LENGTH / 2, 0.0), max(abs(left) - WIDTH / 2, 0.0)) < radius:
                found.add(self._side(ahead / LENGTH, left / WIDTH))
        return found

    @staticmethod
    def _side(ahead, left):
        """The side that something is on which lies that way."""
        if abs(ahead) >= abs(left):
            return 0 if ahead > 0 else 2
        return 1 if left > 0 else 3
