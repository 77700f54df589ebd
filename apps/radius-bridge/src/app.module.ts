import { Inject, Injectable, Module, type DynamicModule, type OnApplicationShutdown } from '@nestjs/common';
import { Bridge } from './bridge.js';
import { readConfig, type BridgeConfig } from './config.js';
import { jsonLog, type Log } from './log.js';

export const CONFIG = Symbol('CONFIG');
export const LOG = Symbol('LOG');
export const BRIDGE = Symbol('BRIDGE');

/** Ends what runs: sockets first, then what they recorded is written. */
@Injectable()
class Shutdown implements OnApplicationShutdown {
  constructor(@Inject(BRIDGE) private readonly bridge: Bridge) {}

  async onApplicationShutdown(): Promise<void> {
    await this.bridge.stop();
  }
}

@Module({})
export class AppModule {
  static from(env: NodeJS.ProcessEnv, onDead: (reason: string) => void): DynamicModule {
    return {
      module: AppModule,
      providers: [
        { provide: CONFIG, useFactory: () => readConfig(env) },
        {
          provide: LOG,
          useFactory: () =>
            jsonLog(
              (line) => process.stderr.write(line),
              () => new Date(),
            ),
        },
        {
          provide: BRIDGE,
          inject: [CONFIG, LOG],
          useFactory: (config: BridgeConfig, log: Log) => Bridge.open(config, log, onDead),
        },
        Shutdown,
      ],
    };
  }
}
