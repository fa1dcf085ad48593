/** Addresses to listen at: names become numbers here, so that whether others can reach one is judged on what is bound. */
import { isIPv4, isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';

/**
 * @param host an IPv4 or (in brackets) IPv6 address, `*` for all of IPv4, `localhost`, or the name of an interface
 * @param refuse throws the caller's error with what is wrong
 * @returns the address, without brackets
 * @realtime unsafe
 */
export function hostAddress(host: string, refuse: (complaint: string) => never): string {
  if (host === '*') return '0.0.0.0';
  if (host === 'localhost') return '127.0.0.1';
  if (host.startsWith('[') && host.endsWith(']')) {
    const inner = host.slice(1, -1);
    return isIPv6(inner) ? inner : refuse(`has no IPv6 address in its brackets`);
  }
  if (isIPv4(host)) return host;
  if (isIPv6(host)) return refuse('has an IPv6 address without brackets around it');
  const interfaces = networkInterfaces();
  const own = Object.hasOwn(interfaces, host) ? interfaces[host] : undefined;
  const address = own?.find(({ family }) => family === 'IPv4') ?? own?.[0];
  if (address === undefined) {
    return refuse(`names neither an address nor an interface of this machine (${Object.keys(interfaces).join(', ')})`);
  }
  return address.address;
}

/** Whether no other machine can reach that address. Anything not known to be so is not. @realtime unsafe */
export function isLoopback(address: string): boolean {
  if (isIPv4(address)) return address.startsWith('127.');
  if (!isIPv6(address) || address.includes('%')) return false;
  // The one spelling that WHATWG URLs give an address: ::1, ::ffff:7f00:1.
  const canonical = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  return canonical === '::1' || /^::ffff:7f[0-9a-f]{2}:[0-9a-f]{1,4}$/.test(canonical);
}
