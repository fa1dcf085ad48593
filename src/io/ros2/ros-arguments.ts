/**
 * What of a command line is ROS's: everything between `--ros-args` and `--`, or the end, any number of times.
 * https://design.ros2.org/articles/ros_command_line_arguments.html
 */

/** A command line, taken apart. */
export interface SplitArguments {
  /** What the command itself reads. */
  readonly own: string[];
  /** What goes to `rcl.init`: each stretch with its marks, so that several stay several. */
  readonly ros: string[];
}

const BEGIN = '--ros-args';
const END = '--';

/** Flags that take a value, and those that stand alone (rcl's arguments.h). */
const WITH_VALUE: readonly string[] = [
  '-p',
  '--param',
  '-r',
  '--remap',
  '--params-file',
  '-e',
  '--enclave',
  '--log-level',
  '--log-config-file',
  '--log-file-name',
];
const ALONE = /^--(enable|disable)-(rosout-logs|stdout-logs|external-lib-logs)$/;

/**
 * @param argv without the program's name
 * @throws Error for a flag that is none of ROS's: rcl leaves it aside without a word
 */
export function splitRosArguments(argv: readonly string[]): SplitArguments {
  const own: string[] = [];
  const ros: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    if (argv[i] !== BEGIN) {
      own.push(argv[i]);
      continue;
    }
    ros.push(BEGIN);
    for (i++; i < argv.length && argv[i] !== END; i++) {
      const flag = argv[i];
      if (WITH_VALUE.includes(flag)) {
        if (i + 1 >= argv.length || argv[i + 1] === END) throw new Error(`${flag} after --ros-args needs a value`);
        ros.push(flag, argv[++i]);
      } else if (flag === BEGIN || ALONE.test(flag)) {
        ros.push(flag);
      } else {
        throw new Error(
          `${flag} is no argument of ROS's; after --ros-args there are -p, -r, --params-file, --log-level and the like, and a -- before what follows them`,
        );
      }
    }
    // Launch files append stretches of their own: each is closed.
    ros.push(END);
  }
  return { own, ros };
}
