import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { AppModule, BRIDGE, CONFIG, LOG } from './app.module.js';
import type { Bridge } from './bridge.js';
import type { BridgeConfig } from './config.js';
import { reasonOf, type Log } from './log.js';

/** Starts the process: prints one line on stdout when it answers; an error at the start goes to stderr and ends it. */
export async function run(env: NodeJS.ProcessEnv): Promise<void> {
  try {
    const app = await NestFactory.createApplicationContext(AppModule.from(env, die), {
      logger: false,
      abortOnError: false,
    });
    app.enableShutdownHooks(['SIGTERM', 'SIGINT'], { useProcessExit: true });
    const config = app.get<BridgeConfig>(CONFIG);
    const ports = await app.get<Bridge>(BRIDGE).start();
    const hosts = config.authentication.hosts.join(',');
    app.get<Log>(LOG)('info', 'started', { bridge: config.bridgeId, dataFolder: config.dataFolder });
    process.stdout.write(
      `cordon bridge ready radius ${hosts} ports ${ports.authentication}, ${ports.accounting} http ${config.http.host}:${ports.http}\n`,
    );
  } catch (error) {
    die(reasonOf(error));
  }
}

function die(reason: string): never {
  process.stderr.write(
    `${JSON.stringify({ at: new Date().toISOString(), level: 'error', message: 'bridge ends', reason })}\n`,
  );
  process.exit(1);
}
