"""The controller on a robot: `ros2 launch rfsn_controller robot.launch.py params_file:=…`.

Made to be included by a robot's own launch file, with the same arguments. An argument that is left empty says nothing: what
`params_file` says counts then, and what that leaves open `preset` does.
"""

import os
import shlex
import shutil

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction, Shutdown
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

# Topics that are most often called something else on a robot. Others: SetRemap around the inclusion.
REMAPPED = ('cmd_vel', 'odom', 'scan', 'goal_pose', 'plan')

PRESETS = ('development', 'staging', 'production', 'none')

# Python's spelling, too, for launch files that hand on str(True).
YES = ('true', 'True', '1', 'yes')
NO = ('false', 'False', '0', 'no')


def served_at(page):
    """The address of a port alone is this machine's; `off` serves none."""
    if page == 'off':
        return ''
    return f'127.0.0.1:{page}' if page.isdigit() else page


def check(params_file, prefix):
    """Launch itself warns of such a file and starts the node without it, and tells of such a command by a traceback."""
    if params_file != '' and not os.path.isfile(params_file):
        raise RuntimeError(f'params_file: {os.path.abspath(params_file)} is not a file')
    command = shlex.split(prefix)
    if command and shutil.which(command[0]) is None:
        raise RuntimeError(f'prefix: there is no command {command[0]}')


def controller(context):
    def value(name):
        return LaunchConfiguration(name).perform(context).strip()

    def true(name):
        return value(name) in YES

    def text(given):
        # Else launch would read it as YAML, and 8600 or yes would be no text.
        return ParameterValue(given, value_type=str)

    given = {}
    for name in ('use_sim_time', 'autostart'):
        if value(name) != '':
            given[name] = true(name)
    for argument, parameter in (('contact_type', 'contact_type'), ('model_dir', 'model_dir'), ('log', 'log.dir')):
        if value(argument) != '':
            given[parameter] = text(value(argument))
    if value('page') != '':
        given['dashboard.listen'] = text(served_at(value('page')))

    check(value('params_file'), value('prefix'))
    preset = value('preset')
    respawn = true('respawn')
    # Not both: it would end what it is about to start again.
    ends = {'on_exit': Shutdown(reason='the controller has ended')} if true('required') and not respawn else {}
    return [Node(
        package='rfsn_controller',
        executable='controller',
        name='rfsn_controller',
        # What launch calls the process, which would else be that of the prefix.
        exec_name='controller',
        namespace=value('namespace'),
        arguments=[] if preset == 'none' else ['--preset', preset],
        ros_arguments=['--log-level', value('log_level')],
        parameters=[*([value('params_file')] if value('params_file') != '' else []), given],
        remappings=[(name, value(name)) for name in REMAPPED if value(name) not in ('', name)],
        prefix=value('prefix') or None,
        output='screen',
        emulate_tty=True,
        respawn=respawn,
        respawn_delay=2.0,
        # It brakes, and what was learned reaches the disk, before anybody insists.
        sigterm_timeout='10',
        sigkill_timeout='10',
        **ends,
    )]


def generate_launch_description():
    def argument(name, default, description, **more):
        return DeclareLaunchArgument(name, default_value=default, description=description, **more)

    return LaunchDescription([
        argument('namespace', '', 'namespace of the node and its topics'),
        argument('use_sim_time', '', 'true: cycles follow /clock; empty: as params_file says',
                 choices=('', *YES, *NO)),
        argument('params_file', '', 'parameters in ROS\'s form; wins over preset'),
        argument('preset', 'staging', 'how boldly it learns', choices=PRESETS),
        argument('model_dir', '', 'folder of what was learned; relative to where ros2 launch was called'),
        argument('page', '', 'serve the live page and /metrics: host:port, a port of this machine or the next one that is free, '
                 'or off'),
        argument('log', '', 'folder for flight logs'),
        argument('contact_type', '', 'none, contacts, wrench or hazards; empty: as params_file says'),
        argument('autostart', '', 'false: a lifecycle manager configures and activates it', choices=('', *YES, *NO)),
        argument('respawn', 'false', 'start it again 2 s after it died; not after an orderly end', choices=YES + NO),
        argument('required', 'false', 'end the whole launch when it ends, unless respawn', choices=YES + NO),
        argument('log_level', 'info', 'debug, info, warn, error or fatal'),
        argument('prefix', '', 'command put before it, as chrt -f 60'),
        *(argument(name, name, f'topic instead of {name}') for name in REMAPPED),
        OpaqueFunction(function=controller),
    ])
