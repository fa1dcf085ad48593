"""The controller and its robot in Gazebo, through ros_gz_bridge: `ros2 launch rfsn_controller sim.launch.py`."""

import json
import os
import re
import shutil
import subprocess
import tempfile

from ament_index_python.packages import get_package_share_directory, PackageNotFoundError
from launch import LaunchDescription
from launch.actions import (DeclareLaunchArgument, ExecuteProcess, IncludeLaunchDescription, OpaqueFunction,
                            RegisterEventHandler, Shutdown)
from launch.conditions import IfCondition
from launch.event_handlers import OnShutdown
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PythonExpression
from launch_ros.actions import Node

SHARE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ASSETS = os.path.join(SHARE, 'sim', 'gazebo')

YES = ('true', 'True', '1', 'yes')
NO = ('false', 'False', '0', 'no')


def installed_gazebo():
    """Major versions of Gazebo Sim here, each with the command that starts it."""
    found = {}
    for command in (['gz', 'sim'], ['ign', 'gazebo']):
        if shutil.which(command[0]) is None:
            continue
        listing = subprocess.run([*command, '--versions'], capture_output=True, text=True, check=False)
        for version in re.findall(r'^(\d+)\.\d+', listing.stdout, re.MULTILINE):
            found.setdefault(int(version), command)
    return found


def chosen_gazebo(wanted):
    """Major version and command of the wanted Gazebo, or of the newest."""
    found = installed_gazebo()
    if wanted != 'auto':
        if not wanted.isdigit():
            raise RuntimeError(f'gz_version: "{wanted}" is neither auto nor a major version, as 8 for Harmonic')
        if int(wanted) not in found:
            have = ', '.join(str(version) for version in sorted(found)) or 'none'
            raise RuntimeError(f'gz_version: Gazebo Sim {wanted} is not installed; found: {have}')
        return int(wanted), found[int(wanted)]
    if not found:
        raise RuntimeError('Gazebo is not installed: apt install ros-$ROS_DISTRO-ros-gz, and source ROS anew. '
                           'embedded_sim.launch.py needs no Gazebo.')
    newest = max(found)
    return newest, found[newest]


def require(package):
    try:
        get_package_share_directory(package)
    except PackageNotFoundError:
        debian = package.replace('_', '-')
        raise RuntimeError(f'{package} is not installed: apt install ros-$ROS_DISTRO-{debian}') from None


def built_with():
    """Folder of the Node that the package was built with; none where it is not installed."""
    try:
        with open(os.path.join(SHARE, 'node-folder'), encoding='utf-8') as file:
            return file.read()
    except FileNotFoundError:
        return ''


def launch_files(folder, major, value):
    """Has the world with the robot and the bridge's configuration written, in the names of that Gazebo."""
    node = shutil.which('node') or shutil.which('node', path=built_with())
    if node is None:
        raise RuntimeError('there is no node in PATH; docs/ros2.md says where to get one')
    command = [node, os.path.join(SHARE, 'dist', 'sim', 'gazebo', 'main.js'), '--assets', ASSETS, '--out', folder]
    command.append(f'--gazebo={major}')
    namespace = value('namespace').strip('/').replace('/', '_')
    given = {'world': value('world'), 'barn-dir': value('barn_dir'), 'robot': value('robot'), 'name': namespace,
             'bridge': value('bridge'), 'x': value('x'), 'y': value('y'), 'yaw': value('yaw')}
    # With '=', because a coordinate may begin with a minus.
    command.extend(f'--{name}={text}' for name, text in given.items())
    written = subprocess.run(command, capture_output=True, text=True, check=False)
    if written.returncode != 0:
        raise RuntimeError(written.stderr.strip())
    return json.loads(written.stdout)


def set_up(context):
    """What takes the written files away again, and what is started with them."""
    def value(name):
        return LaunchConfiguration(name).perform(context).strip()

    def true(name):
        return value(name) in YES

    major, command = chosen_gazebo(value('gz_version'))
    for package in ('ros_gz_bridge', 'tf2_ros', *(['rviz2'] if true('rviz') else [])):
        require(package)
    folder = tempfile.mkdtemp(prefix='rfsn-gazebo-')
    try:
        files = launch_files(folder, major, value)
    except Exception:
        shutil.rmtree(folder, ignore_errors=True)
        raise

    gazebo = [*command, '-r', f'-v{value("verbosity")}', '--force-version', str(major)]
    if not true('gui'):
        gazebo.append('-s')
        if true('headless_rendering'):
            gazebo.append('--headless-rendering')
    common = {'use_sim_time': true('use_sim_time')}
    namespace = value('namespace')
    started = [
        ExecuteProcess(cmd=[*gazebo, files['world']], name='gazebo', output='screen',
                       on_exit=Shutdown(reason='Gazebo has ended')),
        Node(package='ros_gz_bridge', executable='parameter_bridge', name='gazebo_bridge', namespace=namespace,
             parameters=[{**common, 'config_file': files['bridge']}], output='screen'),
    ]
    for laser in files['lasers']:
        pose = zip(('x', 'y', 'z', 'roll', 'pitch', 'yaw'), laser['pose'])
        started.append(Node(
            package='tf2_ros', executable='static_transform_publisher', name=f'mount_of_{laser["frame"]}',
            namespace=namespace, parameters=[common], output='log',
            arguments=[*(part for name, number in pose for part in (f'--{name}', str(number))),
                       '--frame-id', 'base_link', '--child-frame-id', laser['frame']]))
    if true('rviz'):
        started.append(Node(package='rviz2', executable='rviz2', namespace=namespace, parameters=[common],
                            arguments=['-f', 'odom'], output='log'))
    forget = RegisterEventHandler(OnShutdown(on_shutdown=lambda *_: shutil.rmtree(folder, ignore_errors=True)))
    return forget, started


def generate_launch_description():
    def argument(name, default, description, **more):
        return DeclareLaunchArgument(name, default_value=default, description=description, **more)

    # Nothing starts before both this file and that of the controller have refused what they refuse.
    started = []

    def prepare(context):
        forget, actions = set_up(context)
        started.extend(actions)
        return [forget]

    return LaunchDescription([
        argument('world', 'course', 'course, empty, barn:NUMBER, or the path of an SDF world'),
        argument('barn_dir', '', 'folder of world_NUMBER.world files of the BARN benchmark, or one file of worlds'),
        argument('robot', '', 'path of a model in SDF instead of the robot of this package; wants a bridge of its own'),
        argument('bridge', '', 'path of a configuration for parameter_bridge instead of this package\'s'),
        argument('x', '', 'where the robot starts [m]; empty: where the world says, or 0'),
        argument('y', '', 'where the robot starts [m]'),
        argument('yaw', '', 'where the robot looks at the start [rad]'),
        argument('gui', 'false', 'show Gazebo\'s window', choices=YES + NO),
        argument('headless_rendering', 'true', 'without a window: render the laser without a display, by EGL',
                 choices=YES + NO),
        argument('verbosity', '1', 'how much Gazebo tells, 0 to 4'),
        argument('gz_version', 'auto', 'major version of Gazebo Sim, 6 for Fortress, 8 for Harmonic; auto: the newest'),
        argument('rviz', 'false', 'start RViz', choices=YES + NO),
        argument('controller', 'true', 'false: Gazebo and the bridge alone', choices=YES + NO),
        argument('namespace', '', 'namespace of the nodes and their topics, and the model\'s name in Gazebo'),
        argument('use_sim_time', 'true', 'run by Gazebo\'s clock', choices=YES + NO),
        argument('params_file', os.path.join(SHARE, 'config', 'gazebo.yaml'), 'parameters of the controller'),
        argument('preset', 'development', 'how boldly it learns; development also serves the page at 127.0.0.1:8600'),
        argument('required', 'true', 'end everything when the controller ends', choices=YES + NO),
        argument('log_level', 'info', 'debug, info, warn, error or fatal'),
        argument('prefix', '', 'command put before the controller\'s, as chrt -f 60'),
        OpaqueFunction(function=prepare),
        IncludeLaunchDescription(
            PythonLaunchDescriptionSource(os.path.join(SHARE, 'launch', 'robot.launch.py')),
            condition=IfCondition(PythonExpression(['"', LaunchConfiguration('controller'), f'" in {YES}'])),
            launch_arguments={name: LaunchConfiguration(name) for name in (
                'namespace', 'use_sim_time', 'params_file', 'preset', 'required', 'log_level', 'prefix')}.items()),
        OpaqueFunction(function=lambda _: started),
    ])
