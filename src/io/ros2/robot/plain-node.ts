/** An ordinary ROS node, without a life cycle: what a robot is. Main thread. @realtime unsafe */
import { EntityScope, type FailureListener } from '../entity-scope.js';
import { loadRcl, pollPhase, type Rcl, type RclLogger, type RclNode } from '../rcl.js';

export interface PlainNodeOptions {
  /** Unless ROS's arguments have another. */
  readonly name: string;
  /** From `--ros-args` on. */
  readonly rosArguments: readonly string[];
  /** Told what a callback failed of. */
  readonly failed: FailureListener;
}

/** The part of the module that only this is made with. */
type NodeMaker = Rcl & { createNode(name: string): RclNode };

export class PlainNode {
  readonly node: RclNode;
  readonly logger: RclLogger;
  readonly scope: EntityScope;
  readonly #rcl: Rcl;

  /**
   * ROS's own signal handlers are taken away: whoever opens a node ends it.
   *
   * @throws Error that says what is missing, where no ROS 2 is sourced or rclnodejs is not built for it
   */
  static async open(options: PlainNodeOptions): Promise<PlainNode> {
    const rcl = await loadRcl();
    await rcl.init(undefined, options.rosArguments);
    return new PlainNode(rcl, options);
  }

  private constructor(rcl: Rcl, { name, failed }: PlainNodeOptions) {
    this.#rcl = rcl;
    this.node = (rcl as NodeMaker).createNode(name);
    this.logger = this.node.getLogger();
    this.scope = new EntityScope(rcl, this.node, failed);
  }

  /** Callbacks come from here on. */
  spin(): void {
    this.node.spin();
  }

  async close(): Promise<void> {
    await pollPhase();
    try {
      this.scope.close();
    } finally {
      this.#rcl.shutdown();
    }
  }
}
