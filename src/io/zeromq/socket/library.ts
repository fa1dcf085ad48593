/** The ZeroMQ library, loaded when the link is used: whoever does not use it needs not have it. */

export type Zeromq = typeof import('zeromq');

/** zeromq is missing, or does not load. The message says how to get it. */
export class ZeromqMissingError extends Error {
  override readonly name = 'ZeromqMissingError';
}

/**
 * @param load stands for the import in tests
 * @throws ZeromqMissingError
 * @realtime unsafe
 */
export async function loadZeromq(load: () => Promise<Zeromq> = () => import('zeromq')): Promise<Zeromq> {
  let zeromq: Zeromq;
  try {
    zeromq = await load();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const absent = code === 'ERR_MODULE_NOT_FOUND' && /'zeromq'/.test(message);
    throw new ZeromqMissingError(
      absent
        ? 'the ZeroMQ link needs the package zeromq, which is not installed: npm install zeromq@6'
        : `the package zeromq is installed and does not load (${message.split('\n')[0]}): npm rebuild zeromq`,
      { cause: error },
    );
  }
  if (zeromq.capability.curve !== true) {
    throw new ZeromqMissingError('this build of zeromq has no CURVE: install the prebuilt one, npm install zeromq@6');
  }
  return zeromq;
}
