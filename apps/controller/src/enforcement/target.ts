import type { EnforcementTarget } from '#drivers';
import type { EnforcementPointEntry } from '#policy';

/** How a point is reached, with paths in place of references. */
export function targetOf({ name, transport }: EnforcementPointEntry): EnforcementTarget {
  if (transport.kind === 'simulated') return { kind: 'simulated', name };
  if (transport.kind === 'ssh') {
    const { identity, ...rest } = transport;
    return { ...rest, identityFile: pathOf(identity) };
  }
  if (transport.kind === 'ovsdb') {
    const { tls = null, ...rest } = transport;
    const files = tls && {
      certificate: pathOf(tls.certificate),
      key: pathOf(tls.key),
      authority: pathOf(tls.authority),
    };
    return { ...rest, tls: files };
  }
  if (transport.kind === 'kubernetes') {
    const { kubeconfig, context = null } = transport;
    return { kind: 'kubernetes', kubeconfig: kubeconfig === 'in-cluster' ? null : pathOf(kubeconfig), context };
  }
  return transport;
}

const pathOf = (reference: string): string => reference.replace(/^file:/, '');
