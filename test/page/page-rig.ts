/** The server with a played robot behind it. */
import { PageServer, type PageServerOptions } from '../../src/dashboard/server.js';
import { FEATURES } from '../../src/features/extraction.js';
import type { ScriptedSource } from './scripted-source.js';

export async function serve(
  source: ScriptedSource,
  options: Partial<PageServerOptions> = {},
  ...others: ScriptedSource[]
): Promise<PageServer> {
  const server = await PageServer.start({
    listen: '127.0.0.1:0',
    portGiven: true,
    tokenFile: '',
    hosts: [],
    maxClients: 8,
    version: '0.0.0-test',
    features: FEATURES,
    tell: () => {},
    ...options,
  });
  for (const each of [source, ...others]) server.add(each);
  return server;
}
