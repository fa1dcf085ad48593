"""The controller and the embedded simulator as its robot, by ROS topics: no Gazebo needed.

`ros2 launch rfsn_controller embedded_sim.launch.py`, then a goal:
`ros2 topic pub --once /goal_pose geometry_msgs/msg/PoseStamped '{header: {frame_id: odom}, pose: {position: {x: 5.0}}}'`
"""

import os

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription, OpaqueFunction, Shutdown
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

FOLDER = os.path.dirname(os.path.abspath(__file__))

YES = ('true', 'True', '1', 'yes')
NO = ('false', 'False', '0', 'no')


def check(context):
    speed = LaunchConfiguration('speed').perform(context).strip()
    if speed != '1' and LaunchConfiguration('use_sim_time').perform(context) not in YES:
        raise RuntimeError(f'speed:={speed} wants use_sim_time:=true: on the clock of the machine there is one speed')


def simulator(context):
    def value(name):
        return LaunchConfiguration(name).perform(context).strip()

    options = ['--scenario', value('scenario'), '--robot', value('robot')]
    if value('seed') != '':
        options += ['--seed', value('seed')]
    if value('goals') in YES:
        options.append('--goals')
    if value('use_sim_time') in YES:
        options += ['--clock', '--speed', value('speed')]
    return [Node(
        package='rfsn_controller',
        executable='simulator',
        name='rfsn_simulator',
        namespace=value('namespace'),
        arguments=options,
        ros_arguments=['--log-level', value('log_level')],
        output='screen',
        emulate_tty=True,
        on_exit=Shutdown(reason='the simulator has ended'),
    )]


def generate_launch_description():
    def argument(name, default, description, **more):
        return DeclareLaunchArgument(name, default_value=default, description=description, **more)

    return LaunchDescription([
        argument('scenario', 'clutter', 'open, clutter, corridor, moving, caves, barn:FILE or barn:FILE#INDEX'),
        argument('robot', 'jackal', 'the simulated robot', choices=('jackal', 'omni')),
        argument('seed', '', 'of the world'),
        argument('goals', 'false', 'give it goals, world after world; false: others do, by goal_pose, in one world',
                 choices=YES + NO),
        argument('namespace', '', 'namespace of both nodes and their topics'),
        argument('use_sim_time', 'false', 'the simulator\'s time is ROS\'s: it publishes /clock', choices=YES + NO),
        argument('speed', '1', 'simulated seconds a second, with use_sim_time'),
        argument('params_file', [os.path.join(FOLDER, '..', 'config', ''), LaunchConfiguration('robot'), '.yaml'],
                 'parameters of the controller'),
        argument('preset', 'development', 'how boldly it learns; development also serves the page at 127.0.0.1:8600'),
        argument('contact_type', 'wrench', 'what the simulated contact sensors send is a wrench'),
        argument('required', 'true', 'end everything when the controller ends', choices=YES + NO),
        argument('log_level', 'info', 'of both: debug, info, warn, error or fatal'),
        OpaqueFunction(function=check),
        # Before the simulator: what it refuses, it refuses before anything has started.
        IncludeLaunchDescription(
            # By a path that is known before anything runs: so `--show-args` lists what robot.launch.py takes, too.
            PythonLaunchDescriptionSource(os.path.join(FOLDER, 'robot.launch.py')),
            launch_arguments={name: LaunchConfiguration(name)
                              for name in ('namespace', 'use_sim_time', 'params_file', 'preset', 'contact_type',
                                           'required', 'log_level')}.items()),
        OpaqueFunction(function=simulator),
    ])
