import { describe, expect, it } from 'vitest';
import type { Service } from './objects.js';
import { problemOf } from './service-problem.js';

const https = { port: 443 };
const selector = { app: 'pacs' };

describe('problemOf', () => {
  it.each<[string, Service['spec']]>([
    ['a service with pods', { selector, ports: [https] }],
    ['the same number at the pods', { selector, ports: [{ port: 443, targetPort: 443 }] }],
    [
      'a node port whose clients are seen',
      { selector, type: 'NodePort', externalTrafficPolicy: 'Local', ports: [https] },
    ],
    [
      'a headless service, whose ports are those of its pods',
      { selector, clusterIP: 'None', ports: [{ port: 443, targetPort: 8443 }] },
    ],
  ])('finds nothing wrong with %s', (_, spec) => {
    expect(problemOf({ spec })).toBeNull();
  });

  it.each<[string, Service['spec'], RegExp]>([
    ['a name for something else', { type: 'ExternalName' }, /ExternalName/],
    ['no selector', { ports: [https] }, /no selector/],
    ['an empty selector', { selector: {}, ports: [https] }, /no selector/],
    [
      'a load balancer behind which nodes hide devices',
      { selector, type: 'LoadBalancer', externalTrafficPolicy: 'Cluster' },
      /Local/,
    ],
    ['a node port that says nothing of it', { selector, type: 'NodePort' }, /Local/],
    ['external addresses', { selector, externalIPs: ['192.0.2.1'] }, /Local/],
    ['another port at the pods', { selector, ports: [{ port: 443, targetPort: 8443 }] }, /443 is 8443/],
    ['a named port at the pods', { selector, ports: [{ port: 443, targetPort: 'https' }] }, /443 is https/],
  ])('refuses %s', (_, spec, why) => {
    expect(problemOf({ spec })).toMatch(why);
  });
});
