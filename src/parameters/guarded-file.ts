/** Files that parameters name and that are safe only as long as others can neither read nor change them. */
import { closeSync, fstatSync, openSync, readFileSync, type Stats } from 'node:fs';

/** What is wrong with a file or folder, to follow its path in a sentence; null where nothing is. */
export type Complaint = string | null;

/** Why others can change it. @realtime unsafe */
export function tamperable(stat: Stats): Complaint {
  if (!hasModes()) return null;
  const user = process.getuid?.();
  if (stat.uid !== user && stat.uid !== 0) return `belongs to another user (${stat.uid})`;
  // In a folder such as /tmp, with the sticky bit, others cannot take away or rename what is not theirs.
  if ((stat.mode & 0o022) !== 0 && !(stat.isDirectory() && (stat.mode & 0o1000) !== 0 && stat.uid === 0)) {
    return `can be changed by others (mode ${modeText(stat)})`;
  }
  return null;
}

/** Why a file is no place for a secret. @realtime unsafe */
export function exposed(stat: Stats, path: string): Complaint {
  if (!stat.isFile()) return 'is no file';
  if (!hasModes()) return null;
  if (stat.uid !== process.getuid?.()) {
    return `belongs to another user (${stat.uid}): a secret must belong to the one who uses it. Copy it, and make a new one if others could read it`;
  }
  if ((stat.mode & 0o077) === 0) return null;
  return `can be read or changed by others (mode ${modeText(stat)}): whoever read it may be anywhere by now. Make a new key; if you are sure that nobody did, chmod 600 ${path}`;
}

/**
 * Reads a file as text, and checks the very file that it reads, so that it cannot be another in between.
 *
 * @param complaintOf what is wrong with it; it is not read then
 * @throws Error whose message begins with the path and does not say what the file held
 * @realtime unsafe
 */
export function readGuarded(
  path: string,
  maxBytes: number,
  complaintOf: (stat: Stats, path: string) => Complaint,
): string {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    throw new Error(`${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
  try {
    const stat = fstatSync(file);
    const complaint = complaintOf(stat, path);
    if (complaint !== null) throw new Error(`${path} ${complaint}`);
    if (stat.size > maxBytes) throw new Error(`${path} is too long: ${stat.size} bytes; allowed are ${maxBytes}`);
    return readFileSync(file, 'utf8');
  } finally {
    closeSync(file);
  }
}

function hasModes(): boolean {
  return process.platform !== 'win32';
}

function modeText(stat: Stats): string {
  return (stat.mode & 0o7777).toString(8).padStart(4, '0');
}
