/** `rfsn keys`: who may connect to the ZeroMQ link from other machines. */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Argument, type Command, InvalidArgumentError } from 'commander';
import { NAME_PATTERN } from '../io/zeromq/protocol/protocol.js';
import { AllowList } from '../io/zeromq/socket/allow-list.js';
import {
  CertificateError,
  createKeyFile,
  makeKeyFolder,
  makeKeyPair,
  PUBLIC_SUFFIX,
  publicCertificate,
  readPublicCertificate,
  requireSafeFolder,
  SECRET_SUFFIX,
  SERVER_NAME,
  secretCertificate,
} from '../io/zeromq/socket/certificates.js';
import { ROLES, type Role } from '../io/zeromq/socket/endpoint.js';
import { printJson } from './usage.js';

/** What a role lets its holder do, for the texts. */
const roleText: Record<Role, string> = {
  drive: 'be driven by the controller',
  watch: 'watch telemetry',
  administer: 'save, restore, reset, stop and set parameters',
};

/** Adds `keys init|add|revoke|list`. @realtime unsafe */
export function registerKeysCommand(program: Command): void {
  const command = program.command('keys').description('make and revoke the keys of the ZeroMQ link');
  const folder = new Argument('<dir>', 'the folder of keys, which zeromq.keys_dir names');
  const role = new Argument('<role>', 'what the key is for').choices(ROLES);
  const name = new Argument('<name>', 'whose key it is').argParser((text: string) => {
    if (NAME_PATTERN.test(text)) return text;
    throw new InvalidArgumentError('Allowed: up to 64 letters, digits, _ and -, the first a letter or digit.');
  });

  command
    .command('init')
    .description('make a folder of keys, with the keys of the controller')
    .addArgument(folder)
    .action((dir: string) => {
      process.stdout.write(initKeys(dir));
    });
  command
    .command('add')
    .description('make a key for a robot, a watcher or an administrator, and let it in')
    .addArgument(folder)
    .addArgument(role)
    .addArgument(name)
    .option('--out <folder>', 'where its secret is written', '.')
    .option('--public <file>', 'let in this public certificate, and make no key')
    .action((dir: string, to: Role, who: string, options: { out: string; public?: string }) => {
      process.stdout.write(
        options.public === undefined ? addKey(dir, to, who, options.out) : addPublicKey(dir, to, who, options.public),
      );
    });
  command
    .command('revoke')
    .description('let a key in no longer; who is connected with it is cut off')
    .addArgument(folder)
    .addArgument(role)
    .addArgument(name)
    .action((dir: string, to: Role, who: string) => {
      process.stdout.write(revokeKey(dir, to, who));
    });
  command
    .command('list')
    .description('show who may connect')
    .addArgument(folder)
    .option('--json', 'end with one line of JSON')
    .action((dir: string, options: { json?: boolean }) => {
      const listed = listKeys(dir);
      if (options.json === true) printJson({ ...listed });
      else process.stdout.write(listText(listed));
    });
}

/**
 * Makes `DIR/server.key`, `DIR/server.key_secret` and a folder for each role.
 *
 * @returns what to do with them
 * @throws CertificateError where there are keys already
 * @realtime unsafe
 */
function initKeys(dir: string): string {
  makeKeyFolder(dir);
  for (const role of ROLES) makeKeyFolder(join(dir, role));
  const keys = makeKeyPair();
  const secretPath = join(dir, SERVER_NAME + SECRET_SUFFIX);
  const publicPath = join(dir, SERVER_NAME + PUBLIC_SUFFIX);
  if (existsSync(publicPath))
    throw new CertificateError(`${publicPath} exists already, and a key is never overwritten`);
  createKeyFile(secretPath, secretCertificate(keys, SERVER_NAME), 0o600);
  createKeyFile(publicPath, publicCertificate(keys.publicKey, SERVER_NAME), 0o644);
  return `made the keys of the controller in ${dir}
  ${secretPath}  secret: stays here, and is read by the controller alone
  ${publicPath}         public: every peer needs a copy, to know the controller by
let peers in with:  rfsn keys add ${dir} drive|watch|administer NAME
then start with:    --set zeromq.keys_dir=${dir} --set zeromq.drive_endpoint=tcp://ADDRESS:7471
`;
}

function addKey(dir: string, role: Role, name: string, out: string): string {
  const publicPath = publicPathOf(dir, role, name);
  makeKeyFolder(out);
  const secretPath = join(out, name + SECRET_SUFFIX);
  if (existsSync(secretPath)) {
    throw new CertificateError(
      `${secretPath} exists already, and a key is never overwritten: choose another folder with --out, or let the same key in with --public FILE`,
    );
  }
  const keys = makeKeyPair();
  createKeyFile(secretPath, secretCertificate(keys, name), 0o600);
  try {
    createKeyFile(publicPath, publicCertificate(keys.publicKey, name), 0o644);
  } catch (error) {
    // A secret that opens nothing would only mislead.
    rmSync(secretPath);
    throw error;
  }
  return `${name} may ${roleText[role]}: a running controller lets it in at once
  ${secretPath}  secret: move it to ${name}, with mode 0600, and keep no copy here
  ${join(dir, SERVER_NAME + PUBLIC_SUFFIX)}  public: copy it there as well
revoke it with:  rfsn keys revoke ${dir} ${role} ${name}
`;
}

function addPublicKey(dir: string, role: Role, name: string, file: string): string {
  const publicPath = publicPathOf(dir, role, name);
  createKeyFile(publicPath, publicCertificate(readPublicCertificate(file), name), 0o644);
  return `${name} may ${roleText[role]}: a running controller lets it in at once
  ${join(dir, SERVER_NAME + PUBLIC_SUFFIX)}  public: copy it to ${name}
revoke it with:  rfsn keys revoke ${dir} ${role} ${name}
`;
}

function revokeKey(dir: string, role: Role, name: string): string {
  requireKeyFolder(dir);
  const path = join(dir, role, name + PUBLIC_SUFFIX);
  if (!existsSync(path)) {
    const names = existsSync(join(dir, role)) ? keyNames(join(dir, role)) : [];
    const known = names.length === 0 ? 'nobody has one' : `those that have one: ${names.join(', ')}`;
    throw new CertificateError(`${name} has no key for ${role} in ${dir}; ${known}`);
  }
  rmSync(path);
  return `${name} may no longer ${roleText[role]}: a running controller cuts it off within a second or two\n`;
}

interface ListedKeys {
  readonly dir: string;
  readonly server: string;
  readonly keys: readonly { role: Role; name: string; public_key: string }[];
  /** What is in the folders and lets nobody in, and why. */
  readonly ignored: readonly string[];
}

function listKeys(dir: string): ListedKeys {
  requireKeyFolder(dir);
  const ignored: string[] = [];
  const keys = ROLES.flatMap((role) =>
    new AllowList(join(dir, role), (text) => ignored.push(`${role}: ${text}`)).allowed.map(({ name, publicKey }) => ({
      ...{ role, name, public_key: publicKey },
    })),
  );
  return { dir, server: readPublicCertificate(join(dir, SERVER_NAME + PUBLIC_SUFFIX)), keys, ignored };
}

function listText({ server, keys, ignored }: ListedKeys): string {
  const width = Math.max(12, ...keys.map(({ name }) => name.length));
  const rows = [
    `${'controller'.padEnd(width + 12)} ${server}`,
    ...keys.map(({ role, name, public_key }) => `${role.padEnd(11)} ${name.padEnd(width)} ${public_key}`),
    ...(keys.length === 0 ? ['nobody may connect'] : []),
    ...ignored,
  ];
  // Names of files are whatever somebody called them; they must not reach the terminal as control sequences.
  return `${rows.map((row) => row.replace(/\p{Cc}/gu, '?')).join('\n')}\n`;
}

function publicPathOf(dir: string, role: Role, name: string): string {
  requireKeyFolder(dir);
  makeKeyFolder(join(dir, role));
  const path = join(dir, role, name + PUBLIC_SUFFIX);
  if (existsSync(path)) throw new CertificateError(`${name} has a key for ${role} already: revoke it first`);
  return path;
}

function requireKeyFolder(dir: string): void {
  requireSafeFolder(dir);
  if (existsSync(join(dir, SERVER_NAME + SECRET_SUFFIX))) return;
  throw new CertificateError(`${dir} is no folder of keys: make one with \`rfsn keys init ${dir}\``);
}

function keyNames(folder: string): string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith(PUBLIC_SUFFIX))
    .map((file) => file.slice(0, -PUBLIC_SUFFIX.length))
    .sort();
}
