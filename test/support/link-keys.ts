import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type KeyPair,
  makeKeyPair,
  publicCertificate,
  secretCertificate,
} from '../../src/io/zeromq/socket/certificates.js';
import { ROLES, type Role } from '../../src/io/zeromq/socket/endpoint.js';
import type { PeerKeys } from './dealer-robot.js';

/** A folder of keys, as `rfsn keys` makes it. */
export class LinkKeys {
  readonly folder: string;
  readonly server = makeKeyPair();

  constructor(folder: string) {
    this.folder = folder;
    for (const role of ROLES) mkdirSync(join(folder, role), { recursive: true, mode: 0o700 });
    chmodSync(folder, 0o700);
    writeFileSync(join(folder, 'server.key_secret'), secretCertificate(this.server, 'server'), { mode: 0o600 });
  }

  allow(role: Role, name: string, keys: KeyPair = makeKeyPair()): PeerKeys {
    writeFileSync(join(this.folder, role, `${name}.key`), publicCertificate(keys.publicKey, name), { mode: 0o644 });
    return this.peer(keys);
  }

  revoke(role: Role, name: string): void {
    rmSync(join(this.folder, role, `${name}.key`));
  }

  /** What the socket of a peer with these keys is given. */
  peer(keys: KeyPair = makeKeyPair(), server = this.server.publicKey): PeerKeys {
    return { curveServerKey: server, curvePublicKey: keys.publicKey, curveSecretKey: keys.secretKey };
  }
}

/** Waits until something is so; fails, saying what, after ten seconds. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  for (let i = 0; i < 1000; i++) {
    if (condition()) return;
    await sleep(10);
  }
  throw new Error(`never: ${what}`);
}
