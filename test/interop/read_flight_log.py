"""Reads every message of a flight log with the `mcap` package and its ROS 2 support, and prints what it found as JSON.

    read_flight_log.py LOG.mcap
"""

import collections
import json
import sys

from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory


def main() -> None:
    counts: dict[str, int] = collections.Counter()
    first: dict[str, object] = {}
    last_time = 0
    with open(sys.argv[1], "rb") as file:
        reader = make_reader(file, decoder_factories=[DecoderFactory()], validate_crcs=True)
        header = reader.get_header()
        summary = reader.get_summary()
        for _, channel, message, decoded in reader.iter_decoded_messages():
            counts[channel.topic] += 1
            first.setdefault(channel.topic, (decoded, message))
            if channel.topic == "/rfsn/decision":
                decision = decoded
            assert message.log_time >= last_time
            last_time = message.log_time
        metadata = {record.name: record.metadata for record in reader.iter_metadata()}
        attachments = {record.name: len(record.data) for record in reader.iter_attachments()}
    odometry, odometry_message = first["/odom"]
    scan, scan_message = first["/scan"]
    static = first["/tf_static"][0].transforms[0]
    checkpoint = first.get("/rfsn/checkpoint")
    print(
        json.dumps(
            {
                "profile": header.profile,
                "counts": counts,
                "indexed": {
                    summary.channels[channel].topic: count
                    for channel, count in summary.statistics.channel_message_counts.items()
                },
                "types": {
                    channel.topic: summary.schemas[channel.schema_id].name for channel in summary.channels.values()
                },
                "metadata": metadata,
                "attachments": attachments,
                "odometry": {
                    "sequence": odometry_message.sequence,
                    "frame": odometry.header.frame_id,
                    "y": odometry.pose.pose.position.y,
                    "w": odometry.pose.pose.orientation.w,
                    "yaw_rate": odometry.twist.twist.angular.z,
                    "sec": odometry.header.stamp.sec,
                },
                "scan": {
                    "sequence": scan_message.sequence,
                    "beams": len(scan.ranges),
                    "third": scan.ranges[3],
                    "failed": sum(1 for beam in scan.ranges if beam != beam),
                },
                "static": [static.header.frame_id, static.child_frame_id, static.transform.translation.x],
                "decision": {
                    "cycle": decision.cycle,
                    "policy_id": decision.policy_id,
                    "action": decision.action,
                    "raw": list(decision.raw),
                    "values": list(decision.values),
                    "probability": decision.probability,
                    "compute_ns": decision.compute_ns,
                },
                "explanation": list(first["/rfsn/explanation"][0].contributions)[:30],
                "reading": list(first["/rfsn/reading"][0].values),
                "checkpoint": checkpoint[0].file if checkpoint else None,
            }
        )
    )


main()
