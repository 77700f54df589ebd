import { ApiConnection, type KubernetesTarget } from './connection.js';
import { ApiServices } from './transport.js';
import { watchServices, type ServiceWatch } from './watch.js';

/** A watch is ended by the server after a minute; a list that takes longer than this is none. */
const timeoutMilliseconds = 15_000;

/** Looks after the services of one namespace until it is aborted. Namespaces are apart: where one may not be read, others still are. */
export async function watchCluster(
  target: KubernetesTarget,
  namespace: string,
  told: Pick<ServiceWatch, 'onServices' | 'onFault' | 'pause'>,
  signal: AbortSignal,
): Promise<void> {
  const api = new ApiConnection(target, timeoutMilliseconds);
  try {
    await watchServices({ source: new ApiServices(api), namespaces: [namespace], ...told }, signal);
  } finally {
    await api.close();
  }
}
