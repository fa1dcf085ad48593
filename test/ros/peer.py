"""A ROS 2 node in rclpy that does what its standard input says, one JSON object a line, and tells of it likewise.

Everything that tests publish, subscribe to and call goes through it: a second client library, in a process of its own.
"""
import array
import json
import math
import queue
import sys
import threading

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rosidl_runtime_py import message_to_ordereddict, set_message_fields
from rosidl_runtime_py.utilities import get_message, get_service

QUALITIES = {
    'sensor': (ReliabilityPolicy.BEST_EFFORT, DurabilityPolicy.VOLATILE, 5),
    'reliable': (ReliabilityPolicy.RELIABLE, DurabilityPolicy.VOLATILE, 10),
    'latched': (ReliabilityPolicy.RELIABLE, DurabilityPolicy.TRANSIENT_LOCAL, 1),
}


def quality(name):
    reliability, durability, depth = QUALITIES[name]
    return QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=depth, reliability=reliability, durability=durability)


def plain(value):
    """As JSON has it; numbers that it has not are written as text."""
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple, array.array)):
        return [plain(entry) for entry in value]
    if isinstance(value, bytes):
        return value[0] if len(value) == 1 else list(value)
    if hasattr(value, 'tolist'):
        return plain(value.tolist())
    return value


class Peer:
    def __init__(self):
        arguments = json.loads(sys.argv[1])
        rclpy.init(args=arguments['ros'])
        self.node = rclpy.create_node(arguments['name'])
        self.lock = threading.Lock()
        self.orders = queue.Queue()
        self.wake = self.node.create_guard_condition(self.work)
        self.publishers = {}
        self.subscriptions = {}
        self.timers = {}
        self.clients = {}

    def tell(self, **event):
        with self.lock:
            sys.stdout.write(json.dumps(event, allow_nan=False) + '\n')
            sys.stdout.flush()

    def read(self):
        for line in sys.stdin:
            self.orders.put(json.loads(line))
            self.wake.trigger()
        # Whoever started it is gone.
        self.orders.put(None)
        self.wake.trigger()

    def work(self):
        while not self.orders.empty():
            order = self.orders.get()
            if order is None:
                rclpy.try_shutdown()
                return
            try:
                result = getattr(self, 'do_' + order['do'])(order)
                if result is not None:
                    self.tell(done=order['id'], result=plain(result))
            except Exception as error:  # It is told to the test, which fails of it.
                self.tell(done=order['id'], error=f'{type(error).__name__}: {error}')

    def publisher(self, order):
        key = (order['topic'], order['type'])
        if key not in self.publishers:
            self.publishers[key] = self.node.create_publisher(
                get_message(order['type']), order['topic'], quality(order['quality']))
        return self.publishers[key]

    def message(self, order):
        message = get_message(order['type'])()
        set_message_fields(message, order['message'])
        return message

    def stamp(self, message):
        if hasattr(message, 'header'):
            message.header.stamp = self.node.get_clock().now().to_msg()

    def do_advertise(self, order):
        self.publisher(order)
        return {}

    def do_publish(self, order):
        publisher = self.publisher(order)
        message = self.message(order)
        if order['stamped']:
            self.stamp(message)
        publisher.publish(message)
        return {}

    def do_raw(self, order):
        """Bytes as they are, whatever they are."""
        self.publisher(order).publish(bytes(order['bytes']))
        return {}

    def do_repeat(self, order):
        """Publishes at a rate from here on; replaces what was published on the topic so far."""
        self.do_silence(order)
        publisher = self.publisher(order)
        message = self.message(order)

        def publish():
            if order['stamped']:
                self.stamp(message)
            publisher.publish(message)

        self.timers[order['topic']] = self.node.create_timer(1 / order['rate'], publish)
        return {}

    def do_silence(self, order):
        timer = self.timers.pop(order['topic'], None)
        if timer is not None:
            self.node.destroy_timer(timer)
        return {}

    def do_withdraw(self, order):
        """Ends the publishers of a topic."""
        self.do_silence(order)
        for key in [key for key in self.publishers if key[0] == order['topic']]:
            self.node.destroy_publisher(self.publishers.pop(key))
        return {}

    def do_subscribe(self, order):
        topic = order['topic']

        def heard(message):
            content = list(message) if order['raw'] else plain(message_to_ordereddict(message))
            self.tell(topic=topic, message=content, at=self.node.get_clock().now().nanoseconds / 1e9)

        self.subscriptions[topic] = self.node.create_subscription(
            get_message(order['type']), topic, heard, quality(order['quality']), raw=order['raw'])
        return {}

    def do_unsubscribe(self, order):
        self.node.destroy_subscription(self.subscriptions.pop(order['topic']))
        return {}

    def do_call(self, order):
        name = order['service']
        service = get_service(order['type'])
        if name not in self.clients:
            self.clients[name] = self.node.create_client(service, name)
        client = self.clients[name]
        request = service.Request()
        set_message_fields(request, order['request'])

        def send():
            future = client.call_async(request)
            future.add_done_callback(
                lambda answered: self.tell(done=order['id'], result=plain(message_to_ordereddict(answered.result()))))

        if client.service_is_ready():
            send()
            return None
        polls = {'left': 400}

        def poll():
            polls['left'] -= 1
            if client.service_is_ready():
                self.node.destroy_timer(timer)
                send()
            elif polls['left'] == 0:
                self.node.destroy_timer(timer)
                self.tell(done=order['id'], error=f'no service {name}')

        timer = self.node.create_timer(0.05, poll)
        return None

    def do_call_deaf(self, order):
        """Asks by a client that hears no answer: it wants those of before it came, and services keep none."""
        service = get_service(order['type'])
        client = self.node.create_client(
            service, order['service'], qos_profile=QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL))
        request = service.Request()
        set_message_fields(request, order['request'])
        # Whether its requests are heard it cannot know, for the same reason.
        self.timers[order['service']] = self.node.create_timer(0.5, lambda: client.call_async(request))
        return {}

    def do_graph(self, order):
        """Who publishes and subscribes to a topic, and with what quality of service."""
        def ends(infos):
            return [{
                'node': info.node_name,
                'type': info.topic_type,
                'reliability': info.qos_profile.reliability.name,
                'durability': info.qos_profile.durability.name,
            } for info in infos]
        return {
            'publishers': ends(self.node.get_publishers_info_by_topic(order['topic'])),
            'subscriptions': ends(self.node.get_subscriptions_info_by_topic(order['topic'])),
        }

    def do_names(self, _order):
        return {
            'nodes': [f'{space}/{name}'.replace('//', '/') for name, space in self.node.get_node_names_and_namespaces()],
            'topics': dict(self.node.get_topic_names_and_types()),
            'services': dict(self.node.get_service_names_and_types()),
        }

    def do_simulated(self, order):
        """Whether this node's own time is that of /clock."""
        self.node.set_parameters([Parameter('use_sim_time', Parameter.Type.BOOL, order['on'])])
        return {}

    def spin(self):
        threading.Thread(target=self.read, daemon=True).start()
        executor = SingleThreadedExecutor()
        executor.add_node(self.node)
        self.tell(ready=True)
        while rclpy.ok():
            executor.spin_once()


if __name__ == '__main__':
    try:
        Peer().spin()
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        rclpy.try_shutdown()
