# syntax=docker/dockerfile:1
# The controller as a ROS 2 node. Not tried on a Docker engine by those who wrote it.
#
#   docker build -t rfsn-controller .
#   docker run --rm --net=host --ipc=host -v rfsn-models:/models -v rfsn-logs:/logs \
#     -v "$PWD/robot.yaml:/robot.yaml:ro" rfsn-controller params_file:=/robot.yaml
#
# --net=host and --ipc=host: DDS finds its peers by multicast and speaks through shared memory to those on this host. For
# `chrt`: --cap-add=SYS_NICE --ulimit rtprio=99, and prefix:="chrt -f 60".

ARG ROS_DISTRO=jazzy
ARG NODE_VERSION=22

# Node and npm from their own image: Ubuntu's are older than 20.20.2.
FROM node:${NODE_VERSION}-bookworm-slim AS node

FROM ros:${ROS_DISTRO}-ros-base AS with-node
COPY --from=node /usr/local/bin/node /usr/local/bin/node
COPY --from=node /usr/local/lib/node_modules /usr/local/lib/node_modules
COPY --from=node /usr/local/include/node /usr/local/include/node
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm \
  && ln -s ../lib/node_modules/npm/bin/npx-cli.js /usr/local/bin/npx
# Message packages that the controller may be told to speak: their JavaScript is made when it is built.
RUN apt-get update \
  && apt-get install -y --no-install-recommends \
    ros-${ROS_DISTRO}-diagnostic-msgs ros-${ROS_DISTRO}-nav-msgs ros-${ROS_DISTRO}-ros-gz-interfaces \
    ros-${ROS_DISTRO}-sensor-msgs ros-${ROS_DISTRO}-tf2-msgs ros-${ROS_DISTRO}-visualization-msgs \
  && rm -rf /var/lib/apt/lists/*

FROM with-node AS build
WORKDIR /ws
COPY . src/rfsn_controller
RUN . /opt/ros/${ROS_DISTRO}/setup.sh \
  && colcon build --install-base /opt/rfsn --merge-install --cmake-args -DBUILD_TESTING=OFF

FROM with-node
COPY --from=build /opt/rfsn /opt/rfsn
RUN useradd --create-home --uid 1100 rfsn && mkdir /models /logs && chown rfsn /models /logs
USER rfsn
WORKDIR /home/rfsn
# What it learned, and its flight logs, outlive the container.
VOLUME ["/models", "/logs"]
# Ready: the cycle runs, and what it needs to drive has come in. It asks the page, which listens to this host alone.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8600/readyz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# SIGINT is what launch ends its processes with, the robot first brought to rest.
STOPSIGNAL SIGINT
COPY --chmod=755 <<'ENTRY' /entrypoint.sh
#!/bin/bash
set -e
source "/opt/ros/$ROS_DISTRO/setup.bash"
source /opt/rfsn/setup.bash
exec ros2 launch --noninteractive rfsn_controller robot.launch.py \
  page:=127.0.0.1:8600 model_dir:=/models log:=/logs "$@"
ENTRY
ENTRYPOINT ["/entrypoint.sh"]
