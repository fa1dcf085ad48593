/** Topics and services of the controller's node: relative names, which launch files remap and put into namespaces. */

export const InputTopic = {
  odometry: 'odom',
  scan: 'scan',
  /** One topic whose readings are sorted by azimuth. */
  contacts: 'contacts',
  contactFront: 'contact/front',
  contactLeft: 'contact/left',
  contactBack: 'contact/back',
  contactRight: 'contact/right',
  goal: 'goal_pose',
  plan: 'plan',
  enable: '~/enable',
  restore: '~/restore',
  feedback: '~/feedback',
  transforms: '/tf',
  staticTransforms: '/tf_static',
  clock: '/clock',
} as const;

export const OutputTopic = {
  command: 'cmd_vel',
  checkpoint: '~/checkpoint',
  decision: '~/decision',
  state: '~/state',
  /** Of the managed node: latched, from its start to its end. */
  lifecycle: '~/lifecycle_state',
  /** The goal that was reached, once for each. */
  goalReached: '~/goal_reached',
  diagnostics: '/diagnostics',
  markers: '~/markers',
} as const;

export const ServiceName = {
  stop: '~/stop',
  saveCheckpoint: '~/save_checkpoint',
  resetPolicy: '~/reset_policy',
  freezeLearning: '~/freeze_learning',
} as const;

export const MessageType = {
  odometry: 'nav_msgs/msg/Odometry',
  scan: 'sensor_msgs/msg/LaserScan',
  poseStamped: 'geometry_msgs/msg/PoseStamped',
  path: 'nav_msgs/msg/Path',
  bool: 'std_msgs/msg/Bool',
  transforms: 'tf2_msgs/msg/TFMessage',
  clock: 'rosgraph_msgs/msg/Clock',
  gazeboContacts: 'ros_gz_interfaces/msg/Contacts',
  wrench: 'geometry_msgs/msg/WrenchStamped',
  hazards: 'irobot_create_msgs/msg/HazardDetectionVector',
  twist: 'geometry_msgs/msg/Twist',
  twistStamped: 'geometry_msgs/msg/TwistStamped',
  diagnostics: 'diagnostic_msgs/msg/DiagnosticArray',
  markers: 'visualization_msgs/msg/MarkerArray',
  checkpoint: 'rfsn_controller/msg/Checkpoint',
  decision: 'rfsn_controller/msg/Decision',
  feedback: 'rfsn_controller/msg/Feedback',
  state: 'rfsn_controller/msg/ControllerState',
  lifecycle: 'lifecycle_msgs/msg/State',
} as const;

export const ServiceType = {
  trigger: 'std_srvs/srv/Trigger',
  setBool: 'std_srvs/srv/SetBool',
} as const;
