/*
 * The HTTP service that FreeRADIUS asks by `rlm_rest`: Node's own server, and a Map from the user's path to bytes that were
 * written once. A service that asks a database costs more.
 *
 * node rest-service.ts FOLDER: reads FOLDER/macs, writes the port to FOLDER/rest-port.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { restBody, userName } from './grant.ts';

const [, , folder = '.'] = process.argv;
const body = Buffer.from(restBody());
const answers = new Map(
  readFileSync(join(folder, 'macs'), 'utf8')
    .split('\n')
    .map((mac) => [`/user/${userName(mac)}`, body]),
);
const headers = { 'content-type': 'application/json', 'content-length': body.length };

const server = createServer((request, response) => {
  const answer = answers.get(request.url ?? '');
  if (answer) response.writeHead(200, headers).end(answer);
  else response.writeHead(404).end();
});
server.keepAliveTimeout = 0;
server.listen(0, '127.0.0.1', () => {
  writeFileSync(join(folder, 'rest-port'), `${(server.address() as AddressInfo).port}`);
});
