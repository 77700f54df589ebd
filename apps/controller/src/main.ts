import { enableCompileCache, flushCompileCache } from 'node:module';
import { join } from 'node:path';
import process from 'node:process';

/** Nothing that needs node:sqlite is imported before this: an old Node would fail with a message that helps nobody. */
function checkNode(): void {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 22 || (major === 22 && minor >= 16)) return;
  process.stderr.write(
    `cordon needs Node 22.16 or newer (24 LTS is best), this is ${process.versions.node}: ` +
      'start it with `npm start`, which brings its own Node, or install a newer one\n',
  );
  process.exit(1);
}

async function main(): Promise<void> {
  let app: { close(): Promise<void> } | null = null;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      // Not up yet: nobody was told anything that isn't on disk.
      if (!app) process.exit(0);
      // A git process or a device that hangs must not hold the controller: what matters is on disk already.
      setTimeout(() => process.exit(0), 1500).unref();
      app.close().then(
        () => process.exit(0),
        () => process.exit(1),
      );
    });
  }
  const [{ ConfigError, loadConfig }, { Log }] = await Promise.all([import('./config.js'), import('./log.js')]);
  try {
    const config = loadConfig(process.env);
    // Ours alone, unlike a folder that any user of the machine may fill: what lies there is executed.
    enableCompileCache(join(config.data, 'controller', 'compile-cache'));
    const { startController } = await import('./start.js');
    const started = await startController(config, new Log());
    app = started.app;
    if (started.firstAdminToken !== null && config.adminToken === null)
      process.stdout.write(`admin token: ${started.firstAdminToken}\n`);
    process.stdout.write(`cordon controller ready ${started.url}\n`);
    // Otherwise it is written at a clean end only.
    flushCompileCache();
  } catch (error) {
    const text = error instanceof ConfigError ? error.message : error instanceof Error ? error.stack : String(error);
    process.stderr.write(`cordon controller can't start: ${text}\n`);
    process.exit(1);
  }
}

checkNode();
await main();
